package connectortest

import (
	"context"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// faultCheck is a check that needs a source with a fault.
type faultCheck struct {
	check
	given func(Faults) bool
}

// faults lists the checks that need a fault.
func faults() []faultCheck {
	return []faultCheck{
		{check{"source down", checkDown}, func(f Faults) bool { return f.Down != nil }},
		{check{"source hangs in identify", checkHangIdentify}, func(f Faults) bool { return f.Hang != nil }},
		{check{"source hangs in fetch", checkHangFetch}, func(f Faults) bool { return f.Hang != nil }},
		{check{"two patients under one number", checkAmbiguous}, func(f Faults) bool { return f.Ambiguous != nil }},
		{check{"another person's row", checkStranger}, func(f Faults) bool { return f.Stranger != nil }},
		{check{"a row that cannot be mapped", checkUnmappable}, func(f Faults) bool { return f.Unmappable != nil }},
		{check{"a section that cannot be read", checkBroken}, func(f Faults) bool { return f.Broken != nil }},
	}
}

func checkDown(t testing.TB, h Harness) {
	working := h.open(t)
	patient := h.identify(t, working, h.Patients[0])
	c := closing(t, h.Faults.Down(t))
	_, err := c.Identify(t.Context(), patient.NHSNumber)
	h.wantError(t, err, care.SourceUnavailable, "")
	_, err = c.Probe(t.Context())
	h.wantError(t, err, care.SourceUnavailable, "")
	a := gather(t.Context(), t, h, c, care.Query{Patient: patient, Sections: working.Describe().Sections, MaxRows: plenty})
	if a.err != nil {
		h.wantError(t, a.err, care.SourceUnavailable, "")
	}
	for s, end := range a.ends {
		if end.State != care.Unavailable && end.State != care.NotSupported {
			t.Errorf("the source is down and %v ends as %v", s, end.State)
		}
	}
	if len(a.records) > 0 {
		t.Errorf("the source is down and %d records came", len(a.records))
	}
}

func checkHangIdentify(t testing.TB, h Harness) {
	c, asked := h.Faults.Hang(t)
	closing(t, c)
	h.cancelWhenAsked(t, asked, func(ctx context.Context) {
		_, err := c.Identify(ctx, h.Patients[0].NHSNumber)
		h.wantError(t, err, care.Cancelled, "")
	})
}

func checkHangFetch(t testing.TB, h Harness) {
	patient := h.identify(t, h.open(t), h.Patients[0])
	c, asked := h.Faults.Hang(t)
	closing(t, c)
	h.cancelWhenAsked(t, asked, func(ctx context.Context) {
		a := gather(ctx, t, h, c, care.Query{Patient: patient, Sections: care.AllSections, MaxRows: plenty})
		h.wantError(t, a.err, care.Cancelled, "")
	})
}

// cancelWhenAsked cancels f once its question has arrived at the source, and
// waits for f to return.
func (h Harness) cancelWhenAsked(t testing.TB, asked <-chan struct{}, f func(context.Context)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		select {
		case <-asked:
		case <-ctx.Done():
		}
		cancel()
	}()
	h.returns(t, func() { f(ctx) })
}

func checkAmbiguous(t testing.TB, h Harness) {
	c, number := h.Faults.Ambiguous(t)
	closing(t, c)
	got, err := c.Identify(t.Context(), number)
	h.wantError(t, err, care.SourceUnavailable, "AMBIGUOUS")
	if !got.LocalID.IsZero() {
		t.Error("one of two patients was returned")
	}
}

func checkStranger(t testing.TB, h Harness) {
	c, number := h.Faults.Stranger(t)
	closing(t, c)
	got, err := c.Identify(t.Context(), number)
	if err == nil {
		t.Error("another person's row was taken for the patient asked for")
	} else {
		h.wantError(t, err, care.SourceUnavailable, "")
	}
	if !got.LocalID.IsZero() {
		t.Error("another person was returned")
	}
}

func checkUnmappable(t testing.TB, h Harness) {
	c, number, section := h.Faults.Unmappable(t)
	a := fetchFaulty(t, h, closing(t, c), number)
	end := a.ends[section]
	if end.State != care.Unavailable || end.Reason != "ROW_UNMAPPABLE" || end.Failed != 1 || end.Detail == "" {
		t.Errorf("%v has a row that cannot be mapped and ends as %v (%s) with %d failed",
			section, end.State, end.Reason, end.Failed)
	}
	if a.count(section) == 0 {
		t.Errorf("%v: the sound rows were thrown away", section)
	}
	checkOthers(t, a, section)
}

func checkBroken(t testing.TB, h Harness) {
	c, number, section := h.Faults.Broken(t)
	a := fetchFaulty(t, h, closing(t, c), number)
	if end := a.ends[section]; end.State != care.Unavailable || a.count(section) > 0 {
		t.Errorf("%v cannot be read and ends as %v with %d records", section, end.State, a.count(section))
	}
	checkOthers(t, a, section)
}

func fetchFaulty(t testing.TB, h Harness, c care.Connector, number care.NHSNumber) answer {
	t.Helper()
	patient, err := c.Identify(t.Context(), number)
	if err != nil {
		t.Fatalf("Identify: %v", err)
	}
	a := gather(t.Context(), t, h, c, care.Query{Patient: patient, Sections: care.AllSections, MaxRows: plenty})
	if a.err != nil {
		t.Fatalf("one faulty section ended the whole fetch: %v", a.err)
	}
	return a
}

// checkOthers checks that a fault in one section left the others alone.
func checkOthers(t testing.TB, a answer, faulty care.Section) {
	t.Helper()
	sound := 0
	for s, end := range a.ends {
		if s != faulty && end.State == care.Unavailable {
			t.Errorf("%v is unavailable because of a fault in %v", s, faulty)
		}
		if end.State == care.Complete {
			sound++
		}
	}
	if sound == 0 {
		t.Errorf("no other section came through beside %v", faulty)
	}
}
