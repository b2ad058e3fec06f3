package broker

import (
	"context"
	"errors"
	"io"
	"iter"

	"google.golang.org/grpc"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// PushSnapshot replaces the region's flags by those streamed.
func (s *consentService) PushSnapshot(stream grpc.ClientStreamingServer[edgev1.PushSnapshotRequest, edgev1.PushSnapshotResponse]) error {
	first, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	} else if err != nil {
		return &care.Error{Kind: care.BadRequest, Op: "broker.PushSnapshot", Reason: "EMPTY", Detail: "the first message, with the manifest, is missing"}
	}
	p, err := push(stream.Context(), first.GetManifest(), first.GetVouching())
	if err != nil {
		return err
	}
	if err := s.consent.Snapshot(stream.Context(), p, first.GetResumeFrom(), batches(first, stream.Recv)); err != nil {
		return err
	}
	return stream.SendAndClose(&edgev1.PushSnapshotResponse{State: s.state()})
}

// batches yields the directives of a snapshot's messages, each message as one
// batch. Only the first may carry anything else: a second manifest would be
// another push.
func batches(first *edgev1.PushSnapshotRequest, receive func() (*edgev1.PushSnapshotRequest, error)) iter.Seq2[[]care.Directive, error] {
	return func(yield func([]care.Directive, error) bool) {
		for m, err := first, error(nil); ; {
			batch, fault := directives(m.GetDirectives(), care.Region)
			if m != first && (len(m.GetManifest()) > 0 || m.GetResumeFrom() > 0 || m.GetVouching() != nil) {
				fault = badField("manifest, resume_from or vouching after the first message")
			}
			if len(batch) > 0 || fault != nil {
				if !yield(batch, fault) || fault != nil {
					return
				}
			}
			if m, err = receive(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				yield(nil, unfinished(err))
				return
			}
		}
	}
}

// unfinished is the error for a snapshot of which a message did not come. A
// message that was refused keeps its reason.
func unfinished(err error) error {
	if _, refused := errors.AsType[*care.Error](err); refused {
		return err
	}
	return &care.Error{Kind: care.Cancelled, Op: "broker.PushSnapshot", Reason: "UNFINISHED", Err: err,
		Detail: "the snapshot was not sent to its end; the old one stays in force, and the push may be continued"}
}

// PushChanges applies the region's changes.
func (s *consentService) PushChanges(ctx context.Context, m *edgev1.PushChangesRequest) (*edgev1.PushChangesResponse, error) {
	p, err := push(ctx, m.GetManifest(), m.GetVouching())
	if err != nil {
		return nil, err
	}
	changes, err := directives(m.GetChanges(), care.Region)
	if err != nil {
		return nil, err
	}
	if err := s.consent.Changes(ctx, p, changes); err != nil {
		return nil, err
	}
	return &edgev1.PushChangesResponse{State: s.state()}, nil
}

// push reads what comes with a snapshot and with changes alike.
func push(ctx context.Context, manifest []byte, v *edgev1.Vouching) (Push, error) {
	instance := v.GetInstance()
	switch {
	case len(manifest) == 0 || len(manifest) > maxManifest:
		return Push{}, badField("manifest")
	case v != nil && len(instance) != instanceSize:
		return Push{}, badField("vouching.instance")
	}
	return Push{Actor: callerOf(ctx).Peer.Name, Manifest: manifest,
		Vouching: Vouching{Instance: instance, KnownEpoch: v.GetKnownEpoch()}}, nil
}

// GetConsentState tells the region what the store holds.
func (s *consentService) GetConsentState(context.Context, *edgev1.GetConsentStateRequest) (*edgev1.GetConsentStateResponse, error) {
	return &edgev1.GetConsentStateResponse{State: s.state()}, nil
}

// maxLocal is how many statements one call of ListLocalDirectives tells.
const maxLocal = 10_000

// ListLocalDirectives tells the region what was stated at the site.
func (s *consentService) ListLocalDirectives(m *edgev1.ListLocalDirectivesRequest, stream grpc.ServerStreamingServer[edgev1.ListLocalDirectivesResponse]) error {
	limit := int(min(m.GetLimit(), maxLocal))
	if limit == 0 {
		limit = maxLocal
	}
	local, err := s.consent.Local(stream.Context(), callerOf(stream.Context()).Peer.Name, m.GetAfter(), limit)
	if err != nil {
		return err
	}
	reply := &edgev1.ListLocalDirectivesResponse{Oldest: local.Oldest}
	for i := range local.Statements {
		if len(reply.Directives) == maxDirectives {
			reply.Cursor = local.Statements[i].Entry - 1
			if err := stream.Send(reply); err != nil {
				return err
			}
			reply = &edgev1.ListLocalDirectivesResponse{Oldest: local.Oldest}
		}
		reply.Directives = append(reply.Directives, directiveMessage(&local.Statements[i].Directive))
	}
	reply.Cursor = local.Cursor
	return stream.Send(reply)
}
