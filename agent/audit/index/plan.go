package index

import (
	"cmp"
	"slices"
)

// piece is a range of entries that a search looks at in one way.
type piece struct {
	span
	block *block   // the index has their terms
	begin position // else: where to begin to read, or segment 0 if they are not at hand
	index int      // of that segment
}

// known is what the index knows of a segment.
type known struct {
	next     position // after the last line that it has
	complete bool     // what comes next stands in another segment
}

// planner divides the wanted numbers into pieces.
type planner struct {
	*search
	known  map[uint64]known
	last   uint64 // highest number that the index has
	pieces []piece
}

// plan returns the pieces in order. Everything that is wanted is in a piece, but
// for numbers that the journal states as missing and blocks of other times.
func (s *search) plan(blocks []*block) []piece {
	p := &planner{search: s, known: map[uint64]known{}}
	p.learn(blocks)
	at := s.wanted.from
	for _, b := range blocks {
		for _, c := range b.covers() {
			c.from, c.to = max(c.from, at), min(c.to, s.wanted.to)
			if c.from > c.to || !p.usable(b, &c) {
				continue
			}
			p.uncovered(span{at, c.from - 1})
			if c.segment > 0 && s.q.overlaps(b.first, b.last) {
				p.pieces = append(p.pieces, piece{span: c.span, block: b})
			}
			at = c.to + 1
		}
	}
	p.uncovered(span{at, s.wanted.to})
	return p.pieces
}

// usable reports whether nothing is to be read of a run, or it is at hand.
func (p *planner) usable(b *block, c *run) bool {
	return c.segment == 0 || p.segments.has(c.segment) || !p.q.overlaps(b.first, b.last)
}

// covers returns the runs, and the missing numbers as runs of segment 0, in
// order.
func (h *header) covers() []run {
	out := slices.Clone(h.runs)
	for _, m := range h.missing {
		out = append(out, run{span: m})
	}
	slices.SortFunc(out, func(a, b run) int { return cmp.Compare(a.from, b.from) })
	return out
}

// learn notes what the index knows of the segments.
func (p *planner) learn(blocks []*block) {
	var before run
	for _, b := range blocks {
		for _, c := range b.covers() {
			if k, ok := p.known[before.segment]; ok && c.segment != before.segment && c.from == k.next.entry {
				k.complete = true
				p.known[before.segment] = k
			}
			if c.segment > 0 {
				p.known[c.segment] = known{next: position{c.to + 1, c.segment, c.end()}}
			}
			before, p.last = c, c.to
		}
	}
}

// uncovered adds the pieces of a range that the index does not have.
func (p *planner) uncovered(s span) {
	if s.from > s.to {
		return
	}
	i := p.segments.holding(s.from)
	if i < 0 {
		s.from = p.absent(s)
		i = 0
	}
	for ; s.from <= s.to && i < len(p.segments.firsts); i++ {
		part := span{s.from, min(s.to, p.segments.counting(i))}
		if part.from <= part.to {
			p.pieces = append(p.pieces, p.unread(i, part))
		}
		s.from = p.segments.last(i) + 1
	}
}

// absent adds the part of a range that comes before the first segment at hand,
// and returns where the rest begins.
func (p *planner) absent(s span) uint64 {
	part := span{s.from, min(s.to, p.last)}
	if len(p.segments.firsts) > 0 {
		part.to = min(s.to, p.segments.firsts[0]-1)
	}
	if gap := p.segments.stated(0); gap.from > 0 {
		part.to = min(part.to, gap.from-1)
	}
	if part.from <= part.to {
		p.pieces = append(p.pieces, piece{span: part})
	}
	if len(p.segments.firsts) > 0 {
		return p.segments.firsts[0]
	}
	return s.to + 1
}

// unread returns the piece of a range that stands in segment i, if anywhere.
func (p *planner) unread(i int, s span) piece {
	first := p.segments.firsts[i]
	k, ok := p.known[first]
	switch {
	case ok && k.complete && k.next.entry <= s.from:
		return piece{span: s}
	case ok && k.next.entry <= s.from:
		return piece{span: s, begin: k.next, index: i}
	}
	return piece{span: s, begin: position{first, first, 0}, index: i}
}
