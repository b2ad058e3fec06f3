package consent

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
	"go.etcd.io/bbolt"
)

// LongestMaxAge is the most that Options.MaxAge may be. There is no way to
// ignore age.
const LongestMaxAge = 90 * 24 * time.Hour

// Options is how a store is opened.
type Options struct {
	Key    sitekey.Key      // the site's key; required
	Model  Model            // the region's rule; required
	MaxAge time.Duration    // how long the region's word holds; above 0, at most LongestMaxAge
	Now    func() time.Time // the clock; time.Now if nil
	Log    hclog.Logger     // no log if nil
}

// Store is the consent store. All methods may be called from many goroutines;
// changes are made one at a time and readers never wait for them.
type Store struct {
	model  Model
	maxAge time.Duration
	now    func() time.Time
	log    hclog.Logger

	db       *bbolt.DB // nil when the store failed to open
	sealers  sync.Pool // of *sealer
	current  atomic.Pointer[snapshot]
	writing  chan struct{} // holds one token while a change is made
	abandon  atomic.Bool   // bbolt panicked in a change and may hold its locks for ever
	failed   chan struct{}
	failOnce sync.Once
}

// Check answers whether the record of the request's subject may leave. It
// reads memory-mapped pages only and never waits for a change in progress: a
// change counts from the moment its method has returned. Where the
// demographics were not checked, the caller must do so; Check knows the NHS
// number alone.
func (s *Store) Check(req *care.Request) care.ConsentAnswer {
	if req.Subject.NHSNumber.IsZero() {
		return care.ConsentAnswer{Refusal: care.InvalidNHSNumber, Epoch: s.Epoch()}
	}
	var flags Flags
	snap := s.read(req.Subject.NHSNumber, func(_ care.Authority, e *entry) { e.flag(&flags) })
	ask := Ask{Purpose: req.Purpose, Permission: req.Permission, Reason: req.Reason}
	answer := Decide(flags, ask, snap.ages(s.now(), s.maxAge), s.model)
	answer.Epoch = snap.Epoch
	return answer
}

// Show returns every directive kept of one patient, region first. It fails
// with ConsentUnavailable when the store has failed, but not because it is
// empty or old.
func (s *Store) Show(n care.NHSNumber) ([]care.Directive, error) {
	if n.IsZero() {
		return nil, failure(care.InvalidNHSNumber, "", "the NHS number is missing", nil)
	}
	var found []care.Directive
	snap := s.read(n, func(a care.Authority, e *entry) {
		for _, said := range e.said {
			if said.kind != 0 {
				found = append(found, said.directive(n, a))
			}
		}
	})
	if snap.err != nil {
		return nil, snap.err
	}
	return found, nil
}

// read calls visit for each authority's entry of a patient and returns the
// snapshot that was read, which is the failed one if reading failed.
//
// The snapshot is loaded before the transaction begins, so that what is read
// is never older than the epoch it goes under. In between, a new snapshot of an
// authority may be shown and the old bucket removed; then it is read again.
func (s *Store) read(n care.NHSNumber, visit func(care.Authority, *entry)) *snapshot {
	z := s.sealers.Get().(*sealer)
	defer s.sealers.Put(z)
	key := z.key(n)
	for {
		snap := s.current.Load()
		if snap.err != nil {
			return snap
		}
		entries, err := s.lookup(snap, z, &key)
		now := s.current.Load()
		switch {
		case now.err != nil:
			return now
		case err != nil && now == snap:
			return s.fail(damageOf(err))
		case err != nil:
			continue
		}
		for i := range entries {
			if entries[i].epoch != 0 {
				visit(care.Authority(i+1), &entries[i])
			}
		}
		return snap
	}
}

// lookup reads a patient's entries; one with epoch 0 is not there.
func (s *Store) lookup(snap *snapshot, z *sealer, key *patientKey) (found [authorities]entry, err error) {
	err = guard(func() error {
		tx, err := s.db.Begin(false)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		for i := range snap.Sets {
			if snap.Sets[i].Patients == 0 {
				continue
			}
			bucket := tx.Bucket(snap.buckets[i])
			if bucket == nil {
				return errNoBucket
			}
			value := bucket.Get(key[:])
			if value == nil {
				continue
			}
			e, ok := z.openEntry(care.Authority(i+1), key, value)
			if !ok {
				return errBadSeal
			}
			found[i] = e
		}
		return nil
	})
	return found, err
}

// Epoch returns a number that changes whenever a directive changes, and to the
// largest uint64 when the store fails. It costs one atomic load. An answer of
// Check holds for as long as Epoch is the answer's.
func (s *Store) Epoch() uint64 { return s.current.Load().Epoch }

// Failed is closed when a change could not be written, or not be undone. What
// this process sees of the file may then differ from what is on disk: it must
// exit and open the store again. Until then the store refuses everything.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Verify checks every entry, count and digest of the file, about a second for
// each million of patients. On damage the store refuses from then on.
func (s *Store) Verify(ctx context.Context) error {
	before := s.current.Load()
	if before.err != nil {
		return before.err
	}
	err := guard(func() error {
		tx, err := s.db.Begin(false)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		st, err := s.verify(ctx, tx)
		if err == nil && st.Epoch < before.Epoch {
			return errOldState
		}
		return err
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	return s.fail(damageOf(err)).err
}

// Close waits for the calls in progress and closes the file. It may be called
// more than once; every other method then refuses.
func (s *Store) Close() error {
	s.fail(failure(care.ConsentUnavailable, ReasonClosed, "the consent store is closed", nil))
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	if s.db == nil || s.abandon.Load() {
		return nil
	}
	if err := guard(s.db.Close); err != nil {
		return failure(care.ConsentUnavailable, "CLOSE", "the consent store could not be closed", err)
	}
	return nil
}

// fail makes the store refuse with err from now on, unless it refuses already,
// and returns the snapshot that says so.
func (s *Store) fail(err *care.Error) *snapshot {
	for {
		old := s.current.Load()
		if old.err != nil {
			return old
		}
		if next := failedSnapshot(err); s.current.CompareAndSwap(old, next) {
			if err.Reason != ReasonClosed {
				s.log.Error("consent store refuses everything", "reason", err.Reason, "detail", err.Detail)
			}
			return next
		}
	}
}

// poison makes the store refuse and asks for the end of the process.
func (s *Store) poison(cause error) *care.Error {
	snap := s.fail(failure(care.ConsentUnavailable, ReasonPoisoned,
		"a change could not be written; the agent must restart to see what is on disk: check space and health of the disk", cause))
	s.failOnce.Do(func() { close(s.failed) })
	return snap.err
}

// Causes of damage. They say where to look and nothing of the data.
var (
	errFault    = errors.New("bbolt panicked or touched memory beyond the file")
	errNoBucket = errors.New("a bucket is missing")
	errBadSeal  = errors.New("an entry does not match its seal")
	errBadState = errors.New("the state record is missing or does not match its seal")
	errBadSet   = errors.New("the entries of an authority are not those of the state record")
	errOldState = errors.New("the state record is older than the one last written")
)

// damageOf returns err as damage. An error that is damage already stays.
func damageOf(err error) *care.Error {
	if e, ok := errors.AsType[*care.Error](err); ok && e.Reason == ReasonDamaged {
		return e
	}
	return damage("the consent store is damaged, was changed by another program, or belongs to another site key", err)
}

// guard runs fn and returns a panic as an error that is errFault. bbolt panics
// on pages that make no sense, and a page beyond the end of the file is a
// memory fault, which only SetPanicOnFault makes recoverable.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errFault, p)
		}
	}()
	return fn()
}
