package index

import (
	"context"
	"errors"
	"io/fs"

	"github.com/mycarerecord/edge-agent/agent/audit"
)

// unindexed returns how many bytes of the journal have to be read because the
// index does not have them.
func (s *search) unindexed(pieces []piece) (bytes int64) {
	for _, p := range pieces {
		if p.block == nil && p.begin.segment > 0 {
			bytes += s.bytes(p)
		}
	}
	return bytes
}

// bytes returns how many bytes its segment has after the beginning of a piece.
func (s *search) bytes(p piece) int64 {
	if err := s.openSegment(p.begin.segment); err != nil {
		return 0
	}
	info, err := s.file.Stat()
	if err != nil {
		return 0
	}
	return max(info.Size()-p.begin.offset, 0)
}

// progressEvery is after how many bytes progress is told.
const progressEvery = 1 << 20

// progress tells how many bytes were read, at the end of a step of that size.
func (s *search) progress(before, now int64) {
	if s.q.Progress != nil && before/progressEvery != now/progressEvery {
		s.q.Progress(now, max(s.total, now))
	}
}

// scan returns the entries of a piece that fit, from the lines.
func (s *search) scan(ctx context.Context, p piece) ([]found, error) {
	began := s.done
	var out []found
	enough := false
	at, err := s.segments.lines(ctx, p.begin, p.span, func(at place, l *audit.Line) error {
		now := began + at.offset - p.begin.offset
		s.progress(s.done, now)
		s.done = now
		if s.accept(l, false) {
			out = append(out, found{place: at})
		}
		if enough = !s.q.Newest && s.left > 0 && len(out) >= s.left; enough {
			return errStop
		}
		return nil
	})
	s.done = began + s.bytes(p)
	if errors.Is(err, fs.ErrNotExist) { // archived or pruned a moment ago
		s.gaps = append(s.gaps, gapOf(p.span, GapMissing))
		return nil, nil
	}
	if err != nil || enough || at.entry > p.to {
		return out, err
	}
	more, err := s.rest(ctx, p, at, span{max(at.entry, p.from), p.to})
	return append(out, more...), err
}

// rest returns the entries that fit of a piece whose lines do not follow one
// another to its end.
func (s *search) rest(ctx context.Context, p piece, at reading, wanted span) ([]found, error) {
	newest := s.segments.newest(p.index)
	if newest && !at.damaged {
		return nil, nil // there are no more yet
	}
	if !at.damaged {
		unused, err := s.segments.unused(at.position)
		if err != nil {
			return nil, err
		}
		if unused { // the segment that came next is not at hand
			s.gaps = append(s.gaps, gapOf(wanted, GapMissing))
			return nil, nil
		}
	}
	v := salvage{search: s, next: wanted.from}
	if err := v.read(ctx, p.begin.segment, wanted); err != nil {
		return nil, err
	}
	switch {
	case !newest:
		v.skip(wanted.to + 1)
	case v.damaged:
		v.skip(v.next + 1) // how many there are cannot be told
	}
	return v.out, nil
}

// salvage takes the entries from damaged lines.
type salvage struct {
	*search
	next    uint64 // number of the entry that is due
	damaged bool   // something that is no entry came after the last one
	out     []found
}

func (v *salvage) read(ctx context.Context, segment uint64, wanted span) error {
	to := wanted.to
	if to == unlimited {
		to = 0
	}
	for l, err := range audit.Scan(v.segments.folder(segment), wanted.from, to) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			err = v.take(&l)
		}
		if v.damaged = err != nil; v.damaged && !isDamage(err) {
			return err
		}
	}
	return nil
}

// take takes one entry. The lines of those that it jumps over are damaged.
func (v *salvage) take(scanned *audit.Line) error {
	l, err := audit.Decode(scanned)
	if err != nil || l.Sequence < v.next {
		return err
	}
	v.skip(l.Sequence)
	v.next++
	if v.accept(&l, false) {
		v.out = append(v.out, found{place: place{entry: l.Sequence}, raw: l.Raw})
	}
	return nil
}

// skip notes a gap from the entry that is due to the one before another.
func (v *salvage) skip(to uint64) {
	if v.next < to {
		v.gaps = append(v.gaps, gapOf(span{v.next, to - 1}, GapDamaged))
		v.next = to
	}
}
