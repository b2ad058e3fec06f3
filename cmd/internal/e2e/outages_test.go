//go:build e2e

package e2e

import (
	"context"
	"testing"

	"google.golang.org/grpc"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// frozenBefore asks while nothing of the server moves. Whether the patient is
// there cannot be told, so the request is refused.
func (w *world) frozenBefore(t *testing.T) {
	thaw := w.db.freeze(t)
	w.refused(t, w.patients[0], care.SourceUnavailable, "TIMEOUT")
	thaw()
	w.wholeAgain(t)
}

func (w *world) frozenDuring(t *testing.T) {
	thaw := w.outage(t, func() func() { return w.db.freeze(t) }, "TIMEOUT")
	thaw()
	w.wholeAgain(t)
}

func (w *world) crashedBefore(t *testing.T) {
	restart := w.db.crash(t)
	w.refused(t, w.patients[0], care.SourceUnavailable, "DOWN")
	restart()
	w.wholeAgain(t)
}

func (w *world) crashedDuring(t *testing.T) {
	restart := w.outage(t, func() func() { return w.db.crash(t) }, "DOWN")
	restart()
	w.wholeAgain(t)
}

// narrow makes the agent wait for the reader: what the reader has not taken,
// the agent has not read.
var narrow = []grpc.DialOption{grpc.WithInitialWindowSize(64 << 10), grpc.WithInitialConnWindowSize(64 << 10)}

// manyRows is a view of 20 000 observations of the victim, more than the
// connections between reader, agent and server hold.
func (w *world) manyRows(t *testing.T) (mend func()) {
	t.Helper()
	return w.db.breaks(t, "vw_mcr_observations", `SELECT '`+victim+`' AS patient, n AS id, '2020-01-01T00:00:00Z' AS effective, '29463-7' AS code,
		'LOINC' AS code_system, 'Body Weight' AS code_text, 'vital-signs' AS category, NULL AS value, NULL AS value_unit,
		NULL AS value_unit_code, REPEAT('heavy ', 300) AS value_text, NULL AS consultation_id FROM `+w.db.million+` WHERE n <= 20000`)
}

// outage reads the victim's record and stops the server when the first
// observation has come. Every section must have an outcome, and what was not
// read must be called unavailable.
func (w *world) outage(t *testing.T, strike func() func(), reason string) (mended func()) {
	t.Helper()
	mend := w.manyRows(t)
	w.asked++
	var repair func()
	states := map[care.Section]*edgev1.SectionOutcome{}
	ctx, stop := context.WithTimeout(t.Context(), programLimit)
	defer stop()
	verdict, err := dial(t, w.site, narrow...).VisitRecord(ctx, &edgev1.GetRecordRequest{Context: asking(w.patients[0])}, edge.Visitor{
		Record: func(r *edgev1.Record) error {
			if care.Section(r.GetSection()) == care.Observations && repair == nil {
				repair = strike()
			}
			return nil
		},
		Outcome: func(o *edgev1.SectionOutcome) error { states[care.Section(o.GetSection())] = o; return nil },
	})
	if repair == nil {
		t.Fatalf("no observation came: %v %v", verdict.Reasons(), err)
	}
	if err != nil || len(verdict.Faults) != 0 || verdict.Whole {
		t.Errorf("whole %v, faults %v: %v", verdict.Whole, verdict.Faults, err)
	}
	if o := states[care.Observations]; care.State(o.GetState()) != care.Unavailable || o.GetReason() != reason || o.GetSent() == 0 {
		t.Errorf("the observations ended as %v (%s) after %d records, want UNAVAILABLE (%s)", o.GetState(), o.GetReason(), o.GetSent(), reason)
	}
	for s, o := range states {
		if state := care.State(o.GetState()); counts[s] != nil && s > care.Observations && state != care.Unavailable {
			t.Errorf("%v, which comes after the outage, ended as %v", s, state)
		}
	}
	return func() { repair(); mend() }
}
