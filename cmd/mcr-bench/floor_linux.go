package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// floor is a lone write and fdatasync into a file that is there already.
type floor struct{ file *os.File }

func newFloor(folder string) (*floor, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(folder, &fs); err != nil {
		return nil, err
	}
	if fs.Type == unix.TMPFS_MAGIC || fs.Type == unix.OVERLAYFS_SUPER_MAGIC {
		return nil, errors.New("the folder is not on a real disk, where fdatasync means nothing; use -folder")
	}
	file, err := os.Create(filepath.Join(folder, "floor"))
	if err != nil {
		return nil, err
	}
	_, err = file.Write(make([]byte, 1<<20))
	return &floor{file}, errors.Join(err, file.Sync())
}

// median returns the median time of n writes of 600 bytes.
func (f *floor) median(n int) (time.Duration, error) {
	times := make([]time.Duration, n)
	line := make([]byte, 600)
	for i := range times {
		began := time.Now()
		if _, err := f.file.WriteAt(line, int64(i*len(line))); err != nil {
			return 0, err
		}
		if err := unix.Fdatasync(int(f.file.Fd())); err != nil {
			return 0, err
		}
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times[n/2], nil
}

func (f *floor) close() { _ = f.file.Close() }
