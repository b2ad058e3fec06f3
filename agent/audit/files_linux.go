package audit

import (
	"errors"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// syncData is fdatasync: it leaves out times of the file, which nobody needs.
func syncData(f *os.File) error {
	defer runtime.KeepAlive(f)
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != unix.EINTR {
			return err
		}
	}
}

// allocate reserves size bytes that read as zeros; file systems that cannot
// reserve are written to.
func allocate(f *os.File, size int64) error {
	if size == 0 {
		return nil
	}
	defer runtime.KeepAlive(f)
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		switch {
		case err == unix.EINTR:
			continue
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return writeZeros(f, 0, size)
		}
		return err
	}
}
