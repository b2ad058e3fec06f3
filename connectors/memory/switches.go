package memory

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Stop makes the source fail like one that is down: every call, those under
// way included, fails with SourceUnavailable and Reason DOWN until Start.
func (c *Connector) Stop() { c.switches.set(&fault{down: true}) }

// Start ends whatever Stop, StopAfter or Hang has begun.
func (c *Connector) Start() { c.switches.set(nil) }

// StopAfter lets the source yield n more records, counted over all calls, and
// then stops it: the way a source dies halfway through an answer.
func (c *Connector) StopAfter(n int) {
	f := &fault{}
	f.left.Store(int64(n))
	c.switches.set(f)
}

// Hang makes the source take questions and answer none: every call waits for
// its context to end, for Start or for Close. The channel is closed once a
// question has arrived.
func (c *Connector) Hang() (asked <-chan struct{}) {
	f := &fault{hanging: true, asked: make(chan struct{}), over: make(chan struct{})}
	c.switches.set(f)
	return f.asked
}

// fault is one way in which the source fails: down, hanging, or else about to
// die.
type fault struct {
	down    bool
	hanging bool
	left    atomic.Int64 // records until the source dies
	ask     sync.Once
	asked   chan struct{}
	over    chan struct{} // closed when a hanging source is started or closed
}

// dead reports whether nothing comes any more.
func (f *fault) dead() bool { return f.down || !f.hanging && f.left.Load() <= 0 }

// switches hold the present fault, if any. A closed source has one for ever.
type switches struct {
	mu     sync.Mutex // for set and close
	closed bool
	now    atomic.Pointer[fault]
}

func (s *switches) set(f *fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if old := s.now.Swap(f); old != nil && old.over != nil {
		close(old.over)
	}
}

func (s *switches) close() {
	s.set(&fault{down: true})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// ready says why the source cannot answer now, or nothing.
func (s *switches) ready(ctx context.Context) error {
	f := s.now.Load()
	for f != nil && f.hanging && ctx.Err() == nil {
		f.ask.Do(func() { close(f.asked) })
		select {
		case <-ctx.Done():
		case <-f.over:
			f = s.now.Load()
		}
	}
	if err := ctx.Err(); err != nil {
		return &care.Error{Kind: care.KindOf(err), Op: "memory", Detail: "the caller went away or its time is over", Err: err}
	}
	if f != nil && f.dead() {
		return down()
	}
	return nil
}

// spend is ready for one more record.
func (s *switches) spend(ctx context.Context) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if f := s.now.Load(); f != nil && !f.hanging && f.left.Add(-1) < 0 {
		return down()
	}
	return nil
}

func down() error {
	return &care.Error{Kind: care.SourceUnavailable, Op: "memory", Reason: "DOWN", Detail: "the source is stopped; start it again"}
}
