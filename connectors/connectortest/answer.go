package connectortest

import (
	"bytes"
	"context"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// plenty is a row limit that no harness reaches.
const plenty = 10_000

// answer is what one Fetch yielded, copied.
type answer struct {
	asked   care.SectionSet
	limit   int
	records []care.Record
	ends    map[care.Section]care.End
	err     error
}

// gather fetches to the end and checks on the way what holds for every answer:
// the order of items, the single End of each section, the counts, and each
// record by itself.
func gather(ctx context.Context, t testing.TB, h Harness, c care.Connector, q care.Query) answer {
	t.Helper()
	a := answer{asked: q.Sections, limit: q.MaxRows, ends: map[care.Section]care.End{}}
	for item, err := range c.Fetch(ctx, q) {
		if a.err != nil {
			t.Error("Fetch yielded something after an error")
			break
		}
		a.take(t, h, item, err)
	}
	a.checkEnds(t, h)
	return a
}

func (a *answer) take(t testing.TB, h Harness, item care.Item, err error) {
	t.Helper()
	switch {
	case err != nil:
		h.checkError(t, err)
		a.err = err
	case (item.Record == nil) == (item.End == nil):
		t.Error("an item holds neither a record nor an end, or both")
	case item.Record != nil:
		a.takeRecord(t, item.Record)
	default:
		a.takeEnd(t, h, item.End)
	}
}

func (a *answer) takeRecord(t testing.TB, r *care.Record) {
	t.Helper()
	if !a.asked.Has(r.Section) {
		t.Errorf("a record of %v, which was not asked for", r.Section)
	}
	if _, ended := a.ends[r.Section]; ended {
		t.Errorf("a record of %v after the end of that section", r.Section)
	}
	checkRecord(t, r)
	kept := *r
	kept.Resource = bytes.Clone(r.Resource)
	a.records = append(a.records, kept)
}

func (a *answer) takeEnd(t testing.TB, h Harness, e *care.End) {
	t.Helper()
	if !a.asked.Has(e.Section) {
		t.Errorf("an end of %v, which was not asked for", e.Section)
	}
	if _, twice := a.ends[e.Section]; twice {
		t.Errorf("a second end of %v", e.Section)
	}
	h.checkText(t, "the end of "+e.Section.String(), e.Reason+" "+e.Detail)
	a.ends[e.Section] = *e
}

// checkEnds checks that every section ended, unless an error says that they
// did not, and that each End agrees with the records that came.
func (a *answer) checkEnds(t testing.TB, h Harness) {
	t.Helper()
	for s := range a.asked.All() {
		end, ok := a.ends[s]
		if !ok {
			if a.err == nil {
				t.Errorf("%v has no end and there was no error", s)
			}
			continue
		}
		a.checkEnd(t, end)
	}
}

func (a *answer) checkEnd(t testing.TB, e care.End) {
	t.Helper()
	s, n := e.Section, a.count(e.Section)
	if e.Read != n+e.Failed {
		t.Errorf("%v: read %d, but %d records came and %d failed", s, e.Read, n, e.Failed)
	}
	if n > a.limit {
		t.Errorf("%v: %d records came, over the limit of %d", s, n, a.limit)
	}
	if e.Failed > 0 && e.State != care.Unavailable {
		t.Errorf("%v: %d rows failed and the section is %v", s, e.Failed, e.State)
	}
	switch e.State {
	case care.NotSupported, care.Empty:
		if n > 0 {
			t.Errorf("%v is %v, and %d records came", s, e.State, n)
		}
	case care.Complete:
		if n == 0 {
			t.Errorf("%v is COMPLETE without a record", s)
		}
	case care.NilKnown, care.InTransit:
	case care.Truncated:
		if e.Limit <= 0 || e.Limit > a.limit || s == care.Allergies {
			t.Errorf("%v is TRUNCATED at %d, asked for %d", s, e.Limit, a.limit)
		}
	case care.Unavailable:
		if e.Reason == "" {
			t.Errorf("%v is UNAVAILABLE without a reason", s)
		}
	default:
		t.Errorf("%v ends as %v, which is not a source's to say", s, e.State)
	}
}

// count returns how many records of a section came.
func (a *answer) count(s care.Section) int {
	n := 0
	for i := range a.records {
		if a.records[i].Section == s {
			n++
		}
	}
	return n
}

// checkAnswer compares a whole answer with what the source holds of want.
func (h Harness) checkAnswer(t testing.TB, want Patient, a answer) {
	t.Helper()
	if a.err != nil {
		t.Errorf("Fetch from a working source: %v", a.err)
		return
	}
	for s := range a.asked.All() {
		h.checkSection(t, want, a, s)
	}
	checkPerson(t, want, a.records)
}

func (h Harness) checkSection(t testing.TB, want Patient, a answer, s care.Section) {
	t.Helper()
	end, n := a.ends[s], a.count(s)
	w, named := want.Sections[s]
	switch {
	case !named && end.State != care.Empty && end.State != care.NotSupported:
		t.Errorf("%v is %v, and the source holds nothing of it", s, end.State)
	case named && (end.State != w.State || n != w.Records || end.Failed != w.Failed):
		t.Errorf("%v is %v with %d records and %d failed, want %v, %d, %d",
			s, end.State, n, end.Failed, w.State, w.Records, w.Failed)
	}
}
