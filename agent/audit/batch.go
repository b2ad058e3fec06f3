package audit

import (
	"context"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// The most bytes that a line has beside its body, and that a line has which
// tells that the clock was set.
const (
	maxHeader    = 256
	maxClockLine = 512
)

// batch is a group of entries that are committed together.
type batch struct {
	lines []byte        // whole lines with their newlines
	leaf  [][32]byte    // their leaf hashes
	first uint64        // number of the first entry
	last  care.Position // the last entry
	done  chan struct{} // closed when it is known how it ended
	err   error         // how; set before done is closed
}

func newBatch(lines []byte, leaves [][32]byte) *batch {
	return &batch{lines: lines[:0], leaf: leaves[:0], done: make(chan struct{})}
}

// count returns how many entries the batch has.
func (b *batch) count() uint64 {
	if len(b.lines) == 0 {
		return 0
	}
	return b.last.Sequence - b.first + 1
}

// finish wakes all who wait for the batch.
func (b *batch) finish(err error) {
	b.err = err
	close(b.done)
}

// entry is a care.Entry that has a place in a batch.
type entry struct {
	journal  *Journal
	batch    *batch
	position care.Position
	lazy     bool // the commit was not started yet
}

func (e *entry) Position() care.Position { return e.position }

func (e *entry) Wait(ctx context.Context) error {
	select {
	case <-e.batch.done:
		return e.batch.err
	default:
	}
	if e.lazy {
		e.journal.commitHere()
	}
	select {
	case <-e.batch.done:
		return e.batch.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refused is a care.Entry that was never written.
type refused struct{ err error }

func (r refused) Position() care.Position { return care.Position{} }

func (r refused) Wait(context.Context) error { return r.err }

// enqueue adds a line to the pending batch, unless the journal cannot take it.
func (j *Journal) enqueue(body []byte, lazily bool) care.Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.now()
	if err := j.refusal(len(body)); err != nil && !j.takesFact(body) {
		j.reserve.keep(body, now)
		return refused{err}
	}
	before := len(j.pending.lines)
	j.watchClock(now)
	j.add(header{time: now}, body)
	j.room -= min(j.room, int64(len(j.pending.lines)-before))
	switch {
	case !lazily:
		j.kick()
	case before == 0:
		j.lazy.Reset(lazyDelay)
	}
	return &entry{journal: j, batch: j.pending, position: j.pending.last, lazy: lazily}
}

// refusal says why n more bytes cannot be taken, or returns nil.
func (j *Journal) refusal(n int) error {
	switch {
	case j.closed:
		return unavailable("audit.Append", ReasonClosed, nil)
	case j.broken != nil:
		return j.broken
	case len(j.pending.lines)+n > j.maxPending:
		return unavailable("audit.Append", ReasonOverloaded, nil)
	}
	return nil
}

// takesFact reports whether there is room for a body although nothing may be
// released, because no further segment can be made: what was refused and what
// failed is still written, into the space that was kept for it. The last of that
// is for what ends the shortage.
func (j *Journal) takesFact(body []byte) bool {
	need := int64(len(body) + maxHeader + maxClockLine)
	if !freesSpace(body) {
		need += min(j.reserved()/2, maxKeptRoom)
	}
	return !j.closed && j.room >= need && isFact(body)
}

// add gives a body its place at the end of the pending batch. The header's
// number, batch and link are filled in here. j.mu is held.
func (j *Journal) add(h header, body []byte) {
	b := j.pending
	if len(b.lines) == 0 {
		b.first = j.next
	}
	h.sequence, h.batch, h.prev = j.next, b.first, j.prev
	start := len(b.lines)
	b.lines = appendLine(b.lines, &h, body)
	j.hash.Reset()
	j.hash.Write(j.leaf[:])
	j.hash.Write(b.lines[start:])
	j.hash.Sum(j.prev[:0])
	b.lines = append(b.lines, '\n')
	b.leaf = append(b.leaf, j.prev)
	b.last = care.Position{Sequence: j.next, Leaf: j.prev}
	if j.awaited > 0 && b.count() >= j.awaited {
		j.awaited = 0
		select {
		case j.gathered <- struct{}{}:
		default: // one is there already
		}
	}
	j.next++
}

// take ends the pending batch and begins a new one. It returns nil if there is
// nothing to commit.
func (j *Journal) take() *batch {
	j.mu.Lock()
	defer j.mu.Unlock()
	b := j.pending
	if len(b.lines) == 0 {
		return nil
	}
	j.pending, j.free = newBatch(j.free, j.freeLeaves), nil
	j.freeLeaves = nil
	return b
}

// kick tells the committer that something is to be committed now.
func (j *Journal) kick() {
	select {
	case j.wake <- struct{}{}:
	default: // it has been told and has not looked yet
	}
}
