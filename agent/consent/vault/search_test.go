package vault

import (
	"encoding/binary"
	"testing"
)

// pageOf makes a page of elements with keys of two bytes and empty values.
func pageOf(id uint64, flags uint16, count int, keys []uint16, below uint64) []byte {
	order, p := binary.NativeEndian, make([]byte, 4096)
	order.PutUint64(p, id)
	order.PutUint16(p[8:], flags)
	order.PutUint16(p[10:], uint16(count))
	for i, k := range keys {
		element, key := p[pageHeader+i*elementSize:], 2000+2*i
		at := 0
		if flags == leafPage {
			at = 4
		} else {
			order.PutUint64(element[8:], below)
		}
		order.PutUint32(element[at:], uint32(key-i*elementSize))
		order.PutUint32(element[at+4:], 2)
		binary.BigEndian.PutUint16(p[pageHeader+key:], k)
	}
	return p
}

// TestSearchEnds proves that pages that lead back to themselves, to nowhere or
// to what is no tree end a search.
func TestSearchEnds(t *testing.T) {
	for name, p := range map[string][]byte{
		"itself":  pageOf(0, branchPage, 1, []uint16{7}, 0),
		"nowhere": pageOf(0, branchPage, 1, []uint16{7}, 1<<60),
		"no tree": pageOf(0, freelistPage, 1, []uint16{7}, 0),
		"other":   pageOf(1, leafPage, 1, []uint16{7}, 0),
		"count":   pageOf(0, branchPage, 60_000, []uint16{7}, 0),
	} {
		if got := (&tree{pages: p, pageSize: 4096}).search(7); got != nil {
			t.Errorf("%s: found %v", name, got)
		}
	}
}

// TestSearchLeaf proves that exactly the elements that count are found,
// whether their keys are in a row or not.
func TestSearchLeaf(t *testing.T) {
	for _, keys := range [][]uint16{{5, 6, 7, 8}, {5, 7, 300, 9000}, {5, 6, 9, 10}, {0, 255, 256, 257}} {
		body := pageOf(0, leafPage, 3, keys, 0)[pageHeader:] // the fourth does not count
		p := &page{flags: leafPage, count: 3}
		for want := range 10_000 {
			number := -1
			for i, k := range keys[:3] {
				if int(k) <= want {
					number = i
				}
			}
			k := pageKey(uint16(want))
			last, exact := lastUpTo(body, p, rankOf(k[:]))
			if got := (&tree{pages: pageOf(0, leafPage, 3, keys, 0), pageSize: 4096}).search(uint16(want)); got != nil && !exact {
				t.Fatalf("%v: found %d, which is not there", keys, want)
			}
			if found := number >= 0 && int(keys[number]) == want; last != number || exact != found {
				t.Fatalf("%v: %d is at %d (%v), want %d (%v)", keys, want, last, exact, number, found)
			}
		}
	}
}
