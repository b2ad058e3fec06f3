package tree

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// reference is the tree as package tlog keeps it: every hash, in one list.
type reference struct{ hashes []tlog.Hash }

func (r *reference) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = r.hashes[x]
	}
	return out, nil
}

func (r *reference) root(t *testing.T, size uint64) Hash {
	t.Helper()
	h, err := tlog.TreeHash(int64(size), r)
	if err != nil {
		t.Fatal(err)
	}
	return Hash(h)
}

// many is how many leaves the shared reference has.
const many = 200_000

var shared = sync.OnceValues(func() (*reference, error) {
	r := &reference{}
	for i := range int64(many) {
		hashes, err := tlog.StoredHashesForRecordHash(i, tlog.Hash(leaf(uint64(i))), r)
		if err != nil {
			return nil, err
		}
		r.hashes = append(r.hashes, hashes...)
	}
	return r, nil
})

func sharedReference(t *testing.T) *reference {
	t.Helper()
	r, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func leaf(i uint64) Hash { return LeafHash(fmt.Appendf(nil, "entry %d", i)) }

// journal gives leaves and remembers which were asked for.
type journal struct {
	mu    sync.Mutex
	asked [][2]uint64
	fail  error  // after the leaves before the index failAt
	at    uint64 // where fail happens
}

func (j *journal) leaves(from, to uint64) iter.Seq2[Hash, error] {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asked = append(j.asked, [2]uint64{from, to})
	return func(yield func(Hash, error) bool) {
		for i := from; i < to; i++ {
			if j.fail != nil && i >= j.at {
				yield(Hash{}, j.fail)
				return
			}
			if !yield(leaf(i), nil) {
				return
			}
		}
	}
}

var errGone = errors.New("the line is gone")

// pruned gives no leaves.
func pruned(uint64, uint64) iter.Seq2[Hash, error] {
	return func(yield func(Hash, error) bool) { yield(Hash{}, errGone) }
}

// grown returns a tree of size leaves whose full tiles are on disk.
func grown(t testing.TB, folder string, size uint64) *Tree {
	t.Helper()
	tr, err := Open(folder, 0, (&journal{}).leaves)
	if err != nil {
		t.Fatal(err)
	}
	for i := range size {
		tr.Append(leaf(i))
	}
	if err := tr.Flush(); err != nil {
		t.Fatal(err)
	}
	return tr
}

// forget makes the tree read from disk what is there.
func forget(tr *Tree) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	clear(tr.cache.entries)
}

func onDisk(folder string, level int, n uint64) string {
	return filepath.Join(folder, filepath.FromSlash(tileID{level, n}.path()))
}

// change writes other bytes, of the same number, to a file.
func change(t *testing.T, name string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(name, data, fileMode); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.RemoveAll(name); err != nil {
		t.Fatal(err)
	}
}

// refused asserts that an error has a kind and reason.
func refused(t *testing.T, err error, kind care.Kind, reason string) {
	t.Helper()
	if care.KindOf(err) != kind || care.ReasonOf(err) != reason {
		t.Errorf("error %v, want %v (%s)", err, kind, reason)
	}
}
