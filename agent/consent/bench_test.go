package consent

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

var patients = flag.Int("patients", 20_000, "patients of the store in benchmarks")

// many returns the i-th of ten million valid NHS numbers of the eight hundreds,
// which are not issued to anybody (those in use begin with 4, 6 or 7). The test
// range of 999 has not enough for two million patients.
func many(i int) care.NHSNumber {
	for nine := 800_000_000 + i*2; ; nine++ {
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

// crowd returns the directives of a region of n patients: one in fifty has
// dissented, the others have said yes, a year ago or so.
func crowd(n int, yield func(care.Directive) bool) {
	for i := range n {
		d := care.Directive{NHSNumber: many(i), Kind: care.ConsentGiven, Effective: start.Add(-time.Duration(i%8760) * time.Hour)}
		if i%50 == 0 {
			d.Kind = care.Dissent
		}
		if !yield(d) {
			return
		}
	}
}

// pushCrowd pushes a crowd as the region's snapshot number sequence.
func pushCrowd(tb testing.TB, s *Store, n int, sequence uint64) {
	tb.Helper()
	m := &feed.Manifest{Region: "north", Snapshot: true, Sequence: sequence, AsOf: start, Rows: uint64(n), Patients: uint64(n), Directives: uint64(n)}
	var content feed.Content
	var row []byte
	crowd(n, func(d care.Directive) bool {
		content.Add(&d)
		row = feed.AppendRows(row[:0], &d)
		m.Digest.Add(row)
		return true
	})
	m.Content = content.Sum()
	began := time.Now()
	push, err := s.BeginSnapshot(context.Background(), m.Unsigned(), 0)
	check(tb, err)
	batch := make([]care.Directive, 0, 1000)
	crowd(n, func(d care.Directive) bool {
		if batch = append(batch, d); len(batch) == cap(batch) {
			check(tb, push.Add(batch))
			batch = batch[:0]
		}
		return true
	})
	check(tb, push.Add(batch))
	arrived := time.Since(began)
	check(tb, push.Finish(context.Background()))
	tb.Logf("%d patients arrived in %.2f s, in force after %.2f s", n, arrived.Seconds(), time.Since(began).Seconds())
}

// stocked opens a store whose region has told it of a crowd.
func stocked(tb testing.TB, b *bench) *Store {
	tb.Helper()
	s := b.open(tb)
	pushCrowd(tb, s, *patients, 1)
	v := b.vouching(s)
	check(tb, s.Meet(v))
	check(tb, s.Vouched(v))
	return s
}

func of(n care.NHSNumber) *care.Request {
	r := ask(0)
	r.Subject.NHSNumber = n
	return r
}

func BenchmarkCheck(b *testing.B) {
	bench := newBench(b).withSource("gp", time.Hour)
	bench.opts.Now, bench.opts.Uptime = nil, nil // what the machine's clocks cost, too
	s := stocked(b, bench)
	reread(b, s, "gp", start)
	requests := make([]*care.Request, 1<<16)
	for name, from := range map[string]int{"known": 0, "unknown": *patients} {
		for i := range requests {
			requests[i] = of(many(from + i*7919%*patients))
		}
		for _, r := range requests { // the file's pages are in memory, and mapped
			s.Check(r)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if got := s.Check(requests[i%len(requests)]); got.Reason == rule.ReasonDamaged {
					b.Fatal(got)
				}
			}
		})
	}
	size(b, bench.path)
}

func size(b *testing.B, path string) {
	info, err := os.Stat(path)
	check(b, err)
	b.Logf("%d patients, %.1f MB, resident %s", *patients, float64(info.Size())/1e6, resident())
}

// resident returns how much memory the process has, where Linux tells.
func resident() string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "unknown"
	}
	var found []string
	for line := range strings.Lines(string(status)) {
		if name, value, _ := strings.Cut(line, ":"); slices.Contains([]string{"VmRSS", "VmHWM", "RssAnon", "RssFile"}, name) {
			found = append(found, name+" "+strings.TrimSpace(value))
		}
	}
	return strings.Join(found, ", ")
}

func BenchmarkOpen(b *testing.B) {
	bench := newBench(b)
	check(b, stocked(b, bench).Close())
	for b.Loop() {
		s, err := Open(context.Background(), bench.path, bench.opts)
		check(b, err)
		check(b, s.Close())
	}
	size(b, bench.path)
}

// BenchmarkVerify checks the whole file of a store in use.
func BenchmarkVerify(b *testing.B) {
	bench := newBench(b)
	s := stocked(b, bench)
	for b.Loop() {
		check(b, s.Verify(context.Background()))
	}
	size(b, bench.path)
}

// BenchmarkSnapshot replaces the whole set, and says what requests waited
// meanwhile.
func BenchmarkSnapshot(b *testing.B) {
	bench := newBench(b)
	s := stocked(b, bench)
	sequence := uint64(1)
	for b.Loop() {
		sequence++
		stop, took := make(chan struct{}), make(chan []time.Duration)
		go func() { took <- timed(s, stop) }()
		pushCrowd(b, s, *patients, sequence)
		close(stop)
		all := <-took
		slices.Sort(all)
		b.Logf("%d checks meanwhile: median %v, 99.9%% %v, longest %v; resident %s", len(all), all[len(all)/2], all[len(all)*999/1000], all[len(all)-1], resident())
	}
}

// timed checks patients until stop, 1,000 a second or so, and returns how long
// each check took.
func timed(s *Store, stop chan struct{}) (took []time.Duration) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
			r := of(many(i * 7919 % *patients))
			began := time.Now()
			s.Check(r)
			took = append(took, time.Since(began))
		case <-stop:
			return took
		}
	}
}

// BenchmarkChanges applies 1,000 changes about patients far apart.
func BenchmarkChanges(b *testing.B) {
	bench := newBench(b)
	s := stocked(b, bench)
	var round atomic.Int64
	for b.Loop() {
		b.StopTimer()
		r := int(round.Add(1))
		status := s.Status().Sets[0]
		m := &feed.Manifest{Region: "north", Base: status.Sequence, Sequence: status.Sequence + 1, AsOf: start, Rows: 1000,
			Patients: status.Patients + 1000, Directives: status.Directives + 1000, Digest: status.Digest}
		var content feed.Content
		ds := make([]care.Directive, 1000)
		for i := range ds {
			ds[i] = care.Directive{NHSNumber: many(*patients + r*1000 + i), Kind: care.Dissent, Effective: start}
			content.Add(&ds[i])
			m.Digest.Add(feed.AppendRows(nil, &ds[i]))
		}
		m.Content = content.Sum()
		b.StartTimer()
		check(b, s.Apply(context.Background(), m.Unsigned(), ds))
	}
	size(b, bench.path)
}
