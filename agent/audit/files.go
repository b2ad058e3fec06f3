package audit

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// fileSystem is what the journal's writer needs of the operating system. Tests
// put faults and delays behind it.
type fileSystem interface {
	// lock takes the named lock file, or fails at once with ReasonLocked.
	lock(path string) (io.Closer, error)
	readDir(folder string) ([]fs.DirEntry, error)
	stat(path string) (fs.FileInfo, error)
	// create makes a file that must not exist yet. A size above zero is
	// allocated on the volume and reads as zeros.
	create(path string, size int64) (file, error)
	open(path string) (file, error)
	// mkdir makes a folder, and those above it that there are none of.
	mkdir(path string) error
	rename(from, to string) error
	remove(path string) error
	// seal makes a file read-only.
	seal(path string) error
	// syncFolder makes names that were created or renamed durable.
	syncFolder(folder string) error
}

// file is an open file of the journal.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync returns once everything written is on disk.
	Sync() error
	Truncate(size int64) error
	Stat() (fs.FileInfo, error)
}

// The modes of what the journal creates.
const (
	folderMode = 0o700
	fileMode   = 0o600
	sealedMode = 0o400
)

// osFiles is the real file system.
type osFiles struct{}

// osFile is a real file whose Sync skips what readers of the data do not need.
type osFile struct{ *os.File }

func (f osFile) Sync() error { return syncData(f.File) }

func (osFiles) lock(path string) (io.Closer, error)          { return lockFile(path) }
func (osFiles) readDir(folder string) ([]fs.DirEntry, error) { return os.ReadDir(folder) }
func (osFiles) stat(path string) (fs.FileInfo, error)        { return os.Lstat(path) }
func (osFiles) mkdir(path string) error                      { return os.MkdirAll(path, folderMode) }
func (osFiles) rename(from, to string) error                 { return os.Rename(from, to) }
func (osFiles) remove(path string) error                     { return os.Remove(path) }
func (osFiles) seal(path string) error                       { return os.Chmod(path, sealedMode) }
func (osFiles) syncFolder(folder string) error               { return syncFolder(folder) }

func (osFiles) create(path string, size int64) (file, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, fileMode)
	if err != nil {
		return nil, err
	}
	if size > 0 {
		if err = allocate(f, size); err == nil {
			// Space that is reserved only would have to be marked as written by
			// every commit, which costs it a second write to the disk.
			err = writeZeros(f, 0, size)
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return osFile{f}, nil
}

func (osFiles) open(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_RDWR, fileMode)
	if errors.Is(err, fs.ErrPermission) && os.Chmod(path, fileMode) == nil { // sealed, and nothing came after it
		f, err = os.OpenFile(path, os.O_RDWR, fileMode)
	}
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// makeFolder makes a folder, unless it is there, or checks that the one that is
// there belongs to the agent alone.
func makeFolder(files fileSystem, folder string) error {
	const op = "audit.Open"
	_, err := files.stat(folder)
	if os.IsNotExist(err) {
		if err = files.mkdir(folder); err == nil {
			err = files.syncFolder(filepath.Dir(folder))
		}
	}
	if err != nil {
		return failed(op, err)
	}
	return checkFolder(files, folder)
}

// CheckFolder says why a folder cannot hold a journal or its archive, or nil. One
// that is not there yet is no fault: it is made when it is needed.
func CheckFolder(folder string) error {
	if _, err := os.Lstat(folder); os.IsNotExist(err) {
		return nil
	}
	return checkFolder(osFiles{}, folder)
}

// checkFolder refuses a folder that is none or that others can use.
func checkFolder(files fileSystem, folder string) error {
	info, err := files.stat(folder)
	if err != nil {
		return failed("audit.Open", err)
	}
	if !info.IsDir() || !isPrivate(info) {
		return unavailable("audit.Open", ReasonPermissions, nil)
	}
	return nil
}

// writeZeros fills the first size bytes of f with zeros.
func writeZeros(f io.WriterAt, from, to int64) error {
	block := make([]byte, min(max(to-from, 0), 1<<20))
	for at := from; at < to; at += int64(len(block)) {
		if _, err := f.WriteAt(block[:min(int64(len(block)), to-at)], at); err != nil {
			return err
		}
	}
	return nil
}

// copyFile makes a durable copy of a file, which appears whole or not at all.
func copyFile(files fileSystem, from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	return writeFile(files, to, 0, func(f file) error {
		_, err := io.Copy(io.NewOffsetWriter(f, 0), source)
		return err
	})
}
