package vault

import (
	"bytes"
	"context"
	"errors"

	"github.com/mycarerecord/edge-agent/agent/care"
	"go.etcd.io/bbolt"
)

// writeFunc writes in a transaction of the file and returns what holds
// afterwards: the old view if readers need not care, nil to undo everything.
type writeFunc func(tx *bbolt.Tx, old *view) (*view, error)

// write runs fn in a transaction while no other change is made, and commits.
//
// An error of fn undoes everything and the vault goes on, unless it is damage.
// After an error of the commit itself nobody knows what is on disk: bbolt may
// show a change whose last sync has failed. Then the vault is poisoned.
func (v *Vault) write(ctx context.Context, fn writeFunc) error {
	return v.exclusive(ctx, func() error {
		v.idle.begin()
		defer v.idle.end()
		var fnErr error
		err := guard(func() error {
			tx, err := v.db.Begin(true)
			if err != nil {
				return err
			}
			defer tx.Rollback()
			var next *view
			if next, fnErr = v.prepare(tx, fn); next == nil {
				return nil
			}
			return v.commit(tx, next)
		})
		switch {
		case err != nil:
			v.abandoned.Store(errors.Is(err, errFault))
			return v.fail(failure(care.ConsentUnavailable, ReasonPoisoned,
				"a change could not be written; the agent must restart to see what is on disk: check space and health of the disk", err))
		case care.ReasonOf(fnErr) == ReasonDamaged:
			return v.fail(damage(fnErr))
		}
		return fnErr
	})
}

// prepare lets fn write, after what a crash has left was removed.
func (v *Vault) prepare(tx *bbolt.Tx, fn writeFunc) (*view, error) {
	old := v.view.Load()
	if uint64(tx.ID()) != old.last+1 {
		return nil, damage(errReplaced)
	}
	if !v.swept {
		if err := v.sweep(tx, old.root); err != nil {
			return nil, damage(err)
		}
	}
	next, err := fn(tx, old)
	if err != nil {
		return nil, err
	}
	return next, nil
}

// commit commits and lets readers see the next view. Until then they read the
// old one, and whoever cannot waits.
func (v *Vault) commit(tx *bbolt.Tx, next *view) error {
	old, id := v.view.Load(), uint64(tx.ID())
	if next == old { // nothing that the root names has changed
		next = &view{old.root, old.tag, id, id}
		v.view.Store(&view{old.root, old.tag, old.first, id})
	} else {
		v.shown.Lock()
		defer v.shown.Unlock()
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	v.swept = true
	v.view.Store(next)
	return nil
}

// sweep deletes the buckets that neither the root names nor somebody builds.
func (v *Vault) sweep(tx *bbolt.Tx, root *Root) error {
	var names [][]byte
	err := tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
		set, generation, ok := parseBucketName(name)
		if ok && generation != root.sets[set].generation && !v.building[string(name)] {
			names = append(names, bytes.Clone(name))
		}
		return nil
	})
	for _, name := range names {
		if err == nil {
			err = tx.DeleteBucket(name)
		}
	}
	return err
}

// putRoot seals a root and writes it.
func (v *Vault) putRoot(tx *bbolt.Tx, root *Root) (*view, error) {
	plain, err := root.append(nil)
	if err != nil {
		return nil, err
	}
	bucket := tx.Bucket(rootBucket)
	if bucket == nil {
		return nil, damage(errNoBucket)
	}
	value, tag := v.sealer.seal(rootPlace, root.Epoch, plain)
	if err := bucket.Put(rootKey, value); err != nil {
		return nil, damage(err)
	}
	id := uint64(tx.ID())
	return &view{root, tag, id, id}, nil
}
