package consent

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// stocked makes a closed store with an entry for so many keys. They are
// hashes of counters: there are fewer numbers in the 999 range.
func stocked(tb testing.TB, patients int) *bench {
	tb.Helper()
	b := newBench(tb)
	s := b.open(tb)
	rows := make([]row, patients)
	for i := range rows {
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
		rows[i] = row{patientKey(sum[:keySize]), statement{care.Dissent, start.UnixNano(), start.UnixNano(), "region"}}
	}
	check(tb, s.install(context.Background(), care.Region, 1, start, rows))
	check(tb, s.Close())
	return b
}

func BenchmarkCheck(b *testing.B) {
	for _, patients := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(patients), func(b *testing.B) {
			bench := stocked(b, patients)
			s := bench.open(b)
			for i := range 1000 {
				put(b, s, said(care.Region, 2*i, care.DirectiveKind(i%4+1), 1))
			}
			requests := make([]*care.Request, 2000) // half of them unknown here
			for i := range requests {
				requests[i] = ask(i)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if got := s.Check(requests[i*7919%len(requests)]); got.Refusal == care.ConsentUnavailable {
					b.Fatal(got)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, patients := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(patients), func(b *testing.B) {
			bench := stocked(b, patients)
			for b.Loop() {
				s, err := Open(bench.path, bench.opts)
				check(b, err)
				if s.Status().Err != nil {
					b.Fatal(s.Status().Err)
				}
				check(b, s.Close())
			}
		})
	}
}

func BenchmarkReplace(b *testing.B) {
	for _, patients := range []int{100_000, 2_000_000} {
		b.Run(fmt.Sprint(patients), func(b *testing.B) {
			for b.Loop() {
				stocked(b, patients)
			}
		})
	}
}
