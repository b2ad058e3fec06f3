package consent

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// MaxSet is how many directives one Set takes.
const MaxSet = 1000

// Set takes directives of the site itself, all or none, and reports of each
// whether it changed anything: it does not if the site has said something later
// about the same. It returns once all are on disk. A Recorded that is missing is
// taken to be now; see rule.Explode for what else is checked.
func (s *Store) Set(ctx context.Context, ds []care.Directive) (changed []bool, err error) {
	if len(ds) > MaxSet {
		return nil, failure(care.LimitExceeded, "DIRECTIVES", fmt.Sprintf("more than %d directives in one change", MaxSet), nil)
	}
	said := make([][]rule.Statement, len(ds))
	now := s.latest()
	for i := range ds {
		d := ds[i]
		if d.Recorded.IsZero() {
			d.Recorded = now
		}
		if said[i], err = explode(&d, care.Site, now); err != nil {
			return nil, numbered(i+1, err)
		}
	}
	changed = make([]bool, len(ds))
	err = s.update(ctx, func(c *change) error {
		for i := range ds {
			taken, err := c.admit(siteSet, ds[i].NHSNumber, said[i])
			if err != nil {
				return numbered(i+1, err)
			}
			changed[i] = len(taken) > 0
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

// explode makes statements of a directive, which is of the authority or does
// not say of which it is.
func explode(d *care.Directive, a care.Authority, now time.Time) ([]rule.Statement, error) {
	if d.Authority != 0 && d.Authority != a {
		return nil, failure(care.BadRequest, "AUTHORITY", "it is of another authority", nil)
	}
	of := *d
	of.Authority = a
	return rule.Explode(&of, now)
}

// numbered says of which directive an error speaks.
func numbered(i int, err error) error {
	detail := fmt.Sprintf("directive %d", i)
	if e, ours := errors.AsType[*care.Error](err); ours && e.Detail != "" {
		detail += ": " + e.Detail
	}
	return &care.Error{Kind: care.KindOf(err), Op: "consent", Reason: care.ReasonOf(err), Detail: detail, Err: err}
}

// RestoreSite brings back what the site has said, from the journal: statements
// and links, oldest first. It is to be done when the store is Lost, and is
// harmless at any time: nothing is taken back, and what is there already
// changes nothing. An error of all, or one that is not valid, is returned; the
// site's set then stays lost.
func (s *Store) RestoreSite(ctx context.Context, all iter.Seq2[Restored, error]) error {
	batch := make([]Restored, 0, MaxSet)
	for r, err := range all {
		if err != nil {
			return err
		}
		if batch = append(batch, r); len(batch) == MaxSet {
			if err := s.restore(ctx, batch, false); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return s.restore(ctx, batch, true)
}

func (s *Store) restore(ctx context.Context, batch []Restored, last bool) error {
	now := s.latest()
	return s.update(ctx, func(c *change) error {
		for _, r := range batch {
			if err := c.restore(&r, now); err != nil {
				return err
			}
		}
		if last && c.state.sets[siteSet].lost {
			c.state.sets[siteSet].lost = false
			c.dirty = true
		}
		return nil
	})
}

// restore takes one statement or link again, also of a time when the clock was
// ahead. A link that was made before one of its numbers came to be never linked
// stays undone.
func (c *change) restore(r *Restored, now time.Time) error {
	if r.Link != nil {
		if err := r.Link.fault(later(now, r.Link.At)); err != nil {
			return err
		}
		if err := c.link(r.Link); care.ReasonOf(err) != ReasonNeverLink {
			return err
		}
	}
	if r.Directive == nil {
		return nil
	}
	said, err := explode(r.Directive, care.Site, later(now, r.Directive.Recorded))
	if err == nil {
		_, err = c.admit(siteSet, r.Directive.NHSNumber, said)
	}
	return err
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
