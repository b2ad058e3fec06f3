package memory

import (
	"context"
	"errors"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		settings Settings
		paths    []string
	}{
		{Settings{Practice: "synthetic", Patients: 1}, nil},
		{Settings{Practice: "synthetic", Patients: maxPatients, Seed: 9}, nil},
		{Settings{Practice: "synthetic", Seed: 1}, []string{"$.patients"}},
		{Settings{Practice: "synthetic", Patients: maxPatients + 1}, []string{"$.patients"}},
		{Settings{Practice: "real", Patients: -1}, []string{"$.practice", "$.patients"}},
	} {
		problems := c.settings.Validate()
		if len(problems) != len(c.paths) {
			t.Errorf("%+v: %d problems, want %d", c.settings, len(problems), len(c.paths))
			continue
		}
		for i, p := range problems {
			if p.Path != c.paths[i] {
				t.Errorf("%+v: problem at %s, want %s", c.settings, p.Path, c.paths[i])
			}
		}
	}
	if defaults, ok := Kind().NewSettings().(*Settings); !ok || defaults.Validate() != nil || defaults.Patients != practiceSize {
		t.Errorf("the defaults are %+v", defaults)
	}
}

func TestNewRefusesARowThatCannotBeMapped(t *testing.T) {
	number, _ := testNumber(7000)
	p := Sized(number, 1, 0)
	p.Rows = append(p.Rows, &ukcore.Problem{Entry: ukcore.Entry{ID: ""}})
	if _, err := New(origin, []Patient{p}); care.KindOf(err) != care.SourceUnavailable || care.ReasonOf(err) != ukcore.RowUnmappable {
		t.Errorf("New = %v, want a row that cannot be mapped", err)
	}
}

// TestSitesNarrowTheSource checks that a section the site has left out ends as
// not supported and yields nothing.
func TestSitesNarrowTheSource(t *testing.T) {
	allowed := care.SetOf(care.Demographics, care.Allergies)
	c := opened(t, allowed)
	if got := c.Describe().Sections; got != allowed {
		t.Errorf("Describe().Sections = %v, want %v", got, allowed)
	}
	m, _ := Synthetic(1, 1, today).Member(CastEmergency)
	records, ends := everything(t, c, m.NHSNumber)
	for s := range care.AllSections.All() {
		if !allowed.Has(s) && ends[s].State != care.NotSupported {
			t.Errorf("%v ends as %v", s, ends[s].State)
		}
	}
	for _, r := range records {
		if !allowed.Has(r.Section) {
			t.Errorf("a record of %v left", r.Section)
		}
	}
}

// TestAnotherPersonsKey checks that a patient put together from two is nobody.
func TestAnotherPersonsKey(t *testing.T) {
	p, c := northgateOf(t, 1, 3)
	one, err := c.Identify(t.Context(), p.residents[0].number)
	if err != nil {
		t.Fatal(err)
	}
	one.NHSNumber = p.residents[1].number
	for _, err := range c.Fetch(t.Context(), care.Query{Patient: one, Sections: care.AllSections, MaxRows: 10}) {
		if care.KindOf(err) != care.PatientNotFound {
			t.Errorf("Fetch of a mixed-up patient: %v", err)
		}
	}
	if _, err := c.Document(t.Context(), one, "x"); care.KindOf(err) != care.PatientNotFound {
		t.Errorf("Document of a mixed-up patient: %v", err)
	}
}

// TestCutKeepsTheNewest checks what a limit leaves in, and that the undated
// are never what is cut first.
func TestCutKeepsTheNewest(t *testing.T) {
	number, _ := testNumber(7000)
	p := Sized(number, 5*SizedRecord, 0)
	p.Rows[2].(*ukcore.Observation).Effective = care.DateTime{}
	c, err := New(origin, []Patient{p})
	if err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int][]string{
		-1: {},
		0:  {},
		2:  {"gp.observation.s000002", "gp.observation.s000004"},
		5:  {"gp.observation.s000002", "gp.observation.s000004", "gp.observation.s000003", "gp.observation.s000001", "gp.observation.s000000"},
	} {
		patient, _ := c.Identify(t.Context(), number)
		var got []string
		for item := range c.Fetch(t.Context(), care.Query{Patient: patient, Sections: care.SetOf(care.Observations), MaxRows: limit}) {
			if item.Record != nil {
				got = append(got, item.Record.ID)
				continue
			}
			if cut := item.End.State == care.Truncated; cut != (limit < 5) || item.End.Read != len(want) {
				t.Errorf("limit %d: the section ends as %+v", limit, item.End)
			}
			if limit == 2 && item.End.Boundary != p.Rows[4].(*ukcore.Observation).Effective {
				t.Errorf("limit 2: boundary %v", item.End.Boundary)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("limit %d: %q, want %q", limit, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("limit %d: record %d is %s, want %s", limit, i, got[i], want[i])
			}
		}
	}
}

func TestFetchAllocatesNextToNothing(t *testing.T) {
	number, _ := testNumber(7000)
	c, err := New(origin, []Patient{Sized(number, 50*SizedRecord, 0)})
	if err != nil {
		t.Fatal(err)
	}
	patient, err := c.Identify(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	query := care.Query{Patient: patient, Sections: care.AllSections, MaxRows: 1000}
	ctx := t.Context()
	if allocs := testing.AllocsPerRun(50, func() {
		if n := drain(ctx, c, query); n != 50 {
			t.Errorf("%d records, want 50", n)
		}
	}); allocs > 3 {
		t.Errorf("a Fetch of 50 records allocates %v times", allocs)
	}
}

func drain(ctx context.Context, c *Connector, query care.Query) int {
	n := 0
	for item, err := range c.Fetch(ctx, query) {
		if err == nil && item.Record != nil {
			n++
		}
	}
	return n
}

func BenchmarkFetch50(b *testing.B) {
	number, _ := testNumber(7000)
	c, err := New(origin, []Patient{Sized(number, 50*SizedRecord, 0)})
	if err != nil {
		b.Fatal(err)
	}
	patient, err := c.Identify(b.Context(), number)
	if err != nil {
		b.Fatal(err)
	}
	query := care.Query{Patient: patient, Sections: care.AllSections, MaxRows: 1000}
	b.ReportAllocs()
	for b.Loop() {
		drain(b.Context(), c, query)
	}
}

func BenchmarkOpen300(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		northgateOf(b, 1, practiceSize)
	}
}

// wantDown checks that an error is that of a source that is down.
func wantDown(t *testing.T, what string, err error) {
	t.Helper()
	if e, ok := errors.AsType[*care.Error](err); !ok || e.Kind != care.SourceUnavailable || e.Reason != "DOWN" {
		t.Errorf("%s: %v, want a source that is down", what, err)
	}
}
