package budget

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// TestSlowsBeforeItStops measures how long each request waits: nothing up to
// eight tenths of the limit, then from 100 ms to 2 s, longer each time.
func TestSlowsBeforeItStops(t *testing.T) {
	for m, limits := range map[Measure]Limits{
		Patients: with(func(l *Limits) { l.PatientsPerHour = 100 }),
		NotFound: with(func(l *Limits) { l.NotFoundPerHour = 100 }),
		Sequence: with(func(l *Limits) { l.NeighboursPerHour = 100 }),
	} {
		for l := range levels {
			synctest.Test(t, func(t *testing.T) {
				k := New(only(l, limits), Options{})
				var before time.Duration
				for i, n := range sequence(t, 100) {
					if m == Sequence {
						i = max(0, i-1) // the first has no neighbour
					}
					began := time.Now()
					r := asks("b", "RWH", "u", n)
					wantStop(t, k.Admit(context.Background(), r), "")
					k.Settle(r, care.PatientNotFound)
					waited := time.Since(began)
					switch {
					case i < 80 && waited != 0:
						t.Fatalf("%v %v: request %d waited %v", l, m, i, waited)
					case i == 80 && waited != minDelay, i > 80 && waited <= before && m != Sequence, waited > maxDelay:
						t.Fatalf("%v %v: request %d waited %v, the one before %v", l, m, i, waited, before)
					}
					before = waited
				}
				if before < 1800*time.Millisecond {
					t.Errorf("%v %v: the last request waited %v", l, m, before)
				}
			})
		}
	}
}

// TestDelayGrows checks the whole range, and that the share slows too.
func TestDelayGrows(t *testing.T) {
	for part := 0.0; part < 1.5; part += 0.001 {
		switch d := delay(part); {
		case part < SlowFrom && d != 0, part >= SlowFrom && (d < minDelay || d > maxDelay), d < delay(part-0.001):
			t.Fatalf("%v of a limit: %v", part, d)
		}
	}
	if delay(1).Round(time.Millisecond) != maxDelay || delay(SlowFrom) != minDelay {
		t.Errorf("%v to %v, want %v to %v", delay(SlowFrom), delay(1), minDelay, maxDelay)
	}
	h := newHour(nil)
	h.asked[nobody].sum, h.asked[served].sum = 45, 55
	if u := h.missedShare(&Limits{NotFoundShare: 0.5, ShareFrom: 100}); u.over || u.part != 0.9 {
		t.Errorf("45 of 100 with a share of a half: %+v", u)
	}
	if u := h.missedShare(&Limits{NotFoundShare: 0.45, ShareFrom: 100}); u.over || u.part != 1 {
		t.Errorf("45 of 100 with a share of 0.45: %+v", u)
	}
	if u := h.missedShare(&Limits{NotFoundShare: 0.44, ShareFrom: 100}); !u.over || u.count != 45 || u.limit != 44 {
		t.Errorf("45 of 100 with a share of 0.44: %+v", u)
	}
	if u := h.missedShare(&Limits{NotFoundShare: 0.5, ShareFrom: 101}); u != (use{}) {
		t.Errorf("too few answers to judge: %+v", u)
	}
}

// TestWaiting holds requests back and wants others to pass, no more to wait
// than may, and those who go away to leave.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := only(Organisation, with(func(l *Limits) { l.PatientsPerHour = 20 }))
		k := New(rules, Options{MaxWaiting: 8})
		all := apart(100)
		for _, n := range all[:16] {
			wantStop(t, k.ask(asks("b", "RWH", "u", n), care.OK), "")
		}
		ctx, stop := context.WithCancel(t.Context())
		errs := make(chan error, 100)
		try := func(ctx context.Context, user string, n care.NHSNumber) {
			go func() { errs <- k.Admit(ctx, asks("b", "RWH", user, n)) }()
			synctest.Wait()
		}
		for i := range 3 {
			try(ctx, "u", all[20+i])
		}
		wantStop(t, <-errs, "WAITING") // a quarter of eight is two
		for i := range 6 {
			try(ctx, fmt.Sprint("v", i), all[30+i])
		}
		try(ctx, "w", all[40])
		wantStop(t, <-errs, "WAITING") // eight wait
		if n := k.Status().Waiting; n != 8 {
			t.Errorf("%d wait, want 8", n)
		}
		wantStop(t, k.Admit(ctx, asks("b", "RWH", "u", all[0])), "")  // was served: need not wait
		wantStop(t, k.Admit(ctx, asks("b", "RWJ", "x", all[50])), "") // another organisation
		stop()
		for range 8 {
			if err := <-errs; care.KindOf(err) != care.Cancelled || care.ReasonOf(err) != "CALLER_GONE" {
				t.Errorf("a caller went away: %v", err)
			}
		}
		short, done := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer done()
		wantStop(t, k.Admit(short, asks("b", "RWH", "u", all[60])), "TIME")
		s := k.Status()
		if h := k.hours[Organisation][key{organisation: "RWH"}]; h.distinct() != 16 || s.Waiting != 0 || len(k.waiting) != 0 {
			t.Errorf("%d counted, %d wait: those who went away were not answered", h.distinct(), s.Waiting)
		}
	})
}

// TestWaitersAreJudgedAgain holds two requests back at the last place that is
// left: one gets it.
func TestWaitersAreJudgedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := New(only(Organisation, with(func(l *Limits) { l.PatientsPerHour = 10 })), Options{})
		all := apart(20)
		for _, n := range all[:9] {
			wantStop(t, k.ask(asks("b", "RWH", "u", n), care.OK), "")
		}
		errs := make(chan error)
		for i := range 2 {
			go func() { errs <- k.Admit(t.Context(), asks("b", "RWH", fmt.Sprint("v", i), all[10+i])) }()
		}
		one, other := <-errs, <-errs
		if (one == nil) == (other == nil) {
			t.Errorf("got %v and %v", one, other)
		}
	})
}
