package ukcore

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mycarerecord/edge-agent/agent/care"
)

func record(t *testing.T, row Row) *care.Record {
	t.Helper()
	r, err := testEncoder().Encode(row)
	if err != nil {
		t.Fatalf("%T: %v", row, err)
	}
	return r
}

// element returns one element of a resource by its path.
func element(t *testing.T, row Row, path ...any) any {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader(encode(t, row)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			list, _ := v.([]any)
			if p >= len(list) {
				return nil
			}
			v = list[p]
		}
	}
	return v
}

func TestRecordOfEveryRow(t *testing.T) {
	seen := care.SectionSet(0)
	for _, row := range fullRows() {
		r := record(t, row)
		seen = seen.With(r.Section)
		var head struct{ ResourceType, ID string }
		if err := json.Unmarshal(r.Resource, &head); err != nil {
			t.Fatal(err)
		}
		if head.ResourceType != r.Type || head.ID != r.ID {
			t.Errorf("%T: the record says %s/%s, the resource %s/%s", row, r.Type, r.ID, head.ResourceType, head.ID)
		}
		if r.Origin != origin || r.Effective != row.entry().Effective || r.Recorded != row.entry().Recorded {
			t.Errorf("%T: origin or dates are not those of the row", row)
		}
		if _, ok := row.(*Patient); ok {
			continue
		}
		for _, want := range []string{"gp.consultation.c1", "gp.problem.p1", "gp.problem.p2"} {
			if !slices.Contains(r.Links, want) {
				t.Errorf("%T: links %v lack %s", row, r.Links, want)
			}
		}
	}
	if seen != care.AllSections {
		t.Errorf("rows are of the sections %v, want all", seen)
	}
}

func TestEveryCodeAndLinkIsCollected(t *testing.T) {
	codings := []care.Coding{{System: snomed, Code: "195967001"}, {System: "http://read.info/readv2", Code: "H33.."}}
	row := &Result{Observation: Observation{Entry: Entry{ID: "1"}, Code: Concept{Codings: codings}, Value: Measure{Concept: sct("260373001", "Detected")},
		Components: []Component{{Code: sct("1", "Part")}}}, Report: "rep", Group: "grp", Specimen: "spec"}
	r := record(t, row)
	var codes []string
	for _, c := range r.Codes {
		codes = append(codes, c.Code)
	}
	if diff := cmp.Diff([]string{"195967001", "H33..", "260373001", "1"}, codes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"gp.specimen.spec", "gp.report.rep", "gp.result.grp"}, r.Links); diff != "" {
		t.Error(diff)
	}
}

func TestAllergyEnded(t *testing.T) {
	for _, c := range []struct {
		name   string
		row    Allergy
		status any
		ended  bool
	}{
		{"active by default", Allergy{}, "active", false},
		{"inactive stays", Allergy{ClinicalStatus: "inactive"}, "inactive", false},
		{"resolved", Allergy{ClinicalStatus: "resolved"}, "resolved", true},
		{"ended by date", Allergy{End: at("2020")}, "resolved", true},
		{"active although it has an end", Allergy{End: at("2020"), ClinicalStatus: "active"}, "active", false},
		{"in error", Allergy{VerificationStatus: enteredInError, ClinicalStatus: "active"}, nil, false},
	} {
		c.row.Entry, c.row.Code = Entry{ID: "1"}, words("Nuts")
		if got := element(t, &c.row, "clinicalStatus", "coding", 0, "code"); got != c.status {
			t.Errorf("%s: status %v, want %v", c.name, got, c.status)
		}
		if got := record(t, &c.row).Ended; got != c.ended {
			t.Errorf("%s: ended %v, want %v", c.name, got, c.ended)
		}
	}
}

func TestStatusIsNeverInvented(t *testing.T) {
	for _, row := range minimalRows() {
		switch row.(type) {
		case *Observation, *Result, *ResultGroup, *Report, *MedicationStatement, *MedicationRequest, *MedicationDispense,
			*Procedure, *Referral, *Recall, *CarePlan, *Consultation, *HospitalEncounter, *UrgentEncounter:
			if got := element(t, row, "status"); got != "unknown" {
				t.Errorf("%T without a status has %v, want unknown", row, got)
			}
		case *Problem:
			if got := element(t, row, "clinicalStatus"); got != nil {
				t.Errorf("a problem without a status has %v", got)
			}
		}
	}
}

func TestElements(t *testing.T) {
	id := Entry{ID: "1"}
	undated := &Immunisation{Entry: id, Vaccine: words("MMR"), Status: "not-done"}
	problem := &Problem{Entry: id, Code: words("Flu"), ClinicalStatus: "active", End: at("2024-05")}
	for _, c := range []struct {
		name string
		row  Row
		path []any
		want any
	}{
		{"decimals keep their digits", &Observation{Entry: id, Code: words("K"), Value: fullMeasure()}, []any{"valueQuantity", "value"}, json.Number("7.10")},
		{"comparator", &Observation{Entry: id, Code: words("K"), Value: fullMeasure()}, []any{"valueQuantity", "comparator"}, "<"},
		{"reported text beside a number", &Observation{Entry: id, Code: words("K"), Value: fullMeasure()}, []any{"note", 0, "text"}, "less than 7.10"},
		{"partial issue date", &Observation{Entry: Entry{ID: "1", Recorded: at("2021-06")}, Code: words("K")}, []any{"note", 0, "text"}, "Issued 2021-06."},
		{"a year stays a year", &Procedure{Entry: Entry{ID: "1", Effective: at("2021")}, Code: words("X")}, []any{"performedDateTime"}, "2021"},
		{"recalls are plans", &Recall{Entry: id, Code: words("Review")}, []any{"intent"}, "plan"},
		{"undated vaccination", undated, []any{"occurrenceString"}, "unknown"},
		{"vaccine not given without a reason", undated, []any{"statusReason", "coding", 0, "code"}, "UNK"},
		{"told by others", &Immunisation{Entry: id, Vaccine: words("MMR"), Status: "completed", Reported: Yes}, []any{"primarySource"}, false},
		{"an active problem has no end", problem, []any{"abatementDateTime"}, nil},
		{"its end is told in words", problem, []any{"note", 0, "text"}, "The source gives 2024-05 as the end date."},
		{"an end makes a problem inactive", &Problem{Entry: id, Code: words("Flu"), End: at("2024")}, []any{"clinicalStatus", "coding", 0, "code"}, "inactive"},
		{"date of birth has no time", &Patient{Entry: id, BirthDate: at("1980-03-30T00:30:00Z")}, []any{"birthDate"}, "1980-03-30"},
		{"document content", &Document{Entry: id, Title: "Letter"}, []any{"content", 0, "attachment", "url"}, "Binary/gp.document.1"},
		{"placeholder has no content", &Document{Entry: id, Placeholder: "Too large"}, []any{"content", 0, "attachment", "url"}, nil},
		{"placeholder says why", &Document{Entry: id, Placeholder: "Too large"}, []any{"content", 0, "attachment", "title"}, "Too large"},
		{"end from length", &Appointment{Entry: Entry{ID: "1", Effective: at("2030-01-01T09:00:00Z")}, Status: "booked", Minutes: "15"}, []any{"end"}, "2030-01-01T09:15:00Z"},
		{"appointment without a time", &Appointment{Entry: Entry{ID: "1", Effective: at("2030-01")}, Status: "booked"}, []any{"requestedPeriod", 0, "start"}, "2030-01"},
		{"unknown class", &Consultation{Encounter{Entry: id}}, []any{"class", "code"}, "UNK"},
		{"undated composition", &Notes{Entry: id, Status: "final"}, []any{"_date", "extension", 0, "valueCode"}, "unknown"},
		{"security label", &Equipment{Entry: Entry{ID: "1", Confidentiality: care.VeryRestricted}, Type: words("Hoist")}, []any{"meta", "security", 0, "code"}, "V"},
		{"long code", &Problem{Entry: id, Code: sct("999999999999999999", "x")}, []any{"code", "coding", 0, "code"}, "999999999999999999"},
		{"separators are escaped", &Problem{Entry: id, Code: words("a\u2028b\u0000\u001f\"\\")}, []any{"code", "text"}, "a\u2028b\u0000\u001f\"\\"},
		{"narrative is XHTML", &Answer{Entry: Entry{ID: "1", Note: "<b>&\x00"}, Status: "completed"}, []any{"text", "div"},
			`<div xmlns="http://www.w3.org/1999/xhtml"><p>&lt;b&gt;&amp; </p></div>`},
	} {
		if got := element(t, c.row, c.path...); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestUnmappableRows(t *testing.T) {
	secret := "Secret\xff"
	for _, c := range []struct {
		name string
		row  Row
		want string
	}{
		{"no key", &Problem{Code: words("Flu")}, "id"},
		{"key too long", &Problem{Entry: Entry{ID: strings.Repeat("k", 257)}, Code: words("Flu")}, "id"},
		{"no code", &Problem{Entry: Entry{ID: "7"}}, "code must hold"},
		{"damaged text", &Problem{Entry: Entry{ID: "7"}, Code: words(secret)}, `row "7" (problem) cannot be mapped: text must hold`},
		{"damaged narrative", &Alert{Flag{Entry: Entry{ID: "7", Note: secret}, Code: words("x"), Status: "active"}}, "text must hold"},
		{"damaged name", &Patient{Entry: Entry{ID: "PKEY"}, Names: []HumanName{{Family: secret}}}, "the patient's row (patient)"},
		{"damaged element of a list", &Patient{Entry: Entry{ID: "PKEY"}, Names: []HumanName{{Given: []string{secret}}}}, "an element of a list must hold"},
		{"not a decimal", &Observation{Entry: Entry{ID: "7"}, Code: words("K"), Value: Measure{Quantity: Quantity{Value: "Secret"}}}, "value must hold a decimal"},
		{"not a count", &MedicationRequest{Entry: Entry{ID: "7"}, Medication: words("A"), Intent: "plan", Issued: "Secret"}, "valueUnsignedInt"},
		{"no status", &Alert{Flag{Entry: Entry{ID: "7"}, Code: words("x")}}, "status must hold"},
		{"no intent", &MedicationRequest{Entry: Entry{ID: "7"}, Medication: words("A")}, "intent must hold"},
		{"unknown kind of entry", &Notes{Entry: Entry{ID: "7"}, Status: "final", Sections: []Heading{{Entries: []EntryRef{{"spell", "1"}}}}}, "entry must hold"},
		{"too large", &Problem{Entry: Entry{ID: "7"}, Code: words(strings.Repeat("x", maxResource))}, "8 MiB"},
	} {
		prefix := []byte("kept")
		out, err := testEncoder().Append(prefix, c.row)
		e, ok := errors.AsType[*care.Error](err)
		if !ok || e.Kind != care.SourceUnavailable || e.Reason != RowUnmappable {
			t.Errorf("%s: error %v", c.name, err)
			continue
		}
		if !strings.Contains(e.Detail, c.want) {
			t.Errorf("%s: %q does not say %q", c.name, e.Detail, c.want)
		}
		if strings.Contains(e.Detail, "Secret") || strings.Contains(e.Detail, "PKEY") {
			t.Errorf("%s: the error quotes data: %s", c.name, e.Detail)
		}
		if string(out) != "kept" {
			t.Errorf("%s: something was appended", c.name)
		}
	}
}

func TestEncoderGoesOnAfterAnError(t *testing.T) {
	e := testEncoder()
	if _, err := e.Encode(&Problem{Entry: Entry{ID: "1"}}); err == nil {
		t.Fatal("a problem without a code was encoded")
	}
	r, err := e.Encode(&Problem{Entry: Entry{ID: "2"}, Code: sct("1", "x")})
	if err != nil || r.ID != "gp.problem.2" || len(r.Links) != 0 || len(r.Codes) != 1 {
		t.Errorf("after an error: %+v, %v", r, err)
	}
}

func TestIDs(t *testing.T) {
	e := testEncoder()
	seen := map[string]string{}
	for _, key := range []string{"1", "A-b.9", "{8A5F1B5C-3E0A-4F5B-9C2D-0A1B2C3D4E5F}", "a b", "a_b", ".x", strings.Repeat("9", 60), strings.Repeat("9", 61), "\xff"} {
		id := e.ID(&Problem{Entry: Entry{ID: key}})
		if len(id) > maxID || !plainID(id) {
			t.Errorf("%q is no FHIR id", id)
		}
		if other, twice := seen[id]; twice {
			t.Errorf("%q and %q have one id", key, other)
		}
		seen[id] = key
		if again := testEncoder().ID(&Problem{Entry: Entry{ID: key}}); again != id {
			t.Errorf("%q has two ids", key)
		}
	}
	digest := e.ID(&Problem{Entry: Entry{ID: "a b"}})
	if forged := e.ID(&Problem{Entry: Entry{ID: strings.TrimPrefix(digest, "gp.problem.")}}); forged == digest {
		t.Error("a key can be taken for a digest")
	}
	if e.ID(&Patient{Entry: Entry{ID: "anything"}}) != e.PatientID() || e.PatientID() != "gp.patient.p1" {
		t.Error("the patient's id is not that of the references to it")
	}
	long := NewEncoder(&care.Origin{Source: "a source with a long name"}, care.NewPrivate("p1"))
	if id := long.ID(&Problem{Entry: Entry{ID: "1"}}); !plainID(id) {
		t.Errorf("%q is no FHIR id", id)
	}
}
