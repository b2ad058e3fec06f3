package edge

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// directivesPerMessage is how many directives a message carries: the most that
// the agent takes.
const directivesPerMessage = 1000

// Push says which state of the region's flags a push leads to.
type Push struct {
	Base     uint64    // for changes: the sequence number that they build on
	Sequence uint64    // greater than that of every earlier push
	AsOf     time.Time // when the region knew these flags to be right
}

// PushSnapshot replaces all flags of the region by the given ones and returns
// what the site then holds. When the sequence of flags ends with an error the
// push is given up, the site keeps its old flags, and that error is returned.
func (c *Client) PushSnapshot(ctx context.Context, push Push, flags iter.Seq2[care.Directive, error]) (*edgev1.ConsentState, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop() // gives up what was not closed: the agent then keeps nothing of it
	stream, err := c.consent.PushSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	message := &edgev1.PushSnapshotRequest{Sequence: push.Sequence, AsOf: timestamppb.New(push.AsOf)}
	for d, err := range flags {
		if err != nil {
			return nil, err
		}
		message.Directives = append(message.Directives, directive(d))
		if len(message.Directives) < directivesPerMessage {
			continue
		}
		if err := stream.Send(message); err != nil {
			return nil, refusedEarly(stream, err)
		}
		message = &edgev1.PushSnapshotRequest{}
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
	if !errors.Is(err, io.EOF) {
		return err
	}
	if _, err = stream.CloseAndRecv(); err == nil {
		err = &care.Error{Kind: care.Internal, Op: "edge.PushSnapshot", Reason: "EARLY", Detail: "the agent answered before it had the whole snapshot; ask for its consent state"}
	}
	return err
}

// PushChanges applies at most 1,000 changes to the region's last snapshot and
// returns what the site then holds. Without changes it says that the flags are
// still right at push.AsOf.
func (c *Client) PushChanges(ctx context.Context, push Push, changes ...care.Directive) (*edgev1.ConsentState, error) {
	request := &edgev1.PushChangesRequest{BaseSequence: push.Base, Sequence: push.Sequence, AsOf: timestamppb.New(push.AsOf)}
	for _, d := range changes {
		request.Changes = append(request.Changes, directive(d))
	}
	reply, err := c.consent.PushChanges(ctx, request)
	return reply.GetState(), err
}

// ConsentState tells what the site's cache of flags holds, in numbers.
func (c *Client) ConsentState(ctx context.Context) (*edgev1.ConsentState, error) {
	reply, err := c.consent.GetConsentState(ctx, &edgev1.GetConsentStateRequest{})
	return reply.GetState(), err
}

// directive is the one place where an NHS number goes onto the wire in a push.
func directive(d care.Directive) *edgev1.Directive {
	return &edgev1.Directive{NhsNumber: d.NHSNumber.Reveal(), Kind: edgev1.DirectiveKind(d.Kind),
		Effective: timestamppb.New(d.Effective), RecordedBy: d.By}
}
