package agent

import (
	"context"
	"iter"
	"time"

	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent"
)

// desk is where consent flags are handed in. Each change is stored and then
// journalled, in that order: an opt-out must count even when the journal
// cannot be written.
type desk struct{ agent *Agent }

// Snapshot replaces the region's flags.
func (d desk) Snapshot(ctx context.Context, actor string, sequence uint64, asOf time.Time, all iter.Seq2[care.Directive, error]) error {
	count := 0
	counted := func(yield func(care.Directive, error) bool) {
		for directive, err := range all {
			count++
			if !yield(directive, err) {
				return
			}
		}
	}
	err := d.agent.consent.Replace(ctx, care.Region, sequence, asOf, counted)
	d.note(actor, "snapshot of the region", count, nil, err)
	return err
}

// Changes applies the region's changes since base.
func (d desk) Changes(ctx context.Context, actor string, base, sequence uint64, asOf time.Time, changes []care.Directive) error {
	err := d.agent.consent.Apply(ctx, care.Region, base, sequence, asOf, changes)
	d.note(actor, "changes of the region", len(changes), nil, err)
	return err
}

// Record keeps one statement of the site.
func (d desk) Record(ctx context.Context, actor string, directive care.Directive) (bool, uint64, error) {
	changed, err := d.agent.consent.Set(ctx, directive)
	entry := d.note(actor, "statement of the site", 1, &directive, err)
	if err != nil {
		return false, 0, err
	}
	if err := entry.Wait(ctx); err != nil {
		return changed, 0, &care.Error{Kind: care.AuditUnavailable, Op: "agent.consent", Reason: care.ReasonOf(err),
			Detail: "the statement is in force, but the journal could not be written", Err: err}
	}
	return changed, entry.Position().Sequence, nil
}

// Show returns the statements held about a patient and what an ordinary
// request would be answered. That somebody looked is journalled; while the
// journal cannot be written people at the site still see what a patient has
// said, and the entry is left to the journal to write once it can.
func (d desk) Show(ctx context.Context, actor string, number care.NHSNumber) ([]care.Directive, care.ConsentAnswer, error) {
	held, err := d.agent.consent.Show(number)
	answer := d.agent.consent.Check(&care.Request{Subject: care.Subject{NHSNumber: number},
		Purpose: care.Treatment, Permission: care.PermissionAsked})
	e := d.agent.event(care.ConsentShown)
	e.Actor, e.Refusal = actor, care.KindOf(err)
	e.Request = &care.Request{Subject: care.Subject{NHSNumber: number}}
	if werr := d.agent.journal.Append(e).Wait(ctx); werr != nil && care.KindOf(werr) != care.AuditUnavailable {
		return nil, care.ConsentAnswer{}, werr
	}
	return held, answer, err
}

// State tells what is held, in numbers.
func (d desk) State() broker.ConsentState {
	s := d.agent.consent.Status()
	state := broker.ConsentState{Filled: s.Filled, Sequence: s.Sequence, AsOf: s.AsOf, Epoch: s.Epoch,
		Region: patients(s, care.Region), Site: patients(s, care.Site)}
	if s.Err != nil {
		state.Failure = detailOf(s.Err)
	}
	return state
}

func patients(s consent.Status, a care.Authority) int { return int(s.Sets[a].Patients) }

// note journals a change, made or refused.
func (d desk) note(actor, what string, count int, directive *care.Directive, err error) care.Entry {
	e := d.agent.event(care.ConsentChanged)
	e.Actor, e.Detail, e.Count, e.Directive = actor, what, count, directive
	e.Refusal, e.TrueReason, e.ConsentEpoch = care.KindOf(err), care.ReasonOf(err), d.agent.consent.Epoch()
	return d.agent.journal.Append(e)
}
