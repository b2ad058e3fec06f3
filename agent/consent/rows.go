package consent

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"time"
	"unicode/utf8"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Budgets of one change.
const (
	maxDelta    = 100_000   // directives in one delta: one transaction
	maxSnapshot = 5_000_000 // directives in one snapshot, about 56 bytes of memory each
)

// row is a directive ready to be stored.
type row struct {
	key  patientKey
	said statement
}

func byKey(a, b row) int { return bytes.Compare(a.key[:], b.key[:]) }

// rows checks directives and makes rows of them, at most limit. Directives
// without an authority are taken to be of a.
func (s *Store) rows(ctx context.Context, a care.Authority, all iter.Seq[care.Directive], limit int) ([]row, error) {
	if !a.Valid() {
		return nil, failure(care.BadRequest, "AUTHORITY", "the authority of the directives is missing", nil)
	}
	z := s.sealers.Get().(*sealer)
	defer s.sealers.Put(z)
	now := s.latest()
	names := make(map[string]string) // the few distinct texts of by, each held once
	var rows []row
	for d := range all {
		if len(rows) == limit {
			return nil, failure(care.LimitExceeded, "DIRECTIVES", fmt.Sprintf("more than %d directives in one change", limit), nil)
		}
		if len(rows)%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if why := fault(&d, a, now); why != nil {
			why.Detail = fmt.Sprintf("directive %d: %s", len(rows)+1, why.Detail)
			return nil, why
		}
		rows = append(rows, row{z.key(d.NHSNumber), stated(&d, now, names)})
	}
	return rows, nil
}

// latest returns the later of now and the time floor: a clock that went back
// must not make a new statement look older than those it follows.
func (s *Store) latest() time.Time {
	now, floor := s.now(), time.Unix(0, s.current.Load().Floor)
	if floor.After(now) {
		return floor
	}
	return now
}

// stated returns the statement of a valid directive.
func stated(d *care.Directive, now time.Time, names map[string]string) statement {
	effective, recorded := d.Effective, d.Recorded
	if effective.After(now) {
		effective = now
	}
	if recorded.IsZero() || recorded.After(now) {
		recorded = now
	}
	by, ok := names[d.By]
	if !ok {
		by = string([]byte(d.By)) // not a slice of a longer line
		names[by] = by
	}
	return statement{kind: d.Kind, effective: effective.UnixNano(), recorded: recorded.UnixNano(), by: by}
}

// Years that a directive may be from. UnixNano is exact within them.
const (
	firstYear = 1900
	lastYear  = 2200
)

// fault returns what is wrong with a directive, or nil.
func fault(d *care.Directive, a care.Authority, now time.Time) *care.Error {
	switch {
	case d.NHSNumber.IsZero():
		return failure(care.InvalidNHSNumber, "", "the NHS number is missing", nil)
	case !d.Kind.Valid():
		return failure(care.BadRequest, "KIND", "the kind is missing", nil)
	case d.Authority != 0 && d.Authority != a:
		return failure(care.BadRequest, "AUTHORITY", "it is of another authority", nil)
	case d.Effective.Year() < firstYear || d.Effective.Year() > lastYear:
		return failure(care.BadRequest, "EFFECTIVE", "its effective date is missing or not between 1900 and 2200", nil)
	case !d.Recorded.IsZero() && (d.Recorded.Year() < firstYear || d.Recorded.Year() > lastYear):
		return failure(care.BadRequest, "RECORDED", "the date it was recorded is not between 1900 and 2200", nil)
	case !restrictive(d.Kind) && d.Effective.After(now.Add(clockTolerance)):
		return failure(care.BadRequest, "FUTURE_DATED", "a consent or lifting cannot be effective in the future; state it when it holds", nil)
	case !validBy(d.By):
		return failure(care.BadRequest, "BY", "who recorded it is missing, longer than 64 bytes or not plain text", nil)
	}
	return nil
}

// validBy reports whether a text may be kept as By.
func validBy(by string) bool {
	if by == "" || len(by) > maxBy || !utf8.ValidString(by) {
		return false
	}
	for _, c := range by {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// untilError yields the directives of all up to its first error, which it
// leaves in err.
func untilError(all iter.Seq2[care.Directive, error], err *error) iter.Seq[care.Directive] {
	return func(yield func(care.Directive) bool) {
		for d, e := range all {
			if *err = e; e != nil || !yield(d) {
				return
			}
		}
	}
}
