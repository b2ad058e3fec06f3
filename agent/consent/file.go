package consent

import (
	"errors"
	"os"
	"path/filepath"
)

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
