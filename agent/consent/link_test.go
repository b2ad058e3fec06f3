package consent

import (
	"context"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

func link(t *testing.T, s *Store, old, new int, what LinkKind, daysAgo int) {
	t.Helper()
	check(t, tryLink(s, old, new, what, daysAgo))
}

// tryLink links two patients; old is below 0 for none.
func tryLink(s *Store, old, new int, what LinkKind, daysAgo int) error {
	var from care.NHSNumber
	if old >= 0 {
		from = number(old)
	}
	return s.Link(context.Background(), &Link{from, number(new), what, start.AddDate(0, 0, -daysAgo), "tester"})
}

// TestLinkedNumbers proves that what was said goes with the person, that deny
// wins over what was said before the link, and that a consent after it counts.
func TestLinkedNumbers(t *testing.T) {
	b := newBench(t)
	s := b.filled(t, said(0, 1, care.Dissent, 90), said(0, 2, care.ConsentGiven, 50))
	put(t, s, said(care.Site, 3, care.Restriction, 20))
	epoch := s.Committed()
	link(t, s, 1, 2, SamePerson, 40)
	if s.Committed() == epoch {
		t.Error("the epoch has not moved")
	}
	answers(t, s, 2, care.NoPatientConsent, rule.ReasonDissent)
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
	link(t, s, 2, 3, SamePerson, 30)
	for i := 1; i <= 3; i++ {
		answers(t, s, i, care.PatientNotFound, rule.ReasonRestricted)
		held, err := s.Show(number(i))
		if check(t, err); held.Linked != 2 || len(held.Directives) != 3 {
			t.Errorf("patient %d: %+v", i, held)
		}
	}
	put(t, s, said(care.Site, 1, care.Unrestricted, 10))
	base := b.ledger.Sequence()
	b.next(t)
	b.admit(t, said(0, 3, care.ConsentGiven, 10))
	check(t, b.changes(s, base))
	for i := 1; i <= 3; i++ {
		answers(t, s, i, care.OK, "")
	}
	s = b.reopen(t, s)
	b.beat(t, s)
	answers(t, s, 2, care.OK, "")
	check(t, s.Verify(context.Background()))
}

func TestLinksUndone(t *testing.T) {
	s := newBench(t).filled(t, said(0, 1, care.Dissent, 90))
	link(t, s, 1, 2, SamePerson, 40)
	link(t, s, 2, 3, SamePerson, 40)
	epoch := s.Committed()
	link(t, s, 1, 2, SamePerson, 40)    // known
	link(t, s, 1, 2, SamePerson, 50)    // and older
	link(t, s, 1, 2, NotSamePerson, 50) // older than the finding it denies
	link(t, s, 4, 5, NotSamePerson, 50) // never linked
	if s.Committed() != epoch {
		t.Error("the epoch has moved")
	}
	answers(t, s, 3, care.NoPatientConsent, rule.ReasonDissent)
	link(t, s, 2, 1, NotSamePerson, 30)
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
	answers(t, s, 2, care.OK, "")
	answers(t, s, 3, care.OK, "")
	link(t, s, 1, 2, SamePerson, 20)
	answers(t, s, 3, care.NoPatientConsent, rule.ReasonDissent)
}

// TestNeverLinked proves that a number which must not be linked loses its links
// and gets no others.
func TestNeverLinked(t *testing.T) {
	b := newBench(t)
	s := b.filled(t, said(0, 1, care.Dissent, 90))
	link(t, s, 1, 2, SamePerson, 40)
	link(t, s, 2, 3, SamePerson, 40)
	link(t, s, -1, 2, NeverLink, 30)
	answers(t, s, 2, care.OK, "")
	answers(t, s, 3, care.OK, "")
	fails(t, tryLink(s, 1, 2, SamePerson, 10), care.Conflict, ReasonNeverLink)
	fails(t, tryLink(s, 2, 1, SamePerson, 10), care.Conflict, ReasonNeverLink)
	epoch := s.Committed()
	link(t, s, -1, 2, NeverLink, 5)
	link(t, s, 1, 2, NotSamePerson, 5)
	if s.Committed() != epoch {
		t.Error("the epoch has moved")
	}
	s = b.reopen(t, s)
	fails(t, tryLink(s, 1, 2, SamePerson, 10), care.Conflict, ReasonNeverLink)
	if held, err := s.Show(number(1)); err != nil || held.Linked != 0 {
		t.Errorf("held %+v, %v", held, err)
	}
}

func TestLinkFaults(t *testing.T) {
	s := newBench(t).filled(t)
	ctx := context.Background()
	none := care.NHSNumber{}
	for _, c := range []struct {
		name     string
		old, new care.NHSNumber
		what     LinkKind
		at       time.Time
		by       string
		kind     care.Kind
		reason   string
	}{
		{"no number", none, none, SamePerson, start, "x", care.InvalidNHSNumber, ""},
		{"no old number", none, number(1), SamePerson, start, "x", care.InvalidNHSNumber, ""},
		{"one too many", number(1), number(2), NeverLink, start, "x", care.InvalidNHSNumber, ""},
		{"the same", number(1), number(1), SamePerson, start, "x", care.BadRequest, "LINK"},
		{"nothing found", number(1), number(2), 0, start, "x", care.BadRequest, "LINK"},
		{"ahead", number(1), number(2), SamePerson, start.Add(time.Hour), "x", care.BadRequest, "LINK"},
		{"nobody", number(1), number(2), SamePerson, start, "", care.BadRequest, "LINK"},
	} {
		t.Run(c.name, func(t *testing.T) { fails(t, s.Link(ctx, &Link{c.old, c.new, c.what, c.at, c.by}), c.kind, c.reason) })
	}
}

// TestManyNumbers proves that a person of sixteen numbers is read whole and that
// there is no seventeenth.
func TestManyNumbers(t *testing.T) {
	s := newBench(t).filled(t, said(0, 0, care.Dissent, 90))
	for i := range maxPerson - 1 {
		link(t, s, i, i+1, SamePerson, 40)
	}
	answers(t, s, maxPerson-1, care.NoPatientConsent, rule.ReasonDissent)
	fails(t, tryLink(s, 3, maxPerson, SamePerson, 10), care.LimitExceeded, "LINKS")
	answers(t, s, maxPerson, care.OK, "")
	link(t, s, 20, 21, SamePerson, 40)
	fails(t, tryLink(s, 3, 20, SamePerson, 10), care.LimitExceeded, "LINKS")
	answers(t, s, 21, care.OK, "")
}
