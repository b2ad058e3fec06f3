package edge

import (
	"context"
	"iter"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Push says which state of the region's flags a push leads to.
type Push struct {
	Region   string      // name of the region in the manifest; empty means that of the signer, or REGION
	Sequence uint64      // greater than that of every earlier push; 0 means one more than the site's last
	AsOf     time.Time   // when the region knew these flags to be right
	Signer   note.Signer // signs the manifest; nil for sites that ask for no signature
}

// Name returns the name of the region in the manifest.
func (p *Push) Name() string {
	switch {
	case p.Region != "":
		return p.Region
	case p.Signer != nil:
		return p.Signer.Name()
	}
	return "REGION"
}

// PushSnapshot replaces all flags of the region by the given ones, vouches for
// the agent, and returns what the site then holds. The flags are held in memory
// before anything is sent; when their sequence ends with an error that error is
// returned, and the site keeps its old flags. See SendSnapshot.
func (c *Client) PushSnapshot(ctx context.Context, push Push, flags iter.Seq2[care.Directive, error]) (*edgev1.ConsentState, error) {
	state, err := c.ConsentState(ctx)
	if err != nil {
		return nil, err
	}
	if push.Sequence == 0 {
		push.Sequence = RegionSet(state).GetSequence() + 1
	}
	ledger := feed.NewLedger(push.Name(), push.Sequence, push.AsOf)
	if err := ledger.AdmitAll(flags); err != nil {
		return nil, err
	}
	return c.sendSnapshot(ctx, state, ledger, push.Signer)
}

// ConsentState tells what the site's cache of flags holds, in numbers. Whether
// the site is behind what it once told, Behind says.
func (c *Client) ConsentState(ctx context.Context) (*edgev1.ConsentState, error) {
	reply, err := c.consent.GetConsentState(ctx, &edgev1.GetConsentStateRequest{})
	return c.told(reply.GetState()), err
}

// RegionSet returns the flags of the region within a state; nil, which has the
// numbers of an empty set, if it holds none.
func RegionSet(state *edgev1.ConsentState) *edgev1.ConsentSet {
	for _, set := range state.GetSets() {
		if set.GetAuthority() == care.Region.String() {
			return set
		}
	}
	return nil
}

// Local is what was stated at a site after a cursor.
type Local struct {
	Directives []care.Directive // oldest first
	Cursor     uint64           // where to go on
	Oldest     uint64           // first journal entry that could still be read
}

// Gap reports whether statements after the given cursor may be missing, because
// the site keeps older entries of its journal elsewhere.
func (l *Local) Gap(after uint64) bool { return l.Oldest > after+1 }

// LocalDirectives yields what was stated at the site after a cursor, in parts,
// until there is no more; 0 is the cursor before everything. An error is the
// last thing yielded; what came before it is good, and its cursor too.
func (c *Client) LocalDirectives(ctx context.Context, after uint64) iter.Seq2[Local, error] {
	return func(yield func(Local, error) bool) {
		for {
			last, err := c.local(ctx, after, yield)
			if err != nil {
				yield(Local{}, err)
				return
			}
			if last <= after { // nothing new, or the reader has left
				return
			}
			after = last
		}
	}
}

// local makes one call and yields its parts. It returns the last cursor if
// there may be more, else 0.
func (c *Client) local(ctx context.Context, after uint64, yield func(Local, error) bool) (last uint64, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stream, err := c.consent.ListLocalDirectives(ctx, &edgev1.ListLocalDirectivesRequest{After: after})
	if err != nil {
		return 0, err
	}
	some := false
	for {
		m, err := stream.Recv()
		if ended(err) {
			break
		}
		if err != nil {
			return 0, err
		}
		part := Local{Cursor: m.GetCursor(), Oldest: m.GetOldest()}
		for _, d := range m.GetDirectives() {
			stated, err := fromWire(d)
			if err != nil {
				return 0, err
			}
			part.Directives = append(part.Directives, stated)
		}
		some, last = some || len(part.Directives) > 0, max(last, part.Cursor)
		if !yield(part, nil) {
			return 0, nil
		}
	}
	if !some {
		return 0, nil
	}
	return last, nil
}
