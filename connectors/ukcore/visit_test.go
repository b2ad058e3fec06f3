package ukcore

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// TestVisitsResolve maps contacts of three sections that share one key, and
// rows of other sections that name each of them: every reference must lead to
// the right one, and the link with it.
func TestVisitsResolve(t *testing.T) {
	there := map[string]care.Section{}
	for s, kind := range map[care.Section]string{care.Consultations: "consultation", care.HospitalActivity: "encounter", care.UrgentCareEvents: "encounter"} {
		records, errs := drain(t, mapperFor(t, s, "record_type id"), values(kind, "7"))
		if errs != nil || len(records) != 1 {
			t.Fatal(s, records, errs)
		}
		there[records[0].Type+"/"+records[0].ID] = s
	}
	if len(there) != 3 {
		t.Fatalf("the contacts share an id: %v", there)
	}
	reference := regexp.MustCompile(`"(?:encounter|context)":(?:\[|\{"encounter":\[)?\{"reference":"([^"]+)"`)
	for section, columns := range map[care.Section]string{care.Observations: "id consultation_id consultation_section code_text",
		care.Medications: "record_type id consultation_id consultation_section code_text", care.Documents: "id consultation_id consultation_section status",
		care.Problems: "id consultation_id consultation_section code_text"} {
		for text, want := range map[string]care.Section{"-": care.Consultations, "consultations": care.Consultations,
			"HOSPITAL_ACTIVITY": care.HospitalActivity, "Urgent_Care_Events": care.UrgentCareEvents} {
			row := values("1", "7", text, "current")
			if section == care.Medications {
				row = values("statement", "1", "7", text, "Aspirin")
			}
			r, err := mapperFor(t, section, columns).Row(row)
			if err != nil {
				t.Errorf("%v %s: %v", section, text, err)
				continue
			}
			found := reference.FindSubmatch(r.Resource)
			if found == nil || there[string(found[1])] != want {
				t.Errorf("%v %s: refers to %q, which is %v", section, text, found, there)
				continue
			}
			if _, id, _ := strings.Cut(string(found[1]), "/"); !slices.Equal(r.Links, []string{id}) {
				t.Errorf("%v %s: links %v", section, text, r.Links)
			}
		}
	}
}

func TestVisitsOfOtherSections(t *testing.T) {
	_, err := mapperFor(t, care.Problems, "id consultation_id consultation_section code_text").Row(values("1", "7", "PROBLEMS", "Cough"))
	if err == nil || !strings.Contains(err.Error(), "column consultation_section ") {
		t.Errorf("a consultation among problems: %v", err)
	}
	_, err = testEncoder().Append(nil, &Problem{Entry: Entry{ID: "1", Consultation: "7", ConsultationSection: care.Problems}, Code: words("Cough")})
	if care.ReasonOf(err) != RowUnmappable {
		t.Errorf("an Entry that names a consultation among problems: %v", err)
	}
	m := mapperFor(t, care.Consultations, "record_type id consultation_id consultation_section notes_status")
	if _, err = m.Row(values("heading", "h", "7", "URGENT_CARE_EVENTS", "final")); err == nil || !strings.Contains(err.Error(), "column consultation_section ") {
		t.Errorf("a heading of an urgent contact: %v", err)
	}
}
