package report

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// events returns the AuditEvents of a report by the number of their entry, as
// they are written.
func events(t *testing.T, r *Report) map[string]auditEvent {
	t.Helper()
	var b struct {
		Entry []struct {
			FullURL  string
			Resource json.RawMessage
		}
	}
	if err := json.Unmarshal(written(t, r, "fhir.json"), &b); err != nil {
		t.Fatal(err)
	}
	all := map[string]auditEvent{}
	for _, entry := range b.Entry[1:] {
		var e auditEvent
		if err := json.Unmarshal(entry.Resource, &e); err != nil {
			t.Fatal(err)
		}
		if entry.FullURL != "urn:uuid:"+e.ID {
			t.Errorf("the address %s is not that of %s", entry.FullURL, e.ID)
		}
		all[detailOf(e, "journal-entry")] = e
	}
	return all
}

// detailOf returns a detail of the patient's entity.
func detailOf(e auditEvent, kind string) string {
	for _, entity := range e.Entity {
		if entity.Type != nil && *entity.Type == entityPerson {
			for _, d := range entity.Detail {
				if d.Type == kind {
					return d.Value
				}
			}
		}
	}
	return ""
}

func agentOf(e auditEvent, role coding) (found []agent) {
	for _, a := range e.Agent {
		if slices.Contains(a.Type.Coding, role) {
			found = append(found, a)
		}
	}
	return found
}

func entityOf(e auditEvent, kind coding) (found []entity) {
	for _, x := range e.Entity {
		if *x.Type == kind {
			found = append(found, x)
		}
	}
	return found
}

// profileOf returns the short name of the profile that an event claims.
func profileOf(e auditEvent) string {
	if e.Meta == nil {
		return ""
	}
	return strings.TrimPrefix(e.Meta.Profile[0], "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.")
}

func TestProfiles(t *testing.T) {
	all := events(t, build(t, sampleAbout(t, ForGuardian), sampleLines(t)))
	for entry, want := range map[string]string{
		"100": "PrivacyDisclosure.Source", "110": "PrivacyDisclosure.Source", "120": "AuthZconsent", "130": "AuthZconsent", "140": "AuthZconsent",
		"150": "PatientQuery", "160": "PrivacyDisclosure.Source", "170": "PrivacyDisclosure.Source", "180": "PrivacyDisclosure.Source",
		"190": "", "201": "PrivacyDisclosure.Source", "210": "", "220": "", "230": "", "240": "", "250": "", "260": "", "270": "AuthZconsent",
	} {
		e, ok := all[entry]
		if got := profileOf(e); !ok || got != want {
			t.Errorf("entry %s: profile %q, want %q", entry, got, want)
		}
	}
	for entry, want := range map[string]string{"100": "0", "120": "8", "170": "0", "180": "4", "190": "8", "270": "8"} {
		if all[entry].Outcome != want {
			t.Errorf("entry %s: outcome %s, want %s", entry, all[entry].Outcome, want)
		}
	}
	if all["270"].Subtype[0] != authZRole || all["120"].Subtype[0] != authZConsent {
		t.Error("a refusal by role is said to be one by consent, or the reverse")
	}
	if d := detailOf(all["150"], "sections-found"); d != "ALLERGIES,MEDICATIONS" {
		t.Errorf("the sections that were found are %q", d)
	}
}

// TestBALP checks what the profiles demand beyond base R4 (IHE ITI BALP 1.1.4,
// sources of the three profiles): the validator does not know them.
func TestBALP(t *testing.T) {
	for _, audience := range []Audience{ForPatient, ForGuardian} {
		for _, r := range []*Report{build(t, sampleAbout(t, audience), sampleLines(t)), hostileReport(t, audience)} {
			for entry, e := range events(t, r) {
				broken := func(what string, holds bool) {
					if !holds {
						t.Errorf("entry %s (%s): %s", entry, profileOf(e), what)
					}
				}
				checkCommon(e, broken)
				switch profileOf(e) {
				case "PatientQuery":
					checkQuery(e, broken)
				case "PrivacyDisclosure.Source":
					checkDisclosure(e, broken)
				case "AuthZconsent":
					checkDenial(e, broken)
				}
			}
		}
	}
}

func checkCommon(e auditEvent, broken func(string, bool)) {
	patients := entityOf(e, entityPerson)
	broken("one patient, by NHS number", len(patients) == 1 && *patients[0].Role == rolePatient && patients[0].What.Type == "Patient" &&
		patients[0].What.Identifier.System == "https://fhir.nhs.uk/Id/nhs-number" && patients[0].What.Identifier.Value == "9990000042")
	users := agentOf(e, userType)
	broken("one user, who is the requestor, without network", len(users) == 1 && users[0].Requestor && users[0].Who != nil && users[0].Network == nil)
	broken("an observer", e.Source.Observer.Identifier.Value == "example.org/Y99901/journal")
	for _, a := range e.Agent {
		broken("only the user is the requestor", !a.Requestor || a.Type.Coding[0] == userType)
	}
}

// reachable reports whether there is one such agent with who and network.
func reachable(agents []agent) bool {
	return len(agents) == 1 && agents[0].Who != nil && agents[0].Network != nil
}

func sameAs(a agent, observer reference) bool {
	return *a.Who.Identifier == *observer.Identifier && a.Who.Display == observer.Display && a.Who.Type == observer.Type
}

func checkQuery(e auditEvent, broken func(string, bool)) {
	client, server := agentOf(e, dcmSource), agentOf(e, dcmDestination)
	broken("type rest, search, action E, outcome 0", e.Type == typeRest && e.Subtype[0].Code == "search" && e.Action == "E" && e.Outcome == "0")
	broken("client is 110153 and server is 110152", reachable(client) && reachable(server) && sameAs(server[0], e.Source.Observer) && !strings.Contains(client[0].Who.Display, "edge agent"))
	queries := entityOf(e, entityObject)
	broken("one query without what and detail", len(queries) == 1 && *queries[0].Role == roleQuery && queries[0].What == nil && queries[0].Detail == nil)
	text, err := base64.StdEncoding.DecodeString(queries[0].Query)
	broken("the query is base64", err == nil && strings.HasPrefix(string(text), "LOCATE_PATIENT sections="))
	broken("the request's id", len(entityOf(e, entityTransaction)) <= 1)
}

func checkDisclosure(e auditEvent, broken func(string, bool)) {
	from, to := agentOf(e, dcmSource), agentOf(e, dcmDestination)
	broken("type Export, action R, disclose", e.Type.Code == "110106" && e.Action == "R" && slices.Contains(e.Subtype, lifecycleDisclose))
	broken("the agent is the source 110153 and the broker the recipient 110152", reachable(from) && reachable(to) && sameAs(from[0], e.Source.Observer) && to[0].Who.Display != from[0].Who.Display)
	broken("one custodian", len(agentOf(e, custodian)) == 1)
	broken("data", len(entityOf(e, entityObject)) >= 1)
}

func checkDenial(e auditEvent, broken func(string, bool)) {
	broken("type Security Alert, action E", e.Type.Code == "110113" && e.Action == "E" && len(e.Subtype) == 1)
	broken("outcome 8 with words", e.Outcome == "8" && e.OutcomeDesc != "")
	client, decided := agentOf(e, dcmApplication), agentOf(e, authServer)
	broken("client with network and no more", reachable(client) && client[0].Name == "" && client[0].Role == nil && client[0].PurposeOfUse == nil)
	broken("the agent decided", len(decided) == 1 && sameAs(decided[0], e.Source.Observer) && decided[0].Network == nil && decided[0].PurposeOfUse == nil)
	broken("one organisation of the user", len(agentOf(e, provider)) == 1)
	broken("patient and consent and nothing else", len(e.Entity) == 2 && len(entityOf(e, entityConsent)) == 1)
}

// TestDetails: which parts left, which BALP itself does not tell.
func TestDetails(t *testing.T) {
	all := events(t, build(t, sampleAbout(t, ForGuardian), sampleLines(t)))
	parts := entityOf(all["100"], entityObject)
	if len(parts) != 11 || parts[1].Detail[0] != (detail{"section", "MEDICATIONS"}) || parts[1].Detail[1] != (detail{"state", "WITHHELD"}) ||
		parts[1].Detail[2] != (detail{"shown", "1"}) || parts[1].Detail[3] != (detail{"held-back", "2"}) {
		t.Errorf("the parts of entry 100 are %+v", parts)
	}
	e := all["110"]
	if detailOf(e, "reason") == "" || detailOf(e, "permission") != "NOT_ASKED" || e.PurposeOfEvent[0].Coding[0].Code != "BTG" ||
		detailOf(e, "request-id") != entityOf(e, entityTransaction)[0].What.Identifier.Value || detailOf(e, "journal-end-entry") != "111" {
		t.Errorf("break-glass is told as %+v", e)
	}
	user := agentOf(e, userType)[0]
	if user.Who.Identifier.System != sdsUser || user.Role[0].Coding[0] != (coding{System: sdsRole, Code: "R0260"}) || user.PurposeOfUse[0].Coding[0].Code != "BTG" {
		t.Errorf("the user is %+v", user)
	}
	if doc := entityOf(all["160"], entityObject)[0]; *doc.Role != roleReport || doc.What.Identifier.Value != "doc-17" {
		t.Errorf("the document is %+v", doc)
	}
}

// TestStableIDs: an access has the same id in every report that tells of it.
func TestStableIDs(t *testing.T) {
	about := sampleAbout(t, ForGuardian)
	first := events(t, build(t, about, sampleLines(t)))
	about.Made, about.Audience = about.Made.AddDate(0, 1, 0), ForPatient
	seen := map[string]bool{}
	for entry, e := range events(t, build(t, about, sampleLines(t))) {
		if e.ID != first[entry].ID || seen[e.ID] || !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(e.ID) {
			t.Errorf("entry %s has the id %s, before %s", entry, e.ID, first[entry].ID)
		}
		seen[e.ID] = true
	}
	about.Site.Code = "Y99902"
	for entry, e := range events(t, build(t, about, sampleLines(t))) {
		if e.ID == first[entry].ID {
			t.Errorf("entry %s has the same id at another site", entry)
		}
	}
}

func TestRoleCodes(t *testing.T) {
	for code, want := range map[string]concept{
		"R0260": {Coding: []coding{{System: sdsRole, Code: "R0260"}}, Text: "Words"}, "R1975": {Coding: []coding{{System: sdsRole, Code: "R1975"}}, Text: "Words"},
		"R8000": {Coding: []coding{{Code: "R8000"}}, Text: "Words"}, "R026": {Coding: []coding{{Code: "R026"}}, Text: "Words"},
		"R026X": {Coding: []coding{{Code: "R026X"}}, Text: "Words"}, "GP  x": {Text: "Words (GP  x)"}, "": {Text: "Words"},
	} {
		got := Person{RoleCode: code, RoleName: "Words"}.roleConcept()
		if got.Text != want.Text || !slices.Equal(got.Coding, want.Coding) {
			t.Errorf("%q became %+v, want %+v", code, got, want)
		}
	}
}
