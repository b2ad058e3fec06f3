package consent

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// undated is a directive of the site that holds from now on.
func undated(i int, k care.DirectiveKind) care.Directive {
	return care.Directive{NHSNumber: number(i), Kind: k, By: "tester"}
}

// TestTheLastWordCounts proves that of what the site says the last counts, though
// the clock was wrong by years when some of it was said.
func TestTheLastWordCounts(t *testing.T) {
	for name, c := range map[string]struct {
		first, then care.DirectiveKind
		answer      care.Kind
		reason      string
	}{
		"dissent":     {care.ConsentGiven, care.Dissent, care.NoPatientConsent, rule.ReasonDissent},
		"consent":     {care.Dissent, care.ConsentGiven, care.OK, ""},
		"restriction": {care.Unrestricted, care.Restriction, care.PatientNotFound, rule.ReasonRestricted},
		"lifting":     {care.Restriction, care.Unrestricted, care.OK, ""},
	} {
		for _, wrong := range []time.Duration{-20 * 365 * 24 * time.Hour, -time.Hour, -time.Millisecond, 0, time.Second, 400 * 24 * time.Hour} {
			t.Run(name+" "+wrong.String(), func(t *testing.T) {
				b, j := newBench(t), new(journal)
				s := b.filled(t)
				b.clocks.jump(-wrong)
				j.set(t, s, undated(1, c.first))
				b.clocks.jump(wrong)
				if !put(t, s, undated(1, c.then)) {
					t.Error("it changed nothing")
				}
				b.beat(t, s)
				answers(t, s, 1, c.answer, c.reason)
			})
		}
	}
}

// TestNoDateOutranksADissentByAClock proves that a dissent with a date of its own
// counts although a consent was dated by a clock that was ahead, that no other
// date is touched, and that to hand it in again changes nothing.
func TestNoDateOutranksADissentByAClock(t *testing.T) {
	organisation := care.Scope{Organisations: []care.ODSCode{"A12345"}}
	whole := care.Scope{}
	for name, c := range map[string]struct {
		consent, dissent care.Scope
		ahead            time.Duration // how far the clock was, when the consent was recorded
		counts           bool
		under            int // the number under which the consent was recorded
	}{
		"the same":                          {whole, whole, 48 * time.Hour, true, 1},
		"no clock was ahead":                {whole, whole, 0, false, 1},
		"a part, of all that was permitted": {whole, organisation, 48 * time.Hour, true, 1},
		"all, of which a part is permitted": {organisation, whole, 48 * time.Hour, true, 1},
		"the same part":                     {organisation, organisation, 48 * time.Hour, true, 1},
		"under another number":              {whole, whole, 48 * time.Hour, true, 2},
		"a part, under another number":      {whole, organisation, 48 * time.Hour, true, 2},
		"under another number, no clock":    {whole, whole, 0, false, 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			s := b.filled(t)
			link(t, s, 1, 2, SamePerson, 60)
			b.clocks.jump(c.ahead)
			consent := undated(c.under, care.ConsentGiven)
			consent.Scope = c.consent
			put(t, s, consent)
			b.clocks.jump(-c.ahead)
			dissent := said(care.Site, 1, care.Dissent, 3)
			dissent.Scope = c.dissent
			put(t, s, dissent)
			b.beat(t, s)
			refused := s.Check(ask(1)).Refusal == care.NoPatientConsent
			if refused != c.counts {
				t.Errorf("refused %v", refused)
			}
			dissent = said(care.Site, 1, care.Dissent, 3) // as a file says it
			dissent.Scope = c.dissent
			if put(t, s, dissent) {
				t.Error("the same once more changes something")
			}
		})
	}
}

// TestTiesByTheClock proves that of two statements of one moment the one that the
// site recorded last counts, also when the clock was ahead at the first.
func TestTiesByTheClock(t *testing.T) {
	b := newBench(t)
	s := b.filled(t)
	dissent, consent := said(care.Site, 1, care.Dissent, 3), said(care.Site, 1, care.ConsentGiven, 3)
	dissent.Recorded, consent.Recorded = time.Time{}, time.Time{}
	b.clocks.jump(48 * time.Hour)
	put(t, s, dissent)
	b.clocks.jump(-48 * time.Hour)
	put(t, s, consent)
	b.beat(t, s)
	answers(t, s, 1, care.OK, "")
}

// TestSetTellsWhatIsKept proves that the times which Set gives back are those in
// the store, so that a journal of them gives back the same.
func TestSetTellsWhatIsKept(t *testing.T) {
	b, j := newBench(t), new(journal)
	s := b.filled(t)
	b.clocks.jump(48 * time.Hour)
	said := []care.Directive{undated(1, care.ConsentGiven), undated(2, care.Dissent)}
	_, err := s.Set(context.Background(), said)
	check(t, err)
	b.clocks.jump(-48 * time.Hour)
	later := []care.Directive{undated(1, care.Dissent), undated(2, care.ConsentGiven)}
	later[1].Effective, later[1].Recorded = start.Add(-time.Hour), start.Add(-time.Hour)
	_, err = s.Set(context.Background(), later)
	check(t, err)
	for _, d := range append(said, later...) {
		if d.Effective.IsZero() || d.Recorded.IsZero() {
			t.Errorf("told %v, %v", d.Effective, d.Recorded)
		}
		j.said = append(j.said, Restored{Directive: &d})
	}
	if want := start.Add(48*time.Hour + time.Millisecond); !later[0].Effective.Equal(want) || !later[0].Recorded.Equal(want) || !later[1].Effective.Equal(start.Add(-time.Hour)) {
		t.Errorf("told %v, %v, %v", later[0].Effective, later[0].Recorded, later[1].Effective)
	}
	want := s.Status().Sets[siteSet].Digest
	b.known = 0
	check(t, s.Close())
	check(t, os.Remove(b.path))
	s = b.open(t)
	b.resync(t, s, j)
	if s.Status().Sets[siteSet].Digest != want {
		t.Error("what was read back is not what was there")
	}
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
}

// TestLinksByTheClock proves that numbers are linked after all that was said of
// either, and parted after they were linked, whatever the clock said.
func TestLinksByTheClock(t *testing.T) {
	b := newBench(t)
	s, ctx := b.filled(t), context.Background()
	put(t, s, said(care.Site, 2, care.Dissent, 9))
	b.clocks.jump(48 * time.Hour)
	put(t, s, undated(1, care.ConsentGiven))
	b.clocks.jump(-48 * time.Hour)
	found := Link{Old: number(1), New: number(2), What: SamePerson, By: "tester"}
	check(t, s.Link(ctx, &found))
	if !found.At.Equal(start.Add(48*time.Hour + time.Millisecond)) {
		t.Errorf("found at %v", found.At)
	}
	b.beat(t, s)
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent) // the consent was there before the link
	put(t, s, undated(1, care.ConsentGiven))
	answers(t, s, 2, care.OK, "")
	b.clocks.jump(-time.Hour)
	check(t, s.Link(ctx, &Link{Old: number(1), New: number(2), What: NotSamePerson, By: "tester"}))
	if held, err := s.Show(number(1)); err != nil || held.Linked != 0 {
		t.Errorf("held %+v, %v", held, err)
	}
	check(t, s.Link(ctx, &Link{New: number(2), What: NeverLink, By: "tester"}))
}

// TestACompleteListByTheClock proves that what a person hands in for a lost store
// counts against what the journal has of a time to come.
func TestACompleteListByTheClock(t *testing.T) {
	b, j := newBench(t), new(journal)
	s := b.filled(t)
	b.clocks.jump(48 * time.Hour)
	consent := said(care.Site, 1, care.ConsentGiven, -2)
	j.set(t, s, consent)
	b.clocks.jump(-48 * time.Hour)
	check(t, s.Close())
	check(t, os.Remove(b.path))
	b.known = 0
	s = b.open(t)
	dissent := said(care.Site, 1, care.Dissent, 3)
	j.said = append(j.said, Restored{Directive: &dissent, New: true})
	b.resync(t, s, j)
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
	if !dissent.Effective.After(consent.Effective) {
		t.Errorf("it is not told when it holds: %v", dissent.Effective)
	}
}

// TestTheLastTime proves that a patient can dissent at the end of time, too.
func TestTheLastTime(t *testing.T) {
	b := newBench(t)
	s := b.filled(t)
	b.clocks.jump(time.UnixMilli(rule.LastTime).Sub(start))
	put(t, s, undated(1, care.ConsentGiven))
	b.clocks.jump(-time.UnixMilli(rule.LastTime).Sub(start))
	put(t, s, undated(1, care.Dissent))
	b.beat(t, s)
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
}
