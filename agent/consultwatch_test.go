package agent

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// watched returns a watch over a counter whose patient has dissented.
func watched(t *testing.T) (*flagsWatch, *counter) {
	t.Helper()
	d := newCounter(t)
	d.source.State(d.patient, coded("dissent", day), coded("type 1", day))
	return &flagsWatch{flags: d.flags, every: 15 * time.Minute, log: hclog.NewNullLogger()}, d
}

// during runs the watch while check looks, on a made-up clock.
func during(t *testing.T, w *flagsWatch, check func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.run(ctx) }()
	check()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

func TestWatchReadsAtOnceAndOnSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, d := watched(t)
		d.source.SlowDirectives(10 * time.Second)
		began := time.Now()
		during(t, w, func() {
			time.Sleep(11 * time.Second)
			now := w.status()
			if now.Source != "gp" || !now.AsOf.Equal(began) || now.Failed != "" || now.Patients != 7 || now.Directives != 1 {
				t.Errorf("status %+v, want a reading that began at once", now)
			}
			synctest.Wait()
			if len(d.store.filled) != 1 || d.store.filled[0].Kind != care.Dissent || d.store.filled[0].Source != "gp" {
				t.Errorf("filled with %+v", d.store.filled)
			}
			if len(d.news.list) != 1 || d.news.more != 3 {
				t.Errorf("told of %d changes and %d more", len(d.news.list), d.news.more)
			}
			time.Sleep(15 * time.Minute)
		})
		if len(d.store.asOf) != 2 || d.store.asOf[1].Sub(began) != 15*time.Minute+10*time.Second {
			t.Errorf("readings at %v", d.store.asOf)
		}
	})
}

// TestWatchTriesAgain lets the source fail for a while: the last good reading
// stays, with its age, and the fault shows.
func TestWatchTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, d := watched(t)
		during(t, w, func() {
			time.Sleep(time.Minute)
			good := w.status().AsOf
			d.source.FailDirectives(true)
			time.Sleep(15 * time.Minute)
			now := w.status()
			if !now.AsOf.Equal(good) || now.Directives != 1 || !strings.Contains(now.Failed, "QUERY") {
				t.Errorf("after a failed reading: %+v", now)
			}
			before := len(d.store.readings())
			time.Sleep(15 * time.Minute)
			if n := len(d.store.readings()) - before; n < 3 || n > 5 {
				t.Errorf("%d further tries in a quarter of an hour", n)
			}
			d.source.FailDirectives(false)
			time.Sleep(15 * time.Minute)
			if now := w.status(); now.Failed != "" || !now.AsOf.After(good) {
				t.Errorf("when it can be read again: %+v", now)
			}
		})
		if len(d.news.list) != 2 {
			t.Errorf("told of %d changes by two good readings at least one apart", len(d.news.list))
		}
	})
}

// TestWatchForgetsOldFailures lets the source fail, recover, and fail again: it
// is then tried again as soon as the first time.
func TestWatchForgetsOldFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, d := watched(t)
		during(t, w, func() {
			for _, failing := range []bool{true, false} {
				d.source.FailDirectives(failing)
				time.Sleep(time.Hour)
			}
			d.source.FailDirectives(true)
			before := len(d.store.readings())
			time.Sleep(20 * time.Minute)
			if again := d.store.readings()[before:]; len(again) < 2 || again[1].Sub(again[0]) > 2*time.Minute {
				t.Errorf("readings at %v, want the second soon after the first", again)
			}
		})
	})
}

func TestWatchFailures(t *testing.T) {
	for _, tc := range []struct {
		name   string
		spoil  func(d *counter)
		failed string
	}{
		{"unknown code", func(d *counter) { d.source.State(d.patient, coded("?", day)) }, "UNKNOWN_CODE"},
		{"source down", func(d *counter) { d.source.Stop() }, "DOWN"},
		{"store", func(d *counter) { d.store.fail = errors.New("disk 9990000042") }, "the reading failed"},
		{"panic", func(d *counter) { d.store.during = func(context.Context) { panic("9990000042") } }, "DEFECT"},
		{"too long", func(d *counter) { d.source.SlowDirectives(24 * time.Hour) }, "time is over"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, d := watched(t)
				tc.spoil(d)
				during(t, w, func() {
					time.Sleep(readingTime + time.Second)
					now := w.status()
					if !strings.Contains(now.Failed, tc.failed) || strings.Contains(now.Failed, "999000") || !now.AsOf.IsZero() {
						t.Errorf("status %+v, want %q", now, tc.failed)
					}
				})
				if len(d.news.list) > 0 || d.news.more > 0 {
					t.Error("changes were told of a reading that failed")
				}
			})
		})
	}
}

// TestWatchStops ends the agent in the middle of a reading, which is not a
// fault of the source.
func TestWatchStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, d := watched(t)
		d.source.SlowDirectives(time.Minute)
		began := time.Now()
		during(t, w, func() { time.Sleep(time.Second) })
		if time.Since(began) != time.Second || w.status() != (flagsStatus{}) {
			t.Errorf("after %v: %+v", time.Since(began), w.status())
		}
	})
}

func TestPause(t *testing.T) {
	w := &flagsWatch{every: 15 * time.Minute}
	if got := w.pause(0); got != w.every {
		t.Errorf("after a good reading %v", got)
	}
	for failures, least := range map[int]time.Duration{1: 1, 2: 2, 3: 4, 4: 8, 5: 15, 60: 15} {
		least, seen := least*time.Minute, map[time.Duration]bool{}
		for range 100 {
			p := w.pause(failures)
			if p < least || p > min(2*least, w.every) {
				t.Fatalf("after %d failures %v, want %v and up to as much again", failures, p, least)
			}
			seen[p] = true
		}
		if least < w.every && len(seen) < 50 {
			t.Errorf("after %d failures only %d different pauses", failures, len(seen))
		}
	}
	if p := (&flagsWatch{every: time.Second}).pause(3); p != time.Second {
		t.Errorf("a pause of %v is beyond a schedule of a second", p)
	}
}
