package consent

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"go.etcd.io/bbolt"
)

// batchSize is how many directives of a snapshot are written in one transaction.
const batchSize = 100_000

// fillPercent suits keys that arrive sorted, as nearly all do.
const fillPercent = 0.9

// Set takes one directive and reports whether it changed anything: it does not
// if the authority has said something later about the same matter. It returns
// once the change is on disk. A zero Recorded means now.
//
// A dissent or restriction dated in the future holds at once and is kept as
// effective now, so that it can be lifted again. A consent or lifting dated
// more than five minutes ahead is refused with BadRequest, reason
// FUTURE_DATED: it would outrank every dissent until then.
func (s *Store) Set(ctx context.Context, d care.Directive) (changed bool, err error) {
	rows, err := s.rows(ctx, d.Authority, slices.Values([]care.Directive{d}), 1)
	if err != nil {
		return false, err
	}
	err = s.change(ctx, func() error {
		return s.update(func(tx *bbolt.Tx, next *state) (bool, error) {
			changed, err = s.put(tx, next, next.of(d.Authority), d.Authority, rows)
			return changed, err
		})
	})
	return changed && err == nil, err
}

// Apply takes a delta: changes since the snapshot or delta numbered base, as
// of a time at which the authority vouched for the whole set. At most 100,000
// directives; none is a sign of life that only moves asOf on. Each is taken as
// by Set. It fails with Conflict: reason GAP when base is not the last
// sequence or there was no snapshot, OLD when asOf or sequence go back, CLOCK
// when asOf is ahead of this machine's clock. Repeating the last sequence
// changes nothing and succeeds.
func (s *Store) Apply(ctx context.Context, a care.Authority, base, sequence uint64, asOf time.Time, changes []care.Directive) error {
	rows, err := s.rows(ctx, a, slices.Values(changes), maxDelta)
	if err != nil {
		return err
	}
	slices.SortFunc(rows, byKey)
	return s.change(ctx, func() error {
		return s.update(func(tx *bbolt.Tx, next *state) (bool, error) {
			set := next.of(a)
			if set.Filled && sequence == set.Sequence {
				return false, nil
			}
			if !set.Filled || base != set.Sequence {
				return false, conflict("GAP", "the delta does not follow what was loaded; send a snapshot")
			}
			if sequence < base {
				return false, conflict("OLD", "the delta's number is lower than its base")
			}
			if err := s.advance(set, sequence, asOf); err != nil {
				return false, err
			}
			_, err := s.put(tx, next, set, a, rows)
			return true, err
		})
	})
}

// Replace takes a snapshot: every directive of one authority at once, also
// those stored by Set. Patients who are not in it lose that authority's
// directives and no other. The old set is served until the new one is on disk;
// an error of all, or any directive that is not valid, leaves it in place. At
// most 5,000,000 directives, which are held in memory; of several about one
// patient and matter the latest counts. It fails with Conflict like Apply; a
// sequence equal to the last is taken, as a resynchronisation.
//
// A snapshot of the region also moves the store's time floor back to now: it
// is proof of the time, and without it a clock that was once far ahead would
// lock the store for good.
func (s *Store) Replace(ctx context.Context, a care.Authority, sequence uint64, asOf time.Time, all iter.Seq2[care.Directive, error]) error {
	var broken error
	rows, err := s.rows(ctx, a, untilError(all, &broken), maxSnapshot)
	if err := cmp.Or(broken, err); err != nil {
		return err
	}
	return s.install(ctx, a, sequence, asOf, rows)
}

// install makes rows the whole set of an authority. It sorts them.
func (s *Store) install(ctx context.Context, a care.Authority, sequence uint64, asOf time.Time, rows []row) error {
	slices.SortFunc(rows, byKey)
	return s.change(ctx, func() error {
		fresh := *s.current.Load().of(a)
		if err := s.advance(&fresh, sequence, asOf); err != nil {
			return err
		}
		if err := s.stage(ctx, a, &fresh, rows); err != nil {
			return err
		}
		if err := s.swap(a, fresh); err != nil {
			return err
		}
		s.log.Info("consent snapshot loaded", "authority", a.String(), "sequence", sequence, "patients", fresh.Patients)
		return nil
	})
}

// stage writes the rows of a snapshot into a bucket that nobody reads yet.
func (s *Store) stage(ctx context.Context, a care.Authority, fresh *set, rows []row) error {
	fresh.Generation++
	fresh.Filled = true
	fresh.Patients, fresh.Kinds, fresh.Digest = 0, [kinds]uint64{}, digest{}
	err := s.update(func(tx *bbolt.Tx, next *state) (bool, error) {
		if err := sweep(tx, next); err != nil {
			return false, err
		}
		if _, err := tx.CreateBucket(fresh.bucket(a)); err != nil {
			return false, damageOf(err)
		}
		return true, nil
	})
	for batch := range slices.Chunk(rows, batchSize) {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		err = s.update(func(tx *bbolt.Tx, next *state) (bool, error) {
			staged := *next // put moves its epoch on; the store's stays until the swap
			_, err := s.put(tx, &staged, fresh, a, batch)
			return true, err
		})
	}
	return err
}

// swap makes a staged set the authority's. The old bucket goes in a second
// transaction: readers that know only the old snapshot need it until the new
// one is shown to them.
func (s *Store) swap(a care.Authority, fresh set) error {
	err := s.update(func(_ *bbolt.Tx, next *state) (bool, error) {
		*next.of(a) = fresh
		next.Epoch++
		if a == care.Region {
			next.Floor = s.now().UnixNano()
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	return s.update(func(tx *bbolt.Tx, next *state) (bool, error) { return true, sweep(tx, next) })
}

// sweep deletes the buckets that the state does not name: sets that were
// replaced, and what a crash has left of a snapshot.
func sweep(tx *bbolt.Tx, st *state) error {
	var names [][]byte
	err := tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
		if !bytes.Equal(name, stateBucket) && !st.names(name) {
			names = append(names, bytes.Clone(name))
		}
		return nil
	})
	for _, name := range names {
		err = cmp.Or(err, tx.DeleteBucket(name))
	}
	if err != nil {
		return damageOf(err)
	}
	return nil
}

// advance moves a set's sequence and time on, never back.
func (s *Store) advance(set *set, sequence uint64, asOf time.Time) error {
	switch {
	case asOf.After(s.now().Add(clockTolerance)):
		return conflict("CLOCK", "the data is dated ahead of this machine's clock; check both clocks")
	case set.Filled && (sequence < set.Sequence || asOf.UnixNano() < set.AsOf):
		return conflict("OLD", "the data is older than what was loaded")
	case asOf.Year() < firstYear:
		return failure(care.BadRequest, "AS_OF", "the time of the data is missing", nil)
	}
	set.Sequence, set.AsOf = sequence, asOf.UnixNano()
	return nil
}

func conflict(reason, detail string) *care.Error { return failure(care.Conflict, reason, detail, nil) }

// change runs fn while no other change is made.
func (s *Store) change(ctx context.Context, fn func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
		return fn()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// update runs fn in one transaction with a copy of the state and, if fn says
// that something changed, commits both and shows them to readers. The caller
// holds the writing token.
//
// An error of fn undoes everything and the store goes on, unless it is damage.
// After an error of the commit itself nobody knows what is on disk: bbolt may
// show a change whose last sync has failed. Then the store is poisoned.
func (s *Store) update(fn func(tx *bbolt.Tx, next *state) (bool, error)) error {
	old := s.current.Load()
	if old.err != nil {
		return old.err
	}
	var fnErr error
	committed := false
	next := old.state
	err := guard(func() error {
		tx, err := s.db.Begin(true)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		changed, err := fn(tx, &next)
		if err == nil && changed {
			next.Floor = max(next.Floor, s.now().UnixNano())
			err = s.saveState(tx, &next)
		}
		if fnErr = err; err != nil || !changed {
			return nil
		}
		committed = true
		return tx.Commit()
	})
	switch {
	case err != nil:
		s.abandon.Store(errors.Is(err, errFault))
		return s.poison(err)
	case care.ReasonOf(fnErr) == ReasonDamaged:
		return s.fail(damageOf(fnErr)).err
	case fnErr == nil && committed && !s.current.CompareAndSwap(old, newSnapshot(next)):
		return s.current.Load().err
	}
	return fnErr
}

// put takes rows into a set and reports whether any of them changed it; then
// the epoch moves on. All entries written in one change carry that epoch.
func (s *Store) put(tx *bbolt.Tx, next *state, set *set, a care.Authority, rows []row) (bool, error) {
	bucket := tx.Bucket(set.bucket(a))
	if bucket == nil {
		return false, damageOf(errNoBucket)
	}
	bucket.FillPercent = fillPercent
	z := s.sealers.Get().(*sealer)
	defer s.sealers.Put(z)
	epoch, changed := next.Epoch+1, false
	for i := range rows {
		wrote, err := merge(bucket, z, set, a, &rows[i], epoch)
		if err != nil {
			return false, err
		}
		changed = changed || wrote
	}
	if changed {
		next.Epoch = epoch
	}
	return changed, nil
}

// merge takes one row into its patient's entry.
func merge(bucket *bbolt.Bucket, z *sealer, set *set, a care.Authority, r *row, epoch uint64) (bool, error) {
	var e entry
	if value := bucket.Get(r.key[:]); value != nil {
		var ok bool
		if e, ok = z.openEntry(a, &r.key, value); !ok {
			return false, damageOf(errBadSeal)
		}
	}
	was, wasSum := e, z.sum
	if !e.admit(r.said) {
		return false, nil
	}
	if was.epoch != 0 {
		set.leave(&was, &wasSum)
	}
	e.epoch = epoch
	value := z.sealEntry(make([]byte, 0, 96), a, &r.key, &e)
	set.enter(&e, &z.sum)
	if err := bucket.Put(r.key[:], value); err != nil {
		return false, damageOf(err)
	}
	return true, nil
}
