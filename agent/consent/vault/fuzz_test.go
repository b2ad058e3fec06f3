package vault

import (
	"bytes"
	"context"
	"os"
	"slices"
	"testing"
)

func FuzzPage(f *testing.F) {
	f.Add(appendEntry(appendEntry(nil, 1, []byte("one")), 2, bytes.Repeat([]byte{2}, 300)), uint64(2))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1, 0x80}, uint64(1))
	f.Fuzz(func(t *testing.T, page []byte, remainder uint64) {
		entries, ok := countEntries(page)
		if !ok {
			find(page, remainder) // must not panic
			return
		}
		value, start, end, ok := find(page, remainder)
		if !ok || start > end || end > len(page) || (value == nil) != (start == end) {
			t.Fatalf("find in a whole page: %v %d %d %v", value, start, end, ok)
		}
		changed := splice(slices.Clone(page), start, end, remainder, []byte("new"))
		if got, _, _, ok := find(changed, remainder); !ok || string(got) != "new" {
			t.Fatal("what was put is not found")
		}
		n, ok := countEntries(changed)
		if want := entries; value == nil && n != want+1 || value != nil && n != want || !ok {
			t.Fatalf("%d entries of %d", n, entries)
		}
		_, start, end, _ = find(changed, remainder)
		if left, ok := countEntries(splice(changed, start, end, remainder, nil)); !ok || left != n-1 {
			t.Fatalf("%d entries are left of %d", left, n)
		}
	})
}

func FuzzRoot(f *testing.F) {
	root := &Root{State: text("state")}
	for i := range root.sets {
		root.sets[i] = &table{generation: uint64(i)}
		root.sets[i].tags[i*3] = 7
	}
	whole, err := root.append(nil)
	check(f, err)
	f.Add(whole)
	f.Add(whole[:100])
	missing := bytes.Clone(whole)
	clear(missing[setSize : setSize+8]) // a group that is there and has no tag
	f.Add(missing)
	f.Fuzz(func(t *testing.T, b []byte) {
		sets, state, ok := parseRoot(b)
		if !ok {
			return
		}
		again, err := (&Root{State: text(state), sets: sets}).append(nil)
		check(t, err)
		if !bytes.Equal(again, b) {
			t.Fatal("another root")
		}
	})
}

// FuzzFile checks files that are no vaults: that must end, with an error, in
// little memory.
func FuzzFile(f *testing.F) {
	image, err := os.ReadFile("testdata/v1.vault")
	check(f, err)
	f.Add(image, 0, byte(0))
	f.Add(image, 4096*3+20, byte(1))
	z, err := newSealer(testKey(f, 1))
	check(f, err)
	f.Fuzz(func(t *testing.T, b []byte, at int, flip byte) {
		if at >= 0 && at < len(b) {
			b = slices.Clone(b)
			b[at] ^= flip
		}
		found, err := checkBytes(context.Background(), bytes.NewReader(b), int64(len(b)), z, nil)
		if err == nil && found.report.Entries != goldenEntries {
			t.Fatalf("a forged vault of %d entries", found.report.Entries)
		}
	})
}
