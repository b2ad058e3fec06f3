package consent

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// TestAges walks the region's age from fresh to stale. What was said holds all
// the same.
func TestAges(t *testing.T) {
	b := newBench(t)
	s := b.filled(t, said(care.Region, 1, care.Dissent, 5), said(care.Region, 2, care.Restriction, 5))
	for _, c := range []struct {
		name   string
		after  time.Duration // in all
		late   bool
		reason string
	}{
		{"at half", 12 * time.Hour, false, ""},
		{"after half", 12*time.Hour + time.Minute, true, ""},
		{"just fresh", 24 * time.Hour, true, ""},
		{"just stale", 24*time.Hour + time.Minute, true, rule.ReasonStale},
		{"days on", 72 * time.Hour, true, rule.ReasonStale},
	} {
		b.pass(s, c.after-b.clocks.now().Sub(start))
		if c.reason == "" {
			answers(t, s, 3, care.OK, "")
			answers(t, s, 2, care.PatientNotFound, rule.ReasonRestricted)
		} else {
			answers(t, s, 3, care.ConsentUnavailable, c.reason)
			answers(t, s, 2, care.ConsentUnavailable, c.reason) // as anyone is refused
		}
		answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
		if got := s.Status(); got.Doubt != c.reason || got.Late != c.late || got.Sets[0].Age != c.after {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	if !slices.Equal(b.doubts[len(b.doubts)-2:], []string{"", rule.ReasonStale}) {
		t.Errorf("told %q", b.doubts)
	}
	b.beat(t, s)
	answers(t, s, 3, care.OK, "")
}

// TestClockSetBack proves that no setting of the clock makes flags fresh, in one
// step or in many that are too small to notice.
func TestClockSetBack(t *testing.T) {
	b := newBench(t).withSource("gp", 12*time.Hour)
	s := b.filled(t)
	for range 25 * 60 {
		b.clocks.sleep(time.Minute)
		b.clocks.jump(-4 * time.Second)
		s.tick(context.Background())
	}
	answers(t, s, 3, care.ConsentUnavailable, rule.ReasonStale)
	if age := s.Status().Sets[0].Age; age != 25*time.Hour {
		t.Errorf("age %v", age)
	}
	b.clocks.jump(-26 * time.Hour)
	if got := s.Check(ask(3)); got.Refusal != care.ConsentUnavailable {
		t.Errorf("got %+v", got)
	}
}

// TestClockJumps proves that a clock that was set is doubted, at once and until
// the region has vouched with a time near ours, also across a look in between.
func TestClockJumps(t *testing.T) {
	for name, by := range map[string]time.Duration{"back": -6 * time.Second, "ahead": 6 * time.Second, "a year back": -8760 * time.Hour, "an hour ahead": time.Hour} {
		for _, looked := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				b := newBench(t)
				s := b.filled(t)
				b.pass(s, time.Hour)
				b.clocks.jump(by)
				if got := s.Check(ask(3)); got.Refusal != care.ConsentUnavailable {
					t.Errorf("before a look: %+v", got)
				}
				if looked {
					s.tick(context.Background())
				}
				b.clocks.jump(-by) // right again, but nobody knows
				switch {
				case looked:
					answers(t, s, 3, care.ConsentUnavailable, rule.ReasonClockJumped)
				default:
					answers(t, s, 3, care.OK, "")
				}
				b.clocks.jump(by)
				s.tick(context.Background())
				b.clocks.jump(-by)
				b.clocks.sleep(10 * time.Minute) // the region's last word is no proof of the time now
				check(t, s.Vouched(b.vouching(s)))
				answers(t, s, 3, care.ConsentUnavailable, rule.ReasonClockJumped)
				b.beat(t, s)
				answers(t, s, 3, care.OK, "")
			})
		}
	}
}

// TestSmallSteps proves that what time servers do to a clock is not doubted.
func TestSmallSteps(t *testing.T) {
	for _, step := range []time.Duration{-5 * time.Second, 5 * time.Second} {
		b := newBench(t)
		s := b.filled(t)
		for range 100 {
			b.clocks.sleep(10 * time.Second)
			b.clocks.jump(step)
			s.tick(context.Background())
		}
		answers(t, s, 3, care.OK, "")
	}
}

// TestSleep proves that nothing is released after a gap before the region has
// vouched again.
func TestSleep(t *testing.T) {
	b := newBench(t)
	s := b.filled(t, said(care.Region, 1, care.Dissent, 5))
	b.clocks.sleep(2 * time.Minute)
	answers(t, s, 3, care.OK, "")
	b.clocks.sleep(1)
	answers(t, s, 3, care.ConsentUnavailable, rule.ReasonUnvouched)
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
	s.tick(context.Background())
	answers(t, s, 3, care.ConsentUnavailable, rule.ReasonUnvouched)
	if s.Status().Vouched {
		t.Error("still vouched for")
	}
	b.beat(t, s)
	answers(t, s, 3, care.OK, "")
}

// TestTimeFloor proves that the time is remembered over a restart, and that only
// a region whose time is ours takes it back.
func TestTimeFloor(t *testing.T) {
	b := newBench(t)
	s := b.filled(t)
	b.clocks.jump(20 * time.Hour) // as if the machine had started with a wrong clock
	s = b.reopen(t, s)
	put(t, s, said(care.Site, 1, care.Dissent, 5))
	check(t, s.Close())
	b.clocks.jump(-20 * time.Hour)
	s = b.open(t)
	check(t, s.Vouched(b.vouching(s))) // its flags are of now, so the clock is right
	answers(t, s, 2, care.OK, "")

	b.pass(s, 20*time.Hour)
	check(t, s.Close())
	b.clocks.jump(-19 * time.Hour)
	s = b.open(t)
	answers(t, s, 2, care.ConsentUnavailable, rule.ReasonClock)
	check(t, s.Vouched(b.vouching(s)))
	answers(t, s, 2, care.ConsentUnavailable, rule.ReasonClock)
	if got := s.Status().Doubt; got != rule.ReasonClock {
		t.Errorf("status doubts %q", got)
	}
	b.beat(t, s)
	answers(t, s, 2, care.OK, "")
	if s = b.reopen(t, s); s.current().floor != b.clocks.now().UnixMilli() {
		t.Errorf("floor %v after a restart", time.UnixMilli(s.current().floor))
	}
}

// TestFloorIsWritten proves that five minutes are all that a crash can lose.
func TestFloorIsWritten(t *testing.T) {
	b := newBench(t)
	s := b.filled(t)
	epoch := s.Committed()
	b.pass(s, 9*time.Minute)
	if got := time.UnixMilli(s.current().floor).Sub(start); got != 5*time.Minute {
		t.Errorf("wrote down %v", got)
	}
	if s.Committed() != epoch {
		t.Error("the epoch has moved")
	}
}

// TestAheadOfTheRegion proves that nothing of a time to come is taken.
func TestAheadOfTheRegion(t *testing.T) {
	b := newBench(t)
	s := b.filled(t)
	b.clocks.jump(6 * time.Minute)
	b.next(t)
	b.clocks.jump(-6 * time.Minute)
	fails(t, b.snapshot(s), care.Conflict, rule.ReasonClock)
	fails(t, b.changes(s, 1), care.Conflict, rule.ReasonClock)
	b.clocks.sleep(time.Minute)
	check(t, b.changes(s, 1))
}

// TestRun proves that Run looks at the clocks, verifies, and ends with the
// store.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		began := time.Now()
		b.opts.Now = func() time.Time { return start.Add(time.Since(began)) }
		b.opts.Uptime = func() time.Duration { return time.Since(began) }
		s := b.filled(t)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(90 * time.Minute) // of the bubble: looks, writes and verifies
		answers(t, s, 3, care.OK, "")
		if got := time.UnixMilli(s.current().floor); time.Since(began)-got.Sub(start) > 2*saveEvery {
			t.Errorf("wrote down %v", got)
		}
		cancel()
		check(t, <-done)
		check(t, s.Close())
	})
}
