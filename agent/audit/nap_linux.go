package audit

import (
	"time"

	"golang.org/x/sys/unix"
)

// nap sleeps for less than a millisecond. time.Sleep may take a whole one: an
// idle program waits for its timers in milliseconds.
func nap(d time.Duration) {
	t := unix.NsecToTimespec(d.Nanoseconds())
	_ = unix.Nanosleep(&t, nil) // woken early is early enough
}
