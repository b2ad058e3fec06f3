package edge

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"time"

	"golang.org/x/mod/sumdb/note"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// What one message carries at most. The agent takes 1,000 directives and
// 256 KiB.
const (
	directivesPerMessage = 1000
	bytesPerMessage      = 192 << 10
	bytesPerRequest      = 256 << 10
)

// maxTries is how often a snapshot is sent without the site keeping any more of
// it: an agent keeps a long one in steps of many thousands.
const maxTries = 4

// reconnectTime is how long a push that broke off waits for the agent.
const reconnectTime = 2 * time.Minute

// Sync brings the site to the ledger's state and vouches for the agent: with
// the changes since the state that the site holds, if the ledger still knows
// them, else with a snapshot. It returns what the site then holds, which agrees
// with the ledger unless there is an error that says what does not. A region
// calls it at every new connection and, after Ledger.Next, every few minutes.
//
// The error is a *Behind when the site had been put back from the past; it has
// the region's flags again, but the region should tell the site.
func (c *Client) Sync(ctx context.Context, ledger *feed.Ledger, signer note.Signer) (*edgev1.ConsentState, error) {
	state, err := c.ConsentState(ctx)
	if err != nil {
		return nil, err
	}
	if site := RegionSet(state).GetSequence(); site > ledger.Sequence() {
		return state, ahead(site, ledger.Sequence())
	}
	if reply, err := c.sendChanges(ctx, state, ledger, signer); err == nil || !needsSnapshot(err) {
		return reply, err
	}
	return c.sendSnapshot(ctx, state, ledger, signer)
}

// SendSnapshot sends all of the ledger, vouches for the agent, and returns what
// the site then holds, which agrees with the ledger. A push that broke off goes
// on where it was: one of the very same manifest from before, and this one when
// the connection breaks. The error is a *Behind as that of Sync.
func (c *Client) SendSnapshot(ctx context.Context, ledger *feed.Ledger, signer note.Signer) (*edgev1.ConsentState, error) {
	state, err := c.ConsentState(ctx)
	if err != nil {
		return nil, err
	}
	return c.sendSnapshot(ctx, state, ledger, signer)
}

// SendChanges sends what the ledger knows of since the state that the site
// holds, at most 1,000 changes, vouches for the agent, and returns what the
// site then holds, which agrees with the ledger. Without changes it says that
// the flags are still right. It sends nothing and fails with Conflict, reason
// GAP, if that would not lead to the ledger's state, and with a *Behind if the
// site was put back from the past: send a snapshot then.
func (c *Client) SendChanges(ctx context.Context, ledger *feed.Ledger, signer note.Signer) (*edgev1.ConsentState, error) {
	state, err := c.ConsentState(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.Behind(state); err != nil {
		return state, err
	}
	return c.sendChanges(ctx, state, ledger, signer)
}

func (c *Client) sendChanges(ctx context.Context, state *edgev1.ConsentState, ledger *feed.Ledger, signer note.Signer) (*edgev1.ConsentState, error) {
	m, changes, ok := ledger.Changes(RegionSet(state).GetSequence())
	if !ok {
		return state, errGap
	}
	return c.change(ctx, state, m, changes, signer)
}

var errGap = &care.Error{Kind: care.Conflict, Op: "edge.SendChanges", Reason: "GAP",
	Detail: "the changes since the state that the site holds are not known here, or are too many; push a snapshot"}

// change makes the call that brings changes to the site.
func (c *Client) change(ctx context.Context, state *edgev1.ConsentState, m *feed.Manifest, changes []care.Directive, signer note.Signer) (*edgev1.ConsentState, error) {
	manifest, err := signed(m, signer)
	if err != nil {
		return state, err
	}
	request := &edgev1.PushChangesRequest{Manifest: manifest, Vouching: c.vouching(state)}
	for i := range changes {
		request.Changes = append(request.Changes, toWire(&changes[i]))
	}
	if proto.Size(request) > bytesPerRequest {
		return state, errGap
	}
	reply, err := c.consent.PushChanges(ctx, request)
	if err != nil {
		return state, err
	}
	return c.told(reply.GetState()), agree(m, reply.GetState())
}

// Renew says that nothing has changed up to push.AsOf since the site's last
// push, which must have led to this digest, vouches for the agent, and returns
// what the site then holds. It fails with Conflict, reason DIFFERS, when the
// site holds something else, and with a *Behind like SendChanges.
func (c *Client) Renew(ctx context.Context, push Push, digest feed.Digest) (*edgev1.ConsentState, error) {
	state, err := c.ConsentState(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.Behind(state); err != nil {
		return state, err
	}
	set := RegionSet(state)
	m := &feed.Manifest{Region: push.Name(), Base: set.GetSequence(), Sequence: push.Sequence, AsOf: push.AsOf.Truncate(time.Millisecond),
		Patients: set.GetPatients(), Directives: set.GetDirectives(), Digest: digest}
	if m.Sequence == 0 {
		m.Sequence = m.Base + 1
	}
	var nothing feed.Content
	m.Content = nothing.Sum()
	if !set.GetFilled() || !bytes.Equal(set.GetDigest(), digest[:]) {
		return state, differs("the digest is another")
	}
	return c.change(ctx, state, m, nil, push.Signer)
}

// needsSnapshot reports whether changes did not fit what the site holds.
func needsSnapshot(err error) bool {
	if refusal, ok := RefusalOf(err); ok {
		return refusal.GetCode() == care.Conflict.String() && refusal.GetReason() != reasonInstance
	}
	return care.KindOf(err) == care.Conflict
}

func (c *Client) sendSnapshot(ctx context.Context, state *edgev1.ConsentState, ledger *feed.Ledger, signer note.Signer) (*edgev1.ConsentState, error) {
	behind := c.Behind(state)
	m, err := ledger.Snapshot()
	if err != nil {
		return state, err
	}
	manifest, err := signed(m, signer)
	if err != nil {
		return state, err
	}
	s := &snapshot{client: c, manifest: manifest, rows: m.Rows, id: feed.ID(manifest)}
	for tries, last := 0, uint64(0); ; tries++ {
		from := s.staged(state)
		if from > last {
			tries, last = 0, from
		}
		reply, err := s.send(ctx, state, from, ledger.Directives())
		if err == nil {
			return c.told(reply), errors.Join(agree(m, reply), behind)
		}
		next, again := s.after(ctx, err)
		if !again || tries == maxTries-1 {
			return state, err
		}
		if state = next; brokeOff(err) && agree(m, state) == nil && state.GetVouched() { // it arrived; the answer did not
			return state, behind
		}
	}
}

// after says whether a push that failed is worth another try, and returns the
// site's state for it.
func (s *snapshot) after(ctx context.Context, failed error) (state *edgev1.ConsentState, again bool) {
	switch refusal, _ := RefusalOf(failed); {
	case refusal.GetReason() == reasonResume:
		s.anew = true
	case refusal.GetReason() == reasonRolledBack, refusal.GetReason() == reasonInstance, brokeOff(failed):
	default:
		return nil, false
	}
	ctx, stop := context.WithTimeout(ctx, reconnectTime)
	defer stop()
	reply, err := s.client.consent.GetConsentState(ctx, &edgev1.GetConsentStateRequest{}, grpc.WaitForReady(true))
	return s.client.told(reply.GetState()), err == nil
}

// Why an agent refuses a push that it takes when it is sent again.
const (
	reasonResume     = "RESUME"      // it cannot go on where it said that it could
	reasonRolledBack = "ROLLED_BACK" // it was put back from the past, and now knows
	reasonInstance   = "INSTANCE"    // it was started anew since it told its state
)

// brokeOff reports whether a call ended because the connection did.
func brokeOff(err error) bool {
	_, refused := RefusalOf(err)
	return !refused && status.Code(err) == codes.Unavailable
}

// snapshot is a snapshot on its way.
type snapshot struct {
	client   *Client
	manifest []byte
	rows     uint64
	id       [32]byte
	anew     bool // what the site holds of it is of no use
}

// staged returns how many directives of this very snapshot the site holds
// already.
func (s *snapshot) staged(state *edgev1.ConsentState) uint64 {
	staged := state.GetStaged()
	if s.anew || !bytes.Equal(staged.GetManifest(), s.id[:]) || staged.GetDirectives() > s.rows {
		return 0
	}
	return staged.GetDirectives()
}

// send streams the directives after the first from.
func (s *snapshot) send(ctx context.Context, state *edgev1.ConsentState, from uint64, all iter.Seq2[care.Directive, error]) (*edgev1.ConsentState, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop() // gives up what was not closed: the site then goes on with its old flags
	stream, err := s.client.consent.PushSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	message := &edgev1.PushSnapshotRequest{Manifest: s.manifest, ResumeFrom: from, Vouching: s.client.vouching(state)}
	at, size := uint64(0), 0
	for d, err := range all {
		if err != nil {
			return nil, err
		}
		if at++; at <= from {
			continue
		}
		m := toWire(&d)
		message.Directives = append(message.Directives, m)
		if size += proto.Size(m); len(message.Directives) < directivesPerMessage && size < bytesPerMessage {
			continue
		}
		if err := stream.Send(message); err != nil {
			return nil, refusedEarly(stream, err)
		}
		s.client.progress(at, s.rows)
		message, size = &edgev1.PushSnapshotRequest{}, 0
	}
	if err := stream.Send(message); err != nil {
		return nil, refusedEarly(stream, err)
	}
	reply, err := stream.CloseAndRecv()
	return reply.GetState(), err
}

// refusedEarly returns why the agent did not take a message: grpc itself says
// io.EOF and keeps the status for the receiving side.
func refusedEarly(stream grpc.ClientStreamingClient[edgev1.PushSnapshotRequest, edgev1.PushSnapshotResponse], err error) error {
	if !ended(err) {
		return err
	}
	if _, err = stream.CloseAndRecv(); err == nil {
		err = &care.Error{Kind: care.Internal, Op: "edge.PushSnapshot", Reason: "EARLY", Detail: "the agent answered before it had the whole snapshot; ask for its consent state"}
	}
	return err
}

func signed(m *feed.Manifest, signer note.Signer) ([]byte, error) {
	if signer == nil {
		return m.Unsigned(), nil
	}
	return m.Sign(signer)
}
