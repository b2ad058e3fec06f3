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

// allocate reserves size bytes, so that there is either room for all of them or
// an error at once. File systems that cannot reserve find out when zeros are
// written.
func allocate(f *os.File, size int64) error {
	defer runtime.KeepAlive(f)
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		switch {
		case err == unix.EINTR:
			continue
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return nil
		}
		return err
	}
}
