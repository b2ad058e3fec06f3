package broker

import (
	"context"

	"google.golang.org/grpc"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/gate"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// recordService is RecordService: wire to domain, and through the gate.
type recordService struct {
	edgev1.UnimplementedRecordServiceServer
	gate      func() Gate // the one in force
	site      site
	pool      *buffers
	documents chan struct{} // documents at once
}

// Gate is what stands between a request and a record.
type Gate interface {
	Locate(ctx context.Context, call gate.Call) (care.SectionSet, error)
	Release(ctx context.Context, call gate.Call) error
	ReleaseDocument(ctx context.Context, call gate.Call) error
}

// LocatePatient tells whether the site serves a patient.
func (s *recordService) LocatePatient(ctx context.Context, m *edgev1.LocatePatientRequest) (*edgev1.LocatePatientResponse, error) {
	caller := callerOf(ctx)
	req := request(ctx, care.Locate, caller.Broker, m.GetContext())
	askFor(req, m.GetSections(), "", "")
	answer := &locateAnswer{site: s.site}
	sections, err := s.gate().Locate(ctx, gate.Call{Request: req, SpeaksFor: caller.Peer.Organisations, Answer: answer})
	if err != nil {
		return nil, err
	}
	for section := range sections.All() {
		answer.response.Sections = append(answer.response.Sections, edgev1.Section(section))
	}
	return &answer.response, nil
}

// GetRecord streams one patient's record.
func (s *recordService) GetRecord(m *edgev1.GetRecordRequest, stream grpc.ServerStreamingServer[edgev1.GetRecordResponse]) error {
	caller := callerOf(stream.Context())
	req := request(stream.Context(), care.ReadRecord, caller.Broker, m.GetContext())
	askFor(req, m.GetSections(), m.GetFromDate(), m.GetToDate())
	answer := newRecordAnswer(s.site, s.pool, stream)
	defer answer.free()
	return s.gate().Release(stream.Context(), gate.Call{Request: req, SpeaksFor: caller.Peer.Organisations, Answer: answer})
}

// GetDocument streams one document's content. Only so many are read at once,
// because each holds a connection to the source for as long as it takes.
func (s *recordService) GetDocument(m *edgev1.GetDocumentRequest, stream grpc.ServerStreamingServer[edgev1.GetDocumentResponse]) error {
	caller := callerOf(stream.Context())
	req := request(stream.Context(), care.ReadDocument, caller.Broker, m.GetContext())
	req.DocumentID = m.GetDocumentId()
	select {
	case s.documents <- struct{}{}:
		defer func() { <-s.documents }()
	case <-stream.Context().Done():
		return stream.Context().Err()
	}
	answer := &documentAnswer{site: s.site, stream: stream, pool: s.pool}
	return s.gate().ReleaseDocument(stream.Context(), gate.Call{Request: req, SpeaksFor: caller.Peer.Organisations, Answer: answer})
}
