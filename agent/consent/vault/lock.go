package vault

import (
	"context"
	"time"
)

// lockRetry is how often a lock that another process has is tried again.
const lockRetry = 20 * time.Millisecond

// retryLock tries to take a lock until it has it, for lockTimeout at most. try
// says whether another process has it.
func retryLock(ctx context.Context, try func() (held bool, err error)) error {
	deadline := time.NewTimer(lockTimeout)
	defer deadline.Stop()
	again := time.NewTicker(lockRetry)
	defer again.Stop()
	for {
		held, err := try()
		if !held {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return lockFailure(err)
		case <-again.C:
		}
	}
}
