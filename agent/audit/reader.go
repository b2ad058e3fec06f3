package audit

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// span is a range of numbers, both ends included.
type span struct{ from, to uint64 }

// reader goes through the segments of a folder. After io.EOF it may be called
// again and then returns what was written since.
type reader struct {
	folders []string          // the journal's own and, perhaps, the archive's
	from    uint64            // first number wanted
	firsts  []uint64          // the segments
	at      map[uint64]string // their folders
	began   map[uint64]bool   // the segments whose first entry was looked at
	missing []span            // what those entries state as missing
	segment uint64            // first number of the segment being read, 0 before the first
	expect  uint64            // number of the next line in it, if all is well
	ended   bool              // nobody writes; what is no line is damage, in the newest segment too
	file    *os.File          // nil between segments
	scan    *scanner
	line    func(raw []byte) (Line, error)
}

func newReader(folder, archive string, from uint64, line func([]byte) (Line, error)) *reader {
	r := &reader{folders: []string{folder}, from: max(from, 1), began: map[uint64]bool{}, scan: newScanner(nil, maxLine+1, true), line: line}
	if archive != "" {
		r.folders = append(r.folders, archive)
	}
	return r
}

// next returns the next entry; see Read.
func (r *reader) next() (Line, error) {
	for {
		if r.file == nil {
			if err := r.advance(); err != nil {
				return Line{}, err
			}
		}
		raw, at, err := r.scan.next()
		switch {
		case err == io.EOF:
			if err := r.atEnd(at); err != nil {
				return Line{}, err
			}
		case err != nil && err != errDamaged:
			return Line{}, failed("audit.Read", err)
		case r.wanted(raw):
			return r.decode(raw)
		}
	}
}

// wanted reports whether a stretch of the segment is to be shown: not when it
// comes before what was asked for, and not where an entry that failed stood.
func (r *reader) wanted(raw []byte) bool {
	h, _, ok := parseHeader(raw)
	if ok {
		r.expect = h.sequence
	}
	wanted := r.expect >= r.from && !slices.ContainsFunc(r.missing, func(s span) bool {
		return s.from <= r.expect && r.expect <= s.to
	})
	if ok {
		r.expect++
	}
	return wanted
}

// decode returns the entry that raw holds; nil stands for a stretch that is
// no line.
func (r *reader) decode(raw []byte) (Line, error) {
	if raw == nil {
		return Line{}, damaged("audit.Read", "a part of "+segmentName(r.segment)+" holds no readable line")
	}
	return r.line(raw)
}

// atEnd is called where the segment has no more lines. If it was the newest
// one it may have been finished meanwhile, and is looked at again as such.
func (r *reader) atEnd(at int64) error {
	if !r.scan.live {
		r.close()
		return nil
	}
	if err := r.list(); err != nil {
		return err
	}
	live := len(r.firsts) == 0 || r.segment >= r.firsts[len(r.firsts)-1]
	if _, err := r.file.Seek(at, io.SeekStart); err != nil {
		return failed("audit.Read", err)
	}
	r.scan.restart(r.file, at, live)
	if live {
		return io.EOF
	}
	return nil
}

// advance opens the next segment that can hold what is wanted. One that goes
// away meanwhile was archived or pruned.
func (r *reader) advance() error {
	for tried := uint64(0); ; {
		if err := r.list(); err != nil {
			return err
		}
		next := slices.IndexFunc(r.firsts, func(first uint64) bool { return first > r.segment })
		if next < 0 {
			return io.EOF
		}
		for next+1 < len(r.firsts) && r.firsts[next+1] <= r.from {
			next++
		}
		first := r.firsts[next]
		f, err := os.Open(r.path(first))
		if errors.Is(err, fs.ErrNotExist) && first != tried {
			tried = first
			continue
		}
		if err != nil {
			return failed("audit.Read", err)
		}
		r.file, r.segment, r.expect = f, first, first
		at, err := r.approach(f, first)
		if err != nil {
			return failed("audit.Read", err)
		}
		r.scan.restart(f, at, next == len(r.firsts)-1 && !r.ended)
		return nil
	}
}

// approach moves on in a segment to where what is wanted begins, or a bit before.
// If lines do not stand where they should, all of the segment is read.
func (r *reader) approach(f *os.File, first uint64) (at int64, err error) {
	if r.from <= first {
		return 0, nil
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	at = bisect(f, info.Size(), r.from)
	if !leads(f, at, info.Size(), r.from) {
		at = 0
	}
	return f.Seek(at, io.SeekStart)
}

func (r *reader) path(first uint64) string {
	return filepath.Join(r.at[first], segmentName(first))
}

// list finds the segments and what their first entries state as missing.
func (r *reader) list() error {
	r.at = map[uint64]string{}
	for n, folder := range r.folders {
		entries, err := os.ReadDir(folder)
		if n > 0 && r.at[1] != "" && errors.Is(err, fs.ErrNotExist) {
			continue // nothing was archived yet
		}
		if err != nil {
			return failed("audit.Read", err)
		}
		for _, first := range segmentsOf(entries) {
			if r.at[first] == "" {
				r.at[first] = folder
			}
		}
	}
	r.firsts = slices.Sorted(maps.Keys(r.at))
	for _, first := range r.firsts {
		if r.began[first] {
			continue
		}
		line, ok := firstLine(r.path(first))
		r.began[first] = ok
		if gap := line.gap(); ok && gap.from > 0 {
			r.missing = append(r.missing, gap)
		}
	}
	return nil
}

// gap returns the numbers that the entry states as missing before it, or zero.
func (l *Line) gap() span {
	if l.MissingFrom == 0 || l.MissingFrom > l.MissingTo || l.MissingTo != l.Sequence-1 {
		return span{}
	}
	return span{from: l.MissingFrom, to: l.MissingTo}
}

// firstLine returns the first entry of a segment, if it has a readable one.
func firstLine(path string) (Line, bool) {
	f, err := os.Open(path)
	if err != nil {
		return Line{}, false // reading the segment reports it
	}
	defer func() { _ = f.Close() }()
	raw, _, err := newScanner(f, maxRepairLine, true).next()
	if err != nil {
		return Line{}, false
	}
	line, err := decodeLine(raw)
	return line, err == nil
}

func (r *reader) close() {
	if r.file != nil {
		_ = r.file.Close()
	}
	r.file = nil
}
