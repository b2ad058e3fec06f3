package index

import "slices"

// hits are the entries of one block that have the terms of the query.
type hits struct {
	block   *block
	all     bool // there are no terms: every entry has them
	fitting []uint16
	sealed  []uint16 // those that have the terms but whose patient is not known
	offsets []int64  // see block.offsets
}

// indexed returns the entries of a piece that the index has under all terms, and
// the run that the piece is in. An error is about the index alone.
func (s *search) indexed(p piece) ([]found, run, error) {
	r, before := p.block.runOf(p.from)
	if s.hits.block != p.block {
		s.hits.block = nil // its offsets are about to be overwritten
		h, err := s.lookUp(p.block)
		if err != nil {
			return nil, r, err
		}
		s.hits = h
	}
	h := &s.hits
	if sealed := within(h.sealed, p.span); len(sealed) > 0 {
		from := bounds(p.block.number).from
		s.gaps = append(s.gaps, Gap{from + uint64(sealed[0]), from + uint64(sealed[len(sealed)-1]), uint64(len(sealed)), GapSealed})
	}
	return h.places(p.span, r, before), r, nil
}

// places returns the entries of a range within a run.
func (h *hits) places(s span, r run, before int) []found {
	entries := within(h.fitting, s)
	if h.all {
		entries = make([]uint16, 0, s.to-s.from+1)
		for e := s.from; e <= s.to; e++ {
			entries = append(entries, uint16(e%blockEntries))
		}
	}
	out := make([]found, 0, len(entries))
	for _, e := range entries {
		entry := bounds(h.block.number).from + uint64(e)
		at := before + int(entry-r.from)
		out = append(out, found{expected: true, place: place{entry, r.segment,
			r.offset + h.offsets[at] - h.offsets[before], int(h.offsets[at+1] - h.offsets[at])}})
	}
	return out
}

// within returns the part of a list that is in a range of one block.
func within(list []uint16, s span) []uint16 {
	from, _ := slices.BinarySearch(list, uint16(s.from%blockEntries))
	to, exact := slices.BinarySearch(list, uint16(s.to%blockEntries))
	if exact {
		to++
	}
	return list[from:to]
}

// lookUp intersects the lists of a block for all terms.
func (s *search) lookUp(b *block) (hits, error) {
	h := hits{block: b, all: len(s.terms) == 0, offsets: s.hits.offsets}
	for i, t := range s.terms {
		list, err := s.list(b, t)
		if err != nil {
			return h, err
		}
		if i > 0 {
			list = intersect(h.fitting, list)
		}
		if h.fitting = list; len(list) == 0 {
			return h, nil
		}
	}
	if err := s.lookUpPatient(&h); err != nil {
		return h, err
	}
	if !h.all && len(h.fitting) == 0 {
		return h, nil
	}
	parts, err := b.parts(s.seals, lengths)
	if err == nil {
		h.offsets, err = b.offsets(h.offsets, parts[0])
	}
	return h, err
}

// lookUpPatient narrows the entries to those of the patient, if the query names
// one.
func (s *search) lookUpPatient(h *hits) error {
	if s.q.Patient.IsZero() {
		return nil
	}
	list, err := s.list(h.block, term{byPatient, s.q.Patient.Reveal()})
	if err != nil {
		return err
	}
	if h.block.unrevealed > 0 {
		if h.sealed, err = s.list(h.block, term{dim: unrevealed}); err != nil {
			return err
		}
	}
	if !h.all {
		list, h.sealed = intersect(h.fitting, list), intersect(h.fitting, h.sealed)
	}
	h.fitting, h.all = list, false
	return nil
}

// list returns the list of one term.
func (s *search) list(b *block, t term) ([]uint16, error) {
	hash := s.hashes.of(t)
	parts, err := b.parts(s.seals, shardOf(hash))
	if err != nil {
		return nil, err
	}
	return find(parts[0], hash)
}
