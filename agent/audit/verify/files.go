package verify

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
)

const (
	segmentPrefix = "journal-"
	segmentSuffix = ".jsonl"
	headSuffix    = ".note"
	maxNote       = 16 << 10 // bytes of a signed head
	maxFirstLine  = 16 << 10 // bytes of a line that states a gap
)

// segment is one file of lines.
type segment struct {
	path  string
	first uint64 // number of its first entry, as its name says
	size  int64  // bytes up to the last that is not NUL
	live  bool   // the newest: it may be written to
	kept  bool   // it lies in the archive
}

// numberOf returns the 20 digits between two parts of a file's name.
func numberOf(name, prefix, suffix string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	if ok {
		digits, ok = strings.CutSuffix(digits, suffix)
	}
	if !ok || len(digits) != 20 || digits < "0" || digits > "9" {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}

// segmentsOf finds the segments of a journal, and those in its archive that are
// no longer in it, in order.
func segmentsOf(folder, archive string) ([]segment, error) {
	found := map[uint64]segment{}
	for _, place := range []struct {
		folder string
		kept   bool
	}{{archive, true}, {folder, false}} {
		if place.folder == "" {
			continue
		}
		entries, err := os.ReadDir(place.folder)
		if place.kept && errors.Is(err, fs.ErrNotExist) {
			continue // nothing was moved there yet, or it is not at hand: the report says what was not read
		}
		if err != nil {
			return nil, failed(err)
		}
		for _, e := range entries {
			first, ok := numberOf(e.Name(), segmentPrefix, segmentSuffix)
			if !ok || first == 0 {
				continue
			}
			if !e.Type().IsRegular() {
				return nil, &care.Error{Kind: care.AuditUnavailable, Op: op, Reason: "NOT_A_FILE",
					Detail: "the journal's " + e.Name() + " is a link or no file; find out who put it there"}
			}
			found[first] = segment{path: filepath.Join(place.folder, e.Name()), first: first, kept: place.kept}
		}
	}
	var segments []segment
	for _, s := range found {
		segments = append(segments, s)
	}
	slices.SortFunc(segments, func(a, b segment) int { return compare(a.first, b.first) })
	for i := range segments {
		if err := segments[i].measure(); err != nil {
			return nil, err
		}
	}
	if n := len(segments); n > 0 && !segments[n-1].kept {
		segments[n-1].live = true
	}
	return segments, nil
}

func compare(a, b uint64) int {
	if a < b {
		return -1
	}
	if a > b {
		return 1
	}
	return 0
}

// measure finds where the content of a segment ends: what was allocated and not
// used is NULs.
func (s *segment) measure() error {
	f, err := os.Open(s.path)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = f.Close() }() // only read from
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return failed(err)
	}
	buf := make([]byte, 64<<10)
	for end > 0 {
		n := min(end, int64(len(buf)))
		if _, err := f.ReadAt(buf[:n], end-n); err != nil && err != io.EOF {
			return failed(err)
		}
		if used := usedLength(buf[:n]); used > 0 {
			s.size = end - n + int64(used)
			return nil
		}
		end -= n
	}
	s.size = 0
	return nil
}

// usedLength returns the length without the NULs at the end.
func usedLength(b []byte) int {
	n := len(b)
	for n > 0 && b[n-1] == 0 {
		n--
	}
	return n
}

// statedGaps returns which numbers the first entries of segments state as
// missing. An entry that a later one states as missing states nothing.
func statedGaps(segments []segment) ([]span, error) {
	var gaps []span
	for _, s := range slices.Backward(segments) {
		line, err := firstLine(s.path)
		if err != nil {
			return nil, err
		}
		e, ok := parseLine(line)
		if !ok || holds(gaps, e.seq) {
			continue
		}
		if g, ok := e.gap(); ok {
			gaps = append(gaps, g)
		}
	}
	return gaps, nil
}

func holds(spans []span, n uint64) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.holds(n) })
}

// firstLine returns the first line of a file without its line feed, if it is no
// longer than one that states a gap can be.
func firstLine(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, failed(err)
	}
	defer func() { _ = f.Close() }() // only read from
	buf := make([]byte, maxFirstLine)
	n, err := io.ReadFull(f, buf)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, failed(err)
	}
	for i, b := range buf[:n] {
		if b == '\n' {
			return buf[:i], nil
		}
	}
	return nil, nil
}

// readSmall reads a file of which more than limit bytes make no sense. It
// returns nil if it is not there, and one byte too many if it is too long.
func readSmall(path string, limit int64) ([]byte, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, failed(err)
	}
	if !info.Mode().IsRegular() {
		return make([]byte, limit+1), nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, failed(err)
	}
	defer func() { _ = f.Close() }() // only read from
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, failed(err)
	}
	return append(make([]byte, 0, len(b)), b...), nil
}

// op is where errors of this package come from.
const op = "audit.Verify"

// failed is the error for a failed call to the file system.
func failed(cause error) error {
	if already, ok := errors.AsType[*care.Error](cause); ok {
		return already
	}
	detail := "a file of the journal cannot be read; see the disk and the rights of the folder"
	reason := "IO_ERROR"
	switch {
	case errors.Is(cause, fs.ErrNotExist):
		reason, detail = "MISSING", "a file of the journal, or its folder, is not there; if segments were just moved to the archive, verify again"
	case errors.Is(cause, fs.ErrPermission):
		reason, detail = "PERMISSIONS", "the journal's files may be read by the agent's account and the administrator only; use one of these"
	}
	return &care.Error{Kind: care.AuditUnavailable, Op: op, Reason: reason, Detail: detail, Err: cause}
}
