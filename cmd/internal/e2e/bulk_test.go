//go:build e2e

package e2e

import (
	"context"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// memoryLimit is the most that an agent may ever hold, in MiB, whatever the
// source gives it.
const memoryLimit = 150

// The million rows of the victim, and how a section that holds them must end.
var bulk = []struct {
	name, view, query string
	section           care.Section
	limits            source
	state             care.State
	reason            string
}{
	{"observations", "vw_mcr_observations", `n AS id, '2020-01-01T00:00:00Z' AS effective, '29463-7' AS code, 'LOINC' AS code_system,
		'Body Weight' AS code_text, 'vital-signs' AS category, '70.1' AS value, 'kg' AS value_unit, 'kg' AS value_unit_code,
		NULL AS value_text, NULL AS consultation_id`, care.Observations, nil, care.Truncated, ""},
	{"observations of consultations", "vw_mcr_observations", `n AS id, '2020-01-01T00:00:00Z' AS effective, '29463-7' AS code, 'LOINC' AS code_system,
		'Body Weight' AS code_text, 'vital-signs' AS category, '70.1' AS value, 'kg' AS value_unit, 'kg' AS value_unit_code,
		NULL AS value_text, CONCAT('visit-', n) AS consultation_id`, care.Observations, nil, care.Truncated, ""},
	{"allergies", "vw_mcr_allergies", `n AS id, '2020-01-01' AS effective, NULL AS end_date, '91936005' AS code, 'SNOMED' AS code_system,
		'Allergy to penicillin' AS code_text, 'allergy' AS type, 'medication' AS category, NULL AS manifestation_code,
		NULL AS manifestation_code_system, NULL AS manifestation_text, NULL AS severity, NULL AS consultation_id`,
		care.Allergies, nil, care.Unavailable, "LIMIT"},
	{"observations beyond the size of an answer", "vw_mcr_observations", `n AS id, '2020-01-01T00:00:00Z' AS effective, '29463-7' AS code,
		'LOINC' AS code_system, 'Body Weight' AS code_text, 'vital-signs' AS category, NULL AS value, NULL AS value_unit, NULL AS value_unit_code,
		REPEAT('heavy ', 200) AS value_text, NULL AS consultation_id`, care.Observations, source{"rows_per_section": 200_000, "bytes_per_answer": "16MiB"}, care.Unavailable, "LIMIT"},
}

// TestBulk serves a source that gives a million rows where nobody has a
// thousand. The agent says that it cut the list, or gives none, and its memory
// stays small.
func TestBulk(t *testing.T) {
	servers(t, func(t *testing.T, d *database) {
		all := generated(t)
		d.load(t, all)
		for _, b := range bulk {
			t.Run(b.name, func(t *testing.T) {
				src := d.source(t, "pas").with(source{"statement_timeout": "1m"})
				limits := source{"source_timeout": "1m", "request_timeout": "2m"}
				for k, v := range b.limits {
					limits[k] = v
				}
				defer d.breaks(t, b.view, "SELECT '"+victim+"' AS patient, "+b.query+" FROM "+d.million)()
				w := newWorld(t, d, all, limits, src)
				w.wantBounded(t, b.section, b.state, b.reason)
				w.end(t)
			})
		}
	})
}

// wantBounded reads the victim's record without keeping it, checks how the
// section ended, and how much memory the agent has taken.
func (w *world) wantBounded(t *testing.T, section care.Section, state care.State, reason string) {
	t.Helper()
	w.asked++
	var outcome *edgev1.SectionOutcome
	ctx, stop := context.WithTimeout(t.Context(), programLimit)
	defer stop()
	verdict, err := w.client.VisitRecord(ctx, &edgev1.GetRecordRequest{Context: asking(w.patients[0])}, edge.Visitor{
		Outcome: func(o *edgev1.SectionOutcome) error {
			if care.Section(o.GetSection()) == section {
				outcome = o
			}
			return nil
		},
	})
	if err != nil || len(verdict.Faults) > 0 || verdict.Whole {
		t.Fatalf("faults %v, gaps %v: %v", verdict.Faults, verdict.Gaps, err)
	}
	if care.State(outcome.GetState()) != state || outcome.GetReason() != reason {
		t.Errorf("%v ended as %v (%s), want %v (%s)", section, outcome.GetState(), outcome.GetReason(), state, reason)
	}
	if state == care.Truncated && (outcome.GetSent() != 20_000 || outcome.GetLimit() != 20_000) {
		t.Errorf("%d records of at most %d, want 20000 of the first", outcome.GetSent(), outcome.GetLimit())
	}
	peak := w.peakMemory(t)
	t.Logf("%d of %d rows sent, %d MiB at most", outcome.GetSent(), outcome.GetRowsRead(), peak)
	if peak > memoryLimit {
		t.Errorf("the agent held %d MiB, want at most %d", peak, memoryLimit)
	}
}
