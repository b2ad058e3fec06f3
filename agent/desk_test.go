package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/agent/consent"
	"github.com/mycarerecord/edge-agent/agent/consent/inbox"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

// office is a desk with a store and a journal of its own.
type office struct {
	*testing.T
	desk
	key sitekey.Key
}

func newOffice(t *testing.T) *office {
	t.Helper()
	key, err := sitekey.New([]byte(rand.Text() + rand.Text())[:32])
	if err != nil {
		t.Fatal(err)
	}
	site := &config.Site{StateFolder: t.TempDir(), Organisation: config.Organisation{ODSCode: "Y99901"}}
	o := &office{T: t, desk: desk{&Agent{site: site, log: hclog.NewNullLogger()}}, key: key}
	if o.agent.keys, err = JournalKeysOf(site, key); err != nil {
		t.Fatal(err)
	}
	o.open()
	t.Cleanup(o.close)
	return o
}

// open opens the journal and the store, which is made anew if it is gone.
func (o *office) open() {
	o.Helper()
	var err error
	if o.agent.journal, err = audit.Open(JournalFolder(o.agent.site), o.agent.journalOptions(o.agent.keys)); err != nil {
		o.Fatal(err)
	}
	o.agent.consent, err = consent.Open(o.Context(), ConsentPath(o.agent.site), consent.Options{Key: o.key, Model: rule.OptOut, MaxAge: time.Hour})
	if err != nil {
		o.Fatal(err)
	}
}

func (o *office) close() {
	o.Helper()
	_ = o.agent.journal.Close() // some tests lose it on purpose
	if err := o.agent.consent.Close(); err != nil {
		o.Error(err)
	}
}

// lose takes the consent store away, as a broken disk would, and begins again.
func (o *office) lose() {
	o.Helper()
	o.close()
	if err := os.Remove(ConsentPath(o.agent.site)); err != nil {
		o.Fatal(err)
	}
	o.open()
	if !o.agent.consent.Lost() {
		o.Fatal("the store is not lost")
	}
}

// entries returns the entries of a kind, revealed.
func (o *office) entries(kind care.EventKind) (list []audit.Line) {
	o.Helper()
	if err := o.agent.journal.Append(care.Event{Kind: care.AgentStarted}).Wait(o.Context()); err != nil { // brings lazy entries to the disk
		o.Fatal(err)
	}
	for line, err := range audit.Read(JournalFolder(o.agent.site), 1, 0) {
		if err == nil {
			err = o.agent.keys.Box.Reveal(&line)
		}
		if err != nil {
			o.Fatal(err)
		}
		if line.Kind == kind {
			list = append(list, line)
		}
	}
	return list
}

func (o *office) record(ds ...care.Directive) broker.Recorded {
	o.Helper()
	recorded, err := o.Record(o.Context(), "site:ann", "", ds)
	if err != nil {
		o.Fatal(err)
	}
	return recorded
}

// held returns what the store holds of the site about a patient, in short.
func (o *office) held(number string) (said []string) {
	o.Helper()
	held, err := o.agent.consent.Show(nhs(o.T, number))
	if err != nil {
		o.Fatal(err)
	}
	for _, d := range held.Directives {
		if d.Authority == care.Site {
			said = append(said, fmt.Sprint(d.Kind, " ", d.Scope.Organisations, d.Scope.Sections, " ", d.Effective.UTC().Format(time.RFC3339), " ", d.By, " ", d.Code.Code))
		}
	}
	return said
}

func nhs(t *testing.T, text string) care.NHSNumber {
	t.Helper()
	n, err := care.ParseNHSNumber(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const ann, bob, cat = "9990000018", "9990000026", "9990000034"

// on is a day of this year.
func on(month time.Month, d int) time.Time { return time.Date(2026, month, d, 9, 30, 0, 0, time.UTC) }

func (o *office) dissent(number string, at time.Time) care.Directive {
	return care.Directive{NHSNumber: nhs(o.T, number), Kind: care.Dissent, Effective: at, By: "Reception"}
}

// whole is a statement with everything that one can have.
func (o *office) whole() care.Directive {
	d := o.dissent(ann, on(3, 1))
	d.Scope.Organisations = []care.ODSCode{"RWH", "E82001"}
	d.Code = care.Coding{System: "http://snomed.info/sct", Code: "416409005"}
	d.Recorded = on(3, 2)
	return d
}

// Each statement is an entry of its own that holds all of it.
func TestRecord(t *testing.T) {
	o := newOffice(t)
	sections := o.dissent(bob, on(2, 1))
	sections.Scope.Sections = care.SetOf(care.Medications, care.AboutMe)
	recorded := o.record(o.whole(), sections)
	again := o.record(o.whole())
	if recorded.Changed != 2 || again.Changed != 0 || again.Entry <= recorded.Entry {
		t.Errorf("recorded %+v, then %+v", recorded, again)
	}
	lines := o.entries(care.ConsentChanged)
	if len(lines) != 3 || lines[1].Sequence != recorded.Entry || lines[2].Sequence != again.Entry {
		t.Fatalf("%d entries", len(lines))
	}
	l := lines[0]
	if l.Actor != "site:ann" || l.NHSNumber.Reveal() != ann || l.Refusal != "" || l.TrueReason != "" || l.ConsentEpoch == 0 ||
		l.Directive.Authority != "SITE" || l.Directive.By != "Reception" || !l.Directive.Effective.Equal(on(3, 1)) || !l.Directive.Recorded.Equal(on(3, 2)) ||
		!slices.Equal(l.Directive.Organisations, []string{"RWH", "E82001"}) || l.Directive.Code != "416409005" || l.Directive.CodeSystem != "http://snomed.info/sct" {
		t.Errorf("journalled %s", l.Raw)
	}
	if !slices.Equal(lines[1].Directive.Sections, []string{"MEDICATIONS", "ABOUT_ME"}) || time.Since(lines[1].Directive.Recorded) > time.Minute || lines[2].TrueReason != known {
		t.Errorf("journalled %s and %s", lines[1].Raw, lines[2].Raw)
	}
}

// What holds from now on is journalled with the time that the store gave it: of
// two such words within a moment the second is the later one, also when they are
// read back.
func TestRecordFromNowOn(t *testing.T) {
	o := newOffice(t)
	for _, kind := range []care.DirectiveKind{care.ConsentGiven, care.Dissent, care.ConsentGiven, care.Dissent} {
		d := o.dissent(ann, time.Time{})
		d.Kind = kind
		if o.record(d).Changed != 1 {
			t.Error("the last word changed nothing")
		}
	}
	want := o.held(ann)
	lines := o.entries(care.ConsentChanged)
	if len(want) != 1 || !strings.HasPrefix(want[0], "DISSENT") || len(lines) != 4 || !lines[3].Directive.Effective.After(lines[2].Directive.Effective) ||
		!lines[3].Directive.Effective.Equal(lines[3].Directive.Recorded) {
		t.Fatalf("held %q; journalled %s", want, lines[3].Raw)
	}
	o.lose()
	if err := o.rebuild(t.Context(), "agent", nil); err != nil {
		t.Fatal(err)
	}
	if got := o.held(ann); !slices.Equal(got, want) {
		t.Errorf("got back %q, want %q", got, want)
	}
}

// What is refused is journalled as refused, and changes nothing.
func TestRecordRefused(t *testing.T) {
	o := newOffice(t)
	ahead := o.dissent(ann, time.Now().AddDate(1, 0, 0))
	ahead.Kind = care.ConsentGiven
	for n, list := range [][]care.Directive{{ahead}, {o.dissent(bob, on(1, 1)), ahead}} {
		if _, err := o.Record(t.Context(), "site:ann", "", list); care.ReasonOf(err) != "FUTURE_DATED" {
			t.Errorf("%d: %v", n, err)
		}
	}
	lines := o.entries(care.ConsentChanged)
	if len(lines) != 2 || lines[0].Refusal != "BAD_REQUEST" || lines[0].TrueReason != "FUTURE_DATED" || lines[0].Directive == nil || lines[1].Directive != nil || lines[1].Count != 2 {
		t.Fatalf("%d entries", len(lines))
	}
	if held := o.held(bob); len(held) != 0 {
		t.Errorf("held %q", held)
	}
	if local, err := o.Local(t.Context(), "b", 0, 10); err != nil || len(local.Statements) != 0 {
		t.Errorf("the region is told of %d statements that were refused: %v", len(local.Statements), err)
	}
}

// A dissent counts although the journal cannot be written, and it is said; a
// file waits.
func TestRecordWithoutTheJournal(t *testing.T) {
	o := newOffice(t)
	if err := o.agent.journal.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Record(t.Context(), "site:ann", "", []care.Directive{o.dissent(ann, on(1, 1))}); care.KindOf(err) != care.AuditUnavailable || !strings.Contains(err.Error(), "in force") {
		t.Errorf("told %v", err)
	}
	if held := o.held(ann); len(held) != 1 {
		t.Errorf("held %q", held)
	}
	if _, err := o.recordFile(t.Context(), inbox.Info{Name: "a.csv"}, []care.Directive{o.dissent(bob, on(1, 1))}); care.KindOf(err) != care.AuditUnavailable {
		t.Errorf("of a file: %v", err)
	}
	if held := o.held(bob); len(held) != 0 {
		t.Errorf("of a file is held %q", held)
	}
	if _, err := o.Local(t.Context(), "b", 0, 10); err != nil {
		t.Errorf("there is nothing to tell, yet %v", err)
	}
	if shown, err := o.Show(t.Context(), "site:ann", nhs(t, ann), ""); err != nil || len(shown.Directives) != 1 {
		t.Errorf("people at the site see %v, %v", shown.Directives, err)
	}
}

func TestRecordFile(t *testing.T) {
	o := newOffice(t)
	report, err := o.recordFile(t.Context(), inbox.Info{Name: "a.csv", Owner: "carol"}, []care.Directive{o.dissent(ann, on(1, 1)), o.dissent(ann, on(1, 1)), o.dissent(bob, on(1, 1))})
	if err != nil || report.Statements != 3 || report.Changed != 2 {
		t.Fatalf("%+v, %v", report, err)
	}
	again, err := o.recordFile(t.Context(), inbox.Info{Name: "a.csv"}, []care.Directive{o.dissent(ann, on(1, 1))})
	if err != nil || again.Statements != 1 || again.Changed != 0 {
		t.Errorf("taken again: %+v, %v", again, err)
	}
	lines := o.entries(care.ConsentChanged)
	if len(lines) != 4 || lines[2].Sequence != report.Entry || !lines[0].Directive.Recorded.Equal(on(1, 1)) || lines[0].Actor != "folder, file a.csv of carol" {
		t.Errorf("%d entries, the first by %s", len(lines), lines[0].Actor)
	}
}

func TestShow(t *testing.T) {
	o := newOffice(t)
	o.record(o.whole())
	shown, err := o.Show(t.Context(), "site:ann", nhs(t, ann), "RWH")
	if err != nil || len(shown.Directives) != 2 || shown.Answer.Refusal == care.OK || len(shown.Because) == 0 {
		t.Errorf("%+v, %v", shown, err)
	}
	lines := o.entries(care.ConsentShown)
	if len(lines) != 1 || lines[0].NHSNumber.Reveal() != ann || lines[0].Actor != "site:ann" || lines[0].Query != "organisation=RWH" {
		t.Errorf("%d entries", len(lines))
	}
}

func TestLinkAndVerify(t *testing.T) {
	o := newOffice(t)
	entry, err := o.Link(t.Context(), "site:ann", broker.PatientLink{Old: nhs(t, ann), New: nhs(t, bob), Kind: broker.SamePerson, By: "Registrar"})
	if err != nil {
		t.Fatal(err)
	}
	lines := o.entries(care.ConsentLinked)
	if len(lines) != 1 || lines[0].Sequence != entry || lines[0].Detail != "SAME_PERSON, found by Registrar" || lines[0].NHSNumber.Reveal() != bob || lines[0].Linked.Reveal() != ann {
		t.Errorf("%d entries", len(lines))
	}
	if _, err := o.Link(t.Context(), "site:ann", broker.PatientLink{Old: nhs(t, ann), New: nhs(t, bob), Kind: broker.NotSamePerson, By: "Registrar"}); err != nil {
		t.Fatal(err)
	}
	if held, err := o.agent.consent.Show(nhs(t, bob)); err != nil || held.Linked != 0 {
		t.Errorf("after they were unlinked: %+v, %v", held, err)
	}
	if err := o.Verify(t.Context(), "site:ann"); err != nil {
		t.Error(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := o.Verify(ctx, "site:ann"); !errors.Is(err, context.Canceled) {
		t.Errorf("a check that was given up: %v", err)
	}
	if lines := o.entries(care.IntegrityChecked); len(lines) != 1 || lines[0].Alert || lines[0].Detail != "the consent store" {
		t.Errorf("%d entries tell of it", len(lines))
	}
}
