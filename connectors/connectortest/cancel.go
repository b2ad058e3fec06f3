package connectortest

import (
	"cmp"
	"context"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func checkCancelledBefore(t testing.TB, h Harness) {
	c := h.open(t)
	patient := h.identify(t, c, h.Patients[0])
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Identify(ctx, h.Patients[0].NHSNumber)
	h.wantError(t, err, care.Cancelled, "")
	a := gather(ctx, t, h, c, care.Query{Patient: patient, Sections: care.AllSections, MaxRows: plenty})
	h.wantError(t, a.err, care.Cancelled, "")
	if len(a.records) > 0 {
		t.Errorf("%d records came although the caller had gone", len(a.records))
	}
}

// checkCancelledBetween lets the caller go away while it holds a record, each
// in turn. What was read by then may end, the rest must not.
func checkCancelledBetween(t testing.TB, h Harness) {
	c := h.open(t)
	patient := h.identify(t, c, h.Patients[0])
	for n := 1; cancelledFetch(t, h, c, patient, n); n++ {
	}
}

// cancelledFetch cancels at record n and reports whether there were as many.
func cancelledFetch(t testing.TB, h Harness, c care.Connector, patient care.Patient, n int) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	records := 0
	for item, err := range c.Fetch(ctx, care.Query{Patient: patient, Sections: care.AllSections, MaxRows: plenty}) {
		last = err
		if item.Record != nil {
			records++
		}
		if records == n {
			cancel()
		}
	}
	if records < n {
		return false
	}
	h.wantError(t, last, care.Cancelled, "")
	if records > n {
		t.Errorf("%d records came after the caller had gone", records-n)
		return false
	}
	return true
}

// returns runs f and waits for it, for as long as the watchdog allows.
func (h Harness) returns(t testing.TB, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	timer := time.NewTimer(cmp.Or(h.patience, watchdog))
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		t.Fatalf("a call does not return although its caller has gone")
	}
}
