package agent

import (
	"context"

	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent"
	"github.com/mycarerecord/edge-agent/agent/consent/inbox"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// Record keeps statements of the site, all or none. Those that were known are
// journalled too: if the journal could not be written the last time, handing
// them in again is what puts it right.
//
// A person's own words count at once. A file waits until the journal can be
// written: nothing is released meanwhile, and it is there to be handed in again.
func (d desk) Record(ctx context.Context, actor, file string, statements []care.Directive) (broker.Recorded, error) {
	if file != "" {
		actor += ", file " + file
		if err := d.agent.journal.Check(); err != nil {
			return broker.Recorded{}, &care.Error{Kind: care.AuditUnavailable, Op: "agent.consent", Reason: care.ReasonOf(err), Err: err,
				Detail: "the journal cannot be written, so nothing of the file was recorded; nothing is released either until it can"}
		}
	}
	d.agent.restoreIfLost(ctx) // what is said now must be known to come after that
	date(statements, file != "")
	changed, err := d.agent.consent.Set(ctx, statements)
	if err != nil {
		e := d.changed(care.ConsentChanged, actor, "statements of the site", err)
		if e.Count = len(statements); e.Count == 1 {
			e.Directive = &statements[0]
		}
		d.agent.journal.Append(e)
		return broker.Recorded{}, err
	}
	recorded := broker.Recorded{}
	for _, c := range changed {
		if c {
			recorded.Changed++
		}
	}
	recorded.Entry, err = written(ctx, d.statements(actor, "statement of the site", statements, changed))
	return recorded, err
}

// date makes statements the site's. Those of a file, of which nobody says when
// they were recorded, were so when they came to hold: the file then says the same
// whenever it is handed in. A person's words are dated by the store.
func date(statements []care.Directive, file bool) {
	for i := range statements {
		d := &statements[i]
		d.Authority = care.Site
		if file && d.Recorded.IsZero() {
			d.Recorded = d.Effective
		}
	}
}

// recordFile keeps statements of a file that lay in the watched folder.
func (d desk) recordFile(ctx context.Context, file inbox.Info, statements []care.Directive) (inbox.Report, error) {
	recorded, err := d.Record(ctx, "folder", file.String(), statements)
	if err != nil {
		return inbox.Report{}, err
	}
	return inbox.Report{Statements: len(statements), Changed: recorded.Changed, Entry: recorded.Entry}, nil
}

// known is the reason in the entry of a statement that changed nothing.
const known = "KNOWN"

// statements journals statements of the site, an entry each. The last is
// appended so that all are committed at once.
func (d desk) statements(actor, what string, list []care.Directive, changed []bool) []care.Entry {
	entries := make([]care.Entry, len(list))
	e := d.changed(care.ConsentChanged, actor, what, nil)
	for i := range list {
		e.Directive, e.TrueReason = &list[i], ""
		if changed != nil && !changed[i] {
			e.TrueReason = known
		}
		if i == len(list)-1 {
			entries[i] = d.agent.journal.Append(e)
		} else {
			entries[i] = d.agent.journal.AppendLazily(e)
		}
	}
	return entries
}

// Show returns what is held about a patient and explains what an ordinary
// request would be answered. That somebody looked is journalled; while the
// journal cannot be written people at the site still see what a patient has
// said, and the entry is left to the journal to write once it can.
func (d desk) Show(ctx context.Context, actor string, number care.NHSNumber, organisation care.ODSCode) (broker.Shown, error) {
	shown, err := d.look(number, organisation)
	e := d.agent.event(care.ConsentShown)
	e.Actor, e.Refusal, e.TrueReason = actor, care.KindOf(err), care.ReasonOf(err)
	e.Request = &care.Request{Subject: care.Subject{NHSNumber: number}}
	if organisation != "" {
		e.Query = "organisation=" + string(organisation)
	}
	if err := d.noteLook(ctx, e); err != nil {
		return broker.Shown{}, err
	}
	return shown, err
}

// look reads what is held about a patient.
func (d desk) look(number care.NHSNumber, organisation care.ODSCode) (broker.Shown, error) {
	held, err := d.agent.consent.Show(number)
	if err != nil {
		return broker.Shown{}, err
	}
	answer, because, err := d.agent.consent.Explain(number, rule.Ask{Organisation: organisation, Sections: care.AllSections,
		Purpose: care.Treatment, Permission: care.PermissionAsked})
	return broker.Shown{Directives: held.Directives, Answer: answer, Because: because, Linked: held.Linked}, err
}

// noteLook journals that somebody at the site looked. Only a call that was given
// up fails: a journal that cannot be written keeps nobody at the site from
// looking.
func (d desk) noteLook(ctx context.Context, e care.Event) error {
	if err := d.agent.journal.Append(e).Wait(ctx); err != nil && care.KindOf(err) != care.AuditUnavailable {
		return err
	}
	return nil
}

// linkKinds are the store's kinds of link and the texts by which the journal
// keeps them. The texts can never change: a lost store is rebuilt from them.
var linkKinds = map[broker.LinkKind]struct {
	kind consent.LinkKind
	code string
}{
	broker.SamePerson:    {consent.SamePerson, "SAME_PERSON"},
	broker.NotSamePerson: {consent.NotSamePerson, "NOT_SAME_PERSON"},
	broker.NeverLink:     {consent.NeverLink, "NEVER_LINK"},
}

// foundBy stands in an entry between the kind of a link and who found it.
const foundBy = ", found by "

// Link records what was found about two NHS numbers.
func (d desk) Link(ctx context.Context, actor string, link broker.PatientLink) (uint64, error) {
	d.agent.restoreIfLost(ctx)
	what := linkKinds[link.Kind]
	l := consent.Link{Old: link.Old, New: link.New, What: what.kind, By: link.By}
	err := d.agent.consent.Link(ctx, &l)
	e := d.changed(care.ConsentLinked, actor, what.code+foundBy+link.By, err)
	e.Request = &care.Request{Received: l.At, Subject: care.Subject{NHSNumber: link.New}}
	e.Linked = link.Old
	entry := d.agent.journal.Append(e)
	if err != nil {
		return 0, err
	}
	return written(ctx, []care.Entry{entry})
}
