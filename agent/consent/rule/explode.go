package rule

import (
	"slices"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// MaxOrganisations is how many organisations one directive may name.
const MaxOrganisations = 64

// Explode checks a directive and makes one statement for each organisation or
// section that it is about, in the directive's order, or one about everything.
//
// A dissent or restriction of a later date than now is taken to be of now: what
// withholds does not wait, and a slip in the year must not make it impossible
// to lift. One of care.SourceFlag keeps its date, so that it is the same
// whenever it is read; the source it stands in can put it right. A consent or
// lifting of a date to come, by more than five minutes, fails with
// FUTURE_DATED; whoever reads it from a
// source may leave it out until then, for that never permits more. A directive
// without Recorded was recorded when it was effective. By may be missing from
// the region's directives and from a source's, not from the site's own.
//
// Whoever computes a digest of directives calls it with the same now as whoever
// checks the digest: the region's as_of.
//
// Times are cut to milliseconds. Errors are BadRequest with Reason KIND,
// AUTHORITY, SCOPE, EFFECTIVE, RECORDED, FUTURE_DATED, BY or CODE, and
// InvalidNHSNumber; they quote nothing.
func Explode(d *care.Directive, now time.Time) ([]Statement, error) {
	s, err := stated(d, now)
	if err != nil {
		return nil, err
	}
	if d.Scope.IsZero() {
		return []Statement{s}, nil
	}
	all := make([]Statement, 0, len(d.Scope.Organisations)+d.Scope.Sections.Len())
	for _, o := range d.Scope.Organisations {
		s.Scope = Target{Organisation: o}
		all = append(all, s)
	}
	for section := range d.Scope.Sections.All() {
		s.Scope = Target{Section: section}
		all = append(all, s)
	}
	for i := range all {
		if err := all[i].fault(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// stated returns the statement of a directive, valid but for its scope.
func stated(d *care.Directive, now time.Time) (Statement, error) {
	switch {
	case d.NHSNumber.IsZero():
		return Statement{}, refusal(care.InvalidNHSNumber, "", "the NHS number is missing")
	case !d.Kind.Valid():
		return Statement{}, refusal(care.BadRequest, "KIND", badKind)
	case d.Authority != 0 && !d.Authority.Valid():
		return Statement{}, refusal(care.BadRequest, "AUTHORITY", "its authority is none of REGION, SITE and SOURCE")
	case !validScope(&d.Scope):
		return Statement{}, refusal(care.BadRequest, "SCOPE", badScope)
	case !keepable(d.Effective):
		return Statement{}, refusal(care.BadRequest, "EFFECTIVE", badEffective)
	case !d.Recorded.IsZero() && !keepable(d.Recorded):
		return Statement{}, refusal(care.BadRequest, "RECORDED", badRecorded)
	case !restrictive(d.Kind) && d.Effective.After(now.Add(clockTolerance)):
		return Statement{}, refusal(care.BadRequest, "FUTURE_DATED", "a consent or lifting cannot be effective in the future; state it when it holds")
	case d.By == "" && (d.Authority == 0 || d.Authority == care.Site):
		return Statement{}, refusal(care.BadRequest, "BY", badBy)
	}
	s := Statement{Kind: d.Kind, By: d.By, Code: care.Coding{System: d.Code.System, Code: d.Code.Code},
		Effective: notAfter(d.Effective, now, d.Authority)}
	s.Recorded = s.Effective
	if !d.Recorded.IsZero() {
		s.Recorded = notAfter(d.Recorded, now, d.Authority)
	}
	return s, s.fault()
}

// notAfter returns t in milliseconds, or now if that is earlier and the
// statement does not stand in a source.
func notAfter(t, now time.Time, a care.Authority) int64 {
	if t.After(now) && a != care.SourceFlag {
		t = now
	}
	return t.UnixMilli()
}

// keepable reports whether a statement can be of time t.
func keepable(t time.Time) bool {
	return !t.Before(time.UnixMilli(firstTime)) && t.Before(time.UnixMilli(endTime))
}

// validScope reports whether a directive is about everything, or sections, or
// organisations that are not too many and each named once. An empty code among
// them is none: as a Target it would be everything.
func validScope(s *care.Scope) bool {
	switch {
	case len(s.Organisations) == 0:
		return s.Sections&^care.AllSections == 0
	case len(s.Organisations) > MaxOrganisations, s.Sections != 0:
		return false
	}
	for i, o := range s.Organisations {
		if !o.Valid() || slices.Contains(s.Organisations[:i], o) {
			return false
		}
	}
	return true
}
