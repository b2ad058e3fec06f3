package consent

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

// start is the time at which every test begins.
var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// clock is a clock that tests set.
type clock struct{ nanos atomic.Int64 }

func (c *clock) set(t time.Time) { c.nanos.Store(t.UnixNano()) }
func (c *clock) now() time.Time  { return time.Unix(0, c.nanos.Load()).UTC() }

// number returns the i-th valid NHS number of the range that is never issued.
func number(i int) care.NHSNumber {
	for nine := 999_000_000 + i*2; ; nine++ { // of two neighbours at most one has no check digit
		sum := 0
		for d, rest := 2, nine; rest > 0; d, rest = d+1, rest/10 {
			sum += rest % 10 * d
		}
		if check := (11 - sum%11) % 11; check < 10 {
			n, err := care.ParseNHSNumber(fmt.Sprintf("%d%d", nine, check))
			if err != nil {
				panic(err)
			}
			return n
		}
	}
}

func testKey(tb testing.TB) sitekey.Key {
	tb.Helper()
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(i + 1)
	}
	k, err := sitekey.New(secret)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// bench is a folder with a store in it and the clock it runs on.
type bench struct {
	path  string
	clock *clock
	opts  Options
}

func newBench(tb testing.TB) *bench {
	tb.Helper()
	b := &bench{path: filepath.Join(tb.TempDir(), "consent.db"), clock: new(clock)}
	b.clock.set(start)
	b.opts = Options{Key: testKey(tb), Model: OptOut, MaxAge: 24 * time.Hour, Now: b.clock.now}
	return b
}

func (b *bench) open(tb testing.TB) *Store {
	tb.Helper()
	s, err := Open(b.path, b.opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { check(tb, s.Close()) })
	return s
}

// filled opens a store that the region has filled with the given directives.
func (b *bench) filled(tb testing.TB, all ...care.Directive) *Store {
	tb.Helper()
	s := b.open(tb)
	check(tb, s.Replace(context.Background(), care.Region, 1, b.clock.now(), each(all...)))
	return s
}

func each(all ...care.Directive) iter.Seq2[care.Directive, error] {
	return func(yield func(care.Directive, error) bool) {
		for _, d := range all {
			if !yield(d, nil) {
				return
			}
		}
	}
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// said returns a directive of a day before the test began.
func said(a care.Authority, i int, k care.DirectiveKind, daysAgo int) care.Directive {
	return care.Directive{NHSNumber: number(i), Authority: a, Kind: k, By: "tester",
		Effective: start.AddDate(0, 0, -daysAgo), Recorded: start.AddDate(0, 0, -daysAgo)}
}

func put(tb testing.TB, s *Store, d care.Directive) bool {
	tb.Helper()
	changed, err := s.Set(context.Background(), d)
	check(tb, err)
	return changed
}

func ask(i int) *care.Request {
	return &care.Request{Purpose: care.Treatment, Permission: care.PermissionNotAsked, Subject: care.Subject{NHSNumber: number(i)}}
}

// answers fails the test unless Check answers so.
func answers(tb testing.TB, s *Store, i int, kind care.Kind, reason string) {
	tb.Helper()
	if got := s.Check(ask(i)); got.Refusal != kind || got.Reason != reason {
		tb.Errorf("patient %d: %v %s, want %v %s", i, got.Refusal, got.Reason, kind, reason)
	}
}

// fails fails the test unless err has this kind and reason.
func fails(tb testing.TB, err error, kind care.Kind, reason string) {
	tb.Helper()
	if care.KindOf(err) != kind || care.ReasonOf(err) != reason {
		tb.Errorf("error %v, want %v %s", err, kind, reason)
	}
}
