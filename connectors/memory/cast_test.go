package memory

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// TestCast checks every role against what its constant promises.
func TestCast(t *testing.T) {
	p, c := northgateOf(t, 7, practiceSize)
	members := p.Cast()
	if len(members) != len(cast) {
		t.Fatalf("%d members, want %d", len(members), len(cast))
	}
	for i, m := range members {
		if m.Role != Role(i+1) || m.NHSNumber.IsZero() || m.BirthDate.IsZero() || m.Family == "" || m.Given == "" || m.Story == "" {
			t.Errorf("member %d is not in its place or incomplete: role %d", i, m.Role)
		}
		got, err := c.Identify(t.Context(), m.NHSNumber)
		if err != nil {
			t.Fatalf("%s: %v", m.Story, err)
		}
		for _, f := range []struct {
			what      string
			got, want bool
		}{
			{"verified", got.Verified, m.Role != CastUnverified},
			{"active", got.Active, m.Role != CastLeft && m.Role != CastDeceased},
			{"test", got.Test, m.Role == CastTest},
			{"restricted", got.Restricted, m.Role == CastSourceRestricted},
			{"dissent", got.Dissent, m.Role == CastSourceDissent},
			{"has a former name", len(got.Names) == 2, m.Role == CastRenamed || m.Role == CastPregnant},
			{"born in a year", got.BirthDate.Precision == care.ToYear, m.Role == CastPartialBirthDate},
		} {
			if f.got != f.want {
				t.Errorf("%s: %s is %v, want %v", m.Story, f.what, f.got, f.want)
			}
		}
		if got.Names[0].Family.Reveal() != m.Family || got.Names[0].Given[0].Reveal() != m.Given || got.BirthDate != m.BirthDate {
			t.Errorf("%s: the member is not the patient", m.Story)
		}
	}
	if _, ok := Synthetic(1, 2, today).Member(CastToRestrict); ok {
		t.Error("a practice of two holds the third member")
	}
}

// record returns what the source holds of a member.
func record(t *testing.T, role Role) ([]care.Record, map[care.Section]care.End) {
	t.Helper()
	p, c := northgateOf(t, 1, len(cast))
	m, ok := p.Member(role)
	if !ok {
		t.Fatalf("role %d is not cast", role)
	}
	return everything(t, c, m.NHSNumber)
}

func TestEmergencyHasSomethingInEverySection(t *testing.T) {
	_, ends := record(t, CastEmergency)
	for s := range care.AllSections.All() {
		if ends[s].State != care.Complete || ends[s].Read == 0 {
			t.Errorf("%v ends as %v", s, ends[s].State)
		}
	}
}

func TestEmptyHasNothing(t *testing.T) {
	records, ends := record(t, CastEmpty)
	for s := range care.AllSections.All() {
		if ends[s].State != care.Empty {
			t.Errorf("%v ends as %v", s, ends[s].State)
		}
	}
	if len(records) > 0 {
		t.Errorf("%d records came", len(records))
	}
}

func TestInTransitSaysSoInEverySection(t *testing.T) {
	records, ends := record(t, CastInTransit)
	for s := range care.AllSections.All() {
		e := ends[s]
		if e.State != care.InTransit || e.Boundary.IsZero() || !slices.Equal(e.Warnings, []care.Warning{care.DataInTransit}) {
			t.Errorf("%v ends as %+v", s, e)
		}
	}
	if len(records) == 0 {
		t.Error("not even what the new practice wrote came")
	}
}

// TestConfidentialItemsAreMarkedAndNamed checks that the connector hands over
// confidential items marked as such, for others to withhold, and that items
// which are not confidential lead to them.
func TestConfidentialItemsAreMarkedAndNamed(t *testing.T) {
	records, _ := record(t, CastConfidential)
	hidden := map[string]care.Section{}
	for _, r := range records {
		if r.Confidentiality != care.Normal {
			hidden[r.ID] = r.Section
			if !bytes.Contains(r.Resource, []byte("v3-Confidentiality")) {
				t.Errorf("a confidential %s bears no label", r.Type)
			}
		}
	}
	var sections care.SectionSet
	for _, s := range hidden {
		sections = sections.With(s)
	}
	want := care.SetOf(care.Problems, care.Consultations, care.Medications, care.Documents, care.Appointments)
	if sections != want {
		t.Errorf("confidential items are in %v, want %v", sections, want)
	}
	leads := map[care.Section]bool{}
	for _, r := range records {
		for _, link := range r.Links {
			if s, ok := hidden[link]; ok && r.Confidentiality == care.Normal {
				leads[s] = true
			}
		}
	}
	if !leads[care.Consultations] || !leads[care.Documents] {
		t.Errorf("open items lead to confidential ones in %v", leads)
	}
}

func TestAllergyCases(t *testing.T) {
	for _, c := range []struct {
		role         Role
		state        care.State
		active, past int
		holds, lacks string
	}{
		{CastEmergency, care.Complete, 2, 1, "91936005", "716186003"},
		{CastNilKnown, care.NilKnown, 1, 0, "716186003", "91936005"},
		{CastTwin1, care.Complete, 1, 0, "91935009", "716186003"},
		{CastTwin2, care.NilKnown, 1, 0, "716186003", "91935009"},
		{CastMentalHealth, care.Complete, 1, 1, "91930004", "91936005"},
		{CastDegraded, care.Complete, 1, 0, "196461000000101", "91936005"}, // its penicillin allergy was entered in error
	} {
		records, ends := record(t, c.role)
		var active, past int
		var all []byte
		for _, r := range records {
			switch {
			case r.Section != care.Allergies:
				continue
			case r.Ended:
				past++
			default:
				active++
			}
			all = append(all, r.Resource...)
		}
		if ends[care.Allergies].State != c.state || active != c.active || past != c.past {
			t.Errorf("role %d: %v with %d active and %d past, want %v, %d, %d", c.role, ends[care.Allergies].State, active, past, c.state, c.active, c.past)
		}
		if !bytes.Contains(all, []byte(c.holds)) || bytes.Contains(all, []byte(c.lacks)) {
			t.Errorf("role %d: it does not hold %s, or holds %s", c.role, c.holds, c.lacks)
		}
	}
}

// TestAwkwardRowsOccur looks for the cases that software stumbles over.
func TestAwkwardRowsOccur(t *testing.T) {
	p, c := northgateOf(t, 1, practiceSize)
	all := string(served(t, p, c))
	for what, text := range map[string]string{
		"a comparator":             `"comparator":"<"`,
		"another comparator":       `"comparator":">"`,
		"an unknown status":        `"status":"unknown"`,
		"a vaccine not given":      `"status":"not-done"`,
		"a declined vaccine":       `Patient declined: informed dissent`,
		"a missed appointment":     `"status":"noshow"`,
		"a stopped medicine":       `"status":"stopped"`,
		"one prescribed elsewhere": `prescribed-by-another-organisation`,
		"a placeholder":            `larger than 5 MB`,
		"an unverified number":     `"code":"02"`,
		"an apostrophe":            `"family":"O'Brien"`,
		"an accent":                `Müller`,
		"a child protection plan":  `Child subject to a child protection plan`,
	} {
		if !bytes.Contains([]byte(all), []byte(text)) {
			t.Errorf("%s does not occur", what)
		}
	}
	precisions := map[care.Precision]int{}
	future := 0
	for i := range p.residents {
		records, _ := everything(t, c, p.residents[i].number)
		for _, r := range records {
			precisions[r.Effective.Precision]++
			if r.Section == care.Appointments && r.Effective.Time.After(today) {
				future++
			}
		}
	}
	for precision := care.Undated; precision <= care.ToInstant; precision++ {
		if precisions[precision] == 0 {
			t.Errorf("no row has the precision %d", precision)
		}
	}
	if future < 10 {
		t.Errorf("%d appointments lie ahead", future)
	}
}

// TestEveryKindOfRowOccurs holds the practice to the whole vocabulary of rows.
func TestEveryKindOfRowOccurs(t *testing.T) {
	p := Synthetic(1, len(cast), today)
	seen := map[string]bool{}
	for patient := range p.Patients() {
		for _, row := range patient.Rows {
			seen[strings.TrimPrefix(fmt.Sprintf("%T", row), "*ukcore.")] = true
		}
	}
	for _, kind := range []string{"Patient", "Alert", "Allergy", "MedicationStatement", "MedicationRequest", "MedicationDispense", "Problem",
		"Consultation", "Notes", "HospitalEncounter", "Episode", "Report", "Result", "ResultGroup", "Specimen", "Observation", "Immunisation",
		"Procedure", "Referral", "Recall", "Appointment", "Document", "CarePlan", "CarePackage", "Assessment", "Equipment", "SocialCareWarning",
		"CareTeam", "Professional", "RelatedPerson", "SafeguardingFlag", "LegalStatus", "Consent", "UrgentEncounter", "UrgentReport", "Answer",
		"Adjustment"} {
		if !seen[kind] {
			t.Errorf("no %s occurs", kind)
		}
	}
}

// TestAnyDay builds the practice on odd days: a clock that is wrong, a leap
// day, a weekend, a century from now.
func TestAnyDay(t *testing.T) {
	for _, day := range []time.Time{time.Unix(0, 0), time.Date(2028, 2, 29, 23, 59, 59, 0, time.UTC), time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC),
		time.Date(2126, 7, 1, 0, 0, 0, 0, time.UTC)} {
		if _, err := build(origin, Synthetic(1, 400, day).Patients()); err != nil {
			t.Errorf("on %v: %v", day, err)
		}
	}
}
