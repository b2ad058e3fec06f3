package spool

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"slices"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// What one pass over the file holds. With even keys a pass has passRows rows;
// it takes up to double the bytes of an ordinary statement.
const (
	passRows  = 300_000
	passBytes = 16 << 20
)

// readBuffer is how much is read of the file at a time.
const readBuffer = 256 << 10

// read returns a reader of the frames from the beginning.
func (s *Spool) read() (*reader, error) {
	head := make([]byte, headSize)
	from := bufio.NewReaderSize(io.NewSectionReader(s.file, 0, 1<<62), readBuffer)
	if _, err := io.ReadFull(from, head); err != nil || !bytes.Equal(head, append([]byte(magic), s.id[:]...)) {
		return nil, damaged("the file is not the spool of this push", err)
	}
	f, err := newFrames(s.key, s.id)
	if err != nil {
		return nil, err
	}
	return &reader{from: from, frames: f, at: int64(headSize)}, nil
}

// recover reads the file up to its last checkpoint and cuts off the rest.
func (s *Spool) recover() (checkpoint []byte, err error) {
	r, err := s.read()
	if err != nil {
		return nil, err
	}
	var rows uint64 // in the frames up to here
	for {
		text, err := r.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			break
		}
		if err != nil {
			return nil, failed("the spool cannot be read", err)
		}
		if text[0] == rowsFrame {
			err = eachRow(text[1:], func(*Key, []byte) { rows++ })
		} else if len(text) < 9 || binary.LittleEndian.Uint64(text[1:]) != rows {
			err = errRows
		} else {
			checkpoint = bytes.Clone(text[9:])
			s.number, s.at, s.rows = r.number, r.at, rows
		}
		if err != nil {
			return nil, damaged("a frame of the spool is not as it must be", err)
		}
	}
	if s.number == 0 {
		return nil, damaged("the spool holds no checkpoint", nil)
	}
	if err := errors.Join(s.file.Truncate(s.at), s.recount()); err != nil {
		return nil, failed("the spool cannot be cut back to its last checkpoint", err)
	}
	return checkpoint, nil
}

// recount counts the rows of the file anew by the parts of their keys.
func (s *Spool) recount() error {
	want := s.rows
	s.rows = 0
	err := s.visit(func(k *Key, value []byte) { s.count(k, len(value)) })
	if err == nil && s.rows != want {
		err = errRows
	}
	return err
}

var errRows = errors.New("the rows of a frame do not add up")

// eachRow calls a function for each row of a frame.
func eachRow(rows []byte, do func(k *Key, value []byte)) error {
	for len(rows) > 0 {
		if len(rows) < KeySize {
			return errRows
		}
		k := (*Key)(rows)
		n, length := binary.Uvarint(rows[KeySize:])
		rows = rows[KeySize+max(length, 0):]
		if length <= 0 || n > uint64(len(rows)) {
			return errRows
		}
		do(k, rows[:n])
		rows = rows[n:]
	}
	return nil
}

// visit calls a function for each row of the file, in order of arrival.
func (s *Spool) visit(do func(k *Key, value []byte)) error {
	r, err := s.read()
	if err != nil {
		return err
	}
	for r.number < s.number {
		text, err := r.next()
		if err != nil {
			return damaged("the spool cannot be read back", err)
		}
		if text[0] == rowsFrame {
			if err := eachRow(text[1:], do); err != nil {
				return damaged("a frame of the spool is not as it must be", err)
			}
		}
	}
	return nil
}

// Sorted returns all rows by ascending key; rows of equal keys stay in order of
// arrival. Memory is bounded: the file is read once for every 300,000 rows. Key
// and value are valid until the next ones. The sequence ends early when the
// spool cannot be read back or ctx ends, so ask Err when it is over.
func (s *Spool) Sorted(ctx context.Context) iter.Seq2[Key, []byte] {
	return func(yield func(Key, []byte) bool) {
		if s.err != nil || s.flush() != nil {
			return
		}
		var p pass
		for first := 0; first < parts; first = p.end {
			if err := cmp.Or(ctx.Err(), s.fill(&p, first)); err != nil {
				_ = s.fail(err)
				return
			}
			for i := range p.rows {
				row := &p.rows[i]
				if !yield(row.key(), p.values[row.at:row.at+row.size]) {
					return
				}
			}
		}
	}
}

// pass is the rows of some parts of the keys.
type pass struct {
	end    int // part after the last
	rows   []row
	values []byte
}

// row is a key and where its value stands.
type row struct {
	high     uint64 // first eight bytes of the key
	low      uint16
	at, size uint32
}

func (r *row) key() (k Key) {
	binary.BigEndian.PutUint64(k[:], r.high)
	binary.BigEndian.PutUint16(k[8:], r.low)
	return k
}

// compare orders by key, then by arrival.
func compare(a, b row) int {
	if a.high != b.high {
		return cmp.Compare(a.high, b.high)
	}
	if a.low != b.low {
		return cmp.Compare(a.low, b.low)
	}
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.size, b.size)) // an empty value takes no place
}

// fill makes p the pass that begins with a part.
func (s *Spool) fill(p *pass, first int) error {
	rows, bytes := 0, 0
	for p.end = first; p.end < parts; p.end++ {
		next := s.sizes[p.end]
		if rows+int(next.rows) > passRows || bytes+int(next.bytes) > passBytes {
			break
		}
		rows, bytes = rows+int(next.rows), bytes+int(next.bytes)
	}
	if p.end == first {
		return failure(care.LimitExceeded, ReasonLarge, "too many rows have nearly the same key: a patient has thousands of statements", nil)
	}
	p.rows, p.values = slices.Grow(p.rows[:0], rows), slices.Grow(p.values[:0], bytes)
	if rows == 0 {
		return nil
	}
	err := s.visit(func(k *Key, value []byte) {
		if part := int(binary.BigEndian.Uint16(k[:])); part >= first && part < p.end {
			p.rows = append(p.rows, row{binary.BigEndian.Uint64(k[:]), binary.BigEndian.Uint16(k[8:]), uint32(len(p.values)), uint32(len(value))})
			p.values = append(p.values, value...)
		}
	})
	slices.SortFunc(p.rows, compare)
	return err
}
