package view_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge/edgetest"
	"github.com/mycarerecord/edge-agent/cmd/internal/view"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got:\n%s", path, got)
	}
}

// asked is the context of every request here.
func asked() *edgev1.Context {
	return &edgev1.Context{Purpose: edgev1.Purpose_PURPOSE_BTG, Permission: edgev1.Permission_PERMISSION_NOT_ASKED, Reason: "unconscious",
		AlertReason: edgev1.AlertReason_ALERT_REASON_EMERGENCY,
		Requester:   &edgev1.Requester{UserName: "Dr Cy Test", RoleCode: "R0260", RoleName: "Clinical Practitioner", Organisation: "Y90001", OrganisationName: "Out of Hours"}}
}

// entries reads the records of testdata/record.ndjson.
func entries(t *testing.T) []*edgev1.Record {
	t.Helper()
	file, err := os.Open("testdata/record.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var list []*edgev1.Record
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var line struct {
			Section, Effective, Recorded string
			Ended                        bool
			Resource                     json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		section, ok := care.ParseSection(line.Section)
		if !ok {
			t.Fatalf("section %s", line.Section)
		}
		r := edgetest.Record(edgev1.Section(section), line.Effective, string(line.Resource))
		r.Recorded, r.Ended = line.Recorded, line.Ended
		list = append(list, r)
	}
	return list
}

// whole is an answer with all entries, every section complete.
func whole(t *testing.T) *edge.Record {
	record := &edge.Record{Opening: edgetest.Opening()}
	all := entries(t)
	for section := range care.AllSections.All() {
		var mine []*edgev1.Record
		for _, r := range all {
			if care.Section(r.GetSection()) == section {
				mine = append(mine, r)
			}
		}
		part := edgetest.Section(edgev1.Section(section), edgev1.SectionState_SECTION_STATE_COMPLETE, mine...)
		record.Sections = append(record.Sections, edge.Section{Section: section, Outcome: part.Outcome, Records: part.Records})
	}
	record.Verdict = edge.Verdict{Whole: true, Closing: edgetest.Closing("")}
	return record
}

// everyState is an answer whose sections have ended in every way that there
// is, and in ways that there should not be.
func everyState(t *testing.T) *edge.Record {
	record := whole(t)
	record.Sections = record.Sections[:14]
	change := func(i int, state edgev1.SectionState, how func(*edgev1.SectionOutcome)) {
		s := &record.Sections[i]
		s.Outcome.State = state
		how(s.Outcome)
		s.Records = s.Records[:min(len(s.Records), int(s.Outcome.GetSent()))]
	}
	none := func(o *edgev1.SectionOutcome) { o.RowsRead, o.Sent = 0, 0 }
	change(0, edgev1.SectionState_SECTION_STATE_COMPLETE, func(o *edgev1.SectionOutcome) { o.OutsidePeriod = 3 })
	change(1, edgev1.SectionState_SECTION_STATE_UNSUPPORTED, none)
	change(2, edgev1.SectionState_SECTION_STATE_UNAVAILABLE, func(o *edgev1.SectionOutcome) { none(o); o.Reason = "TIMEOUT" })
	change(3, edgev1.SectionState_SECTION_STATE_UNAVAILABLE, func(o *edgev1.SectionOutcome) { o.Sent, o.Failed, o.Reason = 1, 3, "ROW_UNMAPPABLE" })
	change(4, edgev1.SectionState_SECTION_STATE_WITHHELD, func(o *edgev1.SectionOutcome) {
		o.Sent, o.Withheld, o.Warnings = 1, 1, []string{"confidential-items", "something-new"}
	})
	change(5, edgev1.SectionState_SECTION_STATE_IN_TRANSIT, func(o *edgev1.SectionOutcome) {
		o.Boundary, o.Warnings, o.OutsidePeriod = "2020-01-01", []string{"data-in-transit"}, 2
	})
	change(6, edgev1.SectionState_SECTION_STATE_TRUNCATED, func(o *edgev1.SectionOutcome) { o.Limit, o.Boundary, o.Withheld = 1, "2025-05", 1 })
	change(7, edgev1.SectionState_SECTION_STATE_EMPTY, none)
	change(8, edgev1.SectionState_SECTION_STATE_NIL_KNOWN, none)
	change(9, edgev1.SectionState_SECTION_STATE_NOT_PERMITTED, none)
	change(10, edgev1.SectionState_SECTION_STATE_DISABLED, none)
	record.Sections[11].Outcome = nil
	record.Sections[12].Faults = []string{"2 records were sent and 1 came"}
	change(13, edgev1.SectionState_SECTION_STATE_COMPLETE, func(o *edgev1.SectionOutcome) {
		o.DataAsOf, o.Warnings = timestamppb.New(edgetest.Retrieved.Add(-8*time.Hour)), []string{"data-awaiting-filing"}
	})
	record.Verdict = edge.Verdict{
		Faults: []string{"REFERRALS: no outcome, so the section is incomplete", "RECALLS: 2 records were sent and 1 came"},
		Gaps:   []string{"ALLERGIES: UNAVAILABLE (TIMEOUT)"},
	}
	return record
}

func TestText(t *testing.T) {
	nobody := &edge.Record{Verdict: edge.Verdict{Faults: []string{"the answer is empty"}}}
	for name, record := range map[string]*edge.Record{"whole.txt": whole(t), "every-state.txt": everyState(t), "nobody.txt": nobody} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := view.Text(&got, asked(), record); err != nil {
				t.Fatal(err)
			}
			golden(t, name, got.Bytes())
			lines := strings.Split(strings.TrimSpace(got.String()), "\n")
			loud := strings.HasPrefix(lines[0], "!!! NOT WHOLE") && strings.HasPrefix(lines[len(lines)-1], "!!!")
			if loud == record.Whole {
				t.Errorf("whole %v, but it begins with %q and ends with %q", record.Whole, lines[0], lines[len(lines)-1])
			}
			if strings.ContainsFunc(got.String(), func(r rune) bool { return r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0) }) {
				t.Error("a control character came through")
			}
		})
	}
}

// TestWithoutAlertReason: a request that gives no code says nothing of one.
func TestWithoutAlertReason(t *testing.T) {
	var got bytes.Buffer
	plain := asked()
	plain.AlertReason = 0
	if err := view.Text(&got, plain, whole(t)); err != nil || !strings.Contains(got.String(), "permission NOT_ASKED, unconscious\n") {
		t.Errorf("%v\n%s", err, got.String())
	}
}

// TestMarkersDiffer checks that no state can be taken for another by the words
// that it begins with, and that only the whole ones sound whole.
func TestMarkersDiffer(t *testing.T) {
	var all []string
	for state := care.State(0); state <= care.Disabled+1; state++ {
		m := view.Marker(state)
		if state > care.Disabled {
			if m != view.Marker(0) {
				t.Errorf("an unknown state is %q", m)
			}
			continue
		}
		for _, other := range all {
			if strings.HasPrefix(m, other) || strings.HasPrefix(other, m) {
				t.Errorf("%q begins like %q", m, other)
			}
		}
		all = append(all, m)
	}
}

func TestJSON(t *testing.T) {
	for name, record := range map[string]*edge.Record{"whole.json": whole(t), "every-state.json": everyState(t)} {
		record.Sections[0].Records[0].Resource = []byte("not JSON")
		var got bytes.Buffer
		if err := view.JSON(&got, record); err != nil {
			t.Fatal(err)
		}
		golden(t, name, got.Bytes())
		var a struct {
			Whole    bool
			Sections []struct{ State string }
		}
		if err := json.Unmarshal(got.Bytes(), &a); err != nil || a.Whole != record.Whole || len(a.Sections) != len(record.Sections) {
			t.Errorf("%s: err %v", name, err)
		}
	}
}

func TestBundle(t *testing.T) {
	for name, record := range map[string]*edge.Record{"whole.bundle.json": whole(t), "every-state.bundle.json": everyState(t)} {
		record.Sections[0].Records[0].Resource = []byte("not JSON")
		var got bytes.Buffer
		if err := view.Bundle(&got, record); err != nil {
			t.Fatal(err)
		}
		var bundle struct {
			Type  string
			Entry []struct {
				Resource struct {
					ResourceType, Title string
					Note                []struct{ Text string }
				}
			}
		}
		if err := json.Unmarshal(got.Bytes(), &bundle); err != nil || bundle.Type != "collection" {
			t.Fatalf("%s: type %q, err %v", name, bundle.Type, err)
		}
		var kinds []string
		lists := 0
		for _, e := range bundle.Entry {
			kinds = append(kinds, e.Resource.ResourceType)
			if e.Resource.ResourceType == "List" {
				lists++
			}
			// Referrals have no outcome there, recalls one that is not true.
			if !record.Whole && (e.Resource.Title == "Referrals" || e.Resource.Title == "Recalls (planned)") && len(e.Resource.Note) == 0 {
				t.Errorf("%s: %s looks whole", name, e.Resource.Title)
			}
		}
		want := len(record.Sections)
		if record.Whole {
			want++ // the list of resolved allergies
		}
		if lists != want || slices.Contains(kinds, "Patient") || (kinds[0] == "OperationOutcome") == record.Whole {
			t.Errorf("%s: %d lists, want %d; %v", name, lists, want, kinds)
		}
	}
}

func TestLine(t *testing.T) {
	for name, test := range map[string]struct {
		resource, want string
		written        bool
	}{
		"compact":   {"{\n \"a\" : 1.50\n}", "{\"a\":1.50}\n", true},
		"not JSON":  {"{", "", false},
		"two lines": {`{"a":"b\nc"}`, `{"a":"b\nc"}` + "\n", true},
		"unsafe":    {"{\"a\":\"x\u009b\u202e\u2028\u007fy é 😀\"}", `{"a":"x\u009b\u202e\u2028\u007fy é 😀"}` + "\n", true},
	} {
		var got bytes.Buffer
		written, err := view.Line(&got, &edgev1.Record{Resource: []byte(test.resource)})
		if err != nil || written != test.written || got.String() != test.want {
			t.Errorf("%s: %q, written %v, err %v", name, got.String(), written, err)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"":                              "",
		"plain":                         "plain",
		" a \t\r\n b ":                  "a b",
		"\x1b[31mred\x1b[0m":            "[31mred[0m",
		"\x1b]0;title\x07":              "]0;title",
		"c1 \u009b2J \u0085x":           "c1 2J x",
		"a\u202eb\u2066c\u200bd\u2028e": "abcd e",
		"Zoë 😀 <5":                      "Zoë 😀 <5",
		"bad \xff byte":                 "bad \ufffd byte",
	} {
		if got := view.Clean(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestSummarise(t *testing.T) {
	for name, test := range map[string]struct {
		record *edgev1.Record
		want   view.Summary
	}{
		"not JSON": {&edgev1.Record{ResourceType: "Flag", Id: "f", Source: "emis", Effective: "2020", Resource: []byte("{")},
			view.Summary{Marker: "UNREADABLE", Date: "2020", Main: "Flag f is not JSON", Organisation: "emis"}},
		"null": {&edgev1.Record{ResourceType: "Flag", Resource: []byte("null")},
			view.Summary{Date: "undated", Main: "(Flag without a text)"}},
		"unknown type": {&edgev1.Record{ResourceType: "Account", Resource: []byte(`{"code":{"text":"a"},"type":[{"text":"b"}]}`)},
			view.Summary{Date: "undated", Main: "a, b"}},
		"wrong type": {&edgev1.Record{ResourceType: "Condition", Resource: []byte(`{"code":{"text":"Gout"},"note":"text"}`)},
			view.Summary{Marker: "PARTLY READ", Date: "undated", Main: "Gout"}},
		"long": {&edgev1.Record{ResourceType: "Flag", Resource: []byte(`{"code":{"text":"` + strings.Repeat("é", 500) + `"}}`)},
			view.Summary{Date: "undated", Main: strings.Repeat("é", 400) + " [cut here: read the whole entry with --format json]"}},
		"time": {&edgev1.Record{ResourceType: "Flag", Effective: "2020-07-01T09:08:07.123+01:00", Resource: []byte(`{"code":{"coding":[{"code":"X"}]}}`)},
			view.Summary{Date: "2020-07-01 09:08+01:00", Main: "X"}},
	} {
		if got := view.Summarise(test.record); got.Marker != test.want.Marker || got.Date != test.want.Date || got.Main != test.want.Main || got.Organisation != test.want.Organisation {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// FuzzSummarise checks that no resource makes the summariser panic, that there
// is always something to read, and that nothing for a terminal comes through.
func FuzzSummarise(f *testing.F) {
	file, err := os.ReadFile("testdata/record.ndjson")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(file)) {
		var entry struct{ Resource json.RawMessage }
		var is struct{ ResourceType string }
		if json.Unmarshal([]byte(line), &entry) != nil || json.Unmarshal(entry.Resource, &is) != nil {
			f.Fatal("testdata/record.ndjson is damaged")
		}
		f.Add(is.ResourceType, "2020-01", []byte(entry.Resource))
	}
	f.Fuzz(func(t *testing.T, kind, effective string, resource []byte) {
		r := &edgev1.Record{ResourceType: kind, Effective: effective, Resource: resource}
		s := view.Summarise(r)
		all := strings.Join(append(s.Details, s.Marker, s.Date, s.Main, s.Organisation), " ")
		if view.Clean(all) != strings.Join(strings.Fields(all), " ") {
			t.Errorf("not clean: %q", all)
		}
		if s.Main == "" && view.Clean(kind) != "" {
			t.Errorf("nothing to read: %+v", s)
		}
		var line bytes.Buffer
		if written, err := view.Line(&line, r); err != nil || written && (!json.Valid(line.Bytes()) || bytes.Count(line.Bytes(), []byte("\n")) != 1) {
			t.Errorf("line %q, err %v", line.Bytes(), err)
		}
	})
}
