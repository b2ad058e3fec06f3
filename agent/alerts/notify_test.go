package alerts

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// outside returns a function that has something done outside the bubble of
// synctest, where journals live and the clock is the real one.
func outside(t *testing.T) func(func()) {
	work, done := make(chan func()), make(chan struct{})
	go func() {
		for f := range work {
			f()
			done <- struct{}{}
		}
	}()
	t.Cleanup(func() { close(work) })
	return func(f func()) {
		work <- f
		<-done
	}
}

// officer is who is told, in a bubble.
type officer struct {
	*Notifier
	told []notice
	at   []time.Duration // when, since the beginning
	mu   sync.Mutex
	err  error // what telling ends with
	log  *bytes.Buffer
	end  func()
}

// tell begins to tell an officer of a journal's alerts.
func tell(t *testing.T, f Files, change func(*Options)) *officer {
	t.Helper()
	o := &officer{log: &bytes.Buffer{}}
	began := time.Now()
	options := Options{Files: f, Site: "Y99901", Log: hclog.New(&hclog.LoggerOptions{Output: o.log})}
	options.tell = func(_ context.Context, m notice) error {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.told, o.at = append(o.told, m), append(o.at, time.Since(began))
		return o.err
	}
	if change != nil {
		change(&options)
	}
	o.Notifier = must(New(options))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- o.Run(ctx) }()
	o.end = sync.OnceFunc(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(o.end)
	synctest.Wait()
	return o
}

// fail has telling end with an error from now on.
func (o *officer) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

// pass lets time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestOfficerIsTold(t *testing.T) {
	j, elsewhere := newJournal(t), outside(t)
	synctest.Test(t, func(t *testing.T) {
		o := tell(t, j.Files, nil)
		elsewhere(func() { j.add(t, ordinary(), breakGlass()) })
		pass(5 * time.Second)
		elsewhere(func() { j.add(t, breakGlass(), ordinary(), care.Event{Kind: care.BudgetReached, Alert: true}) })
		pass(time.Minute)
		if len(o.told) != 2 {
			t.Fatalf("the officer was told %d times: %+v", len(o.told), o.told)
		}
		for i, want := range []notice{{2, BreakGlass, o.told[0].Time, "Y99901", 1, 1}, {3, BreakGlass, o.told[1].Time, "Y99901", 2, 3}} {
			if o.told[i] != want {
				t.Errorf("the officer was told %+v, want %+v", o.told[i], want)
			}
		}
		if want := []time.Duration{5 * time.Second, 15 * time.Second}; !slices.Equal(o.at, want) {
			t.Errorf("the officer was told at %v, want %v", o.at, want)
		}
		if s := o.Status(); s.Open != 3 || s.Untold != 0 || s.Oldest.Number != 2 || s.TellFailure != nil || s.ReadFailure != nil {
			t.Errorf("the status is %+v", s)
		}
		elsewhere(func() { j.add(t, seen(2, 2)) })
		pass(time.Minute)
		if s := o.Status(); s.Open != 2 || s.Oldest.Number != 3 || len(o.told) != 2 {
			t.Errorf("the status is %+v, and the officer was told %+v", s, o.told)
		}
		o.end()
		text := append(must(os.ReadFile(j.State)), must(json.Marshal(o.told))...)
		for _, canary := range []string{canaryNumber, canaryUser, canaryReason, "555000111222", "E82001"} {
			if bytes.Contains(append(text, o.log.Bytes()...), []byte(canary)) {
				t.Errorf("%s leaked", canary)
			}
		}
	})
}

// TestOfficerIsToldInTheEnd has telling fail for an hour.
func TestOfficerIsToldInTheEnd(t *testing.T) {
	j, elsewhere := newJournal(t), outside(t)
	elsewhere(func() { j.add(t, breakGlass()) })
	synctest.Test(t, func(t *testing.T) {
		o := tell(t, j.Files, nil)
		o.fail(commandFailed("it is broken", nil))
		elsewhere(func() { j.add(t, breakGlass()) })
		pass(20*time.Minute - time.Second)
		want := []time.Duration{0, 10, 10, 20, 40, 80, 160, 300, 300} // seconds between; the first succeeded
		var at time.Duration
		for i := range want {
			at += want[i] * time.Second
			if i >= len(o.at) || o.at[i] != at {
				t.Fatalf("the officer was told at %v", o.at)
			}
		}
		if s := o.Status(); s.Untold != 1 || s.Open != 2 || s.TellFailure == nil || s.Since.Truncate(time.Second) != o.told[1].Time {
			t.Errorf("the status is %+v", s)
		}
		if n := strings.Count(o.log.String(), telling); n != 1 {
			t.Errorf("the log tells %d times:\n%s", n, o.log)
		}
		o.fail(nil)
		pass(6 * time.Minute)
		told := len(o.told)
		if s := o.Status(); s.Untold != 0 || s.TellFailure != nil || !s.Since.IsZero() {
			t.Errorf("the status is %+v", s)
		}
		pass(20 * time.Minute)
		if len(o.told) != told {
			t.Errorf("the officer was told %d times more", len(o.told)-told)
		}
		o.fail(commandFailed("it is broken", nil))
		elsewhere(func() { j.add(t, breakGlass()) })
		pass(16 * time.Second) // the first wait is short again
		if len(o.told) != told+2 || strings.Count(o.log.String(), telling) != 2 {
			t.Errorf("the officer was told %d times more; the log says\n%s", len(o.told)-told, o.log)
		}
		elsewhere(func() { j.add(t, seen(1, 3)) })
		pass(20 * time.Minute)
		if len(o.told) > told+3 {
			t.Errorf("the officer was told %d times of what was dealt with", len(o.told)-told-3)
		}
		o.end()
	})
}

func TestWithoutAProgramTheLogIsTold(t *testing.T) {
	j, elsewhere := newJournal(t), outside(t)
	elsewhere(func() { j.add(t, ordinary(), breakGlass(), breakGlass()) })
	synctest.Test(t, func(t *testing.T) {
		for _, want := range []string{"reference=2", ""} {
			o := tell(t, j.Files, func(o *Options) { o.tell = nil })
			pass(time.Minute)
			o.end()
			lines := strings.Count(o.log.String(), "\n")
			if want != "" && (lines != 2 || !strings.Contains(o.log.String(), "a privacy alert is open; see mcr-agent alerts: reference=2\n") ||
				!strings.Contains(o.log.String(), "reference=3\n")) || want == "" && lines != 0 {
				t.Errorf("the log says\n%s", o.log)
			}
		}
	})
}

// TestJournalThatCannotBeRead is tried again, and told once.
func TestJournalThatCannotBeRead(t *testing.T) {
	j, elsewhere := newJournal(t), outside(t)
	elsewhere(func() { j.add(t, breakGlass()) })
	away := j.Folder + ".away"
	if err := os.Rename(j.Folder, away); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		o := tell(t, j.Files, func(o *Options) { o.Entries = func() uint64 { return 1 } })
		pass(time.Minute)
		if s := o.Status(); care.KindOf(s.ReadFailure) != care.AuditUnavailable || strings.Count(o.log.String(), reading) != 1 {
			t.Errorf("the status is %+v; the log says\n%s", s, o.log)
		}
		if err := os.Rename(away, j.Folder); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		o.end()
		if s := o.Status(); s.ReadFailure != nil || s.Open != 1 || len(o.told) != 1 {
			t.Errorf("the status is %+v; the officer was told %+v", s, o.told)
		}
	})
}

// TestPositionIsSaved at once after an alert, and otherwise now and then.
func TestPositionIsSaved(t *testing.T) {
	j, elsewhere := newJournal(t), outside(t)
	saved := func() uint64 { return must(j.load()).read.Sequence }
	synctest.Test(t, func(t *testing.T) {
		o := tell(t, j.Files, nil)
		for _, step := range []struct {
			e     care.Event
			after time.Duration
			want  uint64
		}{{breakGlass(), 5 * time.Second, 1}, {ordinary(), 30 * time.Second, 1}, {ordinary(), 35 * time.Second, 3}, {ordinary(), 5 * time.Second, 3},
			{seen(1, 1), 5 * time.Second, 5}, {ordinary(), 5 * time.Second, 5}} {
			elsewhere(func() { j.add(t, step.e) })
			pass(step.after)
			if got := saved(); got != step.want {
				t.Fatalf("saved is entry %d, want %d", got, step.want)
			}
		}
		o.end()
		if got := saved(); got != 6 {
			t.Errorf("saved is entry %d, want 6", got)
		}
	})
}

func TestPositionThatCannotBeSaved(t *testing.T) {
	j, elsewhere := newJournal(t), outside(t)
	elsewhere(func() { j.add(t, breakGlass()) })
	j.State = filepath.Join(j.State, "none")
	synctest.Test(t, func(t *testing.T) {
		o := tell(t, j.Files, nil)
		pass(20 * time.Minute)
		o.end()
		if len(o.told) != 1 || strings.Count(o.log.String(), saving) != 1 {
			t.Errorf("the officer was told %+v; the log says\n%s", o.told, o.log)
		}
	})
}

// TestNothingIsReadInVain has a journal that is said to have no more entries.
func TestNothingIsReadInVain(t *testing.T) {
	j, elsewhere := newJournal(t), outside(t)
	var entries atomic.Uint64
	synctest.Test(t, func(t *testing.T) {
		o := tell(t, j.Files, func(o *Options) { o.Entries = entries.Load })
		elsewhere(func() { j.add(t, breakGlass()) })
		pass(time.Minute)
		if len(o.told) != 0 {
			t.Errorf("the officer was told %+v", o.told)
		}
		entries.Store(1)
		pass(time.Minute)
		o.end()
		if len(o.told) != 1 {
			t.Errorf("the officer was told %+v", o.told)
		}
	})
}
