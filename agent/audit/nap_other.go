//go:build !linux

package audit

import "time"

// nap sleeps for about the time.
func nap(d time.Duration) { time.Sleep(d) }
