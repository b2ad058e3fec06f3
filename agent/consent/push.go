package consent

import (
	"context"
	"fmt"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// push is what a region sends: its manifest, and what the manifest is known by.
type push struct {
	*feed.Manifest
	id [32]byte
}

// read reads a manifest of the kind that is expected.
func (s *Store) read(manifest []byte, snapshot bool) (push, error) {
	m, err := feed.Read(manifest, s.opts.RegionKeys)
	if err != nil {
		return push{}, err
	}
	if m.Snapshot != snapshot {
		return push{}, failure(care.BadRequest, feed.ReasonManifest, "a snapshot was sent as changes, or changes as a snapshot", nil)
	}
	return push{m, feed.ID(manifest)}, nil
}

// Apply takes changes of the region that follow what it last pushed; none is a
// sign of life that only moves its time on. All or none; they count when Apply
// returns, and are on disk. It fails with Conflict: GAP when the manifest's base
// is not what was loaded last or there was no snapshot, OLD when sequence or
// time go back, CLOCK when its time is ahead of this machine's clock, REGION
// for another region, DIGEST when the result would not be what the manifest
// says; with BadRequest CONTENT when the changes are not those of the manifest,
// and with what feed.Read and rule.Explode fail with. Repeating the last push
// changes nothing and succeeds.
func (s *Store) Apply(ctx context.Context, manifest []byte, changes []care.Directive) error {
	p, err := s.read(manifest, false)
	if err != nil {
		return err
	}
	said, err := p.explode(changes)
	if err != nil {
		return err
	}
	err = s.update(ctx, func(c *change) error {
		if c.repeats(&p) {
			return nil
		}
		if err := s.follows(&c.state, &p); err != nil {
			return err
		}
		for i := range changes {
			if _, err := c.admit(regionSet, changes[i].NHSNumber, said[i]); err != nil {
				return numbered(i+1, err)
			}
		}
		patients := s.vault.Root().Entries(regionSet) + uint64(c.added)
		return c.load(&p, &c.state.sets[regionSet], patients)
	})
	if err == nil {
		s.hear(regionSet, p.AsOf.UnixMilli())
	}
	return err
}

// explode makes the statements of changes, which must be what the manifest says.
func (p *push) explode(changes []care.Directive) ([][]rule.Statement, error) {
	said := make([][]rule.Statement, len(changes))
	var content feed.Content
	for i := range changes {
		var err error
		if said[i], err = explode(&changes[i], care.Region, p.AsOf); err != nil {
			return nil, numbered(i+1, err)
		}
		content.Add(&changes[i])
	}
	return said, p.contains(uint64(len(changes)), &content)
}

// contains fails unless what was sent is what the manifest says.
func (p *push) contains(directives uint64, content *feed.Content) error {
	if directives != p.Rows || content.Sum() != p.Content {
		return failure(care.BadRequest, ReasonContent, "what was sent is not what its manifest says; push again", nil)
	}
	return nil
}

// repeats reports whether a push is the last one over again.
func (c *change) repeats(p *push) bool { return c.state.sets[regionSet].filled && c.state.push == p.id }

// follows fails unless changes follow what was loaded.
func (s *Store) follows(st *state, p *push) error {
	set := &st.sets[regionSet]
	switch {
	case !set.filled:
		return conflict(ReasonGap, "there is no snapshot that the changes could follow; push one")
	case p.Base != set.sequence:
		return conflict(ReasonGap, fmt.Sprintf("the last push was number %d; push what has changed since, or a snapshot", set.sequence))
	case p.Sequence == set.sequence && p.Rows > 0:
		return conflict(ReasonOld, "changes need a sequence number of their own")
	}
	return s.newer(st, p)
}

// newer fails if a push is another region's, or older than what was loaded.
func (s *Store) newer(st *state, p *push) error {
	set := &st.sets[regionSet]
	switch {
	case st.region != "" && st.region != p.Region:
		return conflict(ReasonRegion, "the store holds the flags of another region")
	case s.ahead(p.AsOf):
		return conflict(rule.ReasonClock, "the data is dated ahead of this machine's clock; check both clocks")
	case p.Sequence < set.sequence || p.AsOf.UnixMilli() < set.asOf:
		return conflict(ReasonOld, "the data is older than what was loaded")
	}
	return nil
}

// load makes a set, which holds what a push has led to, the region's, if that
// is what the manifest says.
func (c *change) load(p *push, set *set, patients uint64) error {
	if patients != p.Patients || set.directives != p.Directives || set.digest != p.Digest {
		return conflict(ReasonDigest, fmt.Sprintf("the result would have %d patients and %d statements, the manifest says %d and %d, or their digest differs; push a snapshot",
			patients, set.directives, p.Patients, p.Directives))
	}
	set.sequence, set.asOf, set.filled, set.lost = p.Sequence, p.AsOf.UnixMilli(), true, false
	c.state.sets[regionSet] = *set
	c.state.push, c.state.region = p.id, p.Region
	c.dirty = true
	return nil
}

// ahead reports whether a time is ahead of now by more than clocks may differ.
func (s *Store) ahead(t time.Time) bool { return t.After(s.opts.Now().Add(nearly)) }
