package agent

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent"
)

// A lost store gets back all that the site has said, and links.
func TestRebuild(t *testing.T) {
	o := newOffice(t)
	lifted := o.dissent(cat, on(5, 1))
	back := o.dissent(cat, on(6, 1))
	back.Kind = care.ConsentGiven
	o.record(o.whole(), o.dissent(bob, on(5, 1)), lifted)
	o.record(back)
	if _, err := o.Link(t.Context(), "site:ann", broker.PatientLink{Old: nhs(t, bob), New: nhs(t, cat), Kind: broker.SamePerson, By: "Registrar, A"}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Link(t.Context(), "site:ann", broker.PatientLink{New: nhs(t, ann), Kind: broker.NeverLink, By: "Registrar"}); err != nil {
		t.Fatal(err)
	}
	ahead := o.dissent("9990000042", time.Now().AddDate(1, 0, 0))
	o.record(ahead)
	lift := o.dissent("9990000042", time.Now())
	lift.Kind = care.ConsentGiven
	o.record(lift)
	want := map[string][]string{}
	for _, n := range []string{ann, bob, cat, "9990000042"} {
		want[n] = o.held(n)
	}
	o.lose()
	if err := o.rebuild(t.Context(), "agent", nil); err != nil {
		t.Fatal(err)
	}
	for n, said := range want {
		if got := o.held(n); len(said) == 0 || strings.Contains(strings.Join(said, " "), "2027") || !slices.Equal(got, said) {
			t.Errorf("got back %q, want %q", got, said)
		}
	}
	if held, err := o.agent.consent.Show(nhs(t, bob)); err != nil || held.Linked != 1 {
		t.Errorf("linked with %d, %v", held.Linked, err)
	}
	if _, err := o.Link(t.Context(), "site:ann", broker.PatientLink{Old: nhs(t, bob), New: nhs(t, ann), Kind: broker.SamePerson}); err == nil {
		t.Error("a number that must never be linked was")
	}
	lines := o.entries(care.ConsentRebuilt)
	if len(lines) != 1 || lines[0].Refusal != "" || lines[0].TrueReason != "" || lines[0].Count != 8 || lines[0].Actor != "agent" {
		t.Errorf("%d entries tell of it: %s", len(lines), lines[0].Raw)
	}
}

// spoil changes what one entry says, as damage would.
func (o *office) spoil(entry uint64) {
	o.Helper()
	segments, err := filepath.Glob(filepath.Join(JournalFolder(o.agent.site), "journal-*.jsonl"))
	if err != nil || len(segments) != 1 {
		o.Fatal(segments, err)
	}
	text, err := os.ReadFile(segments[0])
	if err != nil {
		o.Fatal(err)
	}
	at := strings.Index(string(text), fmt.Sprintf(`{"v":1,"seq":%d,`, entry))
	text[at] = 'x'
	if err := os.WriteFile(segments[0], text, 0o600); err != nil {
		o.Fatal(err)
	}
}

// Where entries cannot be read nothing is claimed to be complete, until a person
// hands in a list; what can be read counts with it.
func TestRebuildFromAnIncompleteJournal(t *testing.T) {
	o := newOffice(t)
	gone := o.record(o.dissent(ann, on(1, 1))).Entry
	kept := o.record(o.dissent(bob, on(1, 1))).Entry
	o.spoil(gone)

	local, err := o.Local(t.Context(), "north", 0, 10)
	if err != nil || len(local.Statements) != 1 || local.Oldest != gone+1 {
		t.Errorf("the region is told %+v, %v", local, err)
	}
	if entries, err := o.listed(0); care.ReasonOf(err) != "JOURNAL_INCOMPLETE" || !slices.Equal(entries, []uint64{kept}) {
		t.Errorf("listed %v, %v", entries, err)
	}
	d := desk{o.agent}
	if _, err := collect(d.kept(t.Context(), nil)); care.ReasonOf(err) != "JOURNAL_INCOMPLETE" || !strings.Contains(err.Error(), fmt.Sprintf("entries %d to %d", gone, gone)) {
		t.Errorf("kept: %v", err)
	}
	restored, err := collect(d.kept(t.Context(), []care.Directive{o.dissent(cat, on(2, 1))}))
	if err != nil || len(restored) != 2 || restored[0].Directive.NHSNumber.Reveal() != bob || restored[1].Directive.NHSNumber.Reveal() != cat {
		t.Errorf("with a list: %v, %v", restored, err)
	}
}

// The newest entry can be the one that cannot be read.
func TestTheLastEntryIsGone(t *testing.T) {
	o := newOffice(t)
	o.record(o.dissent(ann, on(1, 1)))
	gone := o.record(o.dissent(bob, on(1, 1))).Entry
	o.spoil(gone)
	if local, err := o.Local(t.Context(), "north", gone-1, 10); err != nil || len(local.Statements) != 0 || local.Cursor != gone || local.Oldest != gone+1 {
		t.Errorf("the region is told %+v, %v", local, err)
	}
}

func collect(all iter.Seq2[consent.Restored, error]) (list []consent.Restored, err error) {
	for r, err := range all {
		if err != nil {
			return list, err
		}
		list = append(list, r)
	}
	return list, nil
}

// A complete list makes up for what was gone before it, also the next time.
func TestRebuildWithAList(t *testing.T) {
	o := newOffice(t)
	o.record(o.dissent(bob, on(1, 1)))
	e := o.agent.event(care.JournalRenewed)
	if err := o.agent.journal.Append(e).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.lose()
	if err := o.rebuild(t.Context(), "agent", nil); care.ReasonOf(err) != "JOURNAL_INCOMPLETE" {
		t.Fatalf("a journal that was begun anew is complete: %v", err)
	}
	if site := o.siteSet(); !site.Lost {
		t.Error("the site's set is not lost any more")
	}
	ahead := o.dissent(ann, time.Now().AddDate(1, 0, 0))
	ahead.Kind = care.ConsentGiven
	if err := o.rebuild(t.Context(), "site:ann", []care.Directive{ahead}); care.ReasonOf(err) != "FUTURE_DATED" {
		t.Fatalf("a list that is wrong: %v", err)
	}
	if err := o.rebuild(t.Context(), "site:ann", []care.Directive{o.dissent(ann, on(1, 1))}); err != nil {
		t.Fatal(err)
	}
	if site := o.siteSet(); site.Lost || site.Patients != 2 {
		t.Errorf("the site's set is %+v", site)
	}
	lines := o.entries(care.ConsentRebuilt)
	if len(lines) != 3 || lines[0].Refusal != "CONSENT_UNAVAILABLE" || lines[1].TrueReason != "FUTURE_DATED" || lines[2].TrueReason != completeList || lines[2].Actor != "site:ann" {
		t.Fatalf("%d entries tell of it", len(lines))
	}
	o.lose()
	if err := o.rebuild(t.Context(), "agent", nil); err != nil {
		t.Errorf("after a complete list: %v", err)
	}
	if site := o.siteSet(); site.Lost || site.Patients != 2 {
		t.Errorf("the site's set is %+v", site)
	}
}

func (o *office) siteSet() consent.SetStatus {
	for _, set := range o.agent.consent.Status().Sets {
		if set.Authority == care.Site {
			return set
		}
	}
	return consent.SetStatus{}
}
