package edge

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Behind is the error of a site whose consent cache is older than what it once
// told: its disk was put back from a copy, and with it what patients have said
// since is forgotten.
type Behind struct{ Known, Epoch uint64 }

// Error says what happened and what to do.
func (e *Behind) Error() string {
	return fmt.Sprintf("THE SITE WAS PUT BACK FROM THE PAST: it told epoch %d before and is at %d now. What patients have said in between is missing there. A snapshot of the region's flags makes it read back the site's own from its journal; until then it releases nothing. Ask the site what was restored.", e.Known, e.Epoch)
}

// Remember sets the highest epoch that the site is known to have told, as it
// was remembered from an earlier client. A lower one than is known changes
// nothing.
func (c *Client) Remember(epoch uint64) {
	for known := c.known.Load(); known < epoch; known = c.known.Load() {
		if c.known.CompareAndSwap(known, epoch) {
			return
		}
	}
}

// KnownEpoch returns the highest epoch that the site has ever told: to be
// remembered beyond this client, because it is what shows that a site was put
// back from the past.
func (c *Client) KnownEpoch() uint64 { return c.known.Load() }

// Behind returns a *Behind if a state is older than what the site once told.
func (c *Client) Behind(state *edgev1.ConsentState) error {
	if known := c.known.Load(); state.GetEpoch() < known {
		return &Behind{known, state.GetEpoch()}
	}
	return nil
}

// told takes note of the epoch of a state.
func (c *Client) told(state *edgev1.ConsentState) *edgev1.ConsentState {
	c.Remember(state.GetEpoch())
	return state
}

func (c *Client) vouching(state *edgev1.ConsentState) *edgev1.Vouching {
	return &edgev1.Vouching{Instance: state.GetInstance(), KnownEpoch: c.known.Load()}
}

func (c *Client) progress(sent, rows uint64) {
	if c.Progress != nil {
		c.Progress(sent, rows)
	}
}

// agree returns what a site's flags of the region differ in from what a
// manifest leads to, or nil. Two sites with the same digest hold the same flags.
func agree(m *feed.Manifest, state *edgev1.ConsentState) error {
	set := RegionSet(state)
	var wrong []string
	for _, n := range []struct {
		name      string
		want, has uint64
	}{
		{"its sequence", m.Sequence, set.GetSequence()},
		{"the number of patients", m.Patients, set.GetPatients()},
		{"the number of directives", m.Directives, set.GetDirectives()},
	} {
		if n.want != n.has {
			wrong = append(wrong, fmt.Sprintf("%s is %d instead of %d", n.name, n.has, n.want))
		}
	}
	if !bytes.Equal(m.Digest[:], set.GetDigest()) {
		wrong = append(wrong, "the digest is another")
	}
	if len(wrong) == 0 {
		return nil
	}
	return differs(wrong...)
}

func differs(wrong ...string) error {
	return &care.Error{Kind: care.Conflict, Op: "edge.Sync", Reason: "DIFFERS",
		Detail: "the site does not hold the flags that it should: " + strings.Join(wrong, ", ") + "; push a snapshot"}
}

// ahead is the error of a ledger that is older than what its site holds.
func ahead(site, ledger uint64) error {
	return &care.Error{Kind: care.Conflict, Op: "edge.Sync", Reason: "AHEAD",
		Detail: fmt.Sprintf("the site holds state %d of the region's flags, and this is state %d: somebody else pushes to the site, or the region was put back from the past; go on with a state above the site's", site, ledger)}
}
