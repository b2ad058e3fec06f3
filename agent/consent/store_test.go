package consent

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

func TestRefusesUntilFilledAndVouched(t *testing.T) {
	b := newBench(t)
	s := b.open(t)
	answers(t, s, 1, care.ConsentUnavailable, rule.ReasonNeverFilled)
	put(t, s, said(care.Site, 1, care.Dissent, 3))
	answers(t, s, 1, care.ConsentUnavailable, rule.ReasonNeverFilled)
	if s.Committed() != 2 || s.Status().Epoch != 0 {
		t.Errorf("nobody has vouched, and epoch %d is told as %d", s.Committed(), s.Status().Epoch)
	}
	m, err := b.ledger.Snapshot()
	check(t, err)
	check(t, pushAll(s, m.Unsigned(), nil))
	answers(t, s, 9, care.ConsentUnavailable, rule.ReasonUnvouched)
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
	fails(t, s.Vouched(Vouching{Instance: make([]byte, 16)}), care.Conflict, ReasonInstance)
	answers(t, s, 9, care.ConsentUnavailable, rule.ReasonUnvouched)
	check(t, s.Vouched(b.vouching(s)))
	if s.Status().Epoch != s.Committed() || s.Committed() != 3 {
		t.Errorf("told %d of epoch %d", s.Status().Epoch, s.Committed())
	}
	answers(t, s, 9, care.OK, "")
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)

	s = b.reopen(t, s)
	answers(t, s, 9, care.ConsentUnavailable, rule.ReasonUnvouched)
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
	b.beat(t, s)
	answers(t, s, 9, care.OK, "")
	want := []string{rule.ReasonNeverFilled, rule.ReasonUnvouched, "", rule.ReasonClosed, rule.ReasonUnvouched, ""}
	if diff := cmp.Diff(want, b.doubts); diff != "" {
		t.Error(diff)
	}
}

func TestCheckWithoutNumber(t *testing.T) {
	s := newBench(t).filled(t)
	if got := s.Check(&care.Request{Purpose: care.Treatment}); got.Refusal != care.InvalidNHSNumber || got.Epoch != s.Committed() {
		t.Errorf("got %+v", got)
	}
	_, err := s.Show(care.NHSNumber{})
	fails(t, err, care.InvalidNHSNumber, "")
	_, _, err = s.Explain(care.NHSNumber{}, rule.Ask{})
	fails(t, err, care.InvalidNHSNumber, "")
}

func TestMostRestrictiveAuthorityWins(t *testing.T) {
	b := newBench(t).withSource("gp", time.Hour).withSource("path", time.Hour)
	s := b.filled(t, said(care.Region, 1, care.ConsentGiven, 0), said(care.Region, 2, care.Dissent, 90))
	put(t, s, said(care.Site, 1, care.Dissent, 90))
	put(t, s, said(care.Site, 2, care.ConsentGiven, 0))
	reread(t, s, "path", start, said(care.SourceFlag, 3, care.Restriction, 90))
	reread(t, s, "gp", start, said(care.SourceFlag, 4, care.Dissent, 90))
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
	answers(t, s, 2, care.NoPatientConsent, rule.ReasonDissent)
	answers(t, s, 3, care.PatientNotFound, rule.ReasonRestricted)
	answers(t, s, 4, care.NoPatientConsent, rule.ReasonDissent)
	answers(t, s, 5, care.OK, "")
}

// TestMattersAreApart proves that lifting a restriction never lifts a dissent,
// nor a consent a restriction, though later and from the same authority.
func TestMattersAreApart(t *testing.T) {
	s := newBench(t).filled(t)
	put(t, s, said(care.Site, 1, care.Dissent, 9))
	put(t, s, said(care.Site, 1, care.Restriction, 8))
	answers(t, s, 1, care.PatientNotFound, rule.ReasonRestricted)
	put(t, s, said(care.Site, 1, care.Unrestricted, 7))
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
	put(t, s, said(care.Site, 1, care.Restriction, 6))
	put(t, s, said(care.Site, 1, care.ConsentGiven, 5))
	answers(t, s, 1, care.PatientNotFound, rule.ReasonRestricted)
	put(t, s, said(care.Site, 1, care.Unrestricted, 4))
	answers(t, s, 1, care.OK, "")
	if got := s.Status().Sets[1]; got.Patients != 1 || got.Directives != 2 {
		t.Errorf("counted %+v", got)
	}
}

func TestScopedDissent(t *testing.T) {
	s := newBench(t).filled(t)
	d := said(care.Site, 1, care.Dissent, 2)
	d.Scope.Sections = care.SetOf(care.Medications, care.Documents)
	put(t, s, d)
	d.NHSNumber, d.Scope = number(2), care.Scope{Organisations: []care.ODSCode{"A12345"}}
	put(t, s, d)
	got := s.Check(ask(1))
	if got.Refusal != care.OK || got.Withheld != care.SetOf(care.Medications, care.Documents) {
		t.Errorf("got %+v", got)
	}
	document := ask(1)
	document.Interaction, document.Sections = care.ReadDocument, 0
	if got := s.Check(document); got.Reason != rule.ReasonDissentSections {
		t.Errorf("a document: %+v", got)
	}
	answers(t, s, 2, care.NoPatientConsent, rule.ReasonDissentOrganisation)
	other := ask(2)
	other.Requester.Organisation = "B67890"
	if got := s.Check(other); got.Refusal != care.OK {
		t.Errorf("from elsewhere: %+v", got)
	}
	if sets := s.Status().Sets; sets[1].Patients != 2 || sets[1].Directives != 3 {
		t.Errorf("counted %+v", sets[1])
	}
}

func TestSetReportsChange(t *testing.T) {
	s := newBench(t).filled(t)
	epoch := s.Committed()
	for i, c := range []struct {
		d    care.Directive
		want bool
	}{
		{said(care.Site, 1, care.Dissent, 5), true},
		{said(care.Site, 1, care.Dissent, 5), false},
		{said(care.Site, 1, care.ConsentGiven, 6), false}, // an older consent read later
		{said(care.Site, 1, care.ConsentGiven, 4), true},
		{said(care.Site, 1, care.Dissent, 5), false},
	} {
		if got := put(t, s, c.d); got != c.want {
			t.Errorf("step %d: changed %v", i, got)
		}
		if c.want {
			epoch++
		}
		if s.Committed() != epoch || s.Status().Epoch != epoch {
			t.Errorf("step %d: epoch %d, told %d, want %d", i, s.Committed(), s.Status().Epoch, epoch)
		}
	}
}

// TestSetIsAllOrNothing proves that one bad directive leaves the others undone.
func TestSetIsAllOrNothing(t *testing.T) {
	s, ctx := newBench(t).filled(t), context.Background()
	epoch := s.Committed()
	bad := said(care.Site, 2, care.Dissent, 1)
	bad.By = ""
	of := said(care.Region, 2, care.Dissent, 1)
	for _, c := range []struct {
		bad    care.Directive
		kind   care.Kind
		reason string
	}{{bad, care.BadRequest, "BY"}, {of, care.BadRequest, "AUTHORITY"}, {care.Directive{}, care.InvalidNHSNumber, ""}} {
		_, err := s.Set(ctx, []care.Directive{said(care.Site, 1, care.Dissent, 1), c.bad})
		fails(t, err, c.kind, c.reason)
		if !strings.Contains(err.Error(), "directive 2") {
			t.Errorf("%v does not say which", err)
		}
	}
	_, err := s.Set(ctx, make([]care.Directive, MaxSet+1))
	fails(t, err, care.LimitExceeded, "DIRECTIVES")
	answers(t, s, 1, care.OK, "")
	if s.Committed() != epoch {
		t.Error("the epoch has moved")
	}
	changed, err := s.Set(ctx, []care.Directive{said(0, 1, care.Dissent, 1), said(care.Site, 1, care.ConsentGiven, 2), said(care.Site, 3, care.Dissent, 1)})
	check(t, err)
	if diff := cmp.Diff([]bool{true, false, true}, changed); diff != "" || s.Committed() != epoch+1 {
		t.Errorf("epoch %d, %s", s.Committed(), diff)
	}
}

func TestShowAndExplain(t *testing.T) {
	b := newBench(t).withSource("gp", time.Hour)
	region, site, source := said(care.Region, 1, care.Dissent, 5), said(care.Site, 1, care.Restriction, 4), said(care.SourceFlag, 1, care.ConsentGiven, 3)
	s := b.filled(t, region)
	put(t, s, site)
	reread(t, s, "gp", start, source)
	source.Source = "gp"
	got, err := s.Show(number(1))
	check(t, err)
	if diff := cmp.Diff(Held{Directives: []care.Directive{region, site, source}}, got, byValue); diff != "" {
		t.Error(diff)
	}
	if got, err := s.Show(number(2)); err != nil || got.Directives != nil {
		t.Errorf("of an unknown patient: %v, %v", got, err)
	}
	answer, why, err := s.Explain(number(1), rule.Asked(ask(1)))
	check(t, err)
	if answer != s.Check(ask(1)) || len(why) != 4 || !strings.Contains(strings.Join(why, "\n"), "record system gp") {
		t.Errorf("%+v because %q", answer, why)
	}
}

var byValue = cmp.Comparer(func(a, b care.NHSNumber) bool { return a == b })

// TestFutureDates proves that nothing dated ahead can hide a later dissent.
func TestFutureDates(t *testing.T) {
	b := newBench(t)
	s, ctx := b.filled(t), context.Background()
	ahead := said(care.Site, 1, care.ConsentGiven, -1)
	_, err := s.Set(ctx, []care.Directive{ahead})
	fails(t, err, care.BadRequest, "FUTURE_DATED")

	skewed := said(care.Site, 1, care.ConsentGiven, 0)
	skewed.Effective, skewed.Recorded = start.Add(5*time.Minute), start.AddDate(9, 0, 0)
	put(t, s, skewed)
	if got, err := s.Show(number(1)); err != nil || got.Directives[0].Recorded != start {
		t.Errorf("kept %v, %v", got, err)
	}
	put(t, s, said(care.Site, 1, care.Dissent, 0)) // now, though the consent said five minutes from now
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)

	put(t, s, said(care.Site, 2, care.Dissent, -40000))
	answers(t, s, 2, care.NoPatientConsent, rule.ReasonDissent)
	b.clocks.sleep(time.Minute)
	lift := said(care.Site, 2, care.ConsentGiven, 0)
	lift.Effective = b.clocks.now()
	put(t, s, lift)
	answers(t, s, 2, care.OK, "")

	b.clocks.jump(-20 * 365 * 24 * time.Hour) // a dead battery must not date a dissent back
	put(t, s, said(care.Site, 2, care.Dissent, -40000))
	if got, err := s.Show(number(2)); err != nil || got.Directives[0].Kind != care.Dissent {
		t.Errorf("kept %v, %v", got, err)
	}
}

func TestRestartKeepsAll(t *testing.T) {
	b := newBench(t).withSource("gp", time.Hour)
	s := b.filled(t, said(care.Region, 1, care.Dissent, 1))
	put(t, s, said(care.Site, 2, care.Restriction, 1))
	reread(t, s, "gp", start, said(care.SourceFlag, 3, care.Dissent, 1))
	before, epoch := s.Status(), s.Committed()
	check(t, s.Close())
	check(t, s.Close())
	answers(t, s, 1, care.ConsentUnavailable, rule.ReasonClosed)
	_, err := s.Set(context.Background(), []care.Directive{said(care.Site, 3, care.Dissent, 1)})
	fails(t, err, care.ConsentUnavailable, rule.ReasonClosed)
	fails(t, s.Verify(context.Background()), care.ConsentUnavailable, rule.ReasonClosed)
	if s.Committed() != math.MaxUint64 || s.Status().Doubt != rule.ReasonClosed || s.Status().Err == nil {
		t.Errorf("closed: epoch %d, %+v", s.Committed(), s.Status())
	}

	s = b.open(t)
	after := s.Status()
	if after.Instance == before.Instance {
		t.Error("the process is taken for the one before")
	}
	after.Instance, after.Doubt, after.Vouched = before.Instance, before.Doubt, before.Vouched
	if diff := cmp.Diff(before, after); diff != "" || s.Committed() != epoch {
		t.Errorf("epoch %d, want %d; %s", s.Committed(), epoch, diff)
	}
	b.beat(t, s)
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
	answers(t, s, 2, care.PatientNotFound, rule.ReasonRestricted)
	answers(t, s, 3, care.NoPatientConsent, rule.ReasonDissent)
	answers(t, s, 4, care.OK, "")
}
