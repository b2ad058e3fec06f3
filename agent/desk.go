package agent

import (
	"context"

	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent"
)

// desk is where consent flags are handed in and looked at. Each change is
// stored and then journalled, in that order: an opt-out must count even when
// the journal cannot be written.
//
// What the site itself says is journalled statement by statement, because the
// journal is what a lost store is rebuilt from and what the region reads.
type desk struct{ agent *Agent }

// State tells what is held, in numbers and digests.
func (d desk) State() broker.ConsentState {
	s := d.agent.consent.Status()
	state := broker.ConsentState{Epoch: s.Epoch, Doubt: s.Doubt, Instance: s.Instance, Vouched: s.Vouched, Journal: d.agent.journal.Status().Entries}
	for _, set := range s.Sets {
		state.Sets = append(state.Sets, broker.ConsentSet{Authority: set.Authority, Source: set.Source, Filled: set.Filled, Sequence: set.Sequence,
			AsOf: set.AsOf, Patients: set.Patients, Directives: set.Directives, Digest: set.Digest})
	}
	if s.Staged != nil {
		state.Staged = broker.StagedSnapshot{Manifest: s.Staged.Manifest, Directives: s.Staged.Directives}
	}
	return state
}

// Verify checks the whole store on disk and journals what was found.
func (d desk) Verify(ctx context.Context, actor string) error {
	err := d.agent.consent.Verify(ctx)
	if ctx.Err() != nil {
		return ctx.Err() // nothing was found either way
	}
	e := d.agent.event(care.IntegrityChecked)
	e.Actor, e.Detail, e.Refusal, e.TrueReason = actor, "the consent store", care.KindOf(err), care.ReasonOf(err)
	e.Alert, e.ConsentEpoch = err != nil, d.agent.consent.Committed()
	d.agent.journal.AppendLazily(e)
	return err
}

// changed is the entry of a change, made or refused. A look at the epoch after
// the change may see a later one: it tells where to look, no more.
func (d desk) changed(kind care.EventKind, actor, what string, err error) care.Event {
	e := d.agent.event(kind)
	e.Actor, e.Detail, e.Refusal, e.TrueReason = actor, what, care.KindOf(err), care.ReasonOf(err)
	e.ConsentEpoch = d.agent.consent.Committed()
	return e
}

// written waits for entries and returns the number of the last. Each is waited
// for: one that failed may have others after it that did not.
func written(ctx context.Context, entries []care.Entry) (last uint64, err error) {
	for _, entry := range entries {
		if err := entry.Wait(ctx); err != nil {
			return 0, &care.Error{Kind: care.AuditUnavailable, Op: "agent.consent", Reason: care.ReasonOf(err), Err: err,
				Detail: "the change is in force, but the journal could not be written; hand it in again once it can, which does no harm"}
		}
		last = entry.Position().Sequence
	}
	return last, nil
}

// noteRead journals what a reading of a source, whole or of one patient, has
// brought. Statements that are not in the list are counted.
func (d desk) noteRead(source string, changed []care.Directive, more int) {
	for i := range changed {
		e := d.changed(care.ConsentChanged, "agent", "read from source "+source, nil)
		e.Directive = &changed[i]
		d.agent.journal.AppendLazily(e)
	}
	if more > 0 {
		e := d.changed(care.ConsentChanged, "agent", "further statements read from source "+source, nil)
		e.Count = more
		d.agent.journal.AppendLazily(e)
	}
}

// completeList is the reason in the entry of a store that was rebuilt with the
// help of a list that a person vouches is complete.
const completeList = "COMPLETE_LIST"

// rebuild brings back what the site itself has said into a store that was lost,
// from the journal and from a list that a person vouches is complete, if there
// is one. Without a list it fails when entries are gone that may tell of
// statements. That the list was complete is journalled last: by then all of it
// is in the journal.
func (d desk) rebuild(ctx context.Context, actor string, list []care.Directive) error {
	count := 0
	date(list, true)
	err := d.agent.consent.RestoreSite(ctx, func(yield func(consent.Restored, error) bool) {
		for restored, err := range d.kept(ctx, list) {
			count++
			if !yield(restored, err) {
				return
			}
		}
	})
	var entries []care.Entry
	if err == nil {
		entries = d.statements(actor, "statement of the site, from a complete list", list, nil)
	}
	e := d.changed(care.ConsentRebuilt, actor, "what the site has said was read back", err)
	e.Count = count
	if list != nil && err == nil {
		e.TrueReason = completeList
	}
	entries = append(entries, d.agent.journal.Append(e))
	if err != nil {
		return err
	}
	_, err = written(ctx, entries)
	return err
}
