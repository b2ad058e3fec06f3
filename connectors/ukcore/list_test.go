package ukcore

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

var retrieved = time.Date(2024, 6, 1, 10, 0, 0, 123, time.FixedZone("BST", 3600))

func list(t *testing.T, s *Section) map[string]any {
	t.Helper()
	out, err := AppendList(nil, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkJSON(out); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var m map[string]any
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestListOfEveryState(t *testing.T) {
	empty := map[care.State]string{care.NotSupported: "unavailable", care.Empty: "no-content-recorded", care.NilKnown: "nilknown",
		care.Complete: "no-content-recorded", care.InTransit: "no-content-recorded", care.Withheld: "withheld",
		care.Truncated: "unavailable", care.Unavailable: "unavailable", care.NotPermitted: "withheld", care.Disabled: "withheld"}
	var resources [][]byte
	for section := range care.AllSections.All() {
		for state := care.NotSupported; state <= care.Disabled; state++ {
			s := &Section{Outcome: &care.Outcome{Section: section, State: state, Limit: 10, Boundary: at("2020")}, Patient: "gp.patient.p1", Retrieved: retrieved}
			m := list(t, s)
			reason, _ := json.Marshal(m["emptyReason"])
			if !strings.Contains(string(reason), `"`+empty[state]+`"`) {
				t.Errorf("%v %v: empty reason %s, want %s", section, state, reason, empty[state])
			}
			if m["date"] != "2024-06-01T09:00:00Z" || m["mode"] != "snapshot" {
				t.Errorf("%v %v: date %v, mode %v", section, state, m["date"], m["mode"])
			}
			s.Entries = []Reference{{"Flag", "gp.alert.1"}}
			if m := list(t, s); m["emptyReason"] != nil || m["entry"] == nil {
				t.Errorf("%v %v: a list with entries has an empty reason", section, state)
			}
			out, _ := AppendList(nil, s)
			resources = append(resources, out)
		}
	}
	publish(t, "lists", resources)
}

func TestListSaysWhatIsMissing(t *testing.T) {
	o := &care.Outcome{Section: care.Allergies, State: care.Withheld, Boundary: at("2020-01-31"), AsOf: time.Date(2024, 5, 31, 0, 0, 0, 0, time.UTC),
		Warnings: []care.Warning{care.ConfidentialItems, care.DataInTransit, care.DataAwaitingFiling}}
	s := &Section{Outcome: o, Patient: "p", Retrieved: retrieved}
	out, err := AppendList(nil, s)
	if err != nil {
		t.Fatal(err)
	}
	publish(t, "list-warnings", [][]byte{out})
	for _, want := range []string{"Extension-UKCore-ListWarningCode", `"code":"confidential-items"`, `"code":"data-in-transit"`, `"code":"data-awaiting-filing"`,
		"Items excluded due to confidentiality and/or patient preferences.", "recorded before 2020-01-31 may be missing", "as of 2024-05-31T00:00:00Z",
		`"code":"886921000000105"`, `"code":"withheld"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the list lacks %q: %s", want, out)
		}
	}
	s.Ended = true
	if ended, _ := AppendList(nil, s); !strings.Contains(string(ended), endedAllergies) || strings.Contains(string(ended), "886921000000105") {
		t.Errorf("the list of ended allergies is not told apart: %s", ended)
	}
	if out, err := AppendList([]byte("kept"), &Section{}); err == nil || string(out) != "kept" {
		t.Errorf("a section without an outcome: %s, %v", out, err)
	}
}

func TestBundle(t *testing.T) {
	var entries []BundleEntry
	for _, row := range fullRows() {
		r := record(t, row)
		entries = append(entries, BundleEntry{Reference{r.Type, r.ID}, slices.Clone(r.Resource)})
	}
	out, err := AppendBundle(nil, "https://example.nhs.uk/fhir/", retrieved, slices.Values(entries))
	if err != nil {
		t.Fatal(err)
	}
	if err := checkJSON(out); err != nil {
		t.Fatal(err)
	}
	var b struct {
		Type  string
		Entry []struct{ FullURL string }
	}
	if err := json.Unmarshal(out, &b); err != nil {
		t.Fatal(err)
	}
	if b.Type != "collection" || len(b.Entry) != len(entries) || b.Entry[0].FullURL != "https://example.nhs.uk/fhir/AllergyIntolerance/gp.allergy.1" {
		t.Errorf("type %s, %d entries, first %+v", b.Type, len(b.Entry), b.Entry[0])
	}
	empty, err := AppendBundle(nil, "", retrieved, slices.Values([]BundleEntry(nil)))
	if err != nil || checkJSON(empty) != nil {
		t.Errorf("an empty bundle: %s, %v", empty, err)
	}
	publish(t, "bundle", [][]byte{out, empty})
}

func TestOperationOutcome(t *testing.T) {
	var resources [][]byte
	for k := care.OK; k <= care.Conflict; k++ {
		out, err := AppendOperationOutcome(nil, Issue{Kind: k, Text: "the source is down", Sections: []string{"ALLERGIES"}}, Issue{Kind: k, Warning: true})
		if err != nil || checkJSON(out) != nil {
			t.Fatalf("%v: %s, %v", k, out, err)
		}
		if !strings.Contains(string(out), `"text":"`+k.String()+`"`) || strings.Contains(string(out), "exception") != (k == care.Internal || k == care.Cancelled) {
			t.Errorf("%v: %s", k, out)
		}
		resources = append(resources, out)
	}
	publish(t, "outcomes", resources)
	if out, err := AppendOperationOutcome([]byte("kept")); err == nil || string(out) != "kept" {
		t.Errorf("no issue: %s, %v", out, err)
	}
	if out, err := AppendOperationOutcome([]byte("kept"), Issue{Text: "\xff"}); err == nil || string(out) != "kept" {
		t.Errorf("damaged text: %s, %v", out, err)
	}
}
