package consent

import (
	"context"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// TestOldNewsGrowsOlder proves that what was old when it was heard, or when the
// process began, is that much older by the clock that nobody sets too.
func TestOldNewsGrowsOlder(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		b := newBench(t)
		var s *Store
		if restarted {
			s = b.filled(t)
			b.pass(s, 20*time.Hour)
			s = b.reopen(t, s)
			check(t, s.Vouched(b.vouching(s)))
		} else {
			b.clocks.sleep(20 * time.Hour)
			s = b.filled(t)
		}
		for range 4*60 + 10 {
			b.clocks.sleep(time.Minute)
			b.clocks.jump(-4 * time.Second)
			s.tick(context.Background())
		}
		if age := s.Status().Sets[0].Age; age != 24*time.Hour+10*time.Minute {
			t.Errorf("restarted %v: age %v", restarted, age)
		}
		answers(t, s, 3, care.ConsentUnavailable, rule.ReasonStale)
	}
}

// TestMetWhileVouched proves that a region which knows more than a store that it
// has vouched for makes it lost once, not with every push.
func TestMetWhileVouched(t *testing.T) {
	b := newBench(t)
	s := b.filled(t)
	b.known = s.Status().Epoch + 100
	fails(t, b.snapshot(s), care.Conflict, ReasonRolledBack)
	answers(t, s, 3, care.ConsentUnavailable, rule.ReasonLost)
	fails(t, b.changes(s, 1), care.Conflict, ReasonGap) // what it holds is no ground to build on
	check(t, b.snapshot(s))
	check(t, s.RestoreSite(context.Background(), each[Restored]()))
	answers(t, s, 3, care.OK, "")
	b.beat(t, s)
	if s.Lost() || s.Committed() <= 100 {
		t.Errorf("epoch %d, %+v", s.Committed(), s.Status())
	}
}

// TestOutlookIsOfItsState proves that a reader of one state is never given the
// ages of another.
func TestOutlookIsOfItsState(t *testing.T) {
	s := newBench(t).filled(t)
	lost := *s.current()
	lost.lose()
	for range 2 {
		if s.outlook(&lost).lost != true || s.outlook(s.current()).lost {
			t.Error("one outlook is taken for the other")
		}
	}
}

// TestHeldBack proves that a push which was held back for a day, and delivered
// to a machine whose clock was set back slowly meanwhile, is as old as it is.
func TestHeldBack(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		b := newBench(t)
		s := b.filled(t)
		check(t, b.ledger.Next(2, start.Add(time.Millisecond)))
		if restarted {
			s = b.reopen(t, s)
		}
		for range 24*60 + 10 {
			b.clocks.sleep(time.Minute)
			b.clocks.jump(-4 * time.Second)
			s.tick(context.Background())
		}
		check(t, b.changes(s, 1))
		answers(t, s, 3, care.ConsentUnavailable, rule.ReasonStale)
	}
}

// TestWrongAtFirst proves that a clock that was ahead when the process began
// makes nothing look old once it was proved right.
func TestWrongAtFirst(t *testing.T) {
	b := newBench(t)
	s := b.filled(t)
	check(t, s.Close())
	b.clocks.jump(48 * time.Hour)
	s = b.open(t)
	b.clocks.jump(-48 * time.Hour)
	s.tick(context.Background())
	b.beat(t, s)
	answers(t, s, 3, care.OK, "")
	if age := s.Status().Sets[0].Age; age != 0 {
		t.Errorf("age %v", age)
	}
}

// TestReadingOfAWrongTime proves that a reading dated by a clock that was ahead
// does not last longer for that, nor stand in the way of the next one.
func TestReadingOfAWrongTime(t *testing.T) {
	b := newBench(t).withSource("gp", time.Hour)
	s := b.filled(t)
	b.clocks.jump(3 * time.Hour)
	reread(t, s, "gp", b.clocks.now())
	b.clocks.jump(-3 * time.Hour)
	s.tick(context.Background())
	b.beat(t, s)
	answers(t, s, 3, care.ConsentUnavailable, rule.ReasonSourceNotRead)
	reread(t, s, "gp", b.clocks.now())
	answers(t, s, 3, care.OK, "")
}

// TestLostAfterAWrongTime proves that a reading dated ahead does not keep a lost
// store from being made whole.
func TestLostAfterAWrongTime(t *testing.T) {
	b := newBench(t).withSource("gp", time.Hour)
	s := b.filled(t)
	b.clocks.jump(3 * time.Hour)
	reread(t, s, "gp", b.clocks.now())
	b.clocks.jump(-3 * time.Hour)
	b.known = s.Committed() + 1
	fails(t, b.snapshot(s), care.Conflict, ReasonRolledBack)
	reread(t, s, "gp", b.clocks.now())
	if set := s.Status().Sets[2]; set.Lost || !set.Filled {
		t.Errorf("%+v", set)
	}
}
