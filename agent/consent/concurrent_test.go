package consent

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// crowded is how many patients dissent, one after the other, while others ask.
const crowded = 120

// TestChecksDuringChanges lets everything happen at once. A patient whose
// dissent was acknowledged is refused by every check that began after that, and
// an epoch never goes back.
func TestChecksDuringChanges(t *testing.T) {
	b := newBench(t).withSource("gp", time.Hour)
	b.opts.OnDoubt = nil
	for i := range 500 {
		b.admit(t, said(0, i, care.ConsentGiven, 50))
	}
	s := b.filled(t)
	var acknowledged atomic.Int64 // patients below it have dissented at the site
	done := make(chan struct{})
	var readers, writers sync.WaitGroup
	for range 4 {
		readers.Go(func() { askUntil(t, s, done, &acknowledged) })
	}
	writers.Go(func() {
		for i := range crowded {
			put(t, s, said(care.Site, i, care.Dissent, 1))
			acknowledged.Store(int64(i + 1))
		}
	})
	writers.Go(func() {
		for range 20 {
			base := b.ledger.Sequence()
			b.next(t)
			b.admit(t, said(0, 400+int(base), care.Dissent, 1))
			check(t, b.changes(s, base))
			check(t, b.snapshot(s))
		}
	})
	writers.Go(func() { readAndVerify(t, s) })
	writers.Wait()
	close(done)
	readers.Wait()
}

// askUntil asks for one patient after the other.
func askUntil(t *testing.T, s *Store, done chan struct{}, acknowledged *atomic.Int64) {
	last := uint64(0)
	for i := 0; ; i++ {
		select {
		case <-done:
			return
		default:
		}
		known, p := int(acknowledged.Load()), i%crowded
		got := s.Check(ask(p))
		switch {
		case p < known && got.Reason != rule.ReasonDissent:
			t.Errorf("patient %d of %d: %+v", p, known, got)
		case got.Refusal != care.OK && got.Reason != rule.ReasonDissent:
			t.Errorf("patient %d: %+v", p, got)
		case got.Epoch < last:
			t.Errorf("epoch %d after %d", got.Epoch, last)
		}
		last = got.Epoch
		s.Status()
	}
}

// readAndVerify reads the source again and again, and does what the agent does
// beside that.
func readAndVerify(t *testing.T, s *Store) {
	ctx := context.Background()
	for i := range 20 {
		reread(t, s, "gp", start, said(care.SourceFlag, 300+i, care.Dissent, 1))
		check(t, s.Learn("gp", number(290), []care.Directive{said(care.SourceFlag, 290, care.Dissent, i)}))
		s.tick(ctx)
		check(t, s.Verify(ctx))
		_, err := s.Show(number(i))
		check(t, err)
	}
}

// TestCheckAllocatesNothing proves that a check leaves nothing to clean up, of a
// patient with statements by everyone and with links too.
func TestCheckAllocatesNothing(t *testing.T) {
	b := newBench(t).withSource("gp", time.Hour)
	b.opts.Now, b.opts.Uptime = nil, nil
	s := b.open(t)
	b.ledger = nil
	put(t, s, said(care.Site, 1, care.ConsentGiven, 3))
	reread(t, s, "gp", b.clocks.now(), said(care.SourceFlag, 1, care.ConsentGiven, 4))
	check(t, s.Learn("gp", number(1), []care.Directive{said(care.SourceFlag, 1, care.ConsentGiven, 3)}))
	link(t, s, 1, 2, SamePerson, 2)
	for _, i := range []int{1, 2, 3} {
		r := ask(i)
		if n := testing.AllocsPerRun(1000, func() { s.Check(r) }); n >= 1 && !raceEnabled {
			t.Errorf("patient %d: %v allocations", i, n)
		}
	}
}
