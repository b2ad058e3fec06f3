package index

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// indexed returns a journal of two segments and three blocks that is in the
// index but for its last entries.
func indexed(t testing.TB) *model {
	t.Helper()
	m := newModel(t)
	m.grow(30, 0)
	m.failFar(3, blockEntries)
	m.grow(40, 3)
	m.rotateTo(m.next)
	m.grow(40, 5)
	mustUpdate(t, m.index(false))
	m.grow(3, 8)
	return m
}

// blockFiles returns the files of the index.
func blockFiles(t testing.TB, m *model) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(m.folder, folderName, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal("there is no index: ", err)
	}
	return files
}

// Whatever bits of the index change, a search finds the same, and an update
// makes it whole again.
func TestDamagedIndexChangesNothing(t *testing.T) {
	m := indexed(t)
	q := Query{Patient: testNumber(3), Organisation: "Y99902"}
	want, wantGaps := mustSearch(t, m.index(false), q)
	if len(want) == 0 {
		t.Fatal("nothing is found in a whole index")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 600 {
		file := blockFiles(t, m)[r.IntN(len(blockFiles(t, m)))]
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		damaged := bytes.Clone(whole)
		bit := r.IntN(len(damaged) * 8)
		damaged[bit/8] ^= 1 << (bit % 8)
		if r.IntN(4) == 0 {
			damaged = damaged[:bit/8]
		}
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		got, gaps := mustSearch(t, m.index(false), q)
		if !slices.Equal(got, want) || !reflect.DeepEqual(gaps, wantGaps) {
			t.Fatalf("%s with bit %d changed, %d bytes: found %v and %v, want %v and %v", file, bit, len(damaged), got, gaps, want, wantGaps)
		}
		if err := os.WriteFile(file, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUpdateMakesDamagedBlocksAgain(t *testing.T) {
	m := indexed(t)
	status := mustUpdate(t, m.index(false))
	for i, file := range blockFiles(t, m) {
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		damaged := bytes.Clone(whole)
		damaged[len(damaged)-1] ^= 1
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if again := mustUpdate(t, m.index(false)); again != status {
			t.Errorf("block %d: the index covers %+v, before it was damaged %+v", i, again, status)
		}
		if mended, err := os.ReadFile(file); err != nil || !bytes.Equal(mended, whole) {
			t.Errorf("block %d is not as it was: %v", i, err)
		}
	}
}

// The parts of a block belong to one state of it: those of an older one, which
// a power cut may leave beside newer ones, are refused.
func TestPartsOfDifferentTimesAreRefused(t *testing.T) {
	old, now := newBuilder(1), newBuilder(1)
	h := newHasher(&testKey)
	for i := range uint64(3) {
		l := decode(t, sampleLine(t, 0, blockEntries+i))
		old.add(h, place{blockEntries + i, 1, int64(i) * 10, 10}, l, true)
		now.add(h, place{blockEntries + i + 1, 1, int64(i) * 10, 10}, l, true)
	}
	s := newSealer(&testKey)
	a, b := old.encode(s), now.encode(s)
	parts := 0
	for _, n := range old.sizes {
		parts += int(n) + sealSize
	}
	if old.sizes != now.sizes {
		t.Fatal("the parts differ in size too")
	}
	head := len(a) - parts
	folder := t.TempDir()
	mixed := append(bytes.Clone(b[:len(b)-parts]), a[head:]...)
	if err := os.WriteFile(filepath.Join(folder, blockName(1)), mixed, 0o600); err != nil {
		t.Fatal(err)
	}
	block, err := openBlock(folder, 1, s)
	if err != nil {
		t.Fatal("the header is whole: ", err)
	}
	if err := block.check(s); err == nil {
		t.Error("parts of an older state are taken")
	}
}

// A block counts as that of its own numbers only.
func TestBlockUnderAnotherName(t *testing.T) {
	m := indexed(t)
	x := m.index(false)
	if err := os.Rename(filepath.Join(x.folder, blockName(0)), filepath.Join(x.folder, blockName(7))); err != nil {
		t.Fatal(err)
	}
	blocks, err := openBlocks(x.folder, newSealer(&x.key))
	if err != nil || len(blocks) != 2 || blocks[0].number != 1 || blocks[1].number != 2 {
		t.Errorf("%d blocks are taken, %v", len(blocks), err)
	}
}

func TestUpdateMakesLostBlocksAgain(t *testing.T) {
	m := indexed(t)
	status := mustUpdate(t, m.index(false))
	files := blockFiles(t, m)
	whole := map[string][]byte{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		whole[file] = text
	}
	for _, lost := range files {
		if err := os.Remove(lost); err != nil {
			t.Fatal(err)
		}
		if again := mustUpdate(t, m.index(false)); again != status {
			t.Errorf("without %s the index covers %+v, before %+v", lost, again, status)
		}
		for file, text := range whole {
			if mended, err := os.ReadFile(file); err != nil || !bytes.Equal(mended, text) {
				t.Errorf("without %s, %s is not as it was: %v", lost, file, err)
			}
		}
	}
}

// An index under another key is none.
func TestIndexOfAnotherKey(t *testing.T) {
	m := indexed(t)
	x := m.index(false)
	x.key[0]++
	if blocks, err := openBlocks(x.folder, newSealer(&x.key)); err != nil || len(blocks) != 0 {
		t.Fatalf("%d blocks are taken, %v", len(blocks), err)
	}
	want, _ := mustSearch(t, m.index(false), Query{User: "admin"})
	if got, _ := mustSearch(t, x, Query{User: "admin"}); !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
	mustUpdate(t, x)
	if got, _ := mustSearch(t, x, Query{User: "admin"}); !slices.Equal(got, want) {
		t.Errorf("after an update found %v, want %v", got, want)
	}
}

// The files of the index tell no value, and are the agent's alone.
func TestIndexTellsNothing(t *testing.T) {
	m := indexed(t)
	for _, file := range blockFiles(t, m) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range []string{"999", "Y99901", "555000111222", "R0260", "east", "EAST", "ALLERGIES", "RELEASE"} {
			if bytes.Contains(text, []byte(value)) {
				t.Errorf("%s holds %q", file, value)
			}
		}
		wantMode(t, file, fileMode)
	}
	wantMode(t, filepath.Join(m.folder, folderName), folderMode)
}

// An edited line is not passed over: the index knows that it was another.
func TestEditedLineIsAGap(t *testing.T) {
	m := indexed(t)
	mustUpdate(t, m.index(false))
	found, _ := mustSearch(t, m.index(false), Query{User: "reception"})
	e := m.entries[found[0]]
	path := m.path(e.segment)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, e.line.Raw, bytes.Replace(e.line.Raw, []byte("reception"), []byte("somebody!"), 1), 1)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	got, gaps := mustSearch(t, m.index(false), Query{User: "reception", FirstEntry: found[0]})
	if !slices.Equal(got, found[1:]) || !slices.Contains(gaps, Gap{found[0], found[0], 1, GapDamaged}) {
		t.Errorf("found %v with gaps %v, want %v and a gap at %d", got, gaps, found[1:], found[0])
	}
}
