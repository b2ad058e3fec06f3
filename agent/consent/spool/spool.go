package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// KeySize is the length of a key in bytes.
const KeySize = 10

// Key is by what rows are sorted; keys are expected to be spread evenly, as
// keyed hashes are.
type Key = [KeySize]byte

// Limits of a spool.
const (
	MaxValue = 16 << 10    // bytes of a value
	MaxExtra = 4 << 10     // bytes that the caller may keep with a checkpoint
	MaxRows  = 100_000_000 // rows
)

// Spool is a file of rows. It is for one goroutine at a time. After an error of
// Add, Checkpoint or Sorted it takes nothing more: Close it and Open it again,
// which gives what the last checkpoint promised, or Remove it.
type Spool struct {
	file    *os.File
	key, id [32]byte
	frames  *frames
	number  uint64 // of the next frame
	at      int64  // where it is written
	rows    uint64
	sizes   []size // of the rows by the first two bytes of their keys
	chunk   []byte // rows that are not in the file yet
	sealed  []byte
	err     error
	sync    func() error // of the file; tests make it fail
}

// size is how much a pass must hold of one part of the keys.
type size struct{ rows, bytes uint32 }

// parts is how many parts the keys are divided into: by their first two bytes.
const parts = 1 << 16

// Create makes an empty spool for the push with this id, in place of any spool
// at the path. The file is for the process's account only.
func Create(path string, key, id [32]byte) (*Spool, error) {
	s, err := newSpool(key, id)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, failed("the old spool cannot be removed", err)
	}
	if s.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, failed("the spool cannot be created; check the folder's rights and space", err)
	}
	s.sync = s.file.Sync
	if err := s.write(append([]byte(magic), id[:]...)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Identify returns the id of the push that the file at path was made for. It is
// not proven before Open has succeeded with it. A file that does not exist is
// an os.ErrNotExist.
func Identify(path string) (id [32]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return id, failed("the spool cannot be opened", err)
	}
	defer f.Close()
	head := make([]byte, headSize)
	if _, err := io.ReadFull(f, head); err != nil || string(head[:len(magic)]) != magic {
		return id, damaged("the file does not begin as a spool", err)
	}
	return [32]byte(head[len(magic):]), nil
}

// Open goes on with a spool: it reads all of it, cuts off what is behind the
// last checkpoint, and returns that checkpoint's bytes and how many rows were
// in the spool. It fails with SPOOL_DAMAGED when there is none, as for another
// key or id.
func Open(path string, key, id [32]byte) (s *Spool, checkpoint []byte, rows uint64, err error) {
	if s, err = newSpool(key, id); err != nil {
		return nil, nil, 0, err
	}
	if s.file, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		return nil, nil, 0, failed("the spool cannot be opened", err)
	}
	s.sync = s.file.Sync
	if checkpoint, err = s.recover(); err != nil {
		return nil, nil, 0, errors.Join(err, s.file.Close())
	}
	return s, checkpoint, s.rows, nil
}

func newSpool(key, id [32]byte) (*Spool, error) {
	f, err := newFrames(key, id)
	if err != nil { // cannot be: the length is fixed and allowed
		return nil, failure(care.Internal, ReasonFailed, "the key is refused", err)
	}
	return &Spool{key: key, id: id, frames: f, sizes: make([]size, parts)}, nil
}

// Add appends a row. It is on disk after the next Checkpoint.
func (s *Spool) Add(k *Key, value []byte) error {
	if s.err != nil {
		return s.err
	}
	if len(value) > MaxValue || s.rows >= MaxRows {
		return s.fail(failure(care.LimitExceeded, ReasonLarge, fmt.Sprintf("a row has more than %d bytes, or there are more than %d", MaxValue, MaxRows), nil))
	}
	if len(s.chunk) == 0 {
		s.chunk = append(s.chunk, rowsFrame)
	}
	s.chunk = append(s.chunk, k[:]...)
	s.chunk = binary.AppendUvarint(s.chunk, uint64(len(value)))
	s.chunk = append(s.chunk, value...)
	s.count(k, len(value))
	if len(s.chunk) < chunkSize {
		return nil
	}
	return s.flush()
}

func (s *Spool) count(k *Key, value int) {
	part := &s.sizes[binary.BigEndian.Uint16(k[:])]
	part.rows++
	part.bytes = uint32(min(uint64(part.bytes)+uint64(value), math.MaxUint32)) // a pass takes far less
	s.rows++
}

// Rows returns how many rows were added.
func (s *Spool) Rows() uint64 { return s.rows }

// flush writes the rows that are not in the file yet.
func (s *Spool) flush() error {
	if len(s.chunk) == 0 {
		return nil
	}
	err := s.frame(s.chunk)
	s.chunk = s.chunk[:0]
	return err
}

func (s *Spool) frame(text []byte) error {
	s.sealed = s.frames.seal(s.sealed[:0], s.number, text)
	if err := s.write(s.sealed); err != nil {
		return err
	}
	s.number++
	return nil
}

func (s *Spool) write(b []byte) error {
	n, err := s.file.WriteAt(b, s.at)
	s.at += int64(n)
	if err != nil {
		return s.fail(failed("the spool cannot be written; check the space of the disk", err))
	}
	return nil
}

// Checkpoint brings all rows to the disk, with bytes of the caller that Open
// gives back; at most MaxExtra.
func (s *Spool) Checkpoint(extra []byte) error {
	if s.err != nil {
		return s.err
	}
	if len(extra) > MaxExtra {
		return s.fail(failure(care.LimitExceeded, ReasonLarge, fmt.Sprintf("a checkpoint has more than %d bytes", MaxExtra), nil))
	}
	if err := s.flush(); err != nil {
		return err
	}
	text := binary.LittleEndian.AppendUint64([]byte{checkpointFrame}, s.rows)
	if err := s.frame(append(text, extra...)); err != nil {
		return err
	}
	if err := s.sync(); err != nil {
		return s.fail(failed("the spool cannot be brought to the disk", err))
	}
	return nil
}

// Err returns why the spool takes nothing more, or nil. Whoever has read Sorted
// to its end must ask: a sequence that broke off is not all there is.
func (s *Spool) Err() error { return s.err }

// Close closes the file, and leaves it. Rows behind the last checkpoint are
// lost.
func (s *Spool) Close() error { return s.file.Close() }

// Remove closes and deletes the file.
func (s *Spool) Remove() error {
	if err := errors.Join(s.file.Close(), os.Remove(s.file.Name())); err != nil {
		return failed("the spool cannot be removed", err)
	}
	return nil
}

func (s *Spool) fail(err error) error {
	if s.err == nil {
		s.err = err
	}
	return err
}

func failed(detail string, cause error) *care.Error {
	return failure(care.ConsentUnavailable, ReasonFailed, detail, cause)
}
