package vault

import (
	"context"
	"errors"
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// syncFolder does nothing: NTFS journals names, and Windows offers no way to
// flush a folder.
func syncFolder(string) error { return nil }

// lockRange is the byte that bbolt locks, which lies beyond any file.
var lockRange = windows.Overlapped{Offset: math.MaxUint32, OffsetHigh: math.MaxUint32}

// lockShared takes the lock that bbolt takes, so that nobody writes.
func lockShared(ctx context.Context, f *os.File) error {
	return retryLock(ctx, func() (bool, error) {
		at := lockRange
		err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
		return errors.Is(err, windows.ERROR_LOCK_VIOLATION), err
	})
}

// unlock lets go of a file's lock.
func unlock(f *os.File) {
	at := lockRange
	_ = windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &at)
}
