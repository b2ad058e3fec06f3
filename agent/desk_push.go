package agent

import (
	"context"
	"encoding/hex"
	"fmt"
	"iter"
	"runtime/debug"

	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
)

// manyDirectives is from how many on a snapshot leaves enough garbage behind to
// be worth collecting at once.
const manyDirectives = 50_000

// Snapshot replaces the region's flags.
func (d desk) Snapshot(ctx context.Context, p broker.Push, from uint64, batches iter.Seq2[[]care.Directive, error]) error {
	return d.push(p, "snapshot", func() (int, error) {
		staging, err := d.agent.consent.BeginSnapshot(ctx, p.Manifest, from)
		if err != nil {
			return 0, err
		}
		defer staging.Abandon() // of one that is finished there is nothing to abandon
		count := 0
		for batch, err := range batches {
			if err == nil {
				err = staging.Add(batch)
			}
			if err != nil {
				return count, err
			}
			count += len(batch)
		}
		err = staging.Finish(ctx)
		if count >= manyDirectives {
			debug.FreeOSMemory()
		}
		return count, err
	})
}

// Changes applies changes of the region to what it last pushed.
func (d desk) Changes(ctx context.Context, p broker.Push, changes []care.Directive) error {
	return d.push(p, "changes", func() (int, error) {
		return len(changes), d.agent.consent.Apply(ctx, p.Manifest, changes)
	})
}

// push does what every push of the region has in common. What the region
// remembers is heard first, because it may show that the store was put back from
// the past; it vouches for this process only by a push that succeeds.
func (d desk) push(p broker.Push, what string, apply func() (int, error)) error {
	store := d.agent.consent
	v := consent.Vouching{Instance: p.Vouching.Instance, KnownEpoch: p.Vouching.KnownEpoch}
	vouches := len(v.Instance) > 0
	var count int
	var err error
	_, err = feed.Read(p.Manifest, d.agent.site.Consent.RegionKeys) // only who may push is heard
	if err == nil && vouches {
		err = d.meet(v)
	}
	if err == nil {
		count, err = apply()
	}
	if err == nil && vouches {
		err = store.Vouched(v)
	}
	e := d.changed(care.ConsentChanged, p.Actor, describe(what, p.Manifest), err)
	e.Count = count
	d.agent.journal.Append(e)
	return err
}

// meet hears what the region remembers. A store that was put back from the past
// gets back what the site itself has said while the region makes its snapshot
// ready; the region does not wait for it.
func (d desk) meet(v consent.Vouching) error {
	err := d.agent.consent.Meet(v)
	if care.ReasonOf(err) == consent.ReasonRolledBack {
		d.agent.restoreSoon()
	}
	return err
}

// describe says which push it was, as its manifest has it. Whether the region
// signed it, the refusal says.
func describe(what string, manifest []byte) string {
	id := feed.ID(manifest)
	text := what + " of the region, manifest " + hex.EncodeToString(id[:])
	if m, err := feed.Read(manifest, nil); err == nil {
		text += fmt.Sprintf(", sequence %d", m.Sequence)
	}
	return text
}
