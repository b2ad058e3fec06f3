package vault

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mycarerecord/edge-agent/agent/care"
	"go.etcd.io/bbolt"
)

// markerSuffix names the file beside the vault that says there was one.
const markerSuffix = ".created"

const markerText = "A consent store was created here. If it is missing, the agent refuses to release records rather than\n" +
	"start with an empty one, which would have forgotten who has dissented. Restore the store, or see the operator's guide.\n"

// firstEpoch is the epoch of a new vault.
const firstEpoch = 1

// Exists reports whether a vault was ever created at path, also if it is
// missing or damaged now. Doubt counts as yes.
func Exists(path string) bool { return !absent(path) || !absent(path+markerSuffix) }

// absent reports whether there is certainly nothing at path.
func absent(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// Create makes a vault without entries at path. It is written under another
// name, synced, given its name and made durable with it; the marker comes last,
// so that whatever a power cut leaves is nothing or a whole vault. The folder
// must exist, be private to the agent and be on a local volume.
//
// It fails with Conflict, reason EXISTS, when there is a file, which is not
// touched, and with ConsentUnavailable, reason CREATE, when the folder cannot
// be written.
func Create(path string, o Options) error {
	s, err := newSealer(o.Key)
	if err != nil {
		return err
	}
	if o.First == nil {
		return failure(care.BadRequest, "OPTIONS", "no first state is given", nil)
	}
	state, err := o.First()
	if err != nil {
		return err
	}
	root := &Root{Epoch: firstEpoch, State: state}
	for i := range root.sets {
		root.sets[i] = new(table)
	}
	v := &Vault{sealer: s}
	err = createFile(path, func(f *os.File) error { return v.fill(f.Name(), root) })
	if err == nil {
		err = ensureMarker(path)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return failure(care.Conflict, "EXISTS", "there is a consent store already", err)
	case care.ReasonOf(err) != "":
		return err
	case err != nil:
		return failure(care.ConsentUnavailable, "CREATE", "the consent store cannot be created; check the state folder", err)
	}
	return nil
}

// fill makes an empty file a vault.
func (v *Vault) fill(path string, root *Root) error {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockTimeout})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		if _, err := tx.CreateBucket(rootBucket); err != nil {
			return err
		}
		_, err := v.putRoot(tx, root)
		return err
	})
	return errors.Join(err, db.Close())
}

// ensureMarker makes the marker unless it is there.
func ensureMarker(path string) error {
	if !absent(path + markerSuffix) {
		return nil
	}
	err := createFile(path+markerSuffix, func(f *os.File) error {
		_, err := f.WriteString(markerText)
		return err
	})
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// createFile makes a file that others see either whole or not at all: it is
// filled under another name, synced, and then linked to its own. Linking, not
// renaming, because a link never replaces a file that is there; the error is
// then fs.ErrExist. The folder is synced last, which makes the name durable.
func createFile(path string, fill func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := errors.Join(fill(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}
