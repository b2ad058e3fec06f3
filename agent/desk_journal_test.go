package agent

import (
	"fmt"
	"slices"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

// The region is told what was stated at the site, and that is on disk first.
func TestLocal(t *testing.T) {
	o := newOffice(t)
	o.record(o.whole())
	o.noteRead("clinical", []care.Directive{{NHSNumber: nhs(t, bob), Kind: care.Dissent, Authority: care.SourceFlag, Source: "clinical", Effective: on(4, 1)}}, 3)
	region := care.Directive{NHSNumber: nhs(t, cat), Kind: care.Dissent, Authority: care.Region, Effective: on(4, 1)}
	e := o.agent.event(care.ConsentChanged)
	e.Directive = &region
	if err := o.agent.journal.Append(e).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := o.record(o.dissent(cat, on(5, 1))).Entry

	local, err := o.Local(t.Context(), "north", 0, 10)
	if err != nil || len(local.Statements) != 3 || local.Cursor != last || local.Oldest != 1 {
		t.Fatalf("%+v, %v", local, err)
	}
	want := o.whole()
	want.Authority = care.Site
	if got := local.Statements[0].Directive; fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) || got.NHSNumber != want.NHSNumber {
		t.Errorf("told %+v, want %+v", got, want)
	}
	if got := local.Statements[1].Directive; got.Authority != care.SourceFlag || got.Source != "clinical" || got.NHSNumber.Reveal() != bob {
		t.Errorf("told %+v", got)
	}
	lines := o.entries(care.ConsentShown)
	if len(lines) != 1 || lines[0].Actor != "north" || lines[0].Count != 3 || lines[0].From != 1 || lines[0].To != last {
		t.Errorf("%d entries tell of it", len(lines))
	}

	first, err := o.Local(t.Context(), "north", 0, 2)
	if err != nil || len(first.Statements) != 2 || first.Cursor != first.Statements[1].Entry {
		t.Fatalf("%+v, %v", first, err)
	}
	rest, err := o.Local(t.Context(), "north", first.Cursor, 2)
	if err != nil || len(rest.Statements) != 1 || rest.Cursor < last || rest.Oldest != first.Cursor+1 {
		t.Errorf("%+v, %v", rest, err)
	}
	before := len(o.entries(care.ConsentShown))
	if end, err := o.Local(t.Context(), "north", rest.Cursor, 2); err != nil || len(end.Statements) != 0 || end.Cursor < rest.Cursor {
		t.Errorf("at the end: %+v, %v", end, err)
	}
	if len(o.entries(care.ConsentShown)) != before {
		t.Error("that nothing was told is journalled")
	}
	if _, err := o.Local(t.Context(), "north", 1<<40, 2); care.ReasonOf(err) != "CURSOR" {
		t.Errorf("a cursor beyond the end: %v", err)
	}
}

// Nothing is told to the region that cannot be journalled.
func TestLocalWithoutTheJournal(t *testing.T) {
	o := newOffice(t)
	o.record(o.whole())
	if err := o.agent.journal.Close(); err != nil {
		t.Fatal(err)
	}
	if local, err := o.Local(t.Context(), "north", 0, 10); care.KindOf(err) != care.AuditUnavailable || len(local.Statements) != 0 {
		t.Errorf("%+v, %v", local, err)
	}
}

// listed goes through List.
func (o *office) listed(after uint64) (entries []uint64, err error) {
	for stated, lerr := range o.List(o.Context(), "site:ann", after) {
		if lerr != nil {
			return entries, lerr
		}
		entries = append(entries, stated.Entry)
	}
	return entries, nil
}

func TestList(t *testing.T) {
	o := newOffice(t)
	if entries, err := o.listed(0); err != nil || len(entries) != 0 {
		t.Errorf("of an empty journal: %v, %v", entries, err)
	}
	one := o.record(o.whole()).Entry
	o.noteRead("clinical", []care.Directive{{NHSNumber: nhs(t, bob), Kind: care.Dissent, Authority: care.SourceFlag, Source: "clinical", Effective: on(4, 1)}}, 0)
	two := o.record(o.dissent(cat, on(5, 1))).Entry
	if entries, err := o.listed(0); err != nil || !slices.Equal(entries, []uint64{one, two}) {
		t.Errorf("%v, %v", entries, err)
	}
	if entries, err := o.listed(one); err != nil || !slices.Equal(entries, []uint64{two}) {
		t.Errorf("after %d: %v, %v", one, entries, err)
	}
	if lines := o.entries(care.ConsentShown); len(lines) != 3 || lines[1].From != 1 || lines[1].To != two || lines[1].Actor != "site:ann" {
		t.Errorf("%d entries tell of it", len(lines))
	}
}

// What counts as a gap, and what does not.
func TestMissedBefore(t *testing.T) {
	for name, c := range map[string]struct {
		line audit.Line
		next uint64
		want gap
	}{
		"in order":               {audit.Line{Sequence: 5}, 5, gap{}},
		"entries missing":        {audit.Line{Sequence: 9}, 5, gap{5, 8}},
		"written later":          {audit.Line{Sequence: 9, Kind: care.JournalRepaired, MissingFrom: 5, MissingTo: 8}, 5, gap{}},
		"some of it lost":        {audit.Line{Sequence: 9, Kind: care.JournalRepaired, MissingFrom: 5, MissingTo: 8, Lost: 2}, 5, gap{5, 9}},
		"more missing than said": {audit.Line{Sequence: 9, Kind: care.JournalRepaired, MissingFrom: 6, MissingTo: 8}, 5, gap{5, 8}},
		"said of others":         {audit.Line{Sequence: 9, Kind: care.JournalRepaired, MissingFrom: 5, MissingTo: 7}, 5, gap{5, 8}},
		"lost without a gap":     {audit.Line{Sequence: 5, Kind: care.JournalRepaired, Lost: 1}, 5, gap{5, 5}},
		"begun anew":             {audit.Line{Sequence: 1, Kind: care.JournalRenewed}, 1, gap{1, 1}},
	} {
		if got := missedBefore(&c.line, c.next); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// An entry that this build does not understand, or under another key, is a gap.
func TestRecallWhatCannotBeUnderstood(t *testing.T) {
	o := newOffice(t)
	o.record(o.whole())
	o.close()
	other, err := sitekey.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	mine := o.agent.keys
	o.open()
	if o.agent.keys, err = JournalKeysOf(o.agent.site, other); err != nil {
		t.Fatal(err)
	}
	if entries, err := o.listed(0); care.ReasonOf(err) != "JOURNAL_INCOMPLETE" || len(entries) != 0 {
		t.Errorf("under another key: %v, %v", entries, err)
	}
	o.agent.keys = mine
	number := nhs(t, ann)
	for name, said := range map[string]audit.LineDirective{
		"kind":      {Kind: "PERHAPS", Authority: "SITE"},
		"authority": {Kind: "DISSENT", Authority: "NOBODY"},
		"section":   {Kind: "DISSENT", Authority: "SITE", Sections: []string{"BLOOD"}},
	} {
		if _, ok := directiveOf(&audit.Line{NHSNumber: number, Directive: &said}); ok {
			t.Errorf("of an unknown %s something was made", name)
		}
	}
	if _, ok := directiveOf(&audit.Line{Directive: &audit.LineDirective{Kind: "DISSENT", Authority: "SITE"}}); ok {
		t.Error("of nobody something was made")
	}
	if _, ok := linkOf(&audit.Line{NHSNumber: number, Detail: "PERHAPS, found by X"}); ok {
		t.Error("of an unknown link something was made")
	}
	if link, ok := linkOf(&audit.Line{NHSNumber: number, Detail: "NEVER_LINK, found by X, found by Y", Received: on(1, 1)}); !ok || link.By != "X, found by Y" || link.What != consent.NeverLink || !link.At.Equal(on(1, 1)) {
		t.Errorf("a link is read as %+v", link)
	}
}
