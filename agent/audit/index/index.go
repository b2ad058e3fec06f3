package index

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// Options say which journal is indexed.
type Options struct {
	Folder  string     // the journal's
	Archive string     // where archived segments are, or empty
	Key     [32]byte   // of the index, secret; another one makes another index
	Box     *audit.Box // tells patients; required
}

// Index is the search index of one journal. It keeps nothing open and little in
// memory; its methods may be called from many goroutines, and from several
// processes at once.
type Index struct {
	journal string
	archive string
	folder  string
	key     [32]byte
	box     *audit.Box
}

// New returns the index of a journal. It does no input or output.
func New(o Options) *Index {
	return &Index{journal: o.Folder, archive: o.Archive, folder: filepath.Join(o.Folder, folderName), key: o.Key, box: o.Box}
}

// Status says what an index covers.
type Status struct {
	Last       uint64 // number of the last entry in the index
	Entries    uint64 // entries in the index
	Unrevealed uint64 // of them, those whose patient could not be told: another site key, or damage
}

// Update brings the index up to date with the journal and says what it covers
// then. What it finds damaged, or made of other entries than are there now, it
// makes again. It may be interrupted at any point: every block that was finished
// stays. It fails with care.AuditUnavailable if files cannot be read or
// written; the index is then as good as before.
func (x *Index) Update(ctx context.Context) (Status, error) {
	return x.update(ctx, true, func(context.Context) error { return nil })
}

// update reads all of the index first if it is to be thorough, and else only
// what it goes on from. It calls pace after every few entries; an error of pace
// ends it.
func (x *Index) update(ctx context.Context, thorough bool, pace func(context.Context) error) (Status, error) {
	u := &updater{Index: x, seals: newSealer(&x.key), hashes: newHasher(&x.key), pace: pace, thorough: thorough}
	err := u.run(ctx)
	return u.covered(), failed("index.Update", err)
}

// failed returns err as an error of this package; nil stays nil.
func failed(op string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, ok := errors.AsType[*care.Error](err); ok {
		return err
	}
	return &care.Error{Kind: care.AuditUnavailable, Op: op, Reason: audit.ReasonIOError,
		Detail: "the journal's folder or its search index cannot be read or written; check the volume and the rights of the account", Err: err}
}

const (
	// farBehind is how many entries the index may be behind before it is
	// updated although more are coming.
	farBehind = 32 << 10
	// The part of one processor that Run takes while it updates, as one in so
	// many: while no entries come, and while some do.
	quietShare = 4
	busyShare  = 32
)

// Run keeps the index up to date until ctx ends, and returns nil then. Every
// interval it looks at how many entries the journal has: it updates when there
// are some that it does not know and no more came since the last look, or when
// it is far behind. It takes at most a quarter of one processor, and while
// entries come a thirty-second, so that releases go first. The first update checks all of the index, and mends it. One
// that fails is told to log and tried again at the next look.
func (x *Index) Run(ctx context.Context, interval time.Duration, entries func() uint64, log hclog.Logger) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var seen, indexed uint64
	for {
		now := entries()
		if now != indexed && (now == seen || now-indexed >= farBehind) {
			status, err := x.update(ctx, indexed == 0, politely(entries))
			if err != nil && ctx.Err() == nil {
				log.Warn("the journal's search index cannot be updated; searches take longer", "error", err)
			} else if err == nil {
				indexed = max(now, status.Last)
			}
		}
		seen = now
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// politely returns a pace that rests so much longer than was worked as its
// share demands.
func politely(entries func() uint64) func(context.Context) error {
	began, seen := time.Now(), entries()
	return func(ctx context.Context) error {
		share, now := time.Duration(quietShare), entries()
		if now != seen {
			share, seen = busyShare, now
		}
		rest := time.NewTimer((share - 1) * time.Since(began))
		defer rest.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-rest.C:
		}
		began = time.Now()
		return nil
	}
}
