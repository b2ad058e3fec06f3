package vault

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/mycarerecord/edge-agent/agent/care"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// lockTimeout is how long another process may take to let go of the file.
const lockTimeout = time.Second

// Open opens the vault at path, which must have been created. Everything that
// Check checks is checked first, before bbolt sees the file, by plain reads
// that no content of the file can lead astray.
//
// It fails with ConsentUnavailable: reason LOCKED when another process holds
// the file for more than a second, DAMAGED when it is missing, cannot be read
// or fails a check.
func Open(path string, o Options) (*Vault, error) {
	s, err := newSealer(o.Key)
	if err != nil {
		return nil, err
	}
	if o.Parse == nil {
		return nil, failure(care.BadRequest, "OPTIONS", "nothing is given that reads the state", nil)
	}
	v := &Vault{path: path, sealer: s, log: o.Log, failed: make(chan struct{}), writing: make(chan struct{}, 1), building: map[string]bool{}, slack: slack}
	if v.log == nil {
		v.log = hclog.NewNullLogger()
	}
	opener := o.opener
	if opener == nil {
		opener = os.OpenFile
	}
	if err := v.open(opener, o.Parse); err != nil {
		if errors.Is(err, berrors.ErrTimeout) {
			return nil, lockFailure(err)
		}
		return nil, damage(err)
	}
	if err := ensureMarker(path); err != nil {
		return nil, errors.Join(failure(care.ConsentUnavailable, "CREATE", "the consent store's marker cannot be written; check the state folder", err), v.Close())
	}
	return v, nil
}

// open checks and opens the file.
func (v *Vault) open(opener openFile, parse func([]byte) (State, error)) error {
	var found *checked
	err := guard(func() (err error) {
		v.db, err = bbolt.Open(v.path, 0o600, &bbolt.Options{
			Timeout: lockTimeout, FreelistType: bbolt.FreelistMapType, NoStatistics: true,
			OpenFile: func(path string, flag int, mode os.FileMode) (f *os.File, err error) {
				if f, err = opener(path, flag&^os.O_CREATE, mode); err != nil {
					return nil, err
				}
				if found, err = checkLocked(context.Background(), f, v.sealer, nil); err != nil {
					return nil, errors.Join(err, f.Close())
				}
				v.file, v.least = f, found.report.Bytes
				return f, nil
			}})
		return err
	})
	if err != nil {
		if v.file != nil && errors.Is(err, errFault) { // bbolt leaves the file open and locked
			unlock(v.file)
			v.file.Close()
		}
		return err
	}
	state, err := parse(found.state)
	if err == nil {
		root := &Root{Epoch: found.epoch, State: state, sets: found.sets}
		v.view.Store(&view{root, found.tag, found.tx, found.tx})
		err = guard(func() error { return v.unchanged(found.tx) })
	}
	if err != nil {
		return errors.Join(err, guard(v.db.Close))
	}
	return nil
}

// unchanged fails if the file is not the one that was checked any more: its
// lock was open for a moment.
func (v *Vault) unchanged(tx uint64) error {
	t, err := v.db.Begin(false)
	if err != nil {
		return err
	}
	defer t.Rollback()
	if uint64(t.ID()) != tx {
		return lockFailure(errReplaced)
	}
	return nil
}
