package records

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// watchdog ends a context when a source is silent for too long. The time that
// the reader of the answer takes does not count against the source.
type watchdog struct {
	cancel  context.CancelFunc
	limit   time.Duration
	turns   atomic.Uint64 // odd while the reader has the item, even while the source is waited for
	expired atomic.Bool

	mu    sync.Mutex // guards timer against a tick before it is set
	timer *time.Timer
	seen  uint64 // turns at the last tick; only the tick uses it
}

// watch returns a context that ends when no item comes within the limit.
func watch(ctx context.Context, limit time.Duration) (context.Context, *watchdog) {
	ctx, cancel := context.WithCancel(ctx)
	d := &watchdog{cancel: cancel, limit: limit}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timer = time.AfterFunc(limit, func() { d.tick(ctx) })
	return ctx, d
}

// tick gives the source up when not one item came since the last tick although
// it was being waited for. A silent source lives for one to two limits.
func (d *watchdog) tick(ctx context.Context) {
	turns := d.turns.Load()
	if turns%2 == 0 && turns == d.seen {
		d.expired.Store(true)
		d.cancel()
		return
	}
	d.seen = turns
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() == nil {
		d.timer.Reset(d.limit)
	}
}

// pause is called when the source has delivered an item, resume when it is
// wanted to deliver the next. Only the goroutine that reads calls them.
func (d *watchdog) pause()       { d.turns.Add(1) }
func (d *watchdog) resume()      { d.turns.Add(1) }
func (d *watchdog) barked() bool { return d.expired.Load() }

func (d *watchdog) stop() {
	d.cancel()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timer.Stop()
}
