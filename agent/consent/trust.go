package consent

import (
	"bytes"
	"context"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// The reasons of this package's errors, beside those of its parts.
const (
	ReasonGap        = "GAP"         // changes that do not follow what was loaded
	ReasonOld        = "OLD"         // what was sent is older than what was loaded
	ReasonDigest     = "DIGEST"      // the result is not what the manifest says
	ReasonContent    = "CONTENT"     // what was sent is not what the manifest says
	ReasonResume     = "RESUME"      // the push must go on from another place
	ReasonRegion     = "REGION"      // another region's push
	ReasonBusy       = "BUSY"        // the same is being done already, or something newer
	ReasonRolledBack = "ROLLED_BACK" // the region knows of a later state of this store
	ReasonInstance   = "INSTANCE"    // the vouching is not for this process
	ReasonSource     = "SOURCE"      // the source is not in the site's configuration
	ReasonNeverLink  = "NEVER_LINK"  // a number that must not be linked
)

// highestEpoch is more than any store reaches, and leaves room above for those
// that were lost a few times.
const highestEpoch = 1 << 52

// Meet takes what the region remembers of this store, before a push. When it
// knows of a later state than this one, the file was put back from the past:
// then everything is refused, LOST, until the region has sent a snapshot, every
// source was read and RestoreSite was done. That is on disk when Meet returns
// Conflict, ROLLED_BACK; the region then sends a snapshot. A vouching for
// another process fails with INSTANCE.
func (s *Store) Meet(v Vouching) error {
	if err := s.recognise(v); err != nil {
		return err
	}
	if v.KnownEpoch > highestEpoch {
		return failure(care.BadRequest, "EPOCH", "no site has ever told such an epoch", nil)
	}
	if v.KnownEpoch <= s.current().told {
		return nil
	}
	if err := s.lose(v.KnownEpoch); err != nil {
		return err
	}
	return conflict(ReasonRolledBack, "the consent store was put back from the past; nothing is released until the region has sent a snapshot,"+
		" the sources were read, and the site's own statements were read back from the journal")
}

// Vouched notes that a push came from a region that speaks to this very
// process. If the region's time of its flags is near this machine's, the
// machine's clock is right, whatever was thought of it before.
func (s *Store) Vouched(v Vouching) error {
	if err := s.Meet(v); err != nil {
		return err
	}
	asOf, right := s.current().sets[regionSet].asOf, false
	g := s.see(func(g *sight, at moment) {
		g.vouched = true
		if right = time.Duration(at.wall-nanos(asOf)).Abs() <= nearly; right {
			g.jumped, g.floor, g.since[regionSet] = false, at.wall, at.sinceOf(asOf)
		}
	})
	defer s.tell()
	root := s.vault.Root()
	written := root.State.(*state)
	now := millis(g.floor)
	gap := now - written.floor // below 0 if the clock was once ahead
	ahead := right && written.ahead(now) != 0
	if !ahead && written.told == root.Epoch && gap >= 0 && gap < saveEvery.Milliseconds() {
		return s.vault.Err()
	}
	return s.update(context.Background(), func(c *change) error {
		for i := c.state.ahead(now); right && i != 0; i = c.state.ahead(now) {
			c.state.sets[i].filled, c.state.sets[i].asOf = false, 0
		}
		c.dirty = true
		return nil
	})
}

// ahead returns a source's set whose reading is dated ahead of now, or 0: it was
// dated by a clock that was wrong. Nobody knows how old it is, so it counts for
// nothing once the clock is right.
func (st *state) ahead(now int64) int {
	for i := firstSource; i < len(st.sets); i++ {
		if st.sets[i].asOf > now+nearly.Milliseconds() {
			return i
		}
	}
	return 0
}

func (s *Store) recognise(v Vouching) error {
	if !bytes.Equal(v.Instance, s.instance[:]) {
		return conflict(ReasonInstance, "the vouching is for another process; ask for the state of this one and vouch again")
	}
	return nil
}

// leap is how far the epoch moves when a store is lost: further than any copy of
// the store can be ahead of what others remember of it, so that every copy from
// before is older than what follows.
const leap = 1 << 20

// lose marks everything as lost and moves the epoch far beyond one that was
// known elsewhere.
func (s *Store) lose(beyond uint64) error {
	return s.update(context.Background(), func(c *change) error {
		c.state.lose()
		c.SetEpoch(max(c.Epoch(), beyond) + leap)
		c.state.told = c.Epoch()
		c.lost = true
		return nil
	})
}

// Lost reports whether what was said is not all here: see RestoreSite.
func (s *Store) Lost() bool { return s.current().lost(s.slots) }

// Run looks after the store until ctx ends or the store fails, whose error it
// then returns: every 10 seconds it compares the clocks, every 5 minutes it
// writes down what time it is, every hour it verifies the file. Without it the
// store refuses everyone after two minutes.
func (s *Store) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	verified := make(chan struct{})
	go func() {
		defer close(verified)
		s.verifyEvery(ctx, time.Hour)
	}()
	defer func() { cancel(); <-verified }()
	ticks := time.NewTicker(tickEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			s.tick(ctx)
		case <-s.Failed():
			s.tell()
			return s.vault.Err()
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *Store) verifyEvery(ctx context.Context, interval time.Duration) {
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			if err := s.Verify(ctx); err != nil && ctx.Err() == nil {
				s.opts.Log.Error("the consent store does not verify", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// tick looks at the clocks, and now and then writes down what time it is.
func (s *Store) tick(ctx context.Context) {
	g := s.look()
	s.tell()
	if millis(g.floor)-s.current().floor < saveEvery.Milliseconds() {
		return
	}
	if err := s.update(ctx, func(c *change) error { c.dirty = true; return nil }); err != nil && ctx.Err() == nil {
		s.opts.Log.Error("the time could not be written to the consent store", "error", err)
	}
}

// tell tells OnDoubt if there is another reason for doubt than it was told last.
func (s *Store) tell() {
	s.telling.Lock()
	defer s.telling.Unlock()
	s.untold = true
	if s.speaking {
		return // whoever speaks will look again
	}
	s.speaking = true
	for s.untold {
		s.untold = false
		s.telling.Unlock()
		doubt := s.doubt()
		if doubt != s.lastTold {
			s.lastTold = doubt
			s.opts.OnDoubt(doubt)
		}
		s.telling.Lock()
	}
	s.speaking = false
}

// doubt returns why patients who have not objected are refused, or nothing.
func (s *Store) doubt() string {
	if failure := s.failure(); failure != "" {
		return failure
	}
	ages := s.ages(s.current(), false)
	return ages.Doubt()
}
