package tree

import (
	"encoding/hex"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// The leaves and roots that Certificate Transparency's implementations share.
func TestCertificateTransparency(t *testing.T) {
	leaves := []string{
		"", "00", "10", "2021", "3031", "40414243",
		"5051525354555657", "606162636465666768696a6b6c6d6e6f",
	}
	roots := map[int]string{
		0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	tr := grown(t, t.TempDir(), 0)
	for n := 0; ; n++ {
		if want, ok := roots[n]; ok {
			if root := tr.Root(); hex.EncodeToString(root[:]) != want {
				t.Errorf("root of %d leaves is %x, want %s", n, root, want)
			}
		}
		if n == len(leaves) {
			break
		}
		line, err := hex.DecodeString(leaves[n])
		if err != nil {
			t.Fatal(err)
		}
		tr.Append(LeafHash(line))
	}
	if hex.EncodeToString(MissingLeaf[:]) != roots[1] {
		t.Errorf("MissingLeaf is %x, want the leaf of the empty line", MissingLeaf)
	}
}

func TestGoldenRoot(t *testing.T) {
	want, err := os.ReadFile("testdata/root-1000.hex")
	if err != nil {
		t.Fatal(err)
	}
	root := grown(t, t.TempDir(), 1000).Root()
	if hex.EncodeToString(root[:]) != strings.TrimSpace(string(want)) {
		t.Errorf("root of 1000 entries is %x, want %s", root, want)
	}
}

// compare asserts that all that the tree says about a size is what package tlog
// says, and that the proofs prove it.
func compare(t *testing.T, tr *Tree, ref *reference, index, old, size uint64) {
	t.Helper()
	root := ref.root(t, size)
	if got, err := tr.RootAt(size); err != nil || got != root {
		t.Fatalf("RootAt(%d) = %x, %v, want %x", size, got, err, root)
	}
	if got, err := tr.Leaf(index); err != nil || got != leaf(index) {
		t.Fatalf("Leaf(%d) = %x, %v, want %x", index, got, err, leaf(index))
	}
	want, err := tlog.ProveRecord(int64(size), int64(index), ref)
	if err != nil {
		t.Fatal(err)
	}
	got, err := tr.Inclusion(index, size)
	if err != nil || !slices.Equal(toLog(got), want) {
		t.Fatalf("Inclusion(%d, %d) = %x, %v, want %x", index, size, got, err, want)
	}
	if err := CheckInclusion(index, size, leaf(index), root, got); err != nil {
		t.Fatalf("CheckInclusion(%d, %d): %v", index, size, err)
	}
	treeWant, err := tlog.ProveTree(int64(size), int64(old), ref)
	if err != nil {
		t.Fatal(err)
	}
	got, err = tr.Consistency(old, size)
	if err != nil || !slices.Equal(toLog(got), treeWant) {
		t.Fatalf("Consistency(%d, %d) = %x, %v, want %x", old, size, got, err, treeWant)
	}
	if err := CheckConsistency(old, size, ref.root(t, old), root, got); err != nil {
		t.Fatalf("CheckConsistency(%d, %d): %v", old, size, err)
	}
}

func TestEverySmallTree(t *testing.T) {
	ref := sharedReference(t)
	tr := grown(t, t.TempDir(), 0)
	for size := uint64(1); size <= 700; size++ {
		tr.Append(leaf(size - 1))
		if got := tr.Root(); got != ref.root(t, size) || tr.Size() != size {
			t.Fatalf("root of %d leaves is %x, want %x", tr.Size(), got, ref.root(t, size))
		}
		if size%100 == 0 {
			if err := tr.Flush(); err != nil {
				t.Fatal(err)
			}
			forget(tr)
		}
		step := 1 + size/64
		for i := size % step; i < size; i += step {
			compare(t, tr, ref, i, i+1, size)
		}
		compare(t, tr, ref, size-1, size, size)
	}
}

func TestRandomTrees(t *testing.T) {
	ref := sharedReference(t)
	folder := t.TempDir()
	tr := grown(t, folder, many)
	if _, err := Open(folder, many, pruned); err == nil {
		t.Error("opened a tree whose last leaves are nowhere")
	}
	again, err := Open(folder, many, (&journal{}).leaves)
	if err != nil {
		t.Fatal(err)
	}
	again.leaves = pruned // all that is left of them are the tiles
	random := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		size := 1 + random.Uint64N(many)
		index, old := random.Uint64N(size), 1+random.Uint64N(size)
		compare(t, tr, ref, index, old, size)
		compare(t, again, ref, index, old, size)
		if n := len(again.cache.entries); n > cacheSize {
			t.Fatalf("%d tiles in the cache, want at most %d", n, cacheSize)
		}
	}
}

func TestRecentLeavesNeedNoDiskAndLittleMemory(t *testing.T) {
	const size = 70_000
	folder := t.TempDir()
	tr := grown(t, folder, size)
	remove(t, folder)
	tr.leaves = pruned
	dst := make([]Hash, 1, 64)
	dst[0] = Hash{7}
	for index := uint64(size - 3000); index < size; index += 13 {
		proof, err := tr.AppendInclusion(dst, index, size)
		if err != nil {
			t.Fatalf("leaf %d: %v", index, err)
		}
		if proof[0] != (Hash{7}) || CheckInclusion(index, size, leaf(index), tr.Root(), proof[1:]) != nil {
			t.Fatalf("leaf %d: the proof was not appended", index)
		}
	}
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := tr.AppendInclusion(dst, size-1, size); err != nil {
			t.Error(err)
		}
	})
	if allocs > 1 {
		t.Errorf("%v allocations for a proof, want at most 1", allocs)
	}
}

func TestTilesThatAreNotWrittenYet(t *testing.T) {
	tr, err := Open(t.TempDir(), 0, pruned)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(5000) {
		tr.Append(leaf(i))
	}
	proof, err := tr.Inclusion(7, 5000)
	if err != nil || CheckInclusion(7, 5000, leaf(7), tr.Root(), proof) != nil {
		t.Errorf("Inclusion = %x, %v", proof, err)
	}
}

// However fast others fill the cache, an answer keeps the tiles it has read.
func TestAnswerOutlivesTheCache(t *testing.T) {
	tr := grown(t, t.TempDir(), layered)
	var proof []Hash
	calls := 0
	err := tr.gather("test", func(n *nodes) {
		clear(tr.cache.entries)
		if calls++; calls > 10 {
			t.Fatal("the same tiles are read over and over")
		}
		proof = n.consistency(777, layered)
	})
	if err != nil || calls < 2 {
		t.Fatalf("%d calls, %v", calls, err)
	}
	before, err := tr.RootAt(777)
	if err != nil || CheckConsistency(777, layered, before, tr.Root(), proof) != nil {
		t.Errorf("the proof proves nothing: %v", err)
	}
}

func TestAppendWhileOthersProve(t *testing.T) {
	const size = 20_000
	ref := sharedReference(t)
	tr := grown(t, t.TempDir(), 1)
	var provers sync.WaitGroup
	stop := make(chan struct{})
	for seed := range uint64(3) {
		provers.Go(func() {
			random := rand.New(rand.NewPCG(seed, 0))
			for {
				select {
				case <-stop:
					return
				default:
				}
				now := tr.Size()
				index := random.Uint64N(now)
				proof, err := tr.Inclusion(index, now)
				if err != nil {
					t.Errorf("Inclusion(%d, %d): %v", index, now, err)
					return
				}
				h, err := tlog.TreeHash(int64(now), ref)
				if err != nil || CheckInclusion(index, now, leaf(index), Hash(h), proof) != nil {
					t.Errorf("Inclusion(%d, %d) proves nothing", index, now)
					return
				}
			}
		})
	}
	provers.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			write := tr.Flush
			if n%4 == 0 {
				write = tr.Sync
			}
			if err := write(); err != nil {
				t.Error(err)
				return
			}
			forget(tr)
		}
	})
	for i := uint64(1); i < size; i += 7 {
		var batch []Hash
		for k := i; k < min(i+7, size); k++ {
			batch = append(batch, leaf(k))
		}
		tr.Append(batch...)
	}
	close(stop)
	provers.Wait()
	if tr.Root() != ref.root(t, size) {
		t.Error("the root is wrong")
	}
}
