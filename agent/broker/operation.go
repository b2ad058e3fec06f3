package broker

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Operation tells how the agent is.
type Operation interface {
	Status() Status
}

// Status is the health of the agent. It names no patient.
type Status struct {
	SiteCode    care.ODSCode
	SiteName    string
	Version     string
	Started     time.Time
	Attention   []string // what needs attention, in plain English
	Releasing   bool     // whether a well-formed request would be answered now
	Journal     care.Position
	JournalDown string // why the journal cannot be written, or empty
	NotAfter    time.Time
	ConfigHash  string
	Ceiling     care.SectionSet // sections that may leave at all
	Sources     []SourceStatus
}

// SourceStatus is how one source was at its last check.
type SourceStatus struct {
	Name, Kind         string
	Readable, Writable bool
	Detail             string
	Checked            time.Time
}

// operationService is ConfigService and StatusService.
type operationService struct {
	edgev1.UnimplementedConfigServiceServer
	edgev1.UnimplementedStatusServiceServer
	operation Operation
	consent   Consent
}

// GetConfiguration tells which configuration is in force.
func (s *operationService) GetConfiguration(context.Context, *edgev1.GetConfigurationRequest) (*edgev1.GetConfigurationResponse, error) {
	st := s.operation.Status()
	reply := &edgev1.GetConfigurationResponse{Fingerprint: st.ConfigHash, AppliedAt: timestamppb.New(st.Started)}
	for section := range st.Ceiling.All() {
		reply.Sections = append(reply.Sections, edgev1.Section(section))
	}
	return reply, nil
}

// GetStatus tells how the agent and everything it depends on are.
func (s *operationService) GetStatus(context.Context, *edgev1.GetStatusRequest) (*edgev1.GetStatusResponse, error) {
	st := s.operation.Status()
	reply := &edgev1.GetStatusResponse{
		SiteCode: string(st.SiteCode), SiteName: st.SiteName, Version: st.Version,
		StartedAt: timestamppb.New(st.Started), Releasing: st.Releasing, Attention: st.Attention,
		Consent: consentState(s.consent.State()), Journal: position(st.Journal),
		CertificateNotAfter: timestamppb.New(st.NotAfter), ConfigFingerprint: st.ConfigHash,
	}
	for _, src := range st.Sources {
		reply.Sources = append(reply.Sources, &edgev1.SourceStatus{Name: src.Name, Kind: src.Kind, Readable: src.Readable,
			Writable: src.Writable, Detail: src.Detail, CheckedAt: timestamppb.New(src.Checked)})
	}
	return reply, nil
}
