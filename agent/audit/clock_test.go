package audit

import (
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestTheClockIsSet(t *testing.T) {
	start := time.Now() // has a monotonic clock
	bare := start.Round(0)
	for name, c := range map[string]struct {
		times []time.Time
		want  string // of the detail; "": no entry
	}{
		"runs on":               {[]time.Time{start, start.Add(time.Hour)}, ""},
		"stands still":          {[]time.Time{bare, bare}, ""},
		"runs on, bare":         {[]time.Time{bare, bare.Add(time.Hour)}, ""},
		"back, bare":            {[]time.Time{bare, bare.Add(-time.Minute)}, "set by -1m0s"},
		"back by a microsecond": {[]time.Time{bare, bare.Add(-time.Microsecond)}, "set by -1µs"},
		"back":                  {[]time.Time{start, setBy(t, start, -time.Minute)}, "set by -1m0"},
		"forward":               {[]time.Time{start, setBy(t, start, time.Hour)}, "set by 1h0m0"},
		"forward within reason": {[]time.Time{start, setBy(t, start, 200*time.Millisecond)}, ""},
		"forward beyond reason": {[]time.Time{start, setBy(t, start, 300*time.Millisecond)}, "set by 300"},
		"back by a millisecond": {[]time.Time{start, setBy(t, start, -time.Millisecond)}, "set by -1ms"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := newFolder(t)
			next := 0
			j := openTest(t, folder, Options{Now: func() time.Time {
				next++
				return c.times[min(next, len(c.times))-1]
			}})
			for n := range c.times {
				mustWait(t, j.Append(refusalOf(n)))
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, line := range readAll(t, folder) {
				if line.Kind == care.ClockJumped {
					got = append(got, line.Detail)
				}
			}
			if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
				t.Errorf("the journal says %q, want %q", got, c.want)
			}
			mustVerify(t, folder)
		})
	}
}

// setBy returns the time as it is read 50 microseconds after before, if the
// wall clock was set meanwhile: the monotonic clock, the second word of a Time
// that has one, runs on as if it was not.
func setBy(t *testing.T, before time.Time, by time.Duration) time.Time {
	t.Helper()
	const passed = 50 * time.Microsecond
	now := before.Add(passed + by)
	(*[2]int64)(unsafe.Pointer(&now))[1] -= int64(by)
	if now.Sub(before) != passed || now.Round(0).Sub(before.Round(0)) != passed+by {
		t.Fatal("package time has other clocks than this test knows")
	}
	return now
}

func TestTheClockWasSetBetweenRuns(t *testing.T) {
	folder := newFolder(t)
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for run, now := range []time.Time{at, at.Add(-time.Hour)} {
		j := openTest(t, folder, Options{Now: func() time.Time { return now }})
		mustWait(t, j.Append(refusalOf(run)))
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	lines := readAll(t, folder)
	if len(lines) != 3 || lines[1].Kind != care.ClockJumped || !strings.Contains(lines[1].Detail, "-1h0m0s") {
		t.Errorf("the journal holds %v %q", lines, lines[1].Detail)
	}
}

// TestTheClockIsSetInAnEpisode: while the journal cannot be written, or no
// further segment can be made, that the clock was set back is not missed.
func TestTheClockIsSetInAnEpisode(t *testing.T) {
	for op, reason := range map[string]string{"sync": ReasonIOError, "create": ReasonNoSpace} {
		t.Run(reason, func(t *testing.T) {
			folder := newFolder(t)
			synctest.Test(t, func(t *testing.T) {
				files, at := &faultFiles{}, time.Now()
				var back atomic.Int64
				j := openTest(t, folder, Options{files: files, SegmentBytes: 64 << 10, Now: func() time.Time {
					return at.Add(time.Duration(back.Load())).Round(0)
				}})
				mustWait(t, j.Append(refusalOf(0)))
				files.set(failOn(op, map[string]error{"sync": syscall.EIO, "create": syscall.ENOSPC}[op]))
				for j.Check() == nil {
					_ = j.Append(sampleEvent()).Wait(t.Context()) // fails when the journal does
					synctest.Wait()
				}
				wantReason(t, j.Check(), reason)
				back.Store(-int64(time.Hour))
				files.set(nil)
				time.Sleep(2 * retryDelay)
				synctest.Wait()
				if onDisk := j.Status().Entries; onDisk+1 != j.nextNumber() {
					t.Errorf("%d entries are on disk, the next has the number %d", onDisk, j.nextNumber())
				}
				back.Store(int64(time.Hour)) // what comes next hides it
				mustWait(t, j.Append(refusalOf(1)))
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
			})
			told := 0
			for _, line := range readAll(t, folder) {
				if line.Kind == care.ClockJumped && strings.Contains(line.Detail, "-1h0m0s") {
					told++
				}
			}
			if told != 1 {
				t.Errorf("%d entries tell that the clock was set back", told)
			}
			mustVerify(t, folder)
		})
	}
}
