package memory

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// today is the day on which the tests look at the practice.
var today = time.Date(2026, time.March, 4, 10, 30, 0, 0, time.UTC)

const practiceSize = 300

// maxServed is what the records of that practice may take of the memory of an
// agent that is to be small.
const maxServed = 7 << 20

// northgateOf returns the practice of a seed with its connector.
func northgateOf(t testing.TB, seed uint64, size int) (*Practice, *Connector) {
	t.Helper()
	p := Synthetic(seed, size, today)
	c, err := build(origin, p.Patients())
	if err != nil {
		t.Fatalf("a row of the practice cannot be mapped: %v", err)
	}
	return p, c
}

// everything returns all that the source holds of a patient.
func everything(t testing.TB, c *Connector, number care.NHSNumber) ([]care.Record, map[care.Section]care.End) {
	t.Helper()
	patient, err := c.Identify(t.Context(), number)
	if err != nil {
		t.Fatalf("Identify: %v", err)
	}
	var records []care.Record
	ends := map[care.Section]care.End{}
	for item, err := range c.Fetch(t.Context(), care.Query{Patient: patient, Sections: care.AllSections, MaxRows: 1000}) {
		switch {
		case err != nil:
			t.Fatalf("Fetch: %v", err)
		case item.Record != nil:
			records = append(records, *item.Record)
		default:
			ends[item.End.Section] = *item.End
		}
	}
	return records, ends
}

// served writes every resource of a practice, one to a line, in order.
func served(t testing.TB, p *Practice, c *Connector) []byte {
	t.Helper()
	var b bytes.Buffer
	for i := range p.residents {
		records, _ := everything(t, c, p.residents[i].number)
		for _, r := range records {
			b.Write(r.Resource)
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

// TestServedResources writes what the practice serves to the file that
// MCR_FHIR_OUT names, for an independent validator, and checks its form.
func TestServedResources(t *testing.T) {
	p, c := northgateOf(t, 1, practiceSize)
	all := served(t, p, c)
	if folder := os.Getenv("MCR_FHIR_OUT"); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, "memory.ndjson"), all, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if len(all) > maxServed {
		t.Errorf("the records of %d patients take %d bytes, more than %d", practiceSize, len(all), maxServed)
	}
	for line := range bytes.Lines(all) {
		if !json.Valid(line) {
			t.Fatalf("not JSON: %.200s", line)
		}
	}
}

func TestPracticeIsTheSameForTheSameSeed(t *testing.T) {
	one, c1 := northgateOf(t, 1, 60)
	two, c2 := northgateOf(t, 1, 60)
	if !bytes.Equal(served(t, one, c1), served(t, two, c2)) {
		t.Error("two practices of one seed differ")
	}
	other, c3 := northgateOf(t, 2, 60)
	if bytes.Equal(served(t, one, c1), served(t, other, c3)) {
		t.Error("the seed does not matter")
	}
	larger, c4 := northgateOf(t, 1, 90)
	if !bytes.HasPrefix(served(t, larger, c4), served(t, one, c1)) {
		t.Error("a larger practice does not begin with the smaller one")
	}
}

// TestPracticeGolden holds the practice to a digest of what its records are
// about and to a count of them for each section: a change of either is to be
// meant. How a record is written as JSON is the encoder's and not looked at.
func TestPracticeGolden(t *testing.T) {
	p, c := northgateOf(t, 1, practiceSize)
	counts := map[care.Section]int{}
	states := map[care.Section]map[care.State]int{}
	digest := sha256.New()
	for i := range p.residents {
		records, ends := everything(t, c, p.residents[i].number)
		for _, r := range records {
			counts[r.Section]++
			fmt.Fprintln(digest, r.Section, r.Type, r.ID, r.Effective, r.Recorded, r.Ended, r.Confidentiality, r.Codes, r.Links)
		}
		for s, e := range ends {
			if states[s] == nil {
				states[s] = map[care.State]int{}
			}
			states[s][e.State]++
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "sha256 %s\n", hex.EncodeToString(digest.Sum(nil)))
	for s := range care.AllSections.All() {
		fmt.Fprintf(&b, "%s %d records; patients: %d complete, %d nil known, %d empty, %d in transit\n", s, counts[s],
			states[s][care.Complete], states[s][care.NilKnown], states[s][care.Empty], states[s][care.InTransit])
		if counts[s] == 0 {
			t.Errorf("%v does not occur", s)
		}
	}
	golden(t, "practice.golden", b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s changed; run with -update if it is meant to\ngot:\n%swant:\n%s", path, got, want)
	}
}

func TestNumbersAreTestNumbersAndUnique(t *testing.T) {
	p := Synthetic(3, maxPatients, today)
	seen := map[care.NHSNumber]bool{}
	names := map[string]Role{}
	for i := range p.residents {
		r := &p.residents[i]
		if !r.number.IsTest() {
			t.Errorf("resident %d has a number outside the test range", i)
		}
		if seen[r.number] {
			t.Errorf("resident %d has another's number", i)
		}
		seen[r.number] = true
		name := r.given + " " + r.family
		if other, taken := names[name]; taken && (r.role != CastSameName2 || other != CastSameName1) {
			t.Errorf("resident %d is called like another: %s", i, name)
		}
		names[name] = r.role
		if r.birth.IsZero() || r.birth.Time.After(today) || r.family == "" || r.given == "" || r.gender == "" {
			t.Errorf("resident %d is incomplete", i)
		}
	}
	if len(seen) != maxPatients {
		t.Errorf("%d residents, want %d", len(seen), maxPatients)
	}
}

// TestTestNumber checks the check digit against numbers that care accepts, all
// of a range one by one: exactly those bodies have none that care refuses.
func TestTestNumber(t *testing.T) {
	for body := range 3000 {
		number, ok := testNumber(body)
		found := 0
		for digit := range 10 {
			n, err := care.ParseNHSNumber(fmt.Sprintf("999%06d%d", body, digit))
			if err == nil {
				found++
				if n != number {
					t.Fatalf("body %d: another number is valid", body)
				}
			}
		}
		if ok != (found == 1) {
			t.Fatalf("body %d: ok is %v, and %d numbers are valid", body, ok, found)
		}
	}
}

func TestNothingIsWrittenBeforeBirth(t *testing.T) {
	p := Synthetic(1, practiceSize, today)
	for i := range p.residents {
		birth, _ := p.residents[i].birth.Span()
		patient := p.patient(i)
		encoder := ukcore.NewEncoder(&origin, patient.Person.LocalID)
		for _, row := range patient.Rows {
			r, err := encoder.Encode(row)
			if err != nil {
				t.Fatalf("resident %d: %v", i, err)
			}
			if _, end := r.Effective.Span(); !r.Effective.IsZero() && end.Before(birth) {
				t.Errorf("resident %d, born %v: %s of %v", i, p.residents[i].birth, r.Type, r.Effective)
			}
			if r.Recorded.Time.After(today) {
				t.Errorf("resident %d: a %s was recorded in the future, %v", i, r.Type, r.Recorded)
			}
		}
	}
}

// TestKeysAreUnique checks that no two rows of the practice share a resource,
// and that every link leads to a row of the same patient.
func TestKeysAreUnique(t *testing.T) {
	p, c := northgateOf(t, 1, practiceSize)
	whose := map[string]int{}
	for i := range p.residents {
		records, _ := everything(t, c, p.residents[i].number)
		here := map[string]bool{}
		for _, r := range records {
			if first, taken := whose[r.ID]; taken {
				t.Errorf("residents %d and %d share the id %s", first, i, r.ID)
			}
			whose[r.ID], here[r.ID] = i, true
		}
		for _, r := range records {
			for _, link := range r.Links {
				if !here[link] {
					t.Errorf("resident %d: %s links to %s, which is not there", i, r.ID, link)
				}
			}
		}
	}
}
