package agent

import (
	"context"
	"sync"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

const (
	restoreEvery = time.Minute // how often it is looked whether some of what the site has said is missing
	restoreAgain = time.Hour   // how long after a failure: each reads the whole journal, and is an entry
)

// restorer is how what the site itself has said is read back from the journal
// into a store that has lost it. That takes as long as reading the whole
// journal, so it is done once at a time, and no push of the region waits for it.
type restorer struct {
	missed chan struct{} // holds a token when the store was just found to miss something
	mu     sync.Mutex    // held while it is read back
	failed time.Time     // when that failed last
}

// restoreSite reads back what the site has said, now and whenever the store comes
// to miss it.
func (a *Agent) restoreSite(ctx context.Context) error {
	ticks := time.NewTicker(restoreEvery)
	defer ticks.Stop()
	for {
		a.restoreIfLost(ctx)
		select {
		case <-ticks.C:
		case <-a.restore.missed:
		case <-ctx.Done():
			return nil
		}
	}
}

// restoreSoon has what the site has said read back without waiting for it.
func (a *Agent) restoreSoon() {
	select {
	case a.restore.missed <- struct{}{}:
	default: // it is to be done already
	}
}

// restoreIfLost reads back what the site has said if the store misses it, and
// waits for whoever does so already. A failure is in the log and the journal.
func (a *Agent) restoreIfLost(ctx context.Context) {
	if !a.siteLost() {
		return
	}
	r := &a.restore
	r.mu.Lock()
	defer r.mu.Unlock()
	if !a.siteLost() || time.Since(r.failed) < restoreAgain {
		return
	}
	if err := (desk{a}).rebuild(ctx, "agent", nil); err != nil && ctx.Err() == nil {
		r.failed = time.Now()
		a.log.Error("what the site has said about sharing cannot be read back from the journal; see consent.md", "error", err)
	}
}

// siteLost reports whether the site's own statements have to be brought back.
func (a *Agent) siteLost() bool {
	for _, set := range a.consent.Status().Sets {
		if set.Authority == care.Site {
			return set.Lost
		}
	}
	return false
}
