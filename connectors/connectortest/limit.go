package connectortest

import (
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// checkLimit asks for one row less than each section holds.
func checkLimit(t testing.TB, h Harness) {
	c := h.open(t)
	for _, p := range h.Patients {
		patient := h.identify(t, c, p)
		for s, w := range p.Sections {
			if w.State != care.Complete || w.Records < 2 {
				continue
			}
			q := care.Query{Patient: patient, Sections: care.SetOf(s), MaxRows: w.Records - 1}
			checkCut(t, s, w, gather(t.Context(), t, h, c, q))
			q.MaxRows = w.Records
			if a := gather(t.Context(), t, h, c, q); a.ends[s].State != care.Complete {
				t.Errorf("%v has as many records as allowed and ends as %v", s, a.ends[s].State)
			}
		}
	}
}

// checkCut checks the answer for a section of which one record was too many.
// Allergies are never cut: a part of them is more dangerous than none
// (GP Connect 1.6, search of structured records).
func checkCut(t testing.TB, s care.Section, w Want, a answer) {
	t.Helper()
	end, n := a.ends[s], a.count(s)
	if s == care.Allergies {
		if end.State != care.Unavailable || n != 0 {
			t.Errorf("more allergies than allowed end as %v with %d records, want UNAVAILABLE with none", end.State, n)
		}
		return
	}
	if end.State != care.Truncated || end.Limit != w.Records-1 || n != w.Records-1 {
		t.Errorf("%v with %d records, %d allowed, ends as %v with %d and limit %d",
			s, w.Records, w.Records-1, end.State, n, end.Limit)
	}
	for i := range a.records {
		start, _ := end.Boundary.Span()
		_, last := a.records[i].Effective.Span()
		if !end.Boundary.IsZero() && !last.IsZero() && !last.After(start) {
			t.Errorf("%v: a record is older than the boundary of the cut", s)
		}
	}
}
