package consent

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// RestoreSite brings back what the site has said, from the journal: statements
// and links, oldest first. It is to be done when the store is Lost, and is
// harmless at any time: nothing is taken back, and what is there already
// changes nothing. An error of all, or one that is not valid, is returned; the
// site's set then stays lost.
//
// Links are brought back last and as they were in the end, not one after the
// other: numbers that were parted since must not be one person's again, not even
// for a moment.
func (s *Store) RestoreSite(ctx context.Context, all iter.Seq2[Restored, error]) error {
	found := findings{pairs: make(map[pair]Link), never: make(map[care.NHSNumber]Link)}
	batch := make([]Restored, 0, MaxSet)
	for r, err := range all {
		if err != nil {
			return err
		}
		if r.Link != nil {
			if err := found.take(r.Link, s.latest()); err != nil {
				return err
			}
			continue
		}
		if batch = append(batch, r); len(batch) == MaxSet {
			if err := s.restore(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	if err := s.restore(ctx, batch); err != nil {
		return err
	}
	for links := range slices.Chunk(found.inTheEnd(), MaxSet) {
		if err := s.relink(ctx, links); err != nil {
			return err
		}
	}
	return s.restored(ctx)
}

// restore takes statements again.
func (s *Store) restore(ctx context.Context, batch []Restored) error {
	if len(batch) == 0 {
		return nil
	}
	now := s.latest()
	return s.update(ctx, func(c *change) error {
		for i := range batch {
			if err := c.restore(&batch[i], now, s.opts.Now()); err != nil {
				return err
			}
		}
		return nil
	})
}

// restore takes one statement again, also of a time when the clock was ahead.
func (c *change) restore(r *Restored, now, clock time.Time) error {
	if r.Directive == nil {
		return nil
	}
	if r.New {
		w, err := spoken(r.Directive, now)
		if err == nil {
			_, err = c.say(&w, clock)
		}
		return err
	}
	said, err := explode(r.Directive, care.Site, later(now, r.Directive.Recorded))
	if err == nil {
		_, err = c.admit(siteSet, r.Directive.NHSNumber, said)
	}
	return err
}

func (s *Store) relink(ctx context.Context, links []Link) error {
	return s.update(ctx, func(c *change) error {
		for i := range links {
			if err := c.link(&links[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// restored notes that the site's set is whole.
func (s *Store) restored(ctx context.Context) error {
	return s.update(ctx, func(c *change) error {
		if set := &c.state.sets[siteSet]; set.lost {
			set.lost, c.dirty = false, true
		}
		return nil
	})
}

// findings is what was found about NHS numbers in the end.
type findings struct {
	pairs map[pair]Link // the last that counts of each
	never map[care.NHSNumber]Link
}

// pair is two NHS numbers, the smaller one first.
type pair [2]care.NHSNumber

func pairOf(l *Link) pair {
	if l.Old.Reveal() < l.New.Reveal() {
		return pair{l.Old, l.New}
	}
	return pair{l.New, l.Old}
}

// take takes a finding that is later than those before, also of a time when the
// clock was ahead. What counts is what change.link would have made of it.
func (f *findings) take(l *Link, now time.Time) error {
	if err := l.fault(later(now, l.At)); err != nil {
		return err
	}
	if l.What == NeverLink {
		f.never[l.New] = *l
		return nil
	}
	of := pairOf(l)
	if last, there := f.pairs[of]; !there || last.What == NotSamePerson || !last.At.After(l.At) {
		f.pairs[of] = *l
	}
	return nil
}

// inTheEnd returns the findings so that no person has more numbers meanwhile
// than in the end: first what takes links away, then the links. A link of a
// number that came to be never linked stays undone.
func (f *findings) inTheEnd() []Link {
	var parted, joined []Link
	for _, l := range f.never {
		parted = append(parted, l)
	}
	for of, l := range f.pairs {
		_, a := f.never[of[0]]
		_, b := f.never[of[1]]
		switch {
		case a || b:
		case l.What == NotSamePerson:
			parted = append(parted, l)
		default:
			joined = append(joined, l)
		}
	}
	return append(parted, joined...)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
