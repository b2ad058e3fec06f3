package audit

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// The benchmarks write to the folder of t.TempDir: set TMPDIR to a disk that
// can be compared with that of a site, and never to a tmpfs.

func BenchmarkAppendWait1(b *testing.B)  { benchmarkAppendWait(b, 1) }
func BenchmarkAppendWait8(b *testing.B)  { benchmarkAppendWait(b, 8) }
func BenchmarkAppendWait64(b *testing.B) { benchmarkAppendWait(b, 64) }

func benchmarkAppendWait(b *testing.B, writers int) {
	folder := newFolder(b)
	j := openTest(b, folder, Options{})
	event := sampleEvent()
	b.ReportAllocs()
	b.ResetTimer()
	var left atomic.Int64
	left.Store(int64(b.N))
	ended := make(chan error, writers)
	for range writers {
		go func() {
			for left.Add(-1) >= 0 {
				if err := j.Append(event).Wait(b.Context()); err != nil {
					ended <- err
					return
				}
			}
			ended <- nil
		}()
	}
	for range writers {
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	commits := map[uint64]bool{}
	for _, line := range readAll(b, folder) {
		commits[line.Batch] = true
	}
	b.ReportMetric(float64(b.N)/float64(len(commits)), "entries/commit")
}

// BenchmarkFsyncPerEntry is the floor of one writer and what group commit is
// to be compared with: one write and one data sync for each entry.
func BenchmarkFsyncPerEntry(b *testing.B) {
	path := filepath.Join(b.TempDir(), "floor")
	f, err := osFiles{}.create(path, 64<<20)
	if err != nil {
		b.Fatal(err)
	}
	defer os.Remove(path)
	event := sampleEvent()
	line := append(appendLine(nil, &header{sequence: 1, batch: 1}, testBox.appendBody(nil, &event, repairNote{})), '\n')
	b.ResetTimer()
	for i := range b.N {
		if _, err := f.WriteAt(line, int64(i*len(line)%(60<<20))); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncode is the cost of one line without the disk.
func BenchmarkEncode(b *testing.B) {
	event := sampleEvent()
	h := header{sequence: 1, batch: 1}
	var body, line []byte
	b.ReportAllocs()
	for b.Loop() {
		body = testBox.appendBody(body[:0], &event, repairNote{})
		line = appendLine(line[:0], &h, body)
		h.prev = leafHash(line)
	}
}
