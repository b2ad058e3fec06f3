package records_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/records"
)

// fake is a source with one patient, whose answer is a list of items.
type fake struct {
	name     string
	patient  care.Patient
	identify error
	sections care.SectionSet
	items    []care.Item
	fail     error         // yielded after the items
	hang     bool          // wait for the end of ctx after the items
	panics   bool          // panic after the items
	gap      time.Duration // silence before each item
	document *care.Document
	honest   bool // yields only what was asked, as a connector must
}

func (f *fake) Describe() care.Description {
	return care.Description{Origin: care.Origin{Source: f.name}, Sections: f.sections, Documents: f.document != nil}
}
func (f *fake) Probe(context.Context) (care.Readiness, error) { return care.Readiness{}, nil }
func (f *fake) Close() error                                  { return nil }

func (f *fake) Identify(ctx context.Context, _ care.NHSNumber) (care.Patient, error) {
	if f.hang && f.items == nil {
		<-ctx.Done()
		return care.Patient{}, ctx.Err()
	}
	return f.patient, f.identify
}

func (f *fake) Fetch(ctx context.Context, q care.Query) iter.Seq2[care.Item, error] {
	return func(yield func(care.Item, error) bool) {
		for _, item := range f.items {
			if f.honest && !q.Sections.Has(sectionOf(item)) {
				continue
			}
			select {
			case <-time.After(f.gap):
			case <-ctx.Done():
				return
			}
			if !yield(item, nil) {
				return
			}
		}
		switch {
		case f.hang:
			<-ctx.Done()
			yield(care.Item{}, ctx.Err())
		case f.panics:
			panic("canary")
		case f.fail != nil:
			yield(care.Item{}, f.fail)
		}
	}
}

func sectionOf(item care.Item) care.Section {
	if item.Record != nil {
		return item.Record.Section
	}
	return item.End.Section
}

func (f *fake) Document(context.Context, care.Patient, string) (care.Document, error) {
	d := *f.document
	return d, nil
}

func number(text string) care.NHSNumber {
	n, err := care.ParseNHSNumber(text)
	if err != nil {
		panic(err)
	}
	return n
}

func private(s string) care.Private { return care.NewPrivate(s) }

func person() care.Patient {
	return care.Patient{NHSNumber: number("9990000018"), Verified: true, Active: true, BirthDate: care.Day(1950, time.May, 1),
		Names: []care.Name{{Family: private("O'Connor-Smith"), Given: []care.Private{private("Zoë")}}}}
}

func subject() care.Subject {
	return care.Subject{NHSNumber: number("9990000018"), Family: private("Oconnor Smith"), BirthDate: care.Day(1950, time.May, 1)}
}

func rec(s care.Section, id string, change ...func(*care.Record)) care.Item {
	r := &care.Record{Section: s, ID: id, Type: "Basic", Resource: []byte(`{}`)}
	for _, c := range change {
		c(r)
	}
	return care.Item{Record: r}
}

func end(s care.Section, state care.State, read int, change ...func(*care.End)) care.Item {
	e := &care.End{Section: s, State: state, Read: read}
	for _, c := range change {
		c(e)
	}
	return care.Item{End: e}
}

// sink keeps what it is given.
type sink struct {
	ids      []string
	outcomes map[care.Section]care.Outcome
	fail     error
	told     int
}

func (s *sink) Record(r *care.Record) error {
	if s.fail != nil {
		return s.fail
	}
	s.ids = append(s.ids, r.ID)
	return nil
}

func (s *sink) Outcome(o *care.Outcome) error {
	if s.outcomes == nil {
		s.outcomes = map[care.Section]care.Outcome{}
	}
	s.told++
	s.outcomes[o.Section] = *o
	return nil
}

// read reads sections from the sources and checks what must hold of any answer.
func read(t *testing.T, q records.Query, withhold records.Withhold, limits records.Limits, sources ...*fake) *sink {
	t.Helper()
	var list []records.Source
	for _, f := range sources {
		list = append(list, records.Source{Connector: f, Sections: care.AllSections})
	}
	reader := records.NewReader(list, limits, withhold)
	match, err := reader.Identify(t.Context(), subject())
	if err != nil {
		t.Fatalf("Identify: %v", err)
	}
	s := &sink{}
	if err := reader.Read(t.Context(), match, q, s); err != nil {
		t.Fatalf("Read: %v", err)
	}
	if s.told != q.Sections.Len() || len(s.outcomes) != q.Sections.Len() {
		t.Errorf("%d outcomes for %d sections of %d asked", s.told, len(s.outcomes), q.Sections.Len())
	}
	for _, o := range s.outcomes {
		if o.Read != o.Sent+o.Withheld+o.Outside+o.Failed {
			t.Errorf("%v: %d rows read, but %d sent, %d withheld, %d outside, %d failed", o.Section, o.Read, o.Sent, o.Withheld, o.Outside, o.Failed)
		}
		if o.State.Whole() && (o.Withheld > 0 || o.Failed > 0) {
			t.Errorf("%v looks whole: %+v", o.Section, o)
		}
	}
	return s
}

func asked(sections ...care.Section) records.Query {
	return records.Query{Sections: care.SetOf(sections...)}
}

func TestOutcomes(t *testing.T) {
	secret := func(r *care.Record) { r.Confidentiality = care.VeryRestricted }
	coded := func(r *care.Record) { r.Codes = []care.Coding{{System: "s", Code: "x", Display: "anything"}} }
	linked := func(ids ...string) func(*care.Record) { return func(r *care.Record) { r.Links = ids } }
	dated := func(y int) func(*care.Record) {
		return func(r *care.Record) { r.Effective = care.Day(y, time.January, 1) }
	}
	withhold := records.NewWithhold(care.Coding{System: "s", Code: "x"})
	since2020 := care.Period{From: care.Day(2020, time.January, 1)}
	for _, c := range []struct {
		name   string
		query  records.Query
		items  []care.Item
		fail   error
		limits func(*records.Limits)
		ids    string
		want   map[care.Section]care.Outcome // the numbers and the state
	}{
		{name: "empty", query: asked(care.Alerts), items: []care.Item{end(care.Alerts, care.Empty, 0)},
			want: map[care.Section]care.Outcome{care.Alerts: {State: care.Empty}}},
		{name: "nil known keeps its record", query: asked(care.Allergies), items: []care.Item{rec(care.Allergies, "a"), end(care.Allergies, care.NilKnown, 1)},
			ids: "a", want: map[care.Section]care.Outcome{care.Allergies: {State: care.NilKnown, Read: 1, Sent: 1}}},
		{name: "resolved allergies are counted apart", query: asked(care.Allergies),
			items: []care.Item{rec(care.Allergies, "a"), rec(care.Allergies, "b", func(r *care.Record) { r.Ended = true }), end(care.Allergies, care.Complete, 2)},
			ids:   "a b", want: map[care.Section]care.Outcome{care.Allergies: {State: care.Complete, Read: 2, Sent: 2, Ended: 1}}},
		{name: "a row that cannot be mapped", query: asked(care.Problems),
			items: []care.Item{rec(care.Problems, "p"), end(care.Problems, care.Unavailable, 2, func(e *care.End) { e.Failed, e.Reason = 1, "ROW_UNMAPPABLE" })},
			ids:   "p", want: map[care.Section]care.Outcome{care.Problems: {State: care.Unavailable, Reason: "ROW_UNMAPPABLE", Read: 2, Sent: 1, Failed: 1}}},
		{name: "a connector that loses a row", query: asked(care.Problems), items: []care.Item{rec(care.Problems, "p"), end(care.Problems, care.Complete, 3)},
			ids: "p", want: map[care.Section]care.Outcome{care.Problems: {State: care.Unavailable, Reason: "LIMIT", Read: 3, Sent: 1, Failed: 2}}},
		{name: "the source dies halfway", query: asked(care.Allergies, care.Problems), fail: &care.Error{Kind: care.SourceUnavailable, Reason: "DOWN"},
			items: []care.Item{end(care.Allergies, care.Empty, 0), rec(care.Problems, "p")},
			ids:   "p", want: map[care.Section]care.Outcome{care.Allergies: {State: care.Empty}, care.Problems: {State: care.Unavailable, Reason: "DOWN", Read: 1, Sent: 1}}},
		{name: "a section never ended", query: asked(care.Allergies), items: []care.Item{rec(care.Allergies, "a")},
			ids: "a", want: map[care.Section]care.Outcome{care.Allergies: {State: care.Unavailable, Reason: "NO_END", Read: 1, Sent: 1}}},
		{name: "allergies are never cut", query: asked(care.Allergies),
			items: []care.Item{rec(care.Allergies, "a"), end(care.Allergies, care.Truncated, 1, func(e *care.End) { e.Limit = 1 })},
			ids:   "a", want: map[care.Section]care.Outcome{care.Allergies: {State: care.Unavailable, Reason: "LIMIT", Read: 1, Sent: 1, Limit: 1}}},
		{name: "confidential items are announced", query: asked(care.Problems),
			items: []care.Item{rec(care.Problems, "p", secret), end(care.Problems, care.Complete, 1)},
			want:  map[care.Section]care.Outcome{care.Problems: {State: care.Withheld, Read: 1, Withheld: 1, Warnings: []care.Warning{care.ConfidentialItems}}}},
		{name: "sensitive codes are withheld", query: asked(care.Problems),
			items: []care.Item{rec(care.Problems, "p", coded), rec(care.Problems, "q"), end(care.Problems, care.Complete, 2)},
			ids:   "q", want: map[care.Section]care.Outcome{care.Problems: {State: care.Withheld, Read: 2, Sent: 1, Withheld: 1, Warnings: []care.Warning{care.ConfidentialItems}}}},
		{name: "what names a withheld record is withheld, in any order and at any distance", query: asked(care.Consultations, care.Problems),
			items: []care.Item{rec(care.Consultations, "c1", linked("p")), rec(care.Consultations, "c2", linked("c1")), rec(care.Consultations, "c3", linked("q")),
				end(care.Consultations, care.Complete, 3), rec(care.Problems, "p", coded), rec(care.Problems, "q"), end(care.Problems, care.Complete, 2)},
			ids: "q c3", want: map[care.Section]care.Outcome{
				care.Consultations: {State: care.Withheld, Read: 3, Sent: 1, Withheld: 2, Warnings: []care.Warning{care.ConfidentialItems}},
				care.Problems:      {State: care.Withheld, Read: 2, Sent: 1, Withheld: 1, Warnings: []care.Warning{care.ConfidentialItems}}}},
		{name: "also when the other section was not asked for", query: asked(care.Consultations),
			items: []care.Item{rec(care.Consultations, "c1", linked("p")), end(care.Consultations, care.Complete, 1), rec(care.Problems, "p", coded), end(care.Problems, care.Complete, 1)},
			want:  map[care.Section]care.Outcome{care.Consultations: {State: care.Withheld, Read: 1, Withheld: 1, Warnings: []care.Warning{care.ConfidentialItems}}}},
		{name: "a period cuts events, not what is undated", query: records.Query{Sections: care.SetOf(care.Observations), Period: since2020},
			items: []care.Item{rec(care.Observations, "o1", dated(2019)), rec(care.Observations, "o2", dated(2021)), rec(care.Observations, "o3"), end(care.Observations, care.Complete, 3)},
			ids:   "o2 o3", want: map[care.Section]care.Outcome{care.Observations: {State: care.Complete, Read: 3, Sent: 2, Outside: 1}}},
		{name: "a period never cuts allergies or medicines", query: records.Query{Sections: care.SetOf(care.Allergies, care.Medications), Period: since2020},
			items: []care.Item{rec(care.Allergies, "a", dated(1990)), end(care.Allergies, care.Complete, 1), rec(care.Medications, "m", dated(1990)), end(care.Medications, care.Complete, 1)},
			ids:   "a m", want: map[care.Section]care.Outcome{care.Allergies: {State: care.Complete, Read: 1, Sent: 1}, care.Medications: {State: care.Complete, Read: 1, Sent: 1}}},
		{name: "bytes run out", query: asked(care.Problems), limits: func(l *records.Limits) { l.Bytes = 3 },
			items: []care.Item{rec(care.Problems, "p"), rec(care.Problems, "q"), end(care.Problems, care.Complete, 2)},
			ids:   "p", want: map[care.Section]care.Outcome{care.Problems: {State: care.Unavailable, Reason: "LIMIT", Read: 2, Sent: 1, Failed: 1}}},
		{name: "bytes run out, but not for allergies", query: asked(care.Problems, care.Allergies), limits: func(l *records.Limits) { l.Bytes = 1 },
			items: []care.Item{rec(care.Problems, "p"), end(care.Problems, care.Complete, 1), rec(care.Allergies, "a"), end(care.Allergies, care.Complete, 1)},
			ids:   "a", want: map[care.Section]care.Outcome{
				care.Problems: {State: care.Unavailable, Reason: "LIMIT", Read: 1, Failed: 1}, care.Allergies: {State: care.Complete, Read: 1, Sent: 1}}},
		{name: "a source that ignores the row limit", query: asked(care.Problems), limits: func(l *records.Limits) { l.Rows = 1 },
			items: []care.Item{rec(care.Problems, "p"), rec(care.Problems, "q"), end(care.Problems, care.Complete, 2)},
			ids:   "p", want: map[care.Section]care.Outcome{care.Problems: {State: care.Unavailable, Reason: "LIMIT", Read: 2, Sent: 1, Failed: 1}}},
		{name: "unasked and doubly ended sections change nothing", query: asked(care.Problems),
			items: []care.Item{rec(care.Alerts, "x"), end(care.Alerts, care.Complete, 1), end(care.Problems, care.Empty, 0), rec(care.Problems, "late"), end(care.Problems, care.Complete, 1)},
			want:  map[care.Section]care.Outcome{care.Problems: {State: care.Empty}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			limits := records.DefaultLimits()
			if c.limits != nil {
				c.limits(&limits)
			}
			f := &fake{name: "one", patient: person(), sections: care.AllSections, items: c.items, fail: c.fail}
			s := read(t, c.query, withhold, limits, f)
			if got := strings.Join(s.ids, " "); got != c.ids {
				t.Errorf("sent %q, want %q", got, c.ids)
			}
			for section, want := range c.want {
				got := s.outcomes[section]
				want.Section, want.Sources = section, got.Sources
				if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
					t.Errorf("%v:\n got %+v\nwant %+v", section, got, want)
				}
			}
		})
	}
}

// What is withheld is looked for in sections that nobody asked about, because a
// consultation or a letter may name it.
func TestWithheldRecordsAreFoundInSectionsNotAskedFor(t *testing.T) {
	withhold := records.NewWithhold(care.Coding{System: "s", Code: "x"})
	f := &fake{name: "a", honest: true, patient: person(), sections: care.AllSections, items: []care.Item{
		rec(care.Consultations, "c", func(r *care.Record) { r.Links = []string{"p"} }), end(care.Consultations, care.Complete, 1),
		rec(care.Problems, "p", func(r *care.Record) { r.Codes = []care.Coding{{System: "s", Code: "x"}} }), end(care.Problems, care.Complete, 1)}}
	s := read(t, asked(care.Consultations), withhold, records.DefaultLimits(), f)
	if o := s.outcomes[care.Consultations]; len(s.ids) != 0 || o.State != care.Withheld {
		t.Errorf("sent %v, %+v", s.ids, o)
	}
}

func TestSeveralSourcesMakeOneOutcome(t *testing.T) {
	limits := records.DefaultLimits()
	a := &fake{name: "a", patient: person(), sections: care.SetOf(care.Problems, care.Allergies),
		items: []care.Item{rec(care.Problems, "p1"), end(care.Problems, care.Complete, 1), end(care.Allergies, care.Empty, 0)}}
	b := &fake{name: "b", patient: person(), sections: care.SetOf(care.Problems),
		items: []care.Item{rec(care.Problems, "p2")}, fail: &care.Error{Kind: care.SourceUnavailable, Reason: "DOWN"}}
	gone := &fake{name: "c", identify: &care.Error{Kind: care.SourceUnavailable, Reason: "LOGIN"}, sections: care.SetOf(care.Documents)}
	stranger := &fake{name: "d", identify: &care.Error{Kind: care.PatientNotFound}, sections: care.SetOf(care.Referrals)}
	s := read(t, asked(care.Problems, care.Allergies, care.Documents, care.Referrals, care.AboutMe), nil, limits, a, b, gone, stranger)
	for section, want := range map[care.Section]care.State{
		care.Problems: care.Unavailable, care.Allergies: care.Empty, care.Documents: care.Unavailable,
		care.Referrals: care.Empty, care.AboutMe: care.NotSupported,
	} {
		if got := s.outcomes[section].State; got != want {
			t.Errorf("%v is %v, want %v", section, got, want)
		}
	}
	if slices.Sort(s.ids); !slices.Equal(s.ids, []string{"p1", "p2"}) {
		t.Errorf("sent %v", s.ids)
	}
	if o := s.outcomes[care.Problems]; o.Reason != "DOWN" || len(o.Sources) != 2 {
		t.Errorf("problems: %+v", o)
	}
}

func TestASilentSourceIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{name: "a", patient: person(), sections: care.AllSections, hang: true, items: []care.Item{end(care.Allergies, care.Empty, 0), rec(care.Problems, "p")}}
		s := read(t, asked(care.Allergies, care.Problems), nil, records.DefaultLimits(), f)
		if o := s.outcomes[care.Problems]; o.State != care.Unavailable || o.Reason != "TIMEOUT" {
			t.Errorf("the section of the silent source is %+v", o)
		}
		if o := s.outcomes[care.Allergies]; o.State != care.Empty {
			t.Errorf("the section that was ended before is %+v", o)
		}
	})
}

func TestASlowSourceIsNotGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{name: "a", patient: person(), sections: care.AllSections, gap: 9 * time.Second,
			items: []care.Item{rec(care.Problems, "p"), rec(care.Problems, "q"), rec(care.Problems, "r"), end(care.Problems, care.Complete, 3)}}
		if s := read(t, asked(care.Problems), nil, records.DefaultLimits(), f); s.outcomes[care.Problems].State != care.Complete {
			t.Errorf("the slow source's section is %+v", s.outcomes[care.Problems])
		}
	})
}

func TestASlowReaderIsNotTheSourcesFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{name: "a", patient: person(), sections: care.AllSections, items: []care.Item{rec(care.Problems, "p"), end(care.Problems, care.Complete, 1)}}
		reader := records.NewReader([]records.Source{{Connector: f, Sections: care.AllSections}}, records.DefaultLimits(), nil)
		match, err := reader.Identify(t.Context(), subject())
		if err != nil {
			t.Fatal(err)
		}
		s := &slow{}
		if err := reader.Read(t.Context(), match, asked(care.Problems), s); err != nil || s.state != care.Complete {
			t.Errorf("state %v, error %v", s.state, err)
		}
	})
}

type slow struct{ state care.State }

func (s *slow) Record(*care.Record) error     { time.Sleep(time.Minute); return nil }
func (s *slow) Outcome(o *care.Outcome) error { s.state = o.State; return nil }

func TestAPanickingSourceIsUnavailable(t *testing.T) {
	f := &fake{name: "a", patient: person(), sections: care.AllSections, panics: true, items: []care.Item{rec(care.Problems, "p")}}
	ok := &fake{name: "b", patient: person(), sections: care.SetOf(care.Alerts), items: []care.Item{end(care.Alerts, care.Empty, 0)}}
	for _, sources := range [][]*fake{{f}, {f, ok}} {
		s := read(t, asked(care.Problems), nil, records.DefaultLimits(), sources...)
		if o := s.outcomes[care.Problems]; o.State != care.Unavailable || o.Reason != "DEFECT" {
			t.Errorf("%d sources: %+v", len(sources), o)
		}
	}
}

func TestAFailingSinkEndsTheReading(t *testing.T) {
	broken := errors.New("broken")
	f := &fake{name: "a", patient: person(), sections: care.AllSections, items: []care.Item{rec(care.Problems, "p"), end(care.Problems, care.Complete, 1)}}
	for n := 1; n <= 2; n++ {
		list := make([]records.Source, n)
		for i := range list {
			list[i] = records.Source{Connector: f, Sections: care.AllSections}
		}
		reader := records.NewReader(list, records.DefaultLimits(), nil)
		match, err := reader.Identify(t.Context(), subject())
		if err != nil {
			t.Fatal(err)
		}
		s := &sink{fail: broken}
		if err := reader.Read(t.Context(), match, asked(care.Problems), s); !errors.Is(err, broken) {
			t.Errorf("%d sources: Read returned %v", n, err)
		}
		if s.told != 0 {
			t.Errorf("%d sources: an outcome was told after the failure", n)
		}
	}
}
