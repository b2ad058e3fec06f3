package vault

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// What bbolt's file format fixes (bbolt, internal/common: Meta, Page,
// InBucket). Numbers are in the byte order of the machine.
const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	pageHeader   = 16 // id 8, flags 2, count 2, overflow 4
	metaSize     = 64 // magic 4, version 4, page size 4, flags 4, root 8+8, free list 8, pages 8, transaction 8, checksum 8
	elementSize  = 16 // of both kinds of page
	bucketSize   = 16 // root 8, sequence 8
	branchPage   = 0x01
	leafPage     = 0x02
	metaPage     = 0x04
	freelistPage = 0x10
	bucketLeaf   = 0x01

	maxDepth = 16      // more than any tree of 2^32 pages needs
	maxPages = 1 << 24 // 64 GiB of 4 KiB pages
	maxSpan  = 1 << 12 // pages of one node: 16 MiB of 4 KiB pages, far above maxPage
)

// layout walks a bbolt file page by page, in memory that does not depend on
// what the file says. bbolt itself trusts its pages: a flipped bit can send it
// round in circles until memory is gone, make it fall back to the state before
// the last change without a word, or make it write over a page in use. None of
// that can be caught once it has begun.
type layout struct {
	file     io.ReaderAt
	pageSize int64
	pages    uint64 // page numbers are below this
	used     []bool // pages met so far
	levels   [][]byte
	header   [pageHeader]byte
	step     func() error // called for each page; an error ends the walk
}

// entryFunc takes an entry of a bucket. Both slices are valid until it returns.
type entryFunc func(key, value []byte) error

// bucketFunc takes the name of a bucket and returns what takes its entries and
// what is called after the last. Names come in ascending order.
type bucketFunc func(name []byte) (entry entryFunc, end func() error, err error)

// walkFile reads all of a bbolt file of that size, whose newest header it
// returns. It reports errLayout, or the error of a read, unless both headers
// are intact and of neighbouring transactions, every page is either reached
// exactly once or listed as free exactly once, and every key is where a search
// looks for it.
func walkFile(file io.ReaderAt, size int64, bucket bucketFunc, step func() error) (meta, error) {
	m, err := newestMeta(file)
	if err != nil {
		return m, err
	}
	if m.pages < 4 || m.pages > maxPages || int64(m.pages)*m.pageSize > size {
		return m, errLayout
	}
	l := &layout{file: file, pageSize: m.pageSize, pages: m.pages, used: make([]bool, m.pages), step: step}
	l.used[0], l.used[1] = true, true
	err = l.tree(m.root, 0, bounds{}, func(flags uint32, key, value []byte) error {
		if flags != bucketLeaf {
			return errLayout
		}
		return l.bucket(key, value, bucket)
	})
	if err != nil {
		return m, err
	}
	if err := l.freelist(m.freelist); err != nil {
		return m, err
	}
	for _, used := range l.used {
		if !used {
			return m, errLayout
		}
	}
	return m, nil
}

// page is what one page says of itself.
type page struct {
	id, span     uint64 // its number, and how many pages it spans
	flags, count uint16
}

// take reads a page's header and notes the page and its overflow as used.
func (l *layout) take(id uint64) (page, error) {
	if id >= l.pages {
		return page{}, errLayout
	}
	if err := l.step(); err != nil {
		return page{}, err
	}
	if _, err := l.file.ReadAt(l.header[:], int64(id)*l.pageSize); err != nil {
		return page{}, errors.Join(errLayout, err)
	}
	order, h := binary.NativeEndian, l.header[:]
	p := page{id: id, span: uint64(order.Uint32(h[12:])) + 1, flags: order.Uint16(h[8:]), count: order.Uint16(h[10:])}
	if order.Uint64(h) != id || p.span > l.pages-id {
		return page{}, errLayout
	}
	for i := id; i < id+p.span; i++ {
		if l.used[i] {
			return page{}, errLayout
		}
		l.used[i] = true
	}
	return p, nil
}

// body reads all of a page after its header, overflow included, into the
// buffer of a level of the tree.
func (l *layout) body(p page, level int) ([]byte, error) {
	for level >= len(l.levels) {
		l.levels = append(l.levels, nil)
	}
	size := int64(p.span)*l.pageSize - pageHeader
	if int64(cap(l.levels[level])) < size {
		l.levels[level] = make([]byte, size)
	}
	body := l.levels[level][:size]
	if _, err := l.file.ReadAt(body, int64(p.id)*l.pageSize+pageHeader); err != nil {
		return nil, errors.Join(errLayout, err)
	}
	return body, nil
}

// bounds are what the keys of a subtree must lie between: at or after from,
// before to. nil is no bound.
type bounds struct{ from, to []byte }

func (b bounds) hold(key []byte) bool {
	return bytes.Compare(key, b.from) >= 0 && (b.to == nil || bytes.Compare(key, b.to) < 0)
}

// element is one of a page: a key, and with it the number of a page below or a
// value.
type element struct {
	flags      uint32
	key, value []byte
	below      uint64
}

// elementAt reads the i-th element of a page's body; false if any of it is
// beyond the body: bbolt would read whatever memory is there.
func elementAt(body []byte, p page, i int) (e element, ok bool) {
	if (i+1)*elementSize > len(body) {
		return e, false
	}
	order, b := binary.NativeEndian, body[i*elementSize:]
	if p.flags == branchPage { // key at, key size, page
		at, size := uint64(order.Uint32(b)), uint64(order.Uint32(b[4:]))
		if at+size > uint64(len(b)) {
			return e, false
		}
		return element{key: b[at : at+size], below: order.Uint64(b[8:])}, true
	}
	// flags, key at, key size, value size; the value follows the key
	at, keySize, valueSize := uint64(order.Uint32(b[4:])), uint64(order.Uint32(b[8:])), uint64(order.Uint32(b[12:]))
	if at+keySize+valueSize > uint64(len(b)) {
		return e, false
	}
	return element{flags: order.Uint32(b), key: b[at : at+keySize], value: b[at+keySize : at+keySize+valueSize]}, true
}

// visitFunc takes an element of a leaf.
type visitFunc func(flags uint32, key, value []byte) error

// tree walks a tree of pages.
func (l *layout) tree(id uint64, level int, within bounds, visit visitFunc) error {
	p, err := l.take(id)
	if err != nil {
		return err
	}
	if level > 2*maxDepth || p.span > maxSpan || p.flags != branchPage && p.flags != leafPage || p.flags == branchPage && p.count == 0 {
		return errLayout
	}
	body, err := l.body(p, level)
	if err != nil {
		return err
	}
	return l.elements(body, p, level, within, visit)
}

// elements walks the elements of a page, whose keys must ascend.
func (l *layout) elements(body []byte, p page, level int, within bounds, visit visitFunc) error {
	var last []byte
	for i := range int(p.count) {
		e, ok := elementAt(body, p, i)
		if !ok || len(e.key) == 0 || i > 0 && bytes.Compare(e.key, last) <= 0 || !within.hold(e.key) {
			return errLayout
		}
		last = e.key
		if p.flags == leafPage {
			if err := visit(e.flags, e.key, e.value); err != nil {
				return err
			}
			continue
		}
		below := bounds{from: e.key, to: within.to}
		if i == 0 {
			below.from = within.from // a search takes the first page for smaller keys too
		}
		if i+1 < int(p.count) {
			next, ok := elementAt(body, p, i+1)
			if !ok {
				return errLayout
			}
			below.to = next.key
		}
		if err := l.tree(e.below, level+1, below, visit); err != nil {
			return err
		}
	}
	return nil
}

// bucket walks one bucket: a tree of its own, or a page within its element if
// it is small. Its levels follow those of the root's tree.
func (l *layout) bucket(name, value []byte, bucket bucketFunc) error {
	if len(value) < bucketSize {
		return errLayout
	}
	entry, end, err := bucket(name)
	if err != nil {
		return err
	}
	visit := func(flags uint32, key, value []byte) error {
		if flags != 0 {
			return errLayout
		}
		return entry(key, value)
	}
	switch root := binary.NativeEndian.Uint64(value); {
	case root != 0 && len(value) == bucketSize:
		err = l.tree(root, maxDepth, bounds{}, visit)
	case root != 0 || len(value) < bucketSize+pageHeader:
		return errLayout
	default:
		header := value[bucketSize:]
		inline := page{flags: binary.NativeEndian.Uint16(header[8:]), count: binary.NativeEndian.Uint16(header[10:])}
		if inline.flags != leafPage {
			return errLayout
		}
		err = l.elements(header[pageHeader:], inline, 0, bounds{}, visit)
	}
	if err != nil {
		return err
	}
	return end()
}

// freelist notes the listed pages as used; one that is used already may not be
// listed. A count of 65,535 says that the first number is the count.
func (l *layout) freelist(id uint64) error {
	p, err := l.take(id)
	if err != nil {
		return err
	}
	ids, err := l.body(p, 0)
	if err != nil {
		return err
	}
	order, count := binary.NativeEndian, uint64(p.count)
	if count == 0xFFFF {
		count, ids = order.Uint64(ids), ids[8:]
	}
	if p.flags != freelistPage || count > uint64(len(ids)/8) {
		return errLayout
	}
	for ; count > 0; count-- {
		free := order.Uint64(ids)
		if free >= l.pages || l.used[free] {
			return errLayout
		}
		l.used[free], ids = true, ids[8:]
	}
	return nil
}
