package spool

import (
	"encoding/binary"
	"path/filepath"
	"runtime"
	"testing"
)

// snapshotRows is how many rows the measured push has.
const snapshotRows = 2_000_000

// memoryLimit is what a spool of any size may hold in memory, in bytes.
const memoryLimit = 40 << 20

// heap returns the bytes of live memory.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemory holds the memory of a whole spool to its limit while it is sorted.
func TestMemory(t *testing.T) {
	before := heap()
	s := create(t)
	for i := range uint64(3 * passRows) {
		check(t, s.Add(spread(i), make([]byte, 24)))
	}
	n := 0
	for range s.Sorted(t.Context()) {
		if n++; n%passRows == 1 {
			if held := heap() - before; held > memoryLimit {
				t.Errorf("%d MiB are held at row %d", held>>20, n)
			}
		}
	}
	check(t, s.Err())
	runtime.KeepAlive(s)
}

// spread returns the i-th of evenly spread keys (the finalizer of splitmix64).
func spread(i uint64) *Key {
	i += 0x9e3779b97f4a7c15 * (i + 1)
	i = (i ^ i>>30) * 0xbf58476d1ce4e5b9
	i = (i ^ i>>27) * 0x94d049bb133111eb
	var k Key
	binary.BigEndian.PutUint64(k[:], i^i>>31)
	return &k
}

// BenchmarkSnapshot is 2,000,000 rows of a snapshot: written with a checkpoint
// for every 100,000, opened again, and read sorted.
func BenchmarkSnapshot(b *testing.B) {
	value := make([]byte, 24)
	for b.Loop() {
		path := filepath.Join(b.TempDir(), "spool")
		s, err := Create(path, key, id)
		check(b, err)
		for i := range uint64(snapshotRows) {
			check(b, s.Add(spread(i), value))
			if i%100_000 == 99_999 {
				check(b, s.Checkpoint(value))
			}
		}
		check(b, s.Close())
		s, _, rows, err := Open(path, key, id)
		check(b, err)
		n := uint64(0)
		var last Key
		for k := range s.Sorted(b.Context()) {
			if n++; string(k[:]) < string(last[:]) {
				b.Fatal("not sorted")
			}
			last = k
		}
		check(b, s.Err())
		if n != rows || n != snapshotRows {
			b.Fatalf("%d rows of %d", n, rows)
		}
		check(b, s.Remove())
	}
}
