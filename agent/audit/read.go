package audit

import (
	"context"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// pollInterval is how often Follow looks for new entries.
const pollInterval = 250 * time.Millisecond

// Read yields the entries numbered from to to, both included, in order; a to
// of 0 means all there are. It reads the files alone, takes no lock, and may be
// used while an agent writes. Entries that are being written are left out;
// entries that were written and are not yet known to be durable may be yielded.
//
// A stretch that cannot be read is yielded as an error with reason DAMAGED,
// and reading goes on after it. Any other error is the last thing yielded.
// Read does not check that entries follow from one another: Verify does.
func Read(folder string, from, to uint64) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		r := newReader(folder, from)
		defer r.close()
		for {
			line, err := r.next()
			if err == io.EOF || err == nil && to > 0 && line.Sequence > to {
				return
			}
			if !yield(line, err) || err != nil && !isDamage(err) {
				return
			}
		}
	}
}

// Follow yields what Read would and then waits for more, until ctx ends.
func Follow(ctx context.Context, folder string, from uint64) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		r := newReader(folder, from)
		defer r.close()
		tick := time.NewTicker(pollInterval)
		defer tick.Stop()
		for ctx.Err() == nil {
			line, err := r.next()
			if err == io.EOF {
				select {
				case <-ctx.Done():
				case <-tick.C:
				}
				continue
			}
			if !yield(line, err) || err != nil && !isDamage(err) {
				return
			}
		}
	}
}

// isDamage reports whether reading can go on after err.
func isDamage(err error) bool { return care.ReasonOf(err) == ReasonDamaged }

// span is a range of numbers, both ends included.
type span struct{ from, to uint64 }

// reader goes through the segments of a folder. After io.EOF it may be called
// again and then returns what was written since.
type reader struct {
	folder  string
	from    uint64          // first number wanted
	firsts  []uint64        // the segments
	began   map[uint64]bool // the segments whose first entry was looked at
	missing []span          // what those entries state as missing
	segment uint64          // first number of the segment being read, 0 before the first
	expect  uint64          // number of the next line in it, if all is well
	file    *os.File        // nil between segments
	scan    *scanner
}

func newReader(folder string, from uint64) *reader {
	return &reader{folder: folder, from: max(from, 1), began: map[uint64]bool{}, scan: newScanner(nil, maxLine+1, true)}
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
	return decodeLine(raw)
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

// advance opens the next segment that can hold what is wanted.
func (r *reader) advance() error {
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
	f, err := os.Open(filepath.Join(r.folder, segmentName(r.firsts[next])))
	if err != nil {
		return failed("audit.Read", err)
	}
	r.file, r.segment, r.expect = f, r.firsts[next], r.firsts[next]
	r.scan.restart(f, 0, next == len(r.firsts)-1)
	return nil
}

// list finds the segments and what their first entries state as missing.
func (r *reader) list() error {
	entries, err := os.ReadDir(r.folder)
	if err != nil {
		return failed("audit.Read", err)
	}
	r.firsts = segmentsOf(entries)
	for _, first := range r.firsts {
		if r.began[first] {
			continue
		}
		line, ok := firstLine(filepath.Join(r.folder, segmentName(first)))
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
