package index

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"slices"

	"github.com/mycarerecord/edge-agent/agent/audit"
)

// Search yields the entries that fit a query, in the order of their numbers,
// with the patient revealed where that can be done: an entry of a query that
// names no patient is also yielded if its patient cannot be told. An error is
// the last thing yielded: care.AuditUnavailable if the journal cannot be read,
// or that of ctx.
//
// The second result is to be called after the last entry. It returns what could
// not be searched, within what the query asks for, in order; none means that
// nothing was left out. If Limit or the caller ended the search early, it speaks
// only of what was looked at.
//
// What the index does not have, or has damaged, is read from the journal's
// lines, and what the index says is checked with them: the index makes a search
// faster and has no say in its result. Only a posting that Update left out could
// hide an entry, which would be a defect in this package: what is left out on
// the way from Update to here breaks a seal.
func (x *Index) Search(ctx context.Context, q Query) (iter.Seq2[audit.Line, error], func() []Gap) {
	s := &search{Index: x, q: q, wanted: q.numbers(), terms: q.terms()}
	lines := func(yield func(audit.Line, error) bool) {
		s.gaps = nil
		s.left = q.Limit
		s.seals, s.hashes = newSealer(&x.key), newHasher(&x.key)
		s.yield = yield
		defer s.close()
		if err := s.run(ctx); err != nil && err != errStop {
			yield(audit.Line{}, failed("index.Search", err))
		}
	}
	return lines, func() []Gap { return s.explain(ctx, merge(slices.Clone(s.gaps))) }
}

// search is one run of Search.
type search struct {
	*Index
	q        Query
	wanted   span
	terms    []term // but for the patient
	left     int    // entries that may still be yielded, if there is a limit
	yield    func(audit.Line, error) bool
	seals    *sealer
	hashes   *hasher
	segments *segments
	gaps     []Gap
	hits     hits
	file     *os.File // the segment that was read last
	opened   uint64   // its number
	done     int64    // bytes read without the index
	total    int64
}

// found is an entry to be looked at.
type found struct {
	place
	raw      []byte // the line, where its place is not known
	expected bool   // the index says that it has the terms
}

func (s *search) run(ctx context.Context) (err error) {
	if s.segments, err = listSegments(s.journal, s.archive); err != nil {
		return err
	}
	blocks, err := openBlocks(s.folder, s.seals)
	if err != nil {
		blocks = nil // all is read
	}
	pieces := s.plan(fitting(blocks, s.segments))
	s.total = s.unindexed(pieces)
	return s.look(ctx, pieces)
}

// look looks at pieces and yields what fits.
func (s *search) look(ctx context.Context, pieces []piece) error {
	if s.q.Newest {
		slices.Reverse(pieces)
	}
	for _, p := range pieces {
		entries, err := s.entries(ctx, p)
		if err == nil {
			err = s.show(ctx, entries)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entries returns the entries of a piece that may fit, in order.
func (s *search) entries(ctx context.Context, p piece) ([]found, error) {
	switch {
	case p.block != nil:
		entries, run, err := s.indexed(p)
		if err == nil {
			return entries, nil
		}
		// A part of the block is damaged, so its lines are read instead.
		p = piece{span: p.span, begin: position{run.from, run.segment, run.offset}, index: s.segments.holding(run.segment)}
	case p.begin.segment == 0:
		s.gaps = append(s.gaps, gapOf(p.span, GapMissing))
		return nil, nil
	}
	return s.scan(ctx, p)
}

// show yields those of the entries that fit.
func (s *search) show(ctx context.Context, entries []found) error {
	if s.q.Newest {
		slices.Reverse(entries)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		l, err := s.read(e)
		if err != nil {
			return err
		}
		if l == nil {
			s.gaps = append(s.gaps, gapOf(span{e.entry, e.entry}, GapDamaged))
			continue
		}
		if !s.accept(l, e.expected) {
			continue
		}
		if !s.yield(*l, nil) {
			return errStop
		}
		if s.left--; s.left == 0 {
			return errStop
		}
	}
	return nil
}

// accept reveals the patient of an entry and reports whether it fits.
func (s *search) accept(l *audit.Line, expected bool) bool {
	err := s.box.Reveal(l)
	asked := !s.q.Patient.IsZero()
	known := hasAll(l, s.terms) && (!asked || err != nil || l.NHSNumber == s.q.Patient)
	switch {
	case !known:
		if expected { // the line is not the one that was indexed
			s.gaps = append(s.gaps, gapOf(span{l.Sequence, l.Sequence}, GapDamaged))
		}
		return false
	case !s.q.during(timeOf(l)):
		return false
	case asked && err != nil:
		s.gaps = append(s.gaps, sealedGap(l))
		return false
	}
	return true
}

// read returns the entry at its place, nil if it is not there.
func (s *search) read(e found) (*audit.Line, error) {
	raw := e.raw
	if raw == nil {
		if err := s.openSegment(e.segment); err != nil {
			return s.seek(e.entry, err)
		}
		text, err := readAt(s.file, e.offset, e.length)
		if err != nil {
			return nil, err
		}
		raw = text[:max(len(text)-1, 0)]
	}
	l, err := audit.Decode(&audit.Line{Raw: raw})
	if err != nil || l.Sequence != e.entry {
		return s.seek(e.entry, nil)
	}
	return &l, nil
}

// seek reads an entry that is not where the index says, from the beginning of
// its segment.
func (s *search) seek(entry uint64, cause error) (*audit.Line, error) {
	if cause != nil && !errors.Is(cause, fs.ErrNotExist) {
		return nil, cause
	}
	i := s.segments.holding(entry)
	if i < 0 {
		return nil, nil
	}
	for l, err := range audit.Read(s.segments.folder(s.segments.firsts[i]), entry, entry) {
		if err == nil && l.Sequence == entry {
			return &l, nil
		}
	}
	return nil, nil
}

// openSegment makes file the one of a segment.
func (s *search) openSegment(first uint64) error {
	if s.file != nil && s.opened == first {
		return nil
	}
	s.close()
	f, err := s.segments.open(first)
	if err != nil {
		return err
	}
	s.file, s.opened = f, first
	return nil
}

func (s *search) close() {
	if s.file != nil {
		_ = s.file.Close() // it was only read
	}
	s.file = nil
}
