package consent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// MaxSet is how many directives one Set takes.
const MaxSet = 1000

// Set takes directives of the site itself, all or none, and reports of each
// whether it changed anything: it does not if the site has said something later
// about the same. It returns once all are on disk. Effective and Recorded of
// each are then what is kept. See rule.Explode for what is checked.
//
// What the site says is never older than what it said of the person before,
// whatever the machine's clock said then or says now. A directive without
// Effective holds from now on, and takes the place of all that was said before;
// so does one without Recorded of two of the same moment. One that withholds and
// has a date of its own gives way to a later date only if that can be true:
// against a consent of a date to come it holds from now on.
func (s *Store) Set(ctx context.Context, ds []care.Directive) (changed []bool, err error) {
	if len(ds) > MaxSet {
		return nil, failure(care.LimitExceeded, "DIRECTIVES", fmt.Sprintf("more than %d directives in one change", MaxSet), nil)
	}
	words := make([]word, len(ds))
	now := s.latest()
	for i := range ds {
		if words[i], err = spoken(&ds[i], now); err != nil {
			return nil, numbered(i+1, err)
		}
	}
	changed = make([]bool, len(ds))
	err = s.update(ctx, func(c *change) error {
		for i := range words {
			taken, err := c.say(&words[i], s.opts.Now())
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
