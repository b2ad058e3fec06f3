package tree

import "testing"

func BenchmarkAppend(b *testing.B) {
	tr := grown(b, b.TempDir(), 0)
	h := leaf(1)
	for n := 0; b.Loop(); n++ {
		if n%(1<<16) == 0 {
			b.StopTimer()
			clear(tr.pending) // what Flush does
			b.StartTimer()
		}
		tr.Append(h)
	}
}

func BenchmarkLeafHash(b *testing.B) {
	line := make([]byte, 700)
	for b.Loop() {
		LeafHash(line)
	}
}

func BenchmarkInclusion(b *testing.B) {
	const size = 1_000_000
	tr := grown(b, b.TempDir(), size)
	dst := make([]Hash, 0, 64)
	b.Run("recent", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := tr.AppendInclusion(dst, size-1, size); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("from disk", func(b *testing.B) {
		b.ReportAllocs()
		for n := uint64(0); b.Loop(); n++ {
			if _, err := tr.AppendInclusion(dst, n*7919%size, size); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	const size = 1_000_000
	folder := b.TempDir()
	grown(b, folder, size)
	for b.Loop() {
		if _, err := Open(folder, size, (&journal{}).leaves); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRoot(b *testing.B) {
	tr := grown(b, b.TempDir(), 1<<16-1)
	for b.Loop() {
		tr.Root()
	}
}

func BenchmarkSign(b *testing.B) {
	s := newLog(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Sign(someHead); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseHead(b *testing.B) {
	msg, keys := signedNote(b, someHead), allKeys(b)
	for b.Loop() {
		if _, _, err := ParseHead(msg, keys...); err != nil {
			b.Fatal(err)
		}
	}
}
