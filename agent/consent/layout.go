package consent

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"os"
)

// errLayout is a file whose pages do not fit together.
var errLayout = errors.New("the pages of the file do not fit together")

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
	freelistPage = 0x10
	bucketLeaf   = 0x01

	maxDepth = 16      // more than any tree of 2^32 pages needs
	maxPages = 1 << 24 // 64 GiB of 4 KiB pages
)

// layout walks a bbolt file page by page. bbolt itself trusts its pages: a
// flipped bit can send it round in circles until memory is gone, make it fall
// back to the state before the last change without a word, or make it write
// over a page in use. None of that can be caught once it has begun.
type layout struct {
	file     io.ReaderAt
	pageSize int64
	pages    uint64 // page numbers are below this
	used     []bool // pages met so far
	header   [pageHeader]byte
}

// checkLayout reports errLayout, or the error of a read, unless both headers
// of the file at path are intact and every page is either reached exactly once
// or listed as free exactly once.
func checkLayout(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return checkPages(f, info.Size())
}

func checkPages(file io.ReaderAt, size int64) error {
	m, err := newestMeta(file)
	if err != nil {
		return err
	}
	if m.pages < 4 || m.pages > maxPages || int64(m.pages)*m.pageSize > size {
		return errLayout
	}
	l := &layout{file: file, pageSize: m.pageSize, pages: m.pages, used: make([]bool, m.pages)}
	l.used[0], l.used[1] = true, true
	if err := l.tree(m.root, 0, true); err != nil {
		return err
	}
	if err := l.freelist(m.freelist); err != nil {
		return err
	}
	for _, used := range l.used {
		if !used {
			return errLayout
		}
	}
	return nil
}

// meta is one of the two headers of a file.
type meta struct {
	pageSize                  int64
	root, freelist, pages, tx uint64
}

// newestMeta reads both headers and returns the one of the later transaction.
// bbolt is content with one, and then answers from the transaction before. A
// header is smaller than a disk's sector, so a power cut does not tear it: one
// that is not intact is damage.
func newestMeta(file io.ReaderAt) (meta, error) {
	a, err := readMeta(file, 0)
	if err != nil {
		return meta{}, err
	}
	b, err := readMeta(file, a.pageSize)
	if err != nil {
		return meta{}, err
	}
	if b.pageSize != a.pageSize {
		return meta{}, errLayout
	}
	if a.tx > b.tx {
		return a, nil
	}
	return b, nil
}

func readMeta(file io.ReaderAt, at int64) (meta, error) {
	buf := make([]byte, pageHeader+metaSize)
	if _, err := file.ReadAt(buf, at); err != nil {
		return meta{}, errors.Join(errLayout, err)
	}
	b, order := buf[pageHeader:], binary.NativeEndian
	sum := fnv.New64a()
	sum.Write(b[:metaSize-8])
	m := meta{pageSize: int64(order.Uint32(b[8:])), root: order.Uint64(b[16:]), freelist: order.Uint64(b[32:]),
		pages: order.Uint64(b[40:]), tx: order.Uint64(b[48:])}
	if order.Uint32(b) != boltMagic || order.Uint32(b[4:]) != boltVersion || sum.Sum64() != order.Uint64(b[56:]) ||
		m.pageSize < 1024 || m.pageSize > 1<<16 {
		return meta{}, errLayout
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

// body reads all of a page after its header, overflow included.
func (l *layout) body(p page) ([]byte, error) {
	body := make([]byte, int64(p.span)*l.pageSize-pageHeader)
	if _, err := l.file.ReadAt(body, int64(p.id)*l.pageSize+pageHeader); err != nil {
		return nil, errors.Join(errLayout, err)
	}
	return body, nil
}

// tree walks a tree of pages. In the root tree, leaf elements are the buckets;
// in any other they are entries, whose content verify reads.
func (l *layout) tree(id uint64, depth int, root bool) error {
	p, err := l.take(id)
	if err != nil {
		return err
	}
	if depth > maxDepth || p.flags != branchPage && p.flags != leafPage || p.flags == branchPage && p.count == 0 {
		return errLayout
	}
	body, err := l.body(p)
	if err != nil {
		return err
	}
	if !contained(body, p) {
		return errLayout
	}
	for i := 0; err == nil && i < int(p.count); i++ {
		switch element := body[i*elementSize:]; {
		case p.flags == branchPage:
			err = l.tree(binary.NativeEndian.Uint64(element[8:]), depth+1, root)
		case root:
			err = l.bucket(element)
		}
	}
	return err
}

// contained reports whether all elements of a page, and what they point to,
// lie within its body: bbolt would read whatever memory is there.
func contained(body []byte, p page) bool {
	if int(p.count)*elementSize > len(body) {
		return false
	}
	order := binary.NativeEndian
	for i := range int(p.count) {
		element := body[i*elementSize:]
		end := uint64(order.Uint32(element)) + uint64(order.Uint32(element[4:])) // branch: key at, key size
		if p.flags == leafPage {
			end = uint64(order.Uint32(element[4:])) + uint64(order.Uint32(element[8:])) + uint64(order.Uint32(element[12:]))
		}
		if end > uint64(len(element)) {
			return false
		}
	}
	return true
}

// bucket walks the tree of one bucket, or checks the page of one that is small
// enough to lie within its element.
func (l *layout) bucket(element []byte) error {
	order := binary.NativeEndian
	start := uint64(order.Uint32(element[4:])) + uint64(order.Uint32(element[8:]))
	size := uint64(order.Uint32(element[12:]))
	if order.Uint32(element) != bucketLeaf || size < bucketSize {
		return errLayout
	}
	value := element[start : start+size] // contained has checked it
	switch root := order.Uint64(value); {
	case root != 0 && size == bucketSize:
		return l.tree(root, 0, false)
	case root != 0 || size < bucketSize+pageHeader:
		return errLayout
	}
	header := value[bucketSize:]
	inline := page{flags: order.Uint16(header[8:]), count: order.Uint16(header[10:])}
	if inline.flags != leafPage || !contained(header[pageHeader:], inline) {
		return errLayout
	}
	return nil
}

// freelist notes the listed pages as used; one that is used already may not be
// listed. A count of 65,535 says that the first number is the count.
func (l *layout) freelist(id uint64) error {
	p, err := l.take(id)
	if err != nil {
		return err
	}
	ids, err := l.body(p)
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
