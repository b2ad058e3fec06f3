//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
)

// resource is what the tests read of a FHIR R4 resource, ours or Synthea's.
type resource struct {
	ResourceType string
	ID           string
	Status       string

	Code                      concept `json:"-"` // that of measured
	MedicationCodeableConcept concept
	VaccineCode               concept
	ClinicalStatus            concept
	Type                      json.RawMessage // a list in Encounter, one in Device
	Category                  []concept
	Class                     coding

	measured
	Component []measured

	EffectiveDateTime, OnsetDateTime, AbatementDateTime, OccurrenceDateTime, AuthoredOn string
	PerformedPeriod, Period                                                             period

	Name                        []struct{ Family string }
	BirthDate, Gender           string
	DeceasedDateTime            string
	Address                     []struct{ PostalCode string }
	Subject, Patient, Encounter struct{ Reference string }
}

// measured is a value with what it is the value of.
type measured struct {
	Of                   concept `json:"code"`
	ValueQuantity        *struct{ Value, Unit, Code any }
	ValueCodeableConcept *concept
	ValueString          string
}

type coding struct{ System, Code string }

type concept struct {
	Coding []coding
	Text   string
}

type period struct{ Start, End string }

// of returns the concept's code of a system, or nothing.
func (c concept) of(system string) string {
	for _, code := range c.Coding {
		if code.System == system {
			return code.Code
		}
	}
	return ""
}

// Code systems of Synthea.
const (
	snomed = "http://snomed.info/sct"
	loinc  = "http://loinc.org"
	rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
	cvx    = "http://hl7.org/fhir/sid/cvx"
)

// bundle is Synthea's own FHIR of one patient, by resource type.
type bundle struct {
	byType map[string][]resource
}

// readBundles reads Synthea's Bundles, by the patient's key.
func readBundles(t testing.TB, dir string) map[string]*bundle {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s holds no Bundle (%v)", dir, err)
	}
	bundles := map[string]*bundle{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Entry []struct{ Resource json.RawMessage }
		}
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatal(err)
		}
		b := &bundle{byType: map[string][]resource{}}
		for _, e := range file.Entry {
			r := decode(t, e.Resource)
			b.byType[r.ResourceType] = append(b.byType[r.ResourceType], r)
		}
		bundles[b.byType["Patient"][0].ID] = b
	}
	return bundles
}

func decode(t testing.TB, text []byte) resource {
	t.Helper()
	var r resource
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	r.Code = r.Of
	return r
}

// served returns the resources of a type in some sections of an answer.
func served(t testing.TB, r *edge.Record, resourceType string, sections ...care.Section) []resource {
	t.Helper()
	var list []resource
	for _, s := range sections {
		for _, record := range of(t, r, s).Records {
			if record.GetResourceType() == resourceType {
				list = append(list, decode(t, record.GetResource()))
			}
		}
	}
	return list
}

// comparisons say which facts of Synthea's FHIR an answer must have, and no
// others. What the CSV files do not hold cannot be compared: who did it, that
// a condition is confirmed and an observation final, the codes of coded values
// (the files have their text), activities of a care plan, and the category of
// the diagnosis. Dates of conditions and care plans are days in the files, in
// the zone of the export. Encounters have other ids in the two exports.
var comparisons = []struct {
	resource string
	sections []care.Section
	theirs   func(r resource) string // nil: as ours
	ours     func(r resource) string
}{
	{"Patient", []care.Section{care.Demographics}, nil, func(r resource) string {
		return facts(r.Name[0].Family, r.BirthDate, r.Gender, day(r.DeceasedDateTime), r.Address[0].PostalCode)
	}},
	{"Condition", []care.Section{care.Problems}, nil, func(r resource) string {
		return facts(r.Code.of(snomed), r.Code.Text, day(r.OnsetDateTime), day(r.AbatementDateTime), r.ClinicalStatus.Coding[0].Code)
	}},
	{"MedicationRequest", []care.Section{care.Medications}, nil, func(r resource) string {
		return facts(r.MedicationCodeableConcept.of(rxnorm), r.MedicationCodeableConcept.Text, instant(r.AuthoredOn), r.Status)
	}},
	{"Procedure", []care.Section{care.Procedures}, nil, func(r resource) string {
		return facts(r.Code.of(snomed), r.Code.Text, instant(r.PerformedPeriod.Start), instant(r.PerformedPeriod.End), r.Status)
	}},
	{"Immunization", []care.Section{care.Immunisations}, nil, func(r resource) string {
		return facts(r.VaccineCode.of(cvx), r.VaccineCode.Text, instant(r.OccurrenceDateTime), r.Status)
	}},
	{"Encounter", []care.Section{care.Consultations, care.HospitalActivity, care.UrgentCareEvents}, nil, func(r resource) string {
		var types []concept
		_ = json.Unmarshal(r.Type, &types) // without one the next line fails loudly
		return facts(types[0].of(snomed), types[0].Text, r.Class.Code, instant(r.Period.Start), instant(r.Period.End), r.Status)
	}},
	{"CarePlan", []care.Section{care.CarePlans},
		func(r resource) string { return carePlan(r, r.Category[1]) },
		func(r resource) string { return carePlan(r, r.Category[0]) }},
	{"AllergyIntolerance", []care.Section{care.Allergies}, nil, func(r resource) string {
		return facts(r.Code.of(snomed), r.Code.of(rxnorm), r.ClinicalStatus.Coding[0].Code)
	}},
	{"Device", []care.Section{care.SocialCare}, nil, func(r resource) string {
		var kind concept
		_ = json.Unmarshal(r.Type, &kind) // without one the code is missing
		return facts(kind.of(snomed), kind.Text, r.Status)
	}},
}

func carePlan(r resource, kind concept) string {
	return facts(kind.of(snomed), kind.Text, day(r.Period.Start), day(r.Period.End), r.Status)
}

// compare holds an answer against Synthea's own FHIR of the same patient.
func (b *bundle) compare(t *testing.T, r *edge.Record) {
	t.Helper()
	for _, c := range comparisons {
		theirs := c.theirs
		if theirs == nil {
			theirs = c.ours
		}
		sameFacts(t, c.resource, count(served(t, r, c.resource, c.sections...), c.ours), count(b.byType[c.resource], theirs))
	}
	b.compareValues(t, r)
}

// sameFacts compares how often each fact is told.
func sameFacts(t *testing.T, what string, got, want map[string]int) {
	t.Helper()
	for fact := range got {
		if strings.HasPrefix(fact, " | ") {
			t.Errorf("%s: %s has no code, so nothing was compared", what, fact)
		}
	}
	for _, fact := range slices.Sorted(maps.Keys(want)) {
		if got[fact] != want[fact] {
			t.Errorf("%s: %s is %d times in the answer, %d times in Synthea's FHIR", what, fact, got[fact], want[fact])
		}
	}
	for _, fact := range slices.Sorted(maps.Keys(got)) {
		if want[fact] == 0 {
			t.Errorf("%s: %s is in the answer and not in Synthea's FHIR", what, fact)
		}
	}
}

func count(list []resource, fact func(resource) string) map[string]int {
	n := map[string]int{}
	for _, r := range list {
		n[fact(r)]++
	}
	return n
}

// facts joins what is told about one thing. Synthea's CSV files have a space
// where its FHIR has a comma.
func facts(parts ...string) string {
	for i, p := range parts {
		parts[i] = strings.Join(strings.FieldsFunc(p, func(r rune) bool { return r == ' ' || r == ',' }), " ")
	}
	return strings.Join(parts, " | ")
}

// day returns the date of a FHIR dateTime.
func day(text string) string { return text[:min(len(text), len(time.DateOnly))] }

// instant returns a FHIR dateTime in UTC, or what it is if it is none.
func instant(text string) string {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return "no instant: " + text
	}
	return at.UTC().Format(time.RFC3339)
}

// compareValues compares the observations. In the CSV files the parts of a
// panel, such as a blood pressure, are rows of their own; the panel itself is
// no row. Numbers have one decimal place there and all of them in the FHIR.
// Quality-of-life scores, which have no category, are no observations there.
func (b *bundle) compareValues(t *testing.T, r *edge.Record) {
	t.Helper()
	ours := values(served(t, r, "Observation", care.Observations, care.Investigations))
	theirs := values(b.byType["Observation"])
	for key := range ours {
		if theirs[key] == nil {
			t.Errorf("the value %s is in the answer and not in Synthea's FHIR", key)
		}
	}
	for key, want := range theirs {
		got := ours[key]
		if len(got) != len(want) {
			t.Errorf("the value %s is %d times in the answer, %d times in Synthea's FHIR", key, len(got), len(want))
			continue
		}
		for i := range want {
			if math.Abs(got[i]-want[i]) > 0.05+1e-9 {
				t.Errorf("the value %s is %v in the answer, %v in Synthea's FHIR", key, got[i], want[i])
			}
		}
	}
}

// values collects numbers by code, time and unit in ascending order; of a text
// the number is 0 and the text is part of the key.
func values(list []resource) map[string][]float64 {
	all := map[string][]float64{}
	for _, r := range list {
		parts := r.Component
		if len(parts) == 0 {
			parts = []measured{r.measured}
		}
		for _, part := range parts {
			if part.Of.of(loinc) == "" {
				continue // a quality-of-life score
			}
			key, number := part.value()
			key = facts(part.Of.of(loinc), part.Of.Text, instant(r.EffectiveDateTime), key)
			all[key] = append(all[key], number)
		}
	}
	for _, numbers := range all {
		slices.Sort(numbers)
	}
	return all
}

func (m *measured) value() (key string, number float64) {
	switch {
	case m.ValueQuantity != nil:
		number, _ = m.ValueQuantity.Value.(float64)
		return fmt.Sprintf("%v (%v)", m.ValueQuantity.Unit, m.ValueQuantity.Code), number
	case m.ValueCodeableConcept != nil:
		return m.ValueCodeableConcept.Text, 0
	}
	return m.ValueString, 0
}
