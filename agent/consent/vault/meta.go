package vault

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
)

// meta is one of the two headers of a file.
type meta struct {
	pageSize                  int64
	root, freelist, pages, tx uint64
}

// newestMeta reads both headers and returns the one of the later transaction.
// bbolt is content with one, and then answers from the transaction before. A
// header is smaller than a disk's sector, so a power cut does not tear it: one
// that is not intact is damage, and so is one that is not the other's
// neighbour.
func newestMeta(file io.ReaderAt) (meta, error) {
	a, err := readMeta(file, 0, 0)
	if err != nil {
		return meta{}, err
	}
	b, err := readMeta(file, 1, a.pageSize)
	if err != nil {
		return meta{}, err
	}
	if a.tx < b.tx {
		a, b = b, a
	}
	if a.pageSize != b.pageSize || a.tx != b.tx+1 {
		return meta{}, errLayout
	}
	return a, nil
}

func readMeta(file io.ReaderAt, id uint64, at int64) (meta, error) {
	buf := make([]byte, pageHeader+metaSize)
	if _, err := file.ReadAt(buf, at); err != nil {
		return meta{}, errors.Join(errLayout, err)
	}
	b, order := buf[pageHeader:], binary.NativeEndian
	sum := fnv.New64a()
	sum.Write(b[:metaSize-8])
	m := meta{pageSize: int64(order.Uint32(b[8:])), root: order.Uint64(b[16:]), freelist: order.Uint64(b[32:]),
		pages: order.Uint64(b[40:]), tx: order.Uint64(b[48:])}
	if order.Uint64(buf) != id || order.Uint16(buf[8:]) != metaPage || m.tx%2 != id ||
		order.Uint32(b) != boltMagic || order.Uint32(b[4:]) != boltVersion || sum.Sum64() != order.Uint64(b[56:]) ||
		m.pageSize < 1024 || m.pageSize > 1<<16 {
		return meta{}, errLayout
	}
	return m, nil
}
