package consent

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/agent/consent/spool"
)

// MaxSnapshot is how many directives a snapshot may have.
const MaxSnapshot = 10_000_000

// checkpointEvery is how many directives of a snapshot arrive before they are
// brought to the disk: what a push that broke off loses at most.
const checkpointEvery = 25_000

// stagedSuffix names the file beside the store in which a snapshot arrives.
const stagedSuffix = ".incoming"

// Snapshot is a push of all that the region says, while it arrives. It may be
// used by many goroutines, though it makes sense for one.
type Snapshot struct {
	store *Store
	push  push
	keys  *keyer

	mu      sync.Mutex
	spool   *spool.Spool // nil when the push is over
	content feed.Content
	arrived uint64 // directives
	saved   uint64 // of these, on disk
	row     []byte
}

// BeginSnapshot begins a push of all that the region says, or goes on with one
// of the very same manifest that broke off. from is how many of its directives
// the region skips because they have arrived: 0, or what Status.Staged says; any
// other number is a Conflict, RESUME, whose detail has the right one. The old
// set is served until Finish. A push under way is abandoned in favour of the new
// one, for its connection may be dead.
//
// It fails like Apply for what the manifest alone shows, and with LimitExceeded
// for more than 10,000,000 directives.
func (s *Store) BeginSnapshot(ctx context.Context, manifest []byte, from uint64) (*Snapshot, error) {
	p, err := s.read(manifest, true)
	if err != nil {
		return nil, err
	}
	if p.Rows > MaxSnapshot {
		return nil, failure(care.LimitExceeded, "DIRECTIVES", fmt.Sprintf("more than %d directives in one snapshot", MaxSnapshot), nil)
	}
	if err := first(ctx.Err(), s.vault.Err(), s.newer(s.current(), &p)); err != nil {
		return nil, err
	}
	s.pushing.Lock()
	defer s.pushing.Unlock()
	if s.snapshot != nil {
		s.snapshot.Abandon()
	}
	n := &Snapshot{store: s, push: p, keys: newKeyer(s.keySecret)}
	if err := n.open(from); err != nil {
		return nil, err
	}
	s.snapshot = n
	return n, nil
}

// open makes the spool of a push, or opens the one that is there.
func (n *Snapshot) open(from uint64) error {
	path := n.store.path + stagedSuffix
	if from > 0 {
		if err := n.resume(path); err != nil {
			return err
		}
		if n.arrived != from {
			return errors.Join(conflict(ReasonResume, fmt.Sprintf("go on from %d", n.arrived)), n.close())
		}
		return nil
	}
	n.store.staged.Store(nil)
	var err error
	n.spool, err = spool.Create(path, n.store.spoolKey, n.push.id)
	return err
}

// resume opens the spool of a push that broke off.
func (n *Snapshot) resume(path string) error {
	rows, checkpoint, _, err := spool.Open(path, n.store.spoolKey, n.push.id)
	if err != nil {
		return conflict(ReasonResume, "go on from 0")
	}
	n.spool = rows
	if n.arrived, err = parseCheckpoint(checkpoint, &n.content); err != nil {
		return errors.Join(conflict(ReasonResume, "go on from 0"), n.remove())
	}
	n.saved = n.arrived
	return nil
}

// A checkpoint is the number of directives, eight bytes big-endian, and the
// state of the content hash.
func parseCheckpoint(checkpoint []byte, content *feed.Content) (directives uint64, err error) {
	if len(checkpoint) < 8 {
		return 0, errRow
	}
	return binary.BigEndian.Uint64(checkpoint), content.UnmarshalBinary(checkpoint[8:])
}

// Add takes the next directives. They are on disk after the next checkpoint,
// every 25,000 directives, from which a push that breaks off goes on. It fails
// with BadRequest for a directive that is not valid, and CONTENT for more than
// the manifest says; with Conflict, BUSY when the push is over.
func (n *Snapshot) Add(ds []care.Directive) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.spool == nil {
		return errOver
	}
	if n.arrived+uint64(len(ds)) > n.push.Rows {
		return failure(care.BadRequest, ReasonContent, "there are more directives than the manifest says", nil)
	}
	for i := range ds {
		if err := n.add(&ds[i]); err != nil {
			return errors.Join(numbered(int(n.arrived)+1, err), n.close()) // what is not on disk yet is dropped
		}
	}
	if n.arrived-n.saved >= checkpointEvery {
		return n.checkpoint()
	}
	return nil
}

func (n *Snapshot) add(d *care.Directive) error {
	said, err := explode(d, care.Region, n.push.AsOf)
	if err != nil {
		return err
	}
	key := spool.Key(n.keys.key(d.NHSNumber))
	for _, statement := range said {
		if n.row, err = appendRow(n.row[:0], d.NHSNumber, statement); err != nil {
			return err
		}
		if err := n.spool.Add(&key, n.row); err != nil {
			return err
		}
	}
	n.content.Add(d)
	n.arrived++
	return nil
}

func (n *Snapshot) checkpoint() error {
	hash, err := n.content.MarshalBinary()
	if err != nil {
		return err
	}
	if err := n.spool.Checkpoint(append(binary.BigEndian.AppendUint64(nil, n.arrived), hash...)); err != nil {
		return errors.Join(err, n.close())
	}
	n.saved = n.arrived
	n.store.staged.Store(&Staged{Manifest: n.push.id, Directives: n.saved})
	return nil
}

// Finish makes what has arrived the region's set, if it is what the manifest
// says: at once, and on disk when Finish returns. It fails with BadRequest
// CONTENT when not all has arrived or something else, with Conflict DIGEST when
// that does not come to what the manifest says, and like Apply when something
// newer was loaded meanwhile. After an error of ctx or of the disk the push may
// go on from where Status.Staged says.
func (n *Snapshot) Finish(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.spool == nil {
		return errOver
	}
	if err := n.push.contains(n.arrived, &n.content); err != nil {
		return errors.Join(err, n.remove())
	}
	err := n.install(ctx)
	if err != nil && (ctx.Err() != nil || n.store.vault.Err() != nil || care.ReasonOf(err) == spool.ReasonFailed) {
		return errors.Join(err, n.close())
	}
	if removed := n.remove(); removed != nil {
		n.store.opts.Log.Warn("the file of a snapshot could not be removed", "error", removed)
	}
	return err
}

func (n *Snapshot) install(ctx context.Context) error {
	s := n.store
	var g gathering
	built, err := g.build(ctx, s, regionSet, n.spool)
	if err != nil {
		return err
	}
	err = s.update(ctx, func(c *change) error {
		if err := s.newer(&c.state, &n.push); err != nil {
			return err
		}
		if err := c.load(&n.push, &g.set, g.patients); err != nil {
			return err
		}
		c.moved = true
		return c.Adopt(built)
	})
	if err != nil {
		built.Discard()
		return err
	}
	s.hear(regionSet, n.push.AsOf.UnixMilli())
	s.opts.Log.Info("consent snapshot loaded", "sequence", n.push.Sequence, "patients", g.patients)
	return nil
}

// Abandon ends the push. What is on disk of it stays, so that it can go on.
func (n *Snapshot) Abandon() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.close(); err != nil {
		n.store.opts.Log.Warn("the file of a snapshot could not be closed", "error", err)
	}
}

func (n *Snapshot) close() error {
	if n.spool == nil {
		return nil
	}
	err := n.spool.Close()
	n.spool = nil
	return err
}

func (n *Snapshot) remove() error {
	err := n.spool.Remove()
	n.spool = nil
	n.store.staged.Store(nil)
	return err
}

var errOver = conflict(ReasonBusy, "this push is over; another may be under way")

// findStaged looks for a snapshot of which a part arrived before the restart.
// One that cannot be gone on with is removed.
func (s *Store) findStaged() error {
	path := s.path + stagedSuffix
	id, err := spool.Identify(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		var content feed.Content
		rows, checkpoint, _, openErr := spool.Open(path, s.spoolKey, id)
		if err = openErr; err == nil {
			staged := &Staged{Manifest: id}
			staged.Directives, err = parseCheckpoint(checkpoint, &content)
			s.staged.Store(staged)
			err = errors.Join(err, rows.Close())
		}
	}
	if err == nil {
		return nil
	}
	s.opts.Log.Warn("a snapshot that broke off cannot be gone on with", "error", err)
	s.staged.Store(nil)
	return os.Remove(path)
}
