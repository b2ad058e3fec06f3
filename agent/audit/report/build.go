package report

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

const (
	// maxEntries bounds a report. A patient of whom more is known is reported
	// on period by period.
	maxEntries = 20_000

	// Margin is how much earlier and later than its period the entries for a
	// report must be read, so that a decision and its end are seen together: no
	// request lasts that long.
	Margin = time.Hour
)

// Build makes a report from the journal's entries about a patient, which must
// be revealed (audit.Box.Reveal) and may come in any order. They are those from
// Margin before to Margin after the period; entries of other patients and
// outside the period are passed over. An error ends it. It fails with
// LimitExceeded at more than 20,000 entries.
//
// What could not be read is often known only when all entries were; so the
// caller sets the report's Gaps before it is written.
func Build(about About, lines iter.Seq2[audit.Line, error]) (*Report, error) {
	about.Site.Name, about.MadeBy = clean(about.Site.Name), clean(about.MadeBy)
	b := builder{report: &Report{About: about}, ends: map[uint64]*audit.Line{}}
	for line, err := range lines {
		if err := b.take(&line, err); err != nil {
			return nil, err
		}
	}
	b.join()
	return b.report, nil
}

// builder sorts entries before they are joined.
type builder struct {
	report *Report
	begun  []audit.Line           // decisions and refusals
	ends   map[uint64]*audit.Line // by the number of the decision
	other  []audit.Line
	taken  int
}

// take adds an entry.
func (b *builder) take(line *audit.Line, err error) error {
	if err != nil {
		return err
	}
	if line.NHSNumber.IsZero() || line.NHSNumber != b.report.Patient {
		return nil
	}
	if b.taken++; b.taken > maxEntries {
		return &care.Error{Kind: care.LimitExceeded, Op: "report.Build", Reason: "TOO_MANY",
			Detail: "there are more than 20000 entries about this patient in the period; ask for a shorter one"}
	}
	kept := *line
	kept.Raw = nil
	switch line.Kind {
	case care.ReleaseDecided, care.ReleaseRefused:
		b.begun = append(b.begun, kept)
	case care.ReleaseEnded:
		b.ends[line.Decision] = &kept
	default:
		b.other = append(b.other, kept)
	}
	return nil
}

// join makes accesses and events of what was taken.
func (b *builder) join() {
	r := b.report
	for i := range b.begun {
		begun := &b.begun[i]
		end := b.ends[begun.Sequence]
		delete(b.ends, begun.Sequence)
		b.access(begun, end)
	}
	for _, end := range b.ends { // their decisions cannot be read
		b.access(nil, end)
	}
	for i := range b.other {
		b.event(&b.other[i])
	}
	slices.SortFunc(r.Accesses, func(x, y Access) int {
		if x.BreakGlass != y.BreakGlass {
			if x.BreakGlass {
				return -1
			}
			return 1
		}
		return cmp.Compare(y.Entry, x.Entry)
	})
	slices.SortFunc(r.Events, func(x, y Event) int { return cmp.Compare(y.Entry, x.Entry) })
}

// access adds an access unless it lies outside the period. begun or end may be
// nil, not both.
func (b *builder) access(begun, end *audit.Line) {
	first := begun
	if first == nil {
		first = end
	}
	if !b.covers(first) {
		return
	}
	b.report.Entries++
	if begun != nil && end != nil {
		b.report.Entries++
	}
	b.report.Accesses = append(b.report.Accesses, newAccess(&b.report.About, begun, end))
}

// event adds something other than an access, unless it lies outside the period
// or would tell a patient's reader of a restriction.
func (b *builder) event(l *audit.Line) {
	if !b.covers(l) || !b.report.guardian() && restricts(l) {
		return
	}
	b.report.Entries++
	b.report.Events = append(b.report.Events, newEvent(&b.report.About, l))
}

// covers reports whether an entry lies within the period.
func (b *builder) covers(l *audit.Line) bool {
	at := when(l)
	return !at.Before(b.report.From) && (b.report.To.IsZero() || at.Before(b.report.To))
}

// restricts reports whether an entry tells that the patient is, or was,
// restricted.
func restricts(l *audit.Line) bool {
	return l.Directive != nil && l.Directive.Kind != care.Dissent.String() && l.Directive.Kind != care.ConsentGiven.String()
}

// when returns when the thing happened that an entry tells of.
func when(l *audit.Line) time.Time {
	if l.Occurred.IsZero() {
		return l.Time
	}
	return l.Occurred
}
