package sitekey

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Load reads the site key from a plain file: a regular file of exactly 32
// bytes that, on systems with permission bits, belongs to this account and is
// closed to group and others. Root may also load what belongs to the agent's
// account. On Windows the access list of the folder protects the file.
//
// The reasons of its errors are KEY_MISSING, KEY_PERMISSIONS, KEY_DAMAGED and
// KEY_UNREADABLE.
func Load(path string) (Key, error) { return Open(Source{Path: path}) }

// LoadOrCreate loads the site key from a plain file, or makes the file with a
// random key where there is none; it never replaces one, and of several that
// try at once all get the same key. The folder must exist. See OpenOrCreate
// for when not to call it.
func LoadOrCreate(path string) (Key, error) { return OpenOrCreate(Source{Path: path}) }

// readFile reads a regular file of least to most bytes that the policy allows.
// It is looked at before it is opened, because opening a pipe could block for ever,
// and after, because it could have been changed in between.
func readFile(path string, least, most int, allowed func(fs.FileInfo) bool) ([]byte, error) {
	before, err := os.Lstat(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	if !before.Mode().IsRegular() {
		return nil, failure(care.Internal, "KEY_DAMAGED", path+" is not a regular file; name the file itself, not a link, folder or device", nil)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, unreadable(path, err)
	case !os.SameFile(before, info):
		return nil, failure(care.Internal, "KEY_UNREADABLE", path+" was replaced while it was opened; find out who did that, and try again", nil)
	case !allowed(info):
		return nil, failure(care.Internal, "KEY_PERMISSIONS", fmt.Sprintf(
			"%s must belong to the agent's account and be closed to all others (mode 0600), and is not (mode %04o); chown and chmod it, and find out who may have read it",
			path, info.Mode().Perm()), nil)
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	if len(data) < least || len(data) > most {
		return nil, failure(care.Internal, "KEY_DAMAGED", path+" does not have the size of a site key; restore it from a copy", nil)
	}
	return data, nil
}

// unreadable says why a file cannot be read and what to do.
func unreadable(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return failure(care.Internal, "KEY_MISSING", path+" does not exist: the first start of the agent makes it; if there was one, mount its disk, or restore it from a copy with mcr-agent key restore", err)
	case errors.Is(err, fs.ErrPermission):
		return failure(care.Internal, "KEY_PERMISSIONS", "this account may not read "+path+"; run this as the agent's account, or give the file to it", err)
	}
	return failure(care.Internal, "KEY_UNREADABLE", path+" cannot be read; check the disk", err)
}

// createFile makes a file that others see either whole or not at all: it is
// filled under another name, synced, and then given its own, which never
// replaces a file that is there. The folder is synced last, which makes the
// name durable.
func createFile(path string, data []byte) error {
	err := writeNew(path, data)
	switch {
	case errors.Is(err, fs.ErrExist):
		return failure(care.Conflict, "KEY_EXISTS", path+" exists and is never replaced; move it away if it is not wanted", err)
	case err != nil:
		return failure(care.Internal, "KEY_CREATE", path+" cannot be made; check that its folder exists, has room, is writable for this account, and is on a disk that knows hard links", err)
	}
	return nil
}

func writeNew(path string, data []byte) error {
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, giveToOwnerOf(folder, f), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := giveName(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(folder)
}
