package edge

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Witnessed is what a witness remembers of one journal. The zero value has seen
// nothing.
type Witnessed struct {
	VerifierKey string `json:"verifier_key"` // the journal's, from the first time
	Head        []byte `json:"head"`         // the newest head that was countersigned
}

// HistoryChanged is the error of a journal that is not the one that was seen
// before, with something added. It cannot happen by itself: entries were
// removed or changed, or another journal was put in the place of the old one.
type HistoryChanged struct{ What string }

// Error says what does not fit.
func (e *HistoryChanged) Error() string {
	return "THE JOURNAL'S HISTORY HAS CHANGED: " + e.What + ". Entries were removed or changed since this witness last looked, or the journal was replaced. Nothing was countersigned. Keep the witness's state file and tell the site's information governance lead and the region."
}

// Witness asks for the journal's newest head, checks that the journal still
// begins with all that was seen before, countersigns the head and hands it
// back. It returns what to remember and the number of the entry by which the
// site wrote it down. When nothing was added since, nothing is countersigned
// and the entry is 0. Its error is a *HistoryChanged if the journal is not the
// one that was seen.
func (c *Client) Witness(ctx context.Context, witness *tree.Witness, seen Witnessed, at time.Time) (now Witnessed, entry uint64, err error) {
	before, err := seen.head()
	if err != nil {
		return seen, 0, err
	}
	stream, err := c.audit.Witness(ctx)
	if err != nil {
		return seen, 0, err
	}
	if err := stream.Send(&edgev1.WitnessRequest{Step: &edgev1.WitnessRequest_SeenSize{SeenSize: before.Size}}); err != nil {
		return seen, 0, err
	}
	reply, err := stream.Recv()
	if err != nil {
		return seen, 0, shorter(err, before)
	}
	now, head, err := seen.follow(before, reply.GetHead())
	if err != nil || head.Size == before.Size {
		return seen, 0, errors.Join(err, stream.CloseSend())
	}
	if now.Head, err = witness.Cosign(now.Head, at); err != nil {
		return seen, 0, err
	}
	if err := stream.Send(&edgev1.WitnessRequest{Step: &edgev1.WitnessRequest_CountersignedHead{CountersignedHead: now.Head}}); err != nil {
		return seen, 0, err
	}
	if reply, err = stream.Recv(); err != nil {
		return seen, 0, err
	}
	return now, reply.GetKept().GetSequence(), stream.CloseSend()
}

// emptyRoot is the root of the empty tree (RFC 6962 section 2.1).
var emptyRoot = sha256.Sum256(nil)

func (w *Witnessed) head() (tree.Head, error) {
	if w.VerifierKey == "" {
		return tree.Head{Root: emptyRoot}, nil
	}
	head, _, err := tree.ParseHead(w.Head, w.VerifierKey)
	return head, err
}

// follow checks that a journal's head follows from what was seen.
func (w *Witnessed) follow(before tree.Head, m *edgev1.WitnessHead) (Witnessed, tree.Head, error) {
	changed := func(what string) (Witnessed, tree.Head, error) { return *w, tree.Head{}, &HistoryChanged{what} }
	now := Witnessed{VerifierKey: m.GetVerifierKey(), Head: m.GetSignedHead()}
	if w.VerifierKey != "" && now.VerifierKey != w.VerifierKey {
		return changed("its heads are signed by another key than before")
	}
	head, _, err := tree.ParseHead(now.Head, now.VerifierKey)
	if err != nil {
		return *w, tree.Head{}, err
	}
	if head.Size < before.Size {
		return changed(fmt.Sprintf("it has %s and had %d", care.Count(head.Size, "entry"), before.Size))
	}
	proof := make([]tree.Hash, len(m.GetHashes()))
	for i, h := range m.GetHashes() {
		if copy(proof[i][:], h) != len(proof[i]) {
			return changed("the proof that it is the same journal is malformed")
		}
	}
	if err := tree.CheckConsistency(before.Size, head.Size, before.Root, head.Root, proof); err != nil {
		return changed(fmt.Sprintf("it does not begin with the entries that were there before, up to %d", before.Size))
	}
	return now, head, nil
}

// shorter turns the agent's answer that its journal never had the size that was
// seen into what it means.
func shorter(err error, before tree.Head) error {
	if refusal, ok := RefusalOf(err); ok && refusal.GetReason() == tree.ReasonRange {
		return &HistoryChanged{fmt.Sprintf("it has fewer entries than the %d it had", before.Size)}
	}
	return err
}
