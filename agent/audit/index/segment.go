package index

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

const (
	maxLine   = 1 << 20 // bytes of the longest line of a journal, newline included
	unlimited = 1 << 53 // no entry has a higher number
)

func bySpan(a, b span) int { return cmp.Compare(a.from, b.from) }

func isEnd(err error) bool { return errors.Is(err, io.EOF) }

// place is where an entry's line stands.
type place struct {
	entry   uint64
	segment uint64
	offset  int64
	length  int // newline included
}

// segments are those of a journal that are at hand, in its folder or in the
// archive.
//
// It belongs to one goroutine.
type segments struct {
	folders []string
	firsts  []uint64 // numbers of their first entries, in order
	buffer  *bufio.Reader
}

// listSegments finds the segments. An archive that cannot be read holds none;
// a journal's folder that cannot be read is an error.
func listSegments(folder, archive string) (*segments, error) {
	s := &segments{folders: []string{folder}, buffer: bufio.NewReaderSize(nil, maxLine)}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	if archive != "" {
		s.folders = append(s.folders, archive)
		archived, _ := os.ReadDir(archive) // what is not there shows as a gap
		entries = append(entries, archived...)
	}
	for _, e := range entries {
		if first, ok := parseSegment(e.Name()); ok {
			s.firsts = append(s.firsts, first)
		}
	}
	slices.Sort(s.firsts)
	s.firsts = slices.Compact(s.firsts)
	return s, nil
}

// parseSegment returns the number of the first entry of a segment.
func parseSegment(name string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, "journal-")
	if ok {
		digits, ok = strings.CutSuffix(digits, ".jsonl")
	}
	first, err := strconv.ParseUint(digits, 10, 64)
	return first, ok && err == nil && len(digits) == 20 && first > 0
}

// segmentFile is the file name of a segment.
func segmentFile(first uint64) string {
	digits := strconv.FormatUint(first, 10)
	return "journal-" + strings.Repeat("0", max(20-len(digits), 0)) + digits + ".jsonl"
}

// has reports whether a segment is at hand.
func (s *segments) has(first uint64) bool {
	_, ok := slices.BinarySearch(s.firsts, first)
	return ok
}

// holding returns the index of the segment that may hold an entry, -1 if none
// does.
func (s *segments) holding(entry uint64) int {
	i, exact := slices.BinarySearch(s.firsts, entry)
	if exact {
		return i
	}
	return i - 1
}

// newest reports whether segment i is the one that is written to.
func (s *segments) newest(i int) bool { return i == len(s.firsts)-1 }

// last returns the highest number that segment i may hold.
func (s *segments) last(i int) uint64 {
	if s.newest(i) {
		return unlimited
	}
	return s.firsts[i+1] - 1
}

// folder returns the folder that a segment is in.
func (s *segments) folder(first uint64) string {
	for _, folder := range s.folders {
		if _, err := os.Stat(filepath.Join(folder, segmentFile(first))); err == nil {
			return folder
		}
	}
	return s.folders[0]
}

// open opens a segment. It may be moved to the archive at any moment.
func (s *segments) open(first uint64) (*os.File, error) {
	err := fs.ErrNotExist
	for _, folder := range s.folders {
		f, openErr := os.Open(filepath.Join(folder, segmentFile(first)))
		if openErr == nil {
			return f, nil
		}
		if !errors.Is(openErr, fs.ErrNotExist) {
			err = openErr
		}
	}
	return nil, err
}

// firstLine returns the first entry of segment i, if it can be read.
func (s *segments) firstLine(i int) (line audit.Line, ok bool) {
	if i >= len(s.firsts) {
		return line, false
	}
	first := s.firsts[i]
	_, err := s.lines(context.Background(), position{first, first, 0}, span{first, first}, func(_ place, l *audit.Line) error {
		line, ok = *l, true
		return nil
	})
	return line, ok && err == nil
}

// stated returns the numbers before segment i that its first entry states as
// missing, or zeros.
func (s *segments) stated(i int) span {
	l, ok := s.firstLine(i)
	if !ok || l.MissingFrom == 0 || l.MissingFrom > l.MissingTo || l.MissingTo != l.Sequence-1 {
		return span{}
	}
	return span{l.MissingFrom, l.MissingTo}
}

// counting returns the highest number whose line in segment i counts: lines of
// numbers that are stated as missing do not.
func (s *segments) counting(i int) uint64 {
	if gap := s.stated(i + 1); gap.from > 0 {
		return gap.from - 1
	}
	return s.last(i)
}

// position is where reading stands: the next entry, and where its line begins.
type position struct {
	entry   uint64
	segment uint64
	offset  int64
}

// errStop ends a reading without an error.
var errStop = errors.New("stop")

// checkEvery is after how many lines a reading looks whether it is cancelled.
const checkEvery = 64

// reading is how far lines came.
type reading struct {
	position
	damaged bool // a line that is there is not the next entry
}

// lines reads the lines of one segment, as long as they are whole and their
// numbers follow one another, and visits those that are wanted. A segment
// without a further whole line has ended: in the newest one more may come.
func (s *segments) lines(ctx context.Context, from position, wanted span, visit func(place, *audit.Line) error) (reading, error) {
	at := reading{position: from}
	f, err := s.open(from.segment)
	if err != nil {
		return at, err
	}
	defer func() { _ = f.Close() }()
	r := s.buffer
	r.Reset(io.NewSectionReader(f, from.offset, math.MaxInt64-from.offset))
	for n := 0; at.entry <= wanted.to; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return at, ctx.Err()
		}
		raw, err := r.ReadSlice('\n')
		if err != nil || raw[0] == 0 {
			at.damaged = errors.Is(err, bufio.ErrBufferFull) && raw[0] != 0
			return at, readError(err)
		}
		p := place{at.entry, from.segment, at.offset, len(raw)}
		if err := s.visit(raw[:len(raw)-1], p, wanted, visit); err != nil {
			at.damaged = err == errMalformed
			return at, stopped(err)
		}
		at.entry++
		at.offset += int64(len(raw))
	}
	return at, nil
}

// visit decodes one line, if it is wanted, and visits it.
func (s *segments) visit(raw []byte, p place, wanted span, visit func(place, *audit.Line) error) error {
	if sequence(raw) != p.entry {
		return errMalformed
	}
	if p.entry < wanted.from {
		return nil
	}
	l, err := audit.Decode(&audit.Line{Raw: raw})
	if err != nil {
		return errMalformed
	}
	return visit(p, &l)
}

// unused reports whether a segment holds nothing but NULs from a place on.
func (s *segments) unused(from position) (bool, error) {
	f, err := s.open(from.segment)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	r := s.buffer
	r.Reset(io.NewSectionReader(f, from.offset, math.MaxInt64-from.offset))
	for {
		chunk, err := r.Peek(maxLine)
		if bytes.Count(chunk, []byte{0}) < len(chunk) {
			return false, nil
		}
		if err != nil {
			return isEnd(err), readError(err)
		}
		_, _ = r.Discard(len(chunk)) // they are buffered
	}
}

// stopped returns the error of a visit that is one.
func stopped(err error) error {
	if err == errStop || err == errMalformed {
		return nil
	}
	return err
}

func isDamage(err error) bool { return care.ReasonOf(err) == audit.ReasonDamaged }

// readError returns the error of a read that is none of the ways to end.
func readError(err error) error {
	if isEnd(err) || errors.Is(err, bufio.ErrBufferFull) {
		return nil
	}
	return err
}

// sequence returns the number that a line begins with, or 0.
func sequence(raw []byte) uint64 {
	digits, ok := bytes.CutPrefix(raw, []byte(`{"v":1,"seq":`))
	n := bytes.IndexByte(digits, ',')
	if !ok || n < 1 || n > 16 {
		return 0
	}
	v, err := strconv.ParseUint(string(digits[:n]), 10, 64)
	if err != nil {
		return 0
	}
	return v
}
