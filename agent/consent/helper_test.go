package consent

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

// start is the time at which every test begins.
var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// clocks are the two clocks of a machine, which tests set.
type clocks struct{ wall, up atomic.Int64 }

func newClocks() *clocks {
	c := new(clocks)
	c.wall.Store(start.UnixNano())
	c.up.Store(int64(time.Hour))
	return c
}

func (c *clocks) now() time.Time        { return time.Unix(0, c.wall.Load()).UTC() }
func (c *clocks) uptime() time.Duration { return time.Duration(c.up.Load()) }

// sleep lets time go by with nobody looking.
func (c *clocks) sleep(d time.Duration) { c.wall.Add(int64(d)); c.up.Add(int64(d)) }

// jump sets the wall clock.
func (c *clocks) jump(d time.Duration) { c.wall.Add(int64(d)) }

// number returns the i-th valid NHS number of the range that is never issued.
func number(i int) care.NHSNumber {
	for nine := 999_000_000 + i%499_999*2; ; nine++ { // of two neighbours at most one has no check digit
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
	check(tb, err)
	return k
}

// bench is a folder with a store in it, the machine's clocks and the region.
type bench struct {
	path   string
	clocks *clocks
	opts   Options
	ledger *feed.Ledger
	known  uint64   // the highest epoch that the region was told
	doubts []string // what OnDoubt was told
}

func newBench(tb testing.TB) *bench {
	tb.Helper()
	b := &bench{path: filepath.Join(tb.TempDir(), "consent.db"), clocks: newClocks()}
	b.ledger = feed.NewLedger("north", 1, b.clocks.now())
	b.opts = Options{Key: testKey(tb), Model: rule.OptOut, MaxAge: 24 * time.Hour, Now: b.clocks.now, Uptime: b.clocks.uptime,
		OnDoubt: func(reason string) { b.doubts = append(b.doubts, reason) }}
	return b
}

// withSource adds a source to the configuration.
func (b *bench) withSource(name string, maxAge time.Duration) *bench {
	b.opts.Sources = append(b.opts.Sources, Source{name, maxAge})
	return b
}

func (b *bench) open(tb testing.TB) *Store {
	tb.Helper()
	s, err := Open(context.Background(), b.path, b.opts)
	check(tb, err)
	tb.Cleanup(func() { _ = s.Close() }) // a test of failures closes by itself
	return s
}

// reopen ends the process and begins another.
func (b *bench) reopen(tb testing.TB, s *Store) *Store {
	tb.Helper()
	check(tb, s.Close())
	return b.open(tb)
}

// filled opens a store that the region has filled and vouched for.
func (b *bench) filled(tb testing.TB, all ...care.Directive) *Store {
	tb.Helper()
	s := b.open(tb)
	b.admit(tb, all...)
	check(tb, b.snapshot(s))
	for i := range b.opts.Sources {
		reread(tb, s, b.opts.Sources[i].Name, b.clocks.now())
	}
	return s
}

// admit takes directives into the region's ledger.
func (b *bench) admit(tb testing.TB, all ...care.Directive) {
	tb.Helper()
	for _, d := range all {
		_, err := b.ledger.Admit(d)
		check(tb, err)
	}
}

// next begins the region's next state.
func (b *bench) next(tb testing.TB) {
	tb.Helper()
	check(tb, b.ledger.Next(b.ledger.Sequence()+1, b.clocks.now()))
}

// vouching asks the state of a store and answers it.
func (b *bench) vouching(s *Store) Vouching {
	status := s.Status()
	v := Vouching{Instance: status.Instance[:], KnownEpoch: b.known}
	b.known = max(b.known, status.Epoch)
	return v
}

// vouched does a push with the vouching around it.
func (b *bench) vouched(s *Store, push func() error) error {
	v := b.vouching(s)
	if err := s.Meet(v); err != nil {
		return err
	}
	if err := push(); err != nil {
		return err
	}
	if err := s.Vouched(v); err != nil {
		return err
	}
	b.known = max(b.known, s.Status().Epoch)
	return nil
}

// snapshot pushes all that the ledger holds.
func (b *bench) snapshot(s *Store) error {
	return b.vouched(s, func() error {
		m, err := b.ledger.Snapshot()
		if err != nil {
			return err
		}
		all, err := collect(b.ledger.Directives())
		if err != nil {
			return err
		}
		return pushAll(s, m.Unsigned(), all)
	})
}

// changes pushes what is new in the ledger since a state.
func (b *bench) changes(s *Store, base uint64) error {
	return b.vouched(s, func() error {
		m, ds, ok := b.ledger.Changes(base)
		if !ok {
			return fmt.Errorf("no changes since %d", base)
		}
		return s.Apply(context.Background(), m.Unsigned(), ds)
	})
}

// beat begins the region's next state with nothing new, and pushes it.
func (b *bench) beat(tb testing.TB, s *Store) {
	tb.Helper()
	base := b.ledger.Sequence()
	b.next(tb)
	check(tb, b.changes(s, base))
}

func pushAll(s *Store, manifest []byte, all []care.Directive) error {
	n, err := s.BeginSnapshot(context.Background(), manifest, 0)
	if err != nil {
		return err
	}
	defer n.Abandon()
	for batch := range slices.Chunk(all, 1000) {
		if err := n.Add(batch); err != nil {
			return err
		}
	}
	return n.Finish(context.Background())
}

func collect(all iter.Seq2[care.Directive, error]) ([]care.Directive, error) {
	var list []care.Directive
	for d, err := range all {
		if err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	return list, nil
}

func each[T any](all ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, d := range all {
			if !yield(d, nil) {
				return
			}
		}
	}
}

func reread(tb testing.TB, s *Store, source string, asOf time.Time, all ...care.Directive) FillReport {
	tb.Helper()
	r, err := s.Fill(context.Background(), source, asOf, each(all...))
	check(tb, err)
	return r
}

// pass lets time go by with Run looking.
func (b *bench) pass(s *Store, d time.Duration) {
	for ; d > 0; d -= time.Minute {
		b.clocks.sleep(min(d, time.Minute))
		s.tick(context.Background())
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
	changed, err := s.Set(context.Background(), []care.Directive{d})
	check(tb, err)
	return changed[0]
}

func ask(i int) *care.Request {
	return &care.Request{Purpose: care.Treatment, Permission: care.PermissionNotAsked, Sections: care.AllSections,
		Requester: care.Requester{Organisation: "A12345"}, Subject: care.Subject{NHSNumber: number(i)}}
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
