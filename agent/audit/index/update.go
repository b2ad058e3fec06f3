package index

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// updater is one run of Update.
type updater struct {
	*Index
	seals    *sealer
	hashes   *hasher
	pace     func(context.Context) error
	thorough bool // all of the index is checked first
	segments *segments
	open     *builder // the block that next is in
	changed  bool     // since open was written
	next     position // segment 0: where in the journal is not known
	closed   Status   // of the blocks before open
	pruned   uint64   // highest number that was deleted under the site's retention rules
}

func (u *updater) run(ctx context.Context) error {
	if err := u.begin(); err != nil {
		return err
	}
	for i := max(u.segments.holding(u.next.entry), 0); i < len(u.segments.firsts); i++ {
		if err := u.segment(ctx, i); err != nil {
			return err
		}
	}
	if u.changed {
		if err := u.open.write(u.folder, u.seals); err != nil {
			return err
		}
	}
	return u.forget()
}

// begin finds out where the index ends and what of it can be kept: the blocks
// that follow one another without a hole, up to the last that fits the journal.
func (u *updater) begin() (err error) {
	if u.segments, err = listSegments(u.journal, u.archive); err != nil {
		return err
	}
	blocks, err := openBlocks(u.folder, u.seals)
	if err != nil {
		return err
	}
	u.resume(fitting(u.unbroken(blocks), u.segments))
	return nil
}

// unbroken returns the first blocks that follow one another without a hole and,
// if that is to be checked, whose parts are all as they were written: none, if
// there are entries before them.
func (u *updater) unbroken(blocks []*block) []*block {
	if len(blocks) > 0 && len(u.segments.firsts) > 0 && blocks[0].number > u.segments.firsts[0]/blockEntries {
		return nil
	}
	for i, b := range blocks {
		if i > 0 && b.number != blocks[i-1].number+1 || u.thorough && b.check(u.seals) != nil {
			return blocks[:i]
		}
	}
	return blocks
}

// resume sets what is next after blocks.
func (u *updater) resume(blocks []*block) {
	u.next.entry = 1
	if len(u.segments.firsts) > 0 {
		u.next.entry = u.segments.firsts[0]
	}
	u.open = newBuilder(u.next.entry / blockEntries)
	if len(blocks) == 0 {
		return
	}
	last := blocks[len(blocks)-1]
	for _, b := range blocks[:len(blocks)-1] {
		u.closed.add(&b.header)
	}
	open, err := last.resume(u.seals)
	if err != nil { // a part of it is damaged: it is made again
		open = newBuilder(last.number)
	}
	u.open, u.next = open, open.next()
}

// next returns what comes after the block's last entry.
func (h *header) next() position {
	next := position{entry: max(1, bounds(h.number).from)}
	if r := h.lastRun(); r != nil {
		next = position{r.to + 1, r.segment, r.end()}
	}
	if n := len(h.missing); n > 0 && h.missing[n-1].to >= next.entry {
		next = position{entry: h.missing[n-1].to + 1}
	}
	return next
}

// add adds what a block covers.
func (s *Status) add(h *header) {
	s.Entries += h.entries()
	s.Unrevealed += h.unrevealed
	if r := h.lastRun(); r != nil {
		s.Last = r.to
	}
}

// covered returns what the index covers now.
func (u *updater) covered() Status {
	status := u.closed
	if u.open != nil {
		status.add(&u.open.header)
	}
	return status
}

// segment adds the entries of segment i that come next, up to where it ends or
// where a line is damaged. What is damaged is not in the index: Search reads it
// as it finds it.
func (u *updater) segment(ctx context.Context, i int) error {
	first := u.segments.firsts[i]
	from := u.next
	if from.segment != first {
		from = position{first, first, 0}
		if err := u.missing(u.segments.stated(i)); err != nil {
			return err
		}
	}
	wanted := span{max(u.next.entry, from.entry), u.segments.counting(i)}
	n := 0
	_, err := u.segments.lines(ctx, from, wanted, func(p place, l *audit.Line) error {
		if n++; n%checkEvery == 0 {
			if err := u.pace(ctx); err != nil {
				return err
			}
		}
		return u.add(p, l)
	})
	if errors.Is(err, fs.ErrNotExist) { // archived or pruned meanwhile
		return nil
	}
	return err
}

// add adds one entry.
func (u *updater) add(p place, l *audit.Line) error {
	if err := u.advance(p.entry); err != nil {
		return err
	}
	revealed := u.box.Reveal(l) == nil // what cannot be told is counted, and said by Search
	u.open.add(u.hashes, p, l, revealed)
	u.next, u.changed = position{p.entry + 1, p.segment, p.offset + int64(p.length)}, true
	if l.Kind == care.JournalPruned {
		u.pruned = max(u.pruned, l.To)
	}
	return nil
}

// missing notes numbers that the journal states as missing.
func (u *updater) missing(gap span) error {
	gap.from = max(gap.from, u.next.entry)
	for gap.from <= gap.to {
		if err := u.advance(gap.from); err != nil {
			return err
		}
		to := min(gap.to, bounds(u.open.number).to)
		u.open.missing = append(u.open.missing, span{gap.from, to})
		gap.from = to + 1
		u.next, u.changed = position{entry: gap.from}, true
	}
	return nil
}

// advance makes the block of an entry the open one. The blocks before it are
// written, those of entries that are not at hand without content, so that the
// blocks on disk follow one another.
func (u *updater) advance(entry uint64) error {
	for number := entry / blockEntries; u.open.number < number; {
		if err := u.open.write(u.folder, u.seals); err != nil {
			return err
		}
		u.closed.add(&u.open.header)
		u.open = newBuilder(u.open.number + 1)
	}
	return nil
}

// forget removes the blocks of entries that were deleted under the site's
// retention rules. Those that are still in an archive keep theirs.
func (u *updater) forget() error {
	if u.pruned == 0 {
		return nil
	}
	entries, err := os.ReadDir(u.folder)
	for _, e := range entries {
		number, ok := parseBlockName(e.Name())
		if ok && bounds(number).to <= u.pruned && bounds(number).to < u.segments.firsts[0] {
			err = errors.Join(err, os.Remove(filepath.Join(u.folder, e.Name())))
		}
	}
	return err
}

// fitting returns the blocks without those at the end that are made of entries
// that are no longer what they were: a crash can take entries that were never
// promised, and a folder can be put back from a copy.
func fitting(blocks []*block, s *segments) []*block {
	for i := len(blocks) - 1; i >= 0; i-- {
		switch r := blocks[i].lastRun(); {
		case r == nil: // an earlier one tells
		case fits(r, blocks[i].leaf, s):
			return blocks
		default:
			blocks = blocks[:i]
		}
	}
	return blocks
}

// fits reports whether the last entry of a run has the leaf hash that it had
// when it was indexed, or is not at hand. Because every entry names the hash of
// the one before, those before it are then what they were too, or the journal
// does not verify.
func fits(r *run, leaf [32]byte, s *segments) bool {
	if !s.has(r.segment) {
		return true
	}
	if s.counting(s.holding(r.segment)) < r.to {
		return false
	}
	f, err := s.open(r.segment)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	defer func() { _ = f.Close() }()
	size := min(r.size, maxLine) // the last line is no longer than that
	text, err := readAt(f, r.end()-size, int(size))
	if err != nil || int64(len(text)) < size {
		return false
	}
	line, ok := bytes.CutSuffix(text, []byte{'\n'})
	line = line[bytes.LastIndexByte(line, '\n')+1:]
	l, err := audit.Decode(&audit.Line{Raw: line})
	return ok && err == nil && l.Sequence == r.to && l.Leaf == leaf
}
