//go:build unix

package vault

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// lockShared takes the lock that bbolt takes, so that nobody writes.
func lockShared(ctx context.Context, f *os.File) error {
	return retryLock(ctx, func() (bool, error) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
		return errors.Is(err, syscall.EWOULDBLOCK), err
	})
}

// unlock lets go of a file's lock. After a fault in bbolt closing the file
// would not: a mapping of it, which nobody can undo any more, keeps the lock.
func unlock(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
