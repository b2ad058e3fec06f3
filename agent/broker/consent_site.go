package broker

import (
	"cmp"
	"context"

	"google.golang.org/grpc"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// RecordDirectives keeps statements of the site. Where one does not say who
// recorded it, that is the caller.
func (s *consentService) RecordDirectives(ctx context.Context, m *edgev1.RecordDirectivesRequest) (*edgev1.RecordDirectivesResponse, error) {
	if len(m.GetDirectives()) == 0 {
		return nil, badField("directives")
	}
	if !plain(m.GetFile(), maxFileName) {
		return nil, badField("file")
	}
	statements, err := directives(m.GetDirectives(), care.Site)
	if err != nil {
		return nil, err
	}
	actor := callerOf(ctx).Peer.Name
	for i := range statements {
		statements[i].By = cmp.Or(statements[i].By, actor)
	}
	recorded, err := s.consent.Record(ctx, actor, m.GetFile(), statements)
	if err != nil {
		return nil, err
	}
	return &edgev1.RecordDirectivesResponse{Changed: uint32(recorded.Changed), JournalSequence: recorded.Entry}, nil
}

// GetDirectives shows the statements about one patient and what they lead to.
func (s *consentService) GetDirectives(ctx context.Context, m *edgev1.GetDirectivesRequest) (*edgev1.GetDirectivesResponse, error) {
	number, err := care.ParseNHSNumber(m.GetNhsNumber())
	if err != nil {
		return nil, err
	}
	organisation := care.ODSCode(m.GetOrganisation())
	if organisation != "" && !organisation.Valid() {
		return nil, badField("organisation")
	}
	shown, err := s.consent.Show(ctx, callerOf(ctx).Peer.Name, number, organisation)
	if err != nil {
		return nil, err
	}
	reply := &edgev1.GetDirectivesResponse{Answer: shown.Answer.Refusal.String(), Reason: shown.Answer.Reason,
		Because: shown.Because, Withheld: sectionMessages(shown.Answer.Withheld), Linked: uint32(shown.Linked)}
	for i := range shown.Directives {
		reply.Directives = append(reply.Directives, directiveMessage(&shown.Directives[i]))
	}
	return reply, nil
}

// LinkPatients records what was found about two NHS numbers.
func (s *consentService) LinkPatients(ctx context.Context, m *edgev1.LinkPatientsRequest) (*edgev1.LinkPatientsResponse, error) {
	link, err := patientLink(m)
	if err != nil {
		return nil, err
	}
	actor := callerOf(ctx).Peer.Name
	link.By = cmp.Or(link.By, actor)
	entry, err := s.consent.Link(ctx, actor, link)
	if err != nil {
		return nil, err
	}
	return &edgev1.LinkPatientsResponse{JournalSequence: entry}, nil
}

// patientLink reads a link. A person whose former number must never be known is
// named by the new one alone.
func patientLink(m *edgev1.LinkPatientsRequest) (link PatientLink, err error) {
	link = PatientLink{Kind: enum[LinkKind](int32(m.GetLink())), By: m.GetRecordedBy()}
	if link.Kind < SamePerson || link.Kind > NeverLink {
		return link, badField("link")
	}
	if !plain(link.By, maxBy) {
		return link, badField("recorded_by")
	}
	if link.New, err = care.ParseNHSNumber(m.GetNewNhsNumber()); err != nil {
		return link, err
	}
	if link.Kind == NeverLink {
		if m.GetOldNhsNumber() != "" {
			return link, badField("old_nhs_number, which must not be given here,")
		}
		return link, nil
	}
	if link.Old, err = care.ParseNHSNumber(m.GetOldNhsNumber()); err != nil {
		return link, err
	}
	if link.Old == link.New {
		return link, badField("new_nhs_number, which is the old one,")
	}
	return link, nil
}

// VerifyConsent checks the whole store.
func (s *consentService) VerifyConsent(ctx context.Context, _ *edgev1.VerifyConsentRequest) (*edgev1.VerifyConsentResponse, error) {
	if err := s.consent.Verify(ctx, callerOf(ctx).Peer.Name); err != nil {
		return nil, err
	}
	return &edgev1.VerifyConsentResponse{State: s.state()}, nil
}

// ListSiteDirectives lists the site's own statements, and what came before an
// error too.
func (s *consentService) ListSiteDirectives(m *edgev1.ListSiteDirectivesRequest, stream grpc.ServerStreamingServer[edgev1.ListSiteDirectivesResponse]) error {
	reply := &edgev1.ListSiteDirectivesResponse{}
	var failed error
	for stated, err := range s.consent.List(stream.Context(), callerOf(stream.Context()).Peer.Name, m.GetAfter()) {
		if failed = err; err != nil {
			break
		}
		reply.Directives = append(reply.Directives, directiveMessage(&stated.Directive))
		if len(reply.Directives) == maxDirectives {
			if err := stream.Send(reply); err != nil {
				return err
			}
			reply = &edgev1.ListSiteDirectivesResponse{}
		}
	}
	if len(reply.Directives) > 0 {
		if err := stream.Send(reply); err != nil {
			return err
		}
	}
	return failed
}

// GetSiteConsentState tells the site what the store holds.
func (s *consentService) GetSiteConsentState(context.Context, *edgev1.GetSiteConsentStateRequest) (*edgev1.GetSiteConsentStateResponse, error) {
	return &edgev1.GetSiteConsentStateResponse{State: s.state()}, nil
}
