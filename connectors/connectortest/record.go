package connectortest

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// resourceTypes are the FHIR R4 resources that may stand in each section
// (UK Core and the PRSB Core Information Standard). It is a second opinion on
// purpose: no encoder's own table is consulted.
var resourceTypes = map[care.Section][]string{
	care.Demographics:      {"Patient"},
	care.Alerts:            {"Flag"},
	care.Allergies:         {"AllergyIntolerance"},
	care.Medications:       {"MedicationStatement", "MedicationRequest", "MedicationDispense", "Medication"},
	care.Problems:          {"Condition"},
	care.Consultations:     {"Encounter", "Composition", "Observation"},
	care.HospitalActivity:  {"Encounter", "EpisodeOfCare"},
	care.Investigations:    {"DiagnosticReport", "Observation", "Specimen"},
	care.Observations:      {"Observation"},
	care.Immunisations:     {"Immunization"},
	care.Procedures:        {"Procedure"},
	care.Referrals:         {"ServiceRequest"},
	care.Recalls:           {"ServiceRequest"},
	care.Appointments:      {"Appointment"},
	care.Documents:         {"DocumentReference"},
	care.CarePlans:         {"CarePlan", "DocumentReference"},
	care.SocialCare:        {"EpisodeOfCare", "Task", "Device", "Flag"},
	care.Contacts:          {"CareTeam", "PractitionerRole", "RelatedPerson"},
	care.LegalSafeguarding: {"Flag", "Consent"},
	care.UrgentCareEvents:  {"Encounter", "Composition"},
	care.AboutMe:           {"QuestionnaireResponse", "Flag"},
}

// withoutSubject are the resources that FHIR R4 gives no patient.
var withoutSubject = []string{"Patient", "Medication", "PractitionerRole"}

// resourceID is the form of a FHIR id (FHIR R4, data type id).
var resourceID = regexp.MustCompile(`^[A-Za-z0-9.-]{1,64}$`)

// checkRecord checks one record by itself: the envelope and the resource in it
// agree, and the resource says by which profile it is to be read.
func checkRecord(t testing.TB, r *care.Record) {
	t.Helper()
	if !resourceID.MatchString(r.ID) {
		t.Errorf("%v: the id of a record is not a FHIR id", r.Section)
	}
	if !slices.Contains(resourceTypes[r.Section], r.Type) {
		t.Errorf("%v: a %s does not belong into this section", r.Section, r.Type)
	}
	if r.Origin == nil || r.Origin.Source == "" || !r.Origin.Organisation.Valid() {
		t.Errorf("%v: a record does not say where it comes from", r.Section)
	}
	if r.Ended && r.Section != care.Allergies {
		t.Errorf("%v: only allergies have an ended list", r.Section)
	}
	var resource struct {
		ResourceType string
		ID           string
		Meta         struct{ Profile []string }
	}
	if err := json.Unmarshal(r.Resource, &resource); err != nil {
		t.Errorf("%v: a resource is not JSON", r.Section)
		return
	}
	if resource.ResourceType != r.Type || resource.ID != r.ID {
		t.Errorf("%v: the resource is another than its record says", r.Section)
	}
	if r.Checksum != care.Checksum(r.Resource) {
		t.Errorf("%v: the checksum is not that of the resource", r.Section)
	}
	if len(resource.Meta.Profile) == 0 || !strings.HasPrefix(resource.Meta.Profile[0], "https://") {
		t.Errorf("%v: a %s names no profile", r.Section, r.Type)
	}
}

// checkPerson checks that all records are about one person, the one wanted,
// and that no two records share an id.
func checkPerson(t testing.TB, want Patient, records []care.Record) {
	t.Helper()
	ids := map[string]bool{}
	subjects := map[string]bool{}
	for i := range records {
		r := &records[i]
		if key := r.Type + "/" + r.ID; ids[key] {
			t.Errorf("%v: two records have one id", r.Section)
		} else {
			ids[key] = true
		}
		p := personsIn(r.Resource)
		for number := range p.numbers {
			if number != want.NHSNumber.Reveal() {
				t.Errorf("%v: a record carries another person's NHS number", r.Section)
			}
		}
		named := len(p.references)+len(p.numbers) > 0
		if !named && !slices.Contains(withoutSubject, r.Type) {
			t.Errorf("%v: a %s does not say whose it is", r.Section, r.Type)
		}
		if r.Type == "Patient" {
			subjects["Patient/"+r.ID] = true
			if !p.numbers[want.NHSNumber.Reveal()] {
				t.Error("the Patient resource does not carry the NHS number asked for")
			}
		}
		for ref := range p.references {
			subjects[ref] = true
		}
	}
	if len(subjects) > 1 {
		t.Errorf("the records of one answer name %d patients", len(subjects))
	}
}

// persons are the people that a resource names.
type persons struct {
	references map[string]bool // "Patient/x"
	numbers    map[string]bool // NHS numbers
}

func personsIn(resource []byte) persons {
	p := persons{map[string]bool{}, map[string]bool{}}
	var tree any
	if json.Unmarshal(resource, &tree) == nil {
		p.collect(tree)
	}
	return p
}

func (p persons) collect(node any) {
	switch node := node.(type) {
	case []any:
		for _, child := range node {
			p.collect(child)
		}
	case map[string]any:
		if ref, _ := node["reference"].(string); strings.HasPrefix(ref, "Patient/") {
			p.references[ref] = true
		}
		if number, _ := node["value"].(string); node["system"] == care.NHSNumberSystem {
			p.numbers[number] = true
		}
		for _, child := range node {
			p.collect(child)
		}
	}
}
