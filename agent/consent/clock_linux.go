package consent

import (
	"time"

	"golang.org/x/sys/unix"
)

// uptime is the time since the machine started, sleep included, which
// CLOCK_MONOTONIC and with it package time leave out (clock_gettime(2)). Linux
// has the clock since 2.6.39; without it uptime stands still, which only leaves
// the wall clock to go by.
func uptime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &t)
	return time.Duration(t.Nano())
}
