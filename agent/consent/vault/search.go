package vault

import (
	"bytes"
	"encoding/binary"
	"unsafe"

	"go.etcd.io/bbolt"
)

// tree searches one bucket of a transaction in the mapped file. bbolt's own
// search follows whatever the pages say, and if a damaged page leads back to
// itself that ends with the memory of the process; this one looks at maxDepth
// pages at most and believes no number before it has checked it. It is also
// twice as fast.
type tree struct {
	pages    []byte // the mapped file, as far as the transaction goes
	pageSize uint64
	root     uint64
	inline   *bbolt.Cursor // for a bucket so small that it has no page: its entries
}

// newTree returns the tree of a bucket of tx, for as long as tx is open; false
// if there is no such bucket.
func newTree(tx *bbolt.Tx, name []byte) (*tree, bool) {
	bucket := tx.Bucket(name)
	if bucket == nil {
		return nil, false
	}
	if bucket.Root() == 0 {
		return &tree{inline: bucket.Cursor()}, true
	}
	info := tx.DB().Info()
	first := (*byte)(unsafe.Add(nil, info.Data)) // bbolt has this address as a number only
	return &tree{pages: unsafe.Slice(first, tx.Size()), pageSize: uint64(info.PageSize), root: uint64(bucket.Root())}, true
}

// search returns the value of a page's key, or nil if it is not found. What it
// returns lies in the mapped file and can fault, or change, at any time.
func (t *tree) search(number uint16) []byte {
	key := pageKey(number)
	if t.inline != nil {
		k, value := t.inline.Seek(key[:])
		if !bytes.Equal(k, key[:]) {
			return nil
		}
		return value
	}
	want, id := rankOf(key[:]), t.root
	for range maxDepth {
		p, body, ok := t.page(id)
		if !ok || p.flags != branchPage && p.flags != leafPage {
			return nil
		}
		i, exact := lastUpTo(body, &p, want)
		if p.flags == leafPage && !exact {
			return nil
		}
		e, ok := elementAt(body, p, max(i, 0)) // a branch's first page has the smaller keys too
		if !ok || p.flags == leafPage {
			return e.value
		}
		id = e.below
	}
	return nil
}

// page returns a page and its body.
func (t *tree) page(id uint64) (p page, body []byte, ok bool) {
	pages := uint64(len(t.pages)) / t.pageSize
	if id >= pages {
		return p, nil, false
	}
	order, h := binary.NativeEndian, t.pages[id*t.pageSize:][:pageHeader]
	p = page{id: id, span: uint64(order.Uint32(h[12:])) + 1, flags: order.Uint16(h[8:]), count: order.Uint16(h[10:])}
	if order.Uint64(h) != id || p.span > pages-id {
		return p, nil, false
	}
	return p, t.pages[id*t.pageSize+pageHeader : (id+p.span)*t.pageSize], true
}

// lastUpTo returns the number of the last element whose key is not after want,
// -1 if there is none or the page cannot be read, and whether it is the one.
func lastUpTo(body []byte, p *page, want int) (last int, exact bool) {
	at := 0 // where an element says where its key is
	if p.flags == leafPage {
		at = 4
	}
	// Where pages without entries are rare, keys are numbers in a row. To guess
	// from the first saves waiting for memory that holds the keys between.
	if p.flags == leafPage && elementSize <= len(body) {
		guess := want - rankAt(body, at)
		if guess >= 0 && guess < int(p.count) && (guess+1)*elementSize <= len(body) && rankAt(body[guess*elementSize:], at) == want {
			return guess, true
		}
	}
	last = -1
	for low, high := 0, int(p.count); low < high; { // before low none is after want, from high on all are
		middle := int(uint(low+high) / 2)
		if (middle+1)*elementSize > len(body) {
			return -1, false
		}
		rank := rankAt(body[middle*elementSize:], at)
		if rank > want {
			high = middle
			continue
		}
		last, low, exact = middle, middle+1, rank == want
		if exact {
			break
		}
	}
	return last, exact
}

// rankAt returns the rank of the key of an element, or a rank before all
// others if it cannot be read.
func rankAt(element []byte, at int) int {
	from := uint64(binary.NativeEndian.Uint32(element[at:]))
	size := uint64(binary.NativeEndian.Uint32(element[at+4:]))
	if size > 2 || from+size > uint64(len(element)) {
		return -1
	}
	return rankOf(element[from : from+size])
}

// rankOf returns a number that orders the keys of groups and pages as bbolt
// does: a group before its pages.
func rankOf(key []byte) int {
	switch len(key) {
	case 1:
		return int(key[0]) * (pagesPerGroup + 1)
	case 2:
		return int(key[0])*(pagesPerGroup+1) + 1 + int(key[1])
	}
	return -1
}
