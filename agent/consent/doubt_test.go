package consent

import (
	"math"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// TestDoubtShowsInTheEpoch: whoever watches the epoch of a store during an
// answer must notice when it can be relied on no longer, though nothing was
// changed: after sleep, and when the region is not heard any more.
func TestDoubtShowsInTheEpoch(t *testing.T) {
	b := newBench(t)
	s := b.filled(t)
	answer := s.Check(ask(3))
	if answer.Refusal != care.OK || s.Version() != answer.Version {
		t.Fatalf("version %d, %+v", s.Version(), answer)
	}
	b.pass(s, 2*b.opts.MaxAge+time.Hour)
	if s.Version() != math.MaxUint64 || s.Committed() != answer.Epoch {
		t.Errorf("in doubt: version %d, committed %d, want %d", s.Version(), s.Committed(), answer.Epoch)
	}
}

// TestAnImpossibleEpochIsNotBelieved: a region that says it was told one closes
// no site for ever.
func TestAnImpossibleEpochIsNotBelieved(t *testing.T) {
	b := newBench(t)
	s := b.filled(t)
	v := b.vouching(s)
	v.KnownEpoch = math.MaxUint64
	fails(t, s.Meet(v), care.BadRequest, "EPOCH")
	if s.Lost() {
		t.Error("the store is lost")
	}
}
