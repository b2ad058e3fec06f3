package audit

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// errDamaged says that a stretch of a segment is no line.
var errDamaged = errors.New("not a line")

// scanner splits a segment into lines. A segment that is still written to is
// live: its end is the first NUL or the first line without a newline, because
// what comes there may be half-written. In any other segment only NULs up to
// the end of the file are no damage.
type scanner struct {
	r      *bufio.Reader
	offset int64 // of the next byte that next will look at
	live   bool
}

// newScanner returns a scanner of what r holds. Lines of size bytes or more
// are damage.
func newScanner(r io.Reader, size int, live bool) *scanner {
	return &scanner{r: bufio.NewReaderSize(r, size), live: live}
}

// restart makes s scan r, whose first byte stands at offset.
func (s *scanner) restart(r io.Reader, offset int64, live bool) {
	s.r.Reset(r)
	s.offset, s.live = offset, live
}

// next returns the next line without its newline, valid until the next call,
// and the offset at which it begins. It returns io.EOF at the end, errDamaged
// for a stretch that is no line, after which it may be called again, and any
// other error from reading.
func (s *scanner) next() (line []byte, at int64, err error) {
	at = s.offset
	line, err = s.peek()
	switch {
	case err == nil && line[len(line)-1] == '\n':
		s.skip(len(line))
		return line[:len(line)-1], at, nil
	case err != nil && err != io.EOF && err != bufio.ErrBufferFull:
		return nil, at, err
	case len(line) == 0 || s.live && err != bufio.ErrBufferFull:
		return nil, at, io.EOF
	case line[0] == 0:
		return nil, at, s.skipNULs()
	case err == nil: // a NUL ends it
		s.skip(len(line) - 1)
		return nil, at, errDamaged
	}
	s.skip(len(line))
	return nil, at, errDamaged
}

// peek returns the bytes up to the first newline or NUL, and that too. It
// returns what there is with io.EOF or bufio.ErrBufferFull.
func (s *scanner) peek() ([]byte, error) {
	for n := 0; ; {
		_, err := s.r.Peek(n + 1)
		chunk, _ := s.r.Peek(s.r.Buffered())
		if end := endOfLine(chunk[n:]); end >= 0 {
			return chunk[:n+end+1], nil
		}
		if err != nil {
			return chunk, err
		}
		n = len(chunk)
	}
}

// endOfLine returns the index of the first newline or NUL, or -1.
func endOfLine(b []byte) int {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return bytes.IndexByte(b, 0)
	}
	if nul := bytes.IndexByte(b[:end], 0); nul >= 0 {
		return nul
	}
	return end
}

// skipNULs moves to the next byte that is none: io.EOF when there is none,
// otherwise errDamaged, because a hole stands between lines.
func (s *scanner) skipNULs() error {
	for {
		_, err := s.r.Peek(1)
		if err != nil {
			return err
		}
		chunk, _ := s.r.Peek(s.r.Buffered())
		if bytes.Count(chunk, []byte{0}) == len(chunk) { // much faster than a loop over an unused segment
			s.skip(len(chunk))
			continue
		}
		s.skip(len(chunk) - len(bytes.TrimLeft(chunk, "\x00")))
		return errDamaged
	}
}

func (s *scanner) skip(n int) {
	_, _ = s.r.Discard(n) // n bytes are buffered
	s.offset += int64(n)
}
