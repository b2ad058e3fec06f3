package forward

import (
	"context"
	"sync"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// Limits of what is on its way to one receiver.
const (
	MaxBatch      = 256     // entries
	maxBatchBytes = 1 << 20 // of their fields
)

// pollHead is how often the journal's head is looked at while entries wait to
// be covered by it.
const pollHead = 250 * time.Millisecond

// feed reads the journal for one connection and sends it in batches.
type feed struct {
	*worker
	conn   connection
	next   uint64 // number of the entry that comes next
	head   uint64 // entries up to here are on disk
	before state  // how it was before the batch that was sent last

	batch   []*record
	size    int
	dropped Dropped // found since the last batch
}

// both feeds the connection and watches it. What ends one ends the other.
func (f *feed) both(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { stop(f.conn.watch(ctx)) })
	err := cause(ctx, f.follow(ctx))
	stop(nil)
	watching.Wait()
	return err
}

// follow sends what is written until ctx ends or something fails.
func (f *feed) follow(ctx context.Context) error {
	for line, err := range audit.Follow(ctx, f.Folder, f.next) {
		if care.ReasonOf(err) == audit.ReasonDamaged {
			continue // the gap shows at the next entry
		}
		if err == nil {
			err = f.older(ctx, line.Sequence)
		}
		if err == nil {
			err = f.take(ctx, &line)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// older sends the entries that come before one, if they were archived.
func (f *feed) older(ctx context.Context, sequence uint64) error {
	if f.next >= sequence {
		return nil
	}
	for line, err := range audit.ReadWith(f.Folder, f.archive(), f.next, sequence-1) {
		if care.ReasonOf(err) == audit.ReasonDamaged {
			continue
		}
		if err == nil {
			err = f.take(ctx, &line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// take puts an entry into the batch, and sends the batch when it is full or
// nothing else waits.
func (f *feed) take(ctx context.Context, line *audit.Line) error {
	if line.Sequence > f.head {
		if err := f.await(ctx, line.Sequence); err != nil {
			return err
		}
	}
	f.drop(line)
	r := newRecord(line, f.Identifiers, f.Box)
	if f.size+r.size > maxBatchBytes || len(f.batch) == MaxBatch {
		if err := f.flush(ctx); err != nil {
			return err
		}
	}
	f.batch, f.size, f.next = append(f.batch, r), f.size+r.size, line.Sequence+1
	if line.Sequence < f.head {
		return nil
	}
	return f.flush(ctx)
}

// await sends what there is and waits until an entry is on disk.
func (f *feed) await(ctx context.Context, sequence uint64) error {
	if err := f.flush(ctx); err != nil {
		return err
	}
	for {
		head, err := durable(f.Folder)
		f.head = head
		if err != nil || head >= sequence {
			return err
		}
		if wait(ctx, pollHead); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// drop notes the entries that should have come before one and did not. Numbers
// that the entry states as missing never were entries, and what went before a
// receiver was set up was not for it.
func (f *feed) drop(line *audit.Line) {
	to := line.Sequence - 1
	if line.MissingFrom > 0 && line.MissingTo == to {
		to = line.MissingFrom - 1
	}
	if f.next > 1 && to >= f.next {
		f.dropped = Dropped{Count: f.dropped.Count + to - f.next + 1, From: f.next, To: to}
	}
}

// flush sends the batch.
func (f *feed) flush(ctx context.Context) error {
	if len(f.batch) == 0 {
		return nil
	}
	rejected, err := f.conn.send(ctx, f.batch)
	if err != nil {
		return err
	}
	done := f.state
	f.before = done
	done.last = f.batch[len(f.batch)-1].position
	done.rejected += rejected
	if d := f.dropped; d.Count > 0 {
		done.dropped = Dropped{Count: done.dropped.Count + d.Count, From: d.From, To: d.To}
	}
	clear(f.batch)
	f.batch, f.size, f.dropped = f.batch[:0], 0, Dropped{}
	f.delivered(done)
	if rejected > 0 {
		f.tell("a receiver rejected entries", &care.Error{Kind: care.Unsupported, Op: "forward.Run", Reason: "REJECTED",
			Detail: "the receiver did not take some of the entries up to the position; its log says why"})
	}
	return nil
}
