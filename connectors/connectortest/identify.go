package connectortest

import (
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// identify returns the patient as the connector finds them, checked against
// what the harness knows.
func (h Harness) identify(t testing.TB, c care.Connector, want Patient) care.Patient {
	t.Helper()
	got, err := c.Identify(t.Context(), want.NHSNumber)
	if err != nil {
		t.Fatalf("Identify of a patient who is there: %v", err)
	}
	if got.NHSNumber != want.NHSNumber {
		t.Fatal("Identify returned another number than asked for")
	}
	return got
}

func checkIdentify(t testing.TB, h Harness) {
	c := h.open(t)
	for i, want := range h.Patients {
		got := h.identify(t, c, want)
		if got.LocalID.IsZero() {
			t.Errorf("patient %d: the local id is missing", i)
		}
		if len(got.Names) == 0 || got.Names[0].Family.Reveal() != want.Family {
			t.Errorf("patient %d: the first name is not the one that the source holds", i)
		}
		if got.BirthDate.IsZero() {
			t.Errorf("patient %d: the date of birth is missing", i)
		}
	}
}

func checkAbsent(t testing.TB, h Harness) {
	c := h.open(t)
	got, err := c.Identify(t.Context(), h.Absent)
	h.wantError(t, err, care.PatientNotFound, "")
	if !got.LocalID.IsZero() || !got.NHSNumber.IsZero() || got.Names != nil {
		t.Error("Identify failed and returned somebody all the same")
	}
}

// checkAfterFailure fails a connector in several ways and then uses it.
func checkAfterFailure(t testing.TB, h Harness) {
	c := h.open(t)
	patient := h.identify(t, c, h.Patients[0])
	_, err := c.Identify(t.Context(), h.Absent)
	h.wantError(t, err, care.PatientNotFound, "")
	for range 10 {
		cancelledFetch(t, h, c, patient, 1)
		h.fetchAndStop(t, c, patient, 1)
	}
	h.identify(t, c, h.Patients[1])
	a := gather(t.Context(), t, h, c, care.Query{Patient: patient, Sections: care.AllSections, MaxRows: plenty})
	h.checkAnswer(t, h.Patients[0], a)
}
