package consent

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestUptimeIsThatOfTheKernel(t *testing.T) {
	read := func() time.Duration {
		var at unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &at); err != nil {
			t.Fatal(err)
		}
		return time.Duration(at.Nano())
	}
	for range 1000 {
		before, got, after := read(), uptime(), read()
		// A sample is up to the time between its two readings off.
		if got < before-10*time.Millisecond || got > after+10*time.Millisecond {
			t.Fatalf("uptime is %v, the kernel's is %v to %v", got, before, after)
		}
	}
}

func TestSampleOfUptime(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		gone  time.Duration
		apart time.Duration // how much farther the wall clock went
		good  bool
	}{
		"at once":                  {0, 0, true},
		"soon":                     {50 * time.Millisecond, 0, true},
		"too late":                 {sampleAge, 0, false},
		"before":                   {-time.Nanosecond, 0, false},
		"the machine slept":        {time.Microsecond, 2 * time.Second, false},
		"it slept for a moment":    {time.Microsecond, time.Millisecond, false},
		"the wall clock was set":   {time.Microsecond, -time.Hour, false},
		"the wall clock is slewed": {50 * time.Millisecond, 25 * time.Microsecond, true},
	} {
		s := bootSample{at: now.Add(-test.gone), wall: now.UnixNano() - int64(test.gone+test.apart), up: time.Hour}
		up, good := s.later(now)
		if good != test.good || good && up != time.Hour+test.gone {
			t.Errorf("%s: %v, %v", name, up, good)
		}
	}
}
