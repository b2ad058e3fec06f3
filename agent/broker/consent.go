package broker

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

// Consent keeps the site's consent flags and journals every change of them.
type Consent interface {
	// Snapshot replaces the region's flags.
	Snapshot(ctx context.Context, actor string, sequence uint64, asOf time.Time, all iter.Seq2[care.Directive, error]) error
	// Changes applies the region's changes since base.
	Changes(ctx context.Context, actor string, base, sequence uint64, asOf time.Time, changes []care.Directive) error
	// Record keeps one statement of the site and returns whether it changed
	// anything and the number of the journal entry.
	Record(ctx context.Context, actor string, d care.Directive) (changed bool, entry uint64, err error)
	// Show returns the statements held about a patient and what an ordinary
	// request would be answered.
	Show(ctx context.Context, actor string, number care.NHSNumber) ([]care.Directive, care.ConsentAnswer, error)
	// State tells what is held, in numbers.
	State() ConsentState
}

// ConsentState tells what the consent store holds, in numbers.
type ConsentState struct {
	Filled       bool
	Sequence     uint64
	AsOf         time.Time
	Epoch        uint64
	Region, Site int
	Failure      string
}

// consentService is ConsentService.
type consentService struct {
	edgev1.UnimplementedConsentServiceServer
	consent Consent
}

// maxDirectives is how many directives one message may carry.
const maxDirectives = 1000

// PushSnapshot replaces the region's flags by those streamed.
func (s *consentService) PushSnapshot(stream grpc.ClientStreamingServer[edgev1.PushSnapshotRequest, edgev1.PushSnapshotResponse]) error {
	first, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	} else if err != nil {
		return &care.Error{Kind: care.BadRequest, Op: "broker.PushSnapshot", Reason: "EMPTY", Detail: "the first message, with sequence and as_of, is missing"}
	}
	if first.GetSequence() == 0 || !first.GetAsOf().IsValid() {
		return badField("sequence or as_of")
	}
	by := callerOf(stream.Context()).Peer.Name
	all := func(yield func(care.Directive, error) bool) {
		for m := first; ; {
			for d, err := range directives(m.GetDirectives(), care.Region, by) {
				if !yield(d, err) {
					return
				}
			}
			if m, err = stream.Recv(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				yield(care.Directive{}, unfinished(err))
				return
			}
		}
	}
	ctx := stream.Context()
	if err := s.consent.Snapshot(ctx, callerOf(ctx).Peer.Name, first.GetSequence(), first.GetAsOf().AsTime(), all); err != nil {
		return err
	}
	return stream.SendAndClose(&edgev1.PushSnapshotResponse{State: s.state()})
}

// unfinished is the error for a snapshot of which a message did not come. A
// message that was refused keeps its reason.
func unfinished(err error) error {
	if _, refused := errors.AsType[*care.Error](err); refused {
		return err
	}
	return &care.Error{Kind: care.Cancelled, Op: "broker.PushSnapshot", Detail: "the snapshot was not sent to its end; the old one stays in force", Err: err}
}

// PushChanges applies the region's changes.
func (s *consentService) PushChanges(ctx context.Context, m *edgev1.PushChangesRequest) (*edgev1.PushChangesResponse, error) {
	if !m.GetAsOf().IsValid() || m.GetSequence() == 0 {
		return nil, badField("sequence or as_of")
	}
	var changes []care.Directive
	for d, err := range directives(m.GetChanges(), care.Region, callerOf(ctx).Peer.Name) {
		if err != nil {
			return nil, err
		}
		changes = append(changes, d)
	}
	err := s.consent.Changes(ctx, callerOf(ctx).Peer.Name, m.GetBaseSequence(), m.GetSequence(), m.GetAsOf().AsTime(), changes)
	if err != nil {
		return nil, err
	}
	return &edgev1.PushChangesResponse{State: s.state()}, nil
}

// GetConsentState tells what the store holds.
func (s *consentService) GetConsentState(context.Context, *edgev1.GetConsentStateRequest) (*edgev1.GetConsentStateResponse, error) {
	return &edgev1.GetConsentStateResponse{State: s.state()}, nil
}

// RecordDirective keeps one statement of the site.
func (s *consentService) RecordDirective(ctx context.Context, m *edgev1.RecordDirectiveRequest) (*edgev1.RecordDirectiveResponse, error) {
	d, err := directive(m.GetDirective(), care.Site, callerOf(ctx).Peer.Name)
	if err != nil {
		return nil, err
	}
	changed, entry, err := s.consent.Record(ctx, callerOf(ctx).Peer.Name, d)
	if err != nil {
		return nil, err
	}
	return &edgev1.RecordDirectiveResponse{Changed: changed, JournalSequence: entry}, nil
}

// GetDirectives shows the statements about one patient.
func (s *consentService) GetDirectives(ctx context.Context, m *edgev1.GetDirectivesRequest) (*edgev1.GetDirectivesResponse, error) {
	number, err := care.ParseNHSNumber(m.GetNhsNumber())
	if err != nil {
		return nil, err
	}
	held, answer, err := s.consent.Show(ctx, callerOf(ctx).Peer.Name, number)
	if err != nil {
		return nil, err
	}
	reply := &edgev1.GetDirectivesResponse{Answer: answer.Refusal.String(), Reason: answer.Reason}
	for _, d := range held {
		reply.Directives = append(reply.Directives, &edgev1.Directive{
			Kind: edgev1.DirectiveKind(d.Kind), Effective: timestamppb.New(d.Effective),
			RecordedBy: d.By, Authority: d.Authority.String()})
	}
	return reply, nil
}

func (s *consentService) state() *edgev1.ConsentState { return consentState(s.consent.State()) }

func consentState(c ConsentState) *edgev1.ConsentState {
	m := &edgev1.ConsentState{Filled: c.Filled, Sequence: c.Sequence, Epoch: c.Epoch,
		RegionCount: uint64(c.Region), SiteCount: uint64(c.Site), Failure: c.Failure}
	if !c.AsOf.IsZero() {
		m.AsOf = timestamppb.New(c.AsOf)
	}
	return m
}

// directives reads the directives of one message; the first that is wrong is
// the last.
func directives(list []*edgev1.Directive, authority care.Authority, by string) iter.Seq2[care.Directive, error] {
	return func(yield func(care.Directive, error) bool) {
		if len(list) > maxDirectives {
			yield(care.Directive{}, &care.Error{Kind: care.LimitExceeded, Op: "broker.consent", Reason: "DIRECTIVES", Detail: "a message may carry at most 1,000 directives"})
			return
		}
		for _, m := range list {
			d, err := directive(m, authority, by)
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}

// directive reads one directive. Where it does not say who recorded it, that is
// the caller.
func directive(m *edgev1.Directive, authority care.Authority, by string) (care.Directive, error) {
	number, err := care.ParseNHSNumber(m.GetNhsNumber())
	if err != nil {
		return care.Directive{}, err
	}
	kind := enum[care.DirectiveKind](int32(m.GetKind()))
	if !kind.Valid() || !m.GetEffective().IsValid() {
		return care.Directive{}, badField("directive.kind or directive.effective")
	}
	if m.GetRecordedBy() != "" {
		by = m.GetRecordedBy()
	}
	return care.Directive{NHSNumber: number, Kind: kind, Authority: authority, Effective: m.GetEffective().AsTime(),
		Recorded: time.Now().UTC(), By: by}, nil
}
