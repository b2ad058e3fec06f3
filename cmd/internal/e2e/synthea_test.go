//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
)

// TestSynthea serves every patient of the Synthea export from both servers and
// holds the answers against the CSV files, against Synthea's own FHIR, and
// against each other.
func TestSynthea(t *testing.T) {
	dir := folder(t)
	all := readTables(t, dir)
	bundles := readBundles(t, filepath.Join(dir, "same-patients-fhir-r4"))
	served := map[string]map[string]*edge.Record{}
	servers(t, func(t *testing.T, d *database) {
		d.load(t, all)
		served[d.driver] = serve(t, d, all, bundles)
		export(t, d.product, served[d.driver])
	})
	if len(served) != 2 {
		t.Fatal("a server could not be tested, so the answers cannot be compared")
	}
	for _, p := range all.patients(t) {
		sameAnswer(t, served[postgres.driver][p.id], served[mariadb.driver][p.id])
	}
}

// serve reads every patient with both clients and checks each answer.
func serve(t *testing.T, d *database, all tables, bundles map[string]*bundle) map[string]*edge.Record {
	a := start(t, newSite(t, nil, d.source(t, "pas")))
	before := d.contents(t, all)
	records := map[string]*edge.Record{}
	compared := 0
	for _, p := range all.patients(t) {
		t.Run(p.id, func(t *testing.T) {
			record := a.mustBeWhole(t, p)
			records[p.id] = record
			sameAsPrinted(t, record, a.recordGet(t, p))
			wantCounts(t, record, all, p)
			if b := bundles[p.id]; b != nil {
				compared++
				b.compare(t, record)
			}
		})
	}
	if compared != len(bundles) {
		t.Errorf("%d of %d Bundles were compared", compared, len(bundles))
	}
	wantNothingWritten(t, d, all, before)
	a.stop()
	a.checkJournal(t, 2*len(records)) // both clients
	scanLog(t, a.log, all)
	return records
}

// counts says which rows feed a section.
var counts = map[care.Section]func(t testing.TB, all tables, patient string) int{
	care.Demographics:     rowsOf("patients", nil),
	care.Allergies:        rowsOf("allergies", nil),
	care.Medications:      rowsOf("medications", nil),
	care.Problems:         rowsOf("conditions", nil),
	care.Consultations:    rowsOf("encounters", class("wellness", "ambulatory", "home", "virtual")),
	care.HospitalActivity: rowsOf("encounters", class("inpatient", "outpatient", "emergency", "hospice", "snf")),
	care.UrgentCareEvents: rowsOf("encounters", class("urgentcare")),
	care.Investigations: func(t testing.TB, all tables, patient string) int {
		return rowsOf("observations", laboratory)(t, all, patient) + rowsOf("imaging_studies", nil)(t, all, patient)
	},
	care.Observations:  rowsOf("observations", func(row map[string]string) bool { return !laboratory(row) }),
	care.Immunisations: rowsOf("immunizations", nil),
	care.Procedures:    rowsOf("procedures", nil),
	care.CarePlans:     rowsOf("careplans", nil),
	care.SocialCare:    rowsOf("devices", nil),
}

func laboratory(row map[string]string) bool { return row["category"] == "laboratory" }

func class(classes ...string) func(map[string]string) bool {
	return func(row map[string]string) bool {
		for _, c := range classes {
			if row["encounterclass"] == c {
				return true
			}
		}
		return false
	}
}

// rowsOf counts the rows of a table that belong to a section.
func rowsOf(table string, belongs func(map[string]string) bool) func(testing.TB, tables, string) int {
	return func(t testing.TB, all tables, patient string) (n int) {
		t.Helper()
		for _, row := range all.of(t, table, patient) {
			if belongs == nil || belongs(row) {
				n++
			}
		}
		return n
	}
}

// wantCounts checks that every row of the CSV files arrived: as many records as
// rows in each section that the files feed, and no more sections.
func wantCounts(t *testing.T, r *edge.Record, all tables, p patient) {
	t.Helper()
	for _, s := range r.Sections {
		count, fed := counts[s.Section]
		if !fed {
			wantEnd(t, r, s.Section, care.NotSupported, "")
			continue
		}
		want := count(t, all, p.id)
		state := care.Complete
		if want == 0 {
			state = care.Empty
		}
		wantEnd(t, r, s.Section, state, "")
		if len(s.Records) != want || int(s.Outcome.GetRowsRead()) != want {
			t.Errorf("%v: %d records of %d rows, the CSV files have %d", s.Section, len(s.Records), s.Outcome.GetRowsRead(), want)
		}
	}
}

// sameAsPrinted compares what mcrctl printed with what the client read.
func sameAsPrinted(t *testing.T, r *edge.Record, printed answer) {
	t.Helper()
	if !printed.Whole || len(printed.Sections) != len(r.Sections) {
		t.Fatalf("mcrctl: whole %v, %d sections; %v %v", printed.Whole, len(printed.Sections), printed.Faults, printed.Gaps)
	}
	for i := range r.Sections {
		s, want := printed.Sections[i], &r.Sections[i]
		if s.Section != want.Section.String() || s.State != want.State().String() || len(s.Records) != len(want.Records) {
			t.Errorf("mcrctl: %s %s with %d records, want %v %v with %d", s.Section, s.State, len(s.Records), want.Section, want.State(), len(want.Records))
			continue
		}
		for j, record := range s.Records {
			if !bytes.Equal(compact(t, record.Resource), compact(t, want.Records[j].GetResource())) {
				t.Errorf("mcrctl: %s differs from what the client read", record.ID)
			}
		}
	}
}

func compact(t testing.TB, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sameAnswer compares two answers resource by resource, byte by byte.
func sameAnswer(t *testing.T, a, b *edge.Record) {
	t.Helper()
	if a == nil || b == nil || len(a.Sections) != len(b.Sections) {
		t.Error("an answer of one server is missing")
		return
	}
	for i := range a.Sections {
		x, y := a.Sections[i], b.Sections[i]
		if x.State() != y.State() || len(x.Records) != len(y.Records) {
			t.Errorf("%v: %v with %d records and %v with %d", x.Section, x.State(), len(x.Records), y.State(), len(y.Records))
			continue
		}
		for j := range x.Records {
			if !bytes.Equal(x.Records[j].GetResource(), y.Records[j].GetResource()) {
				t.Errorf("%v: the servers differ:\n%s\n%s", x.Section, x.Records[j].GetResource(), y.Records[j].GetResource())
				break
			}
		}
	}
}

// export writes all served resources where a validator can read them.
func export(t *testing.T, name string, records map[string]*edge.Record) {
	t.Helper()
	dir := os.Getenv("MCR_FHIR_OUT")
	if dir == "" {
		return
	}
	var b bytes.Buffer
	for _, id := range slices.Sorted(maps.Keys(records)) {
		for _, s := range records[id].Sections {
			for _, record := range s.Records {
				b.Write(append(compact(t, record.GetResource()), '\n'))
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "e2e-"+name+".ndjson"), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
