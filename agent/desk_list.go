package agent

import (
	"context"
	"iter"

	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// Local returns what was stated at the site since a cursor. It is told to the
// region, so that it was told is on disk first.
func (d desk) Local(ctx context.Context, actor string, after uint64, limit int) (broker.Local, error) {
	local, err := d.local(ctx, after, limit)
	if err != nil || len(local.Statements) == 0 {
		return local, err
	}
	e := d.agent.event(care.ConsentShown)
	e.Actor, e.Detail, e.Count, e.From, e.To = actor, "statements made at the site, told to the region", len(local.Statements), after+1, local.Cursor
	if err := d.agent.journal.Append(e).Wait(ctx); err != nil {
		return broker.Local{}, err
	}
	return local, nil
}

// local reads the journal for Local.
func (d desk) local(ctx context.Context, after uint64, limit int) (broker.Local, error) {
	last := d.agent.journal.Status().Entries
	if after > last {
		return broker.Local{}, &care.Error{Kind: care.Conflict, Op: "agent.consent", Reason: "CURSOR",
			Detail: "the journal has fewer entries than the cursor says: it was begun anew; ask again from 0"}
	}
	local := broker.Local{Cursor: last, Oldest: after + 1}
	for told, err := range d.choices(ctx, after+1, last) {
		if err != nil {
			return broker.Local{}, err
		}
		if told.gap != (gap{}) {
			local.Oldest = told.gap.to + 1
		}
		if told.Directive == nil || told.Directive.Authority == care.Region {
			continue
		}
		if len(local.Statements) == limit {
			local.Cursor = local.Statements[limit-1].Entry
			return local, nil
		}
		local.Statements = append(local.Statements, broker.Stated{Entry: told.entry, Directive: *told.Directive})
	}
	return local, nil
}

// List yields the site's own statements after an entry. It ends with an error
// if there may have been some that cannot be read.
func (d desk) List(ctx context.Context, actor string, after uint64) iter.Seq2[broker.Stated, error] {
	return func(yield func(broker.Stated, error) bool) {
		last := d.agent.journal.Status().Entries
		e := d.agent.event(care.ConsentShown)
		e.Actor, e.Detail, e.From, e.To = actor, "all statements of the site itself", after+1, last
		if err := d.noteLook(ctx, e); err != nil {
			yield(broker.Stated{}, err)
			return
		}
		var missed []gap
		for told, err := range d.choices(ctx, after+1, last) {
			switch {
			case err != nil:
				yield(broker.Stated{}, err)
				return
			case told.gap != gap{}:
				missed = append(missed, told.gap)
			case told.Directive == nil || told.Directive.Authority != care.Site:
			case !yield(broker.Stated{Entry: told.entry, Directive: *told.Directive}, nil):
				return
			}
		}
		if len(missed) > 0 {
			yield(broker.Stated{}, incomplete(missed))
		}
	}
}
