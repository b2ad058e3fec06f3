package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// WriteFHIR writes the report as a FHIR R4 Bundle of type collection with one
// AuditEvent for each access and event, after IHE Basic Audit Log Patterns
// (BALP 1.1.4):
//
//	told whether there is a record    PatientQuery
//	shown, or may have been           PrivacyDisclosure.Source
//	refused                           AuthZconsent, outcome 8
//	failed for a technical reason     no profile: BALP has none for failures
//	anything else                     no profile
//
// The roles flip: in a query the parameters flow from the broker, which so is
// the source (DCM 110153); in a disclosure the record does, so the agent is.
//
// BALP does not tell which parts of a record left. They are data entities of
// the AuditEvent, with counts as details. What is not covered is told by the
// Bundle's first entry, an OperationOutcome.
func (r *Report) WriteFHIR(w io.Writer) error {
	b := bundle{ResourceType: "Bundle", Type: "collection", Timestamp: r.Made.UTC().Format(time.RFC3339),
		Identifier: &identifier{System: uuidSystem, Value: "urn:uuid:" + r.uuid("report", r.Journal.Root)}}
	b.add(r.uuid("outcome", r.Journal.Root), r.outcome())
	for i := range r.Accesses {
		a := &r.Accesses[i]
		b.add(r.uuid("event", a.Leaf), r.accessEvent(a))
	}
	for i := range r.Events {
		e := &r.Events[i]
		b.add(r.uuid("event", e.Leaf), r.otherEvent(e))
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(b)
}

// uuid returns an identifier that is the same in every report of an entry: a
// version 8 UUID (RFC 9562 section 5.8) of its leaf hash.
func (r *Report) uuid(what string, leaf [32]byte) string {
	h := sha256.Sum256(append([]byte(string(r.Site.Code)+" "+what+" "), leaf[:]...))
	if what != "event" { // one for each report
		h = sha256.Sum256(append(h[:], r.Made.UTC().Format(time.RFC3339Nano)+r.Patient.Reveal()...))
	}
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80
	x := hex.EncodeToString(h[:16])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

// outcome tells what the report does not cover.
func (r *Report) outcome() operationOutcome {
	o := operationOutcome{ResourceType: "OperationOutcome", ID: r.uuid("outcome", r.Journal.Root)}
	for _, g := range r.gapWords() {
		o.Issue = append(o.Issue, issue{"warning", "incomplete", g})
	}
	for _, l := range r.limits() {
		o.Issue = append(o.Issue, issue{"information", "informational", l})
	}
	return o
}

// denials are the refusals that are decisions about access; all others are
// failures.
var denials = map[string]coding{
	"NO_PATIENT_CONSENT":           authZConsent,
	"NO_PERMISSION_TO_VIEW":        authZConsent,
	"CONSENT_UNAVAILABLE":          authZConsent,
	"PATIENT_NOT_FOUND":            authZConsent,
	"INVALID_PATIENT_DEMOGRAPHICS": authZConsent,
	"ACCESS_DENIED":                authZRole,
	"UNAUTHENTICATED":              authZRole,
}

// accessEvent makes the AuditEvent of an access.
func (r *Report) accessEvent(a *Access) auditEvent {
	e := auditEvent{ResourceType: "AuditEvent", ID: r.uuid("event", a.Leaf), Recorded: a.Time.Format(time.RFC3339Nano),
		Outcome: "0", OutcomeDesc: a.result(), Source: r.source()}
	if a.Purpose != "" {
		e.PurposeOfEvent = []concept{purpose(a)}
	}
	denied, isDenial := denials[a.Refusal]
	switch {
	case a.Result == Refused && isDenial:
		r.denial(&e, a, denied)
	case a.Result == Refused:
		r.failure(&e, a)
	case a.Interaction == "LOCATE_PATIENT":
		r.query(&e, a)
	default:
		r.disclosure(&e, a)
	}
	return e
}

// query fills in a PatientQuery.
func (r *Report) query(e *auditEvent, a *Access) {
	e.profile("PatientQuery")
	e.Type, e.Subtype, e.Action = typeRest, []coding{{System: restInteraction, Code: "search", Display: "search"}}, "E"
	e.Agent = append([]agent{r.broker(a, dcmSource), r.server(dcmDestination)}, r.people(a)...)
	asked := "LOCATE_PATIENT sections=" + strings.Join(a.Asked, ",")
	e.Entity = []entity{r.patient(a), queryEntity(asked)}
	e.transaction(a)
}

// disclosure fills in a PrivacyDisclosure.Source.
func (r *Report) disclosure(e *auditEvent, a *Access) {
	e.profile("PrivacyDisclosure.Source")
	e.Type, e.Action = typeExport, "R"
	e.Subtype = []coding{lifecycleDisclose, {System: restInteraction, Code: "read", Display: "read"}}
	e.Agent = append([]agent{r.server(dcmSource), r.broker(a, dcmDestination), r.custodian()}, r.people(a)...)
	if a.Result == PartlyShown {
		e.Outcome = "4"
	}
	e.Entity = []entity{r.patient(a)}
	for _, p := range a.Parts {
		e.Entity = append(e.Entity, partEntity(a, p))
	}
	if len(a.Parts) == 0 { // BALP requires one
		e.Entity = append(e.Entity, entity{Type: &entityObject, Role: &roleDomain, Name: "Record", Description: "no part of the record is named by the journal"})
	}
	e.transaction(a)
}

// denial fills in an AuthZconsent. Its entities are a closed list, so the
// request's id is a detail of the patient.
func (r *Report) denial(e *auditEvent, a *Access, subtype coding) {
	e.profile("AuthZconsent")
	e.Type, e.Subtype, e.Action, e.Outcome = typeAlert, []coding{subtype}, "E", "8"
	e.Agent = append([]agent{r.broker(a, dcmApplication), r.authorizer()}, r.people(a)...)
	e.Entity = []entity{r.patient(a), {What: &reference{Type: "Consent", Display: "Statements about sharing held by " + r.Site.Name}, Type: &entityConsent}}
}

// failure fills in an event of a request that failed for a technical reason.
func (r *Report) failure(e *auditEvent, a *Access) {
	e.Type, e.Subtype, e.Action, e.Outcome = typeRest, []coding{{System: restInteraction, Code: "read", Display: "read"}}, "R", "8"
	e.Agent = append([]agent{r.broker(a, dcmDestination), r.server(dcmSource)}, r.people(a)...)
	e.Entity = []entity{r.patient(a)}
	e.transaction(a)
}

// otherEvent makes the AuditEvent of something that is no access.
func (r *Report) otherEvent(o *Event) auditEvent {
	e := auditEvent{ResourceType: "AuditEvent", ID: r.uuid("event", o.Leaf), Recorded: o.Time.Format(time.RFC3339Nano),
		Outcome: "0", OutcomeDesc: o.words(), Source: r.source(), Action: "R", Type: typeAccess}
	switch o.Kind {
	case "CONSENT_CHANGED":
		e.Type, e.Action = typeAmend, "U"
	case "JOURNAL_SEARCHED":
		e.Type = typeAuditUsed
	case "JOURNAL_EXPORTED":
		e.Type = typeExport
	}
	if o.Refusal != "" {
		e.Outcome = "4"
	}
	e.Agent = []agent{{Type: concepts(userType), Who: &reference{Display: orElse(o.Actor, "not stated")}, Requestor: true}, r.server(dcmSource)}
	details := journalDetails(o.Entry, 0)
	for _, d := range [][2]string{{"event", string(o.Kind)}, {"directive", o.Directive}, {"authority", o.Authority}, {"recorded-by", o.By}, {"detail", o.Detail}} {
		details = appendDetail(details, d[0], d[1])
	}
	e.Entity = []entity{{What: r.subject(), Type: &entityPerson, Role: &rolePatient, Detail: details}}
	return e
}

// profile claims a BALP profile.
func (e *auditEvent) profile(name string) {
	e.Meta = &meta{Profile: []string{balp + "StructureDefinition/IHE.BasicAudit." + name}}
}

// transaction adds the id of the request.
func (e *auditEvent) transaction(a *Access) {
	if a.RequestID != "" {
		e.Entity = append(e.Entity, entity{Type: &entityTransaction, What: &reference{Identifier: &identifier{Value: a.RequestID}}})
	}
}

// patient is the entity for the patient, with what BALP has no place for.
func (r *Report) patient(a *Access) entity {
	details := journalDetails(a.Entry, a.EndEntry)
	for _, d := range [][2]string{
		{"result", string(a.Result)}, {"interaction", a.Interaction}, {"request-id", a.RequestID}, {"permission", a.Permission}, {"alert-reason", a.AlertReason},
		{"reason", a.Reason}, {"refusal", a.Refusal}, {"sections-asked", strings.Join(a.Asked, ",")}, {"true-reason", a.TrueReason}, {"detail", a.Detail},
	} {
		details = appendDetail(details, d[0], d[1])
	}
	if a.Interaction == "LOCATE_PATIENT" && len(a.Parts) > 0 {
		var found []string
		for _, p := range a.Parts {
			found = append(found, p.Section)
		}
		slices.Sort(found)
		details = appendDetail(details, "sections-found", strings.Join(found, ","))
	}
	return entity{What: r.subject(), Type: &entityPerson, Role: &rolePatient, Detail: details}
}

// partEntity is the entity for a part of the record.
func partEntity(a *Access, p Part) entity {
	e := entity{Type: &entityObject, Role: &roleDomain, Name: in(sectionWords, p.Section), Description: p.words()}
	if a.DocumentID != "" {
		e.Role, e.What = &roleReport, &reference{Type: "DocumentReference", Identifier: &identifier{Value: a.DocumentID}}
	}
	e.Detail = appendDetail(appendDetail(nil, "section", p.Section), "state", p.State)
	e.Detail = append(e.Detail, detail{"shown", fmt.Sprint(p.Shown)})
	if p.Held > 0 {
		e.Detail = append(e.Detail, detail{"held-back", fmt.Sprint(p.Held)})
	}
	return e
}

func journalDetails(entry, end uint64) []detail {
	list := []detail{{"journal-entry", fmt.Sprint(entry)}}
	if end > 0 {
		list = append(list, detail{"journal-end-entry", fmt.Sprint(end)})
	}
	return list
}

// appendDetail adds a detail unless it is empty, which FHIR does not allow.
func appendDetail(list []detail, kind, value string) []detail {
	if value == "" {
		return list
	}
	return append(list, detail{kind, value})
}
