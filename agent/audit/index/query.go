package index

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// Query says which entries are wanted: those that fit all fields that are set.
// The case of letters does not matter.
type Query struct {
	Patient      care.NHSNumber
	User         string    // user id, or the actor of what was done at the site
	Organisation string    // ODS code of the requester's organisation
	Role         string    // role code or role profile of the requester
	Broker       string    // name of the broker
	Outcome      string    // OK, the refusal's code, or its true reason
	Section      string    // a section that was asked for
	Kind         string    // kind of entry
	From, To     time.Time // when it happened: not before From, and before To
	FirstEntry   uint64    // lowest number
	LastEntry    uint64    // highest number; 0 means the newest
	Newest       bool      // newest first
	Limit        int       // most entries that are yielded; 0 means all

	// Progress, if it is set, is told now and then how many bytes of the
	// journal were read without the index, and of how many.
	Progress func(done, total int64)
}

// String returns the filters as they may be written down: of a patient it says
// only that one was given.
func (q Query) String() string {
	patient, newest := "", ""
	if !q.Patient.IsZero() {
		patient = "given"
	}
	if q.Newest {
		newest = "yes"
	}
	var b strings.Builder
	for _, f := range [...]struct{ name, value string }{
		{"patient", patient}, {"user", q.User}, {"organisation", q.Organisation}, {"role", q.Role}, {"broker", q.Broker},
		{"outcome", q.Outcome}, {"section", q.Section}, {"kind", q.Kind}, {"from", instant(q.From)}, {"to", instant(q.To)},
		{"first_entry", number(q.FirstEntry)}, {"last_entry", number(q.LastEntry)}, {"newest", newest}, {"limit", number(uint64(max(q.Limit, 0)))},
	} {
		if f.value == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(f.name + "=" + strconv.Quote(f.value))
	}
	return b.String()
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func number(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// terms returns the terms of the query but for the patient.
func (q *Query) terms() []term {
	var terms []term
	for _, t := range [...]term{
		newTerm(byUser, q.User), newTerm(byOrganisation, q.Organisation), newTerm(byRole, q.Role), newTerm(byBroker, q.Broker),
		newTerm(byOutcome, q.Outcome), newTerm(bySection, q.Section), newTerm(byKind, q.Kind),
	} {
		if t.value != "" {
			terms = append(terms, t)
		}
	}
	return terms
}

// numbers returns the range of numbers that is wanted.
func (q *Query) numbers() span {
	s := span{max(q.FirstEntry, 1), q.LastEntry}
	if s.to == 0 {
		s.to = unlimited
	}
	return s
}

// during reports whether a time is wanted.
func (q *Query) during(t time.Time) bool {
	return !t.Before(q.From) && (q.To.IsZero() || t.Before(q.To))
}

// overlaps reports whether a time between two others can be wanted.
func (q *Query) overlaps(first, last time.Time) bool {
	return !last.Before(q.From) && (q.To.IsZero() || first.Before(q.To))
}

// hasAll reports whether an entry has all terms.
func hasAll(l *audit.Line, terms []term) bool {
	return !slices.ContainsFunc(terms, func(t term) bool { return !hasTerm(l, t) })
}
