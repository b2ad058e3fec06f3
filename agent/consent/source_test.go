package consent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// TestSourceMustBeRead proves that a configured source counts: unread, read, too
// old, learned from in between.
func TestSourceMustBeRead(t *testing.T) {
	b := newBench(t).withSource("gp", time.Hour)
	s := b.open(t)
	check(t, b.snapshot(s))
	answers(t, s, 1, care.ConsentUnavailable, rule.ReasonSourceNotRead)
	check(t, s.Learn("gp", number(2), []care.Directive{said(care.SourceFlag, 2, care.Dissent, 1)}))
	answers(t, s, 2, care.NoPatientConsent, rule.ReasonDissent)
	answers(t, s, 1, care.ConsentUnavailable, rule.ReasonSourceNotRead)
	reread(t, s, "gp", b.clocks.now())
	answers(t, s, 1, care.OK, "")
	answers(t, s, 2, care.OK, "") // the reading did not have it any more
	b.pass(s, 61*time.Minute)
	b.beat(t, s)
	answers(t, s, 1, care.ConsentUnavailable, rule.ReasonSourceStale)
	reread(t, s, "gp", b.clocks.now())
	answers(t, s, 1, care.OK, "")
	if sets := s.Status().Sets; sets[2].Source != "gp" || !sets[2].Filled || sets[2].MaxAge != time.Hour {
		t.Errorf("%+v", sets[2])
	}
}

// TestLearn wants what a source says of one patient to count at once, and nothing
// of it to be seen from outside: see heard.
func TestLearn(t *testing.T) {
	b := newBench(t).withSource("gp", time.Hour)
	s := b.filled(t)
	file, err := os.ReadFile(b.path)
	check(t, err)
	before := s.Status()
	learn := func(moves bool, ds ...care.Directive) {
		t.Helper()
		version := s.Version()
		check(t, s.Learn("gp", number(1), ds))
		if (s.Version() != version) != moves {
			t.Errorf("version %d, before %d", s.Version(), version)
		}
	}
	dissent, yes := said(care.SourceFlag, 1, care.Dissent, 9), said(care.SourceFlag, 1, care.ConsentGiven, 5)
	learn(false)
	learn(true, dissent)
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
	learn(false, dissent)
	learn(true, dissent, yes)
	answers(t, s, 1, care.OK, "")
	ahead := said(care.SourceFlag, 1, care.ConsentGiven, -3)
	learn(true, dissent, ahead) // the consent was taken back, and another is to come
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
	late := said(care.SourceFlag, 1, care.Dissent, -3)
	learn(true, late)
	learn(false, late)
	held, err := s.Show(number(1))
	if check(t, err); len(held.Directives) != 1 || held.Directives[0].Source != "gp" {
		t.Errorf("shown %+v", held)
	}
	if got := s.Check(ask(1)); got.Epoch != before.Epoch || got.Version != s.Version() {
		t.Errorf("%+v, epoch %d, version %d", got, before.Epoch, s.Version())
	}
	if diff := cmp.Diff(before, s.Status(), byValue); diff != "" {
		t.Error(diff)
	}
	if after, err := os.ReadFile(b.path); err != nil || !bytes.Equal(file, after) {
		t.Errorf("the file has changed, %v", err)
	}
	b.pass(s, time.Minute)
	learn(false, late) // the same, however often it is read
	learn(false)       // of two looks at a patient the older may come last
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
	reread(t, s, "gp", b.clocks.now())
	answers(t, s, 1, care.OK, "")
}

func TestLearnFaults(t *testing.T) {
	b := newBench(t).withSource("gp", time.Hour)
	s, dissent := b.filled(t), said(care.SourceFlag, 1, care.Dissent, 9)
	fails(t, s.Learn("lab", number(1), nil), care.BadRequest, ReasonSource)
	fails(t, s.Learn("gp", care.NHSNumber{}, nil), care.InvalidNHSNumber, "")
	fails(t, s.Learn("gp", number(2), []care.Directive{dissent}), care.BadRequest, "PATIENT")
	dissent.Source = "lab"
	fails(t, s.Learn("gp", number(1), []care.Directive{dissent}), care.BadRequest, "AUTHORITY")
}

// TestLearnedIsForgotten restarts: the source is asked again by whoever asks.
func TestLearnedIsForgotten(t *testing.T) {
	b := newBench(t).withSource("gp", time.Hour)
	s := b.filled(t)
	check(t, s.Learn("gp", number(1), []care.Directive{said(care.SourceFlag, 1, care.Dissent, 9)}))
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
	check(t, s.Close())
	s = b.open(t)
	b.beat(t, s)
	answers(t, s, 1, care.OK, "")
}

// TestLinkedNumbersAfterARestart proves that a person with two numbers is not
// served before each source was read: who asks for one has it asked of one.
func TestLinkedNumbersAfterARestart(t *testing.T) {
	b := newBench(t).withSource("gp", time.Hour).withSource("lab", time.Hour)
	s := b.filled(t)
	reread(t, s, "gp", start)
	reread(t, s, "lab", start)
	link(t, s, 1, 2, SamePerson, 2)
	dissent := said(care.SourceFlag, 2, care.Dissent, 1)
	check(t, s.Learn("gp", number(2), []care.Directive{dissent}))
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
	check(t, s.Close())
	s = b.open(t)
	b.beat(t, s)
	answers(t, s, 1, care.ConsentUnavailable, rule.ReasonSourceNotRead)
	_, because, err := s.Explain(number(1), rule.Asked(ask(1)))
	if check(t, err); !strings.Contains(because[0], "several NHS numbers") {
		t.Errorf("explained by %q", because)
	}
	answers(t, s, 3, care.OK, "")
	reread(t, s, "lab", b.clocks.now())
	answers(t, s, 1, care.ConsentUnavailable, rule.ReasonSourceNotRead)
	reread(t, s, "gp", b.clocks.now(), dissent)
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
	reread(t, s, "gp", b.clocks.now())
	answers(t, s, 1, care.OK, "")
}

// TestLearnedOfLinkedNumbers wants what is heard of one number of a person to
// count for the others.
func TestLearnedOfLinkedNumbers(t *testing.T) {
	b := newBench(t).withSource("gp", time.Hour)
	s := b.filled(t)
	link(t, s, 1, 2, SamePerson, 2)
	check(t, s.Learn("gp", number(1), []care.Directive{said(care.SourceFlag, 1, care.Dissent, 9)}))
	answers(t, s, 2, care.NoPatientConsent, rule.ReasonDissent)
}

func TestFill(t *testing.T) {
	b := newBench(t).withSource("gp", time.Hour)
	s := b.filled(t)
	asOf := b.clocks.now()
	one, two := said(care.SourceFlag, 1, care.Dissent, 9), said(care.SourceFlag, 2, care.Dissent, 9)
	got := reread(t, s, "gp", asOf, one, two, said(care.SourceFlag, 3, care.ConsentGiven, -9))
	one.Source, two.Source = "gp", "gp"
	want := FillReport{Patients: 2, Directives: 2, Changed: []care.Directive{one, two}, Ahead: 1}
	if diff := cmp.Diff(want, got, byValue, anyOrder); diff != "" {
		t.Error(diff)
	}
	epoch, written := s.Committed(), s.Status().Sets[2]
	got = reread(t, s, "gp", asOf, two, one)
	if got.Changed != nil || got.Gone != 0 || got.Patients != 2 || s.Committed() != epoch {
		t.Errorf("the same again: %+v, epoch %d, before %d", got, s.Committed(), epoch)
	}
	lifted := said(care.SourceFlag, 1, care.ConsentGiven, 1)
	got = reread(t, s, "gp", asOf, one, lifted)
	lifted.Source = "gp"
	want = FillReport{Patients: 1, Directives: 1, Changed: []care.Directive{lifted}, Gone: 2}
	if diff := cmp.Diff(want, got, byValue); diff != "" {
		t.Error(diff)
	}
	answers(t, s, 1, care.OK, "")
	answers(t, s, 2, care.OK, "")
	if after := s.Status().Sets[2]; after.Digest == written.Digest || after.Patients != 1 {
		t.Errorf("after: %+v", after)
	}

}

// TestFillFaults proves that half a reading changes nothing.
func TestFillFaults(t *testing.T) {
	b, ctx := newBench(t).withSource("gp", time.Hour), context.Background()
	s := b.filled(t)
	asOf, one := b.clocks.now(), said(care.SourceFlag, 1, care.Dissent, 9)
	for name, c := range map[string]struct {
		source string
		asOf   time.Time
		bad    error
		d      care.Directive
		kind   care.Kind
		reason string
	}{
		"another source": {"lab", asOf, nil, one, care.BadRequest, ReasonSource},
		"ahead":          {"gp", asOf.Add(time.Hour), nil, one, care.Conflict, rule.ReasonClock},
		"older":          {"gp", asOf.Add(-time.Second), nil, one, care.Conflict, ReasonOld},
		"broken off":     {"gp", asOf, errors.New("broken off"), one, care.Internal, ""},
		"not valid":      {"gp", asOf, nil, care.Directive{}, care.InvalidNHSNumber, ""},
		"of the site":    {"gp", asOf, nil, said(care.Site, 1, care.Dissent, 1), care.BadRequest, "AUTHORITY"},
	} {
		epoch := s.Committed()
		_, err := s.Fill(ctx, c.source, c.asOf, func(yield func(care.Directive, error) bool) {
			_ = yield(c.d, nil) && c.bad != nil && yield(care.Directive{}, c.bad)
		})
		if fails(t, err, c.kind, c.reason); s.Committed() != epoch {
			t.Errorf("%s: the epoch has moved", name)
		}
	}
}

var anyOrder = cmp.Transformer("byPatient", func(ds []care.Directive) map[string]care.Directive {
	m := make(map[string]care.Directive)
	for i, d := range ds {
		m[fmt.Sprint(d.NHSNumber.Reveal(), i/len(ds))] = d
	}
	return m
})

// TestFillReportsAtMost proves that a report is bounded and counts the rest.
func TestFillReportsAtMost(t *testing.T) {
	s := newBench(t).withSource("gp", time.Hour).filled(t)
	got, err := s.Fill(context.Background(), "gp", start, func(yield func(care.Directive, error) bool) {
		for i := 0; i < maxReported+5 && yield(said(care.SourceFlag, i, care.Dissent, 2), nil); i++ {
		}
	})
	check(t, err)
	if len(got.Changed) != maxReported || got.MoreChanged != 5 || got.Patients != maxReported+5 {
		t.Errorf("%d reported, %d more, %d patients", len(got.Changed), got.MoreChanged, got.Patients)
	}
}

// TestLearnedWhileRead proves that what was learned of a patient whom a reading
// had passed already is not undone by that reading.
func TestLearnedWhileRead(t *testing.T) {
	b, ctx := newBench(t).withSource("gp", time.Hour), context.Background()
	s := b.filled(t)
	dissent := said(care.SourceFlag, 1, care.Dissent, 1)
	known := said(care.SourceFlag, 3, care.Dissent, 1)
	reread(t, s, "gp", start, known)
	_, err := s.Fill(ctx, "gp", start, func(yield func(care.Directive, error) bool) {
		check(t, s.Learn("gp", number(1), []care.Directive{dissent}))
		check(t, s.Learn("gp", number(3), []care.Directive{known})) // known, but not to the reading
		_, err := s.Fill(ctx, "gp", start, each[care.Directive]())
		fails(t, err, care.Conflict, ReasonBusy)
		yield(said(care.SourceFlag, 2, care.Dissent, 1), nil)
	})
	check(t, err)
	for i := 1; i <= 3; i++ {
		answers(t, s, i, care.NoPatientConsent, rule.ReasonDissent)
	}
	if set := s.Status().Sets[2]; set.Patients != 1 || set.Digest != digestOf(t, said(0, 2, care.Dissent, 1)) {
		t.Errorf("%+v", set)
	}
	reread(t, s, "gp", start)
	for i := 1; i <= 3; i++ {
		answers(t, s, i, care.OK, "")
	}
}

// TestLookBeforeTheReadingCameBy proves that a look which found nothing does not
// hide what the reading under way finds later: of a number that the source is
// not asked about when the person's other one is.
func TestLookBeforeTheReadingCameBy(t *testing.T) {
	b := newBench(t).withSource("gp", time.Hour)
	s := b.filled(t)
	reread(t, s, "gp", start, said(care.SourceFlag, 3, care.ConsentGiven, 1))
	link(t, s, 1, 2, SamePerson, 2)
	during := func(yield func(care.Directive, error) bool) {
		for i := 1; i <= 5; i++ {
			check(t, s.Learn("gp", number(i), nil))
		}
		_ = yield(said(care.SourceFlag, 2, care.Dissent, 0), nil) && yield(said(care.SourceFlag, 3, care.Dissent, 0), nil) &&
			yield(said(care.SourceFlag, 4, care.Restriction, 0), nil)
	}
	_, err := s.Fill(context.Background(), "gp", b.clocks.now(), during)
	check(t, err)
	for i := 1; i <= 3; i++ {
		answers(t, s, i, care.NoPatientConsent, rule.ReasonDissent)
	}
	answers(t, s, 4, care.PatientNotFound, rule.ReasonRestricted)
	held, err := s.Show(number(3))
	if check(t, err); len(held.Directives) != 1 || held.Directives[0].Kind != care.Dissent {
		t.Errorf("shown %+v", held)
	}
}

// TestSilenceTakesNoRoom looks for people of whom nothing is said, while the
// source is read and between readings.
func TestSilenceTakesNoRoom(t *testing.T) {
	s := newBench(t).withSource("gp", time.Hour).filled(t)
	known := said(care.SourceFlag, 1, care.Dissent, 1)
	reread(t, s, "gp", start, known)
	broken := errors.New("broken off")
	_, err := s.Fill(context.Background(), "gp", start, func(yield func(care.Directive, error) bool) {
		for range 100 {
			check(t, s.Learn("gp", care.Nobody(), nil))
		}
		check(t, s.Learn("gp", number(1), []care.Directive{known}))
		if n := len(s.heard.Load().said); n != 1 {
			t.Errorf("%d are kept", n)
		}
		yield(care.Directive{}, broken)
	})
	if n := len(s.heard.Load().said); !errors.Is(err, broken) || n != 0 {
		t.Errorf("%v; %d are kept", err, n)
	}
}

// TestFailedReadingForgetsNothing proves that only a reading that came to its
// end takes the place of what was heard before it.
func TestFailedReadingForgetsNothing(t *testing.T) {
	b, ctx := newBench(t).withSource("gp", time.Hour).withSource("lab", time.Hour), context.Background()
	s := b.filled(t)
	reread(t, s, "gp", start)
	reread(t, s, "lab", start)
	check(t, s.Learn("gp", number(1), []care.Directive{said(care.SourceFlag, 1, care.Dissent, 1)}))
	_, err := s.Fill(ctx, "gp", start, func(yield func(care.Directive, error) bool) {
		yield(care.Directive{}, errors.New("broken off"))
	})
	fails(t, err, care.Internal, "")
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
	reread(t, s, "lab", start)
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
	reread(t, s, "gp", start)
	answers(t, s, 1, care.OK, "")
}

// TestTooMuchIsLearned wants a bound, what is there kept, and what is more refused.
func TestTooMuchIsLearned(t *testing.T) {
	s := newBench(t).withSource("gp", time.Hour).filled(t)
	full := &heard{turn: 1, said: make(map[remark]hearsay, maxHeard)}
	for i := range maxHeard {
		full.said[remark{set: firstSource, key: newKeyer(s.keySecret).key(number(i))}] = hearsay{turn: 1}
	}
	s.heard.Store(full)
	dissent := func(i int) []care.Directive { return []care.Directive{said(care.SourceFlag, i, care.Dissent, 1)} }
	fails(t, s.Learn("gp", number(maxHeard), dissent(maxHeard)), care.LimitExceeded, ReasonBusy)
	check(t, s.Learn("gp", number(maxHeard), nil)) // nothing of somebody else
	check(t, s.Learn("gp", number(1), dissent(1)))
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
}

// TestSourcesComeAndGo proves that a source finds its set again, that another
// never gets its statements, and that a new one must be read.
func TestSourcesComeAndGo(t *testing.T) {
	b := newBench(t).withSource("gp", time.Hour).withSource("lab", time.Hour)
	s := b.filled(t)
	reread(t, s, "gp", start, said(care.SourceFlag, 1, care.Dissent, 1))
	reread(t, s, "lab", start, said(care.SourceFlag, 2, care.Dissent, 1))
	check(t, s.Close())
	b.opts.Sources = []Source{{"lab", time.Hour}, {"eye", time.Hour}}
	s = b.open(t)
	b.beat(t, s)
	answers(t, s, 1, care.ConsentUnavailable, rule.ReasonSourceNotRead)
	answers(t, s, 2, care.NoPatientConsent, rule.ReasonDissent)
	reread(t, s, "eye", start)
	answers(t, s, 1, care.OK, "")
	check(t, s.Close())

	b.opts.Sources = nil
	for i := range MaxSources {
		b.withSource(fmt.Sprint("new ", i), time.Hour)
	}
	s = b.open(t)
	b.beat(t, s)
	for _, source := range b.opts.Sources {
		answers(t, s, 9, care.ConsentUnavailable, rule.ReasonSourceNotRead)
		reread(t, s, source.Name, start)
	}
	for i := range 3 {
		answers(t, s, i, care.OK, "")
	}
	check(t, s.Close())

	b.opts.Sources = []Source{{"gp", time.Hour}} // its set was given away
	s = b.open(t)
	b.beat(t, s)
	answers(t, s, 1, care.ConsentUnavailable, rule.ReasonSourceNotRead)
}

// TestOnlyKeptSources proves that who opens the store without the sources has
// what was read of them last, and leaves no trace of one that was never there.
func TestOnlyKeptSources(t *testing.T) {
	b := newBench(t).withSource("gp", time.Hour).withSource("lab", time.Hour)
	s := b.filled(t)
	reread(t, s, "gp", start, said(care.SourceFlag, 1, care.Dissent, 3))
	reread(t, s, "lab", start, said(care.SourceFlag, 2, care.Restriction, 3))
	epoch := s.Committed()
	check(t, s.Close())
	b.opts.Sources = []Source{{"new", time.Hour}, {"lab", time.Hour}, {"gp", time.Hour}}
	b.opts.OnlyKept = true
	s = b.open(t)
	if sets := s.Status().Sets; len(sets) != 4 || sets[2].Source != "lab" || sets[3].Source != "gp" || !sets[3].Filled || s.Committed() != epoch {
		t.Errorf("%+v; epoch %d, before %d", sets, s.Committed(), epoch)
	}
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
	held, err := s.Show(number(2))
	if check(t, err); len(held.Directives) != 1 || held.Directives[0].Source != "lab" {
		t.Errorf("held %+v", held)
	}
	if len(b.opts.Sources) != 3 {
		t.Error("the caller's list was changed")
	}
}
