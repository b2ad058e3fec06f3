package consent

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// sampleAge is how long one look at the uptime serves.
const sampleAge = 100 * time.Millisecond

// bootSample is the uptime at a moment of the monotonic and of the wall clock.
type bootSample struct {
	at   time.Time // monotonic
	wall int64
	up   time.Duration
}

var sampled atomic.Pointer[bootSample]

// uptime is the time since the machine started, sleep included, which
// CLOCK_MONOTONIC and with it package time leave out (clock_gettime(2)). Linux
// has the clock since 2.6.39; without it uptime stands still, which only leaves
// the wall clock to go by.
//
// Reading it is a system call, and it is read several times in a request. In
// between the monotonic clock is added to the last reading. A sleep is not
// missed: it moves the wall clock and not the monotonic one, and then the
// uptime is read anew.
func uptime() time.Duration {
	now := time.Now()
	if s := sampled.Load(); s != nil {
		if up, good := s.later(now); good {
			return up
		}
	}
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &t)
	s := &bootSample{at: now, wall: now.UnixNano(), up: time.Duration(t.Nano())}
	if time.Since(now) < time.Millisecond { // else the two do not belong together
		sampled.Store(s)
	}
	return s.up
}

// later returns the uptime at a later moment, if the sample still serves.
func (s *bootSample) later(now time.Time) (up time.Duration, good bool) {
	gone := now.Sub(s.at)
	apart := time.Duration(now.UnixNano()-s.wall) - gone
	return s.up + gone, gone >= 0 && gone < sampleAge && apart.Abs() < time.Millisecond
}
