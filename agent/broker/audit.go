package broker

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Audit is the journal as witnesses and people at the site use it.
type Audit interface {
	// Head returns the signed head of all entries on disk.
	Head() (size uint64, note []byte, err error)
	// Consistency returns the newest signed head and the proof that its journal
	// begins with the first old entries of it.
	Consistency(old uint64) (note []byte, proof [][32]byte, err error)
	// Countersigned keeps a head that a known witness has countersigned, and
	// returns the entry that says so.
	Countersigned(ctx context.Context, note []byte) (care.Position, error)
	// VerifierKey is the key by which heads are checked.
	VerifierKey() string
	// Note writes down what a person at the site does with the journal or the
	// site's key. While nothing can be written it returns no position and no
	// error.
	Note(ctx context.Context, e care.Event) (care.Position, error)
	// Archive moves closed segments that ended before a time to the site's
	// archive folder and returns how many.
	Archive(ctx context.Context, actor string, before time.Time) (int, error)
}

// maxHead is the largest signed head that is taken, in bytes.
const maxHead = 16 << 10

// auditService is AuditService.
type auditService struct {
	edgev1.UnimplementedAuditServiceServer
	operation Operation
	audit     Audit
}

// GetJournalHead tells the last entry that is on disk.
func (s *auditService) GetJournalHead(context.Context, *edgev1.GetJournalHeadRequest) (*edgev1.GetJournalHeadResponse, error) {
	st := s.operation.Status()
	reply := &edgev1.GetJournalHeadResponse{Last: position(st.Journal), Failure: st.JournalDown, VerifierKey: s.audit.VerifierKey()}
	if _, note, err := s.audit.Head(); err == nil { // why there is none, the status says
		reply.SignedHead = note
	}
	return reply, nil
}

// Witness shows the journal's newest head to a witness and keeps the head that
// comes back countersigned.
func (s *auditService) Witness(stream grpc.BidiStreamingServer[edgev1.WitnessRequest, edgev1.WitnessResponse]) error {
	m, err := stream.Recv()
	if err != nil {
		return err
	}
	seen, ok := m.GetStep().(*edgev1.WitnessRequest_SeenSize)
	if !ok {
		return badField("seen_size")
	}
	note, proof, err := s.audit.Consistency(seen.SeenSize)
	if err != nil {
		return err
	}
	head := &edgev1.WitnessHead{SignedHead: note, Hashes: hashes(proof), VerifierKey: s.audit.VerifierKey()}
	if err := stream.Send(&edgev1.WitnessResponse{Step: &edgev1.WitnessResponse_Head{Head: head}}); err != nil {
		return err
	}
	m, err = stream.Recv()
	if errors.Is(err, io.EOF) {
		return nil // it only wanted to look
	}
	if err != nil {
		return err
	}
	signed := m.GetCountersignedHead()
	if len(signed) == 0 || len(signed) > maxHead {
		return badField("countersigned_head")
	}
	kept, err := s.audit.Countersigned(stream.Context(), signed)
	if err != nil {
		return err
	}
	return stream.Send(&edgev1.WitnessResponse{Step: &edgev1.WitnessResponse_Kept{Kept: position(kept)}})
}

// uses says which event each use of the journal is.
var uses = map[edgev1.JournalUse]care.EventKind{
	edgev1.JournalUse_JOURNAL_USE_SEARCH:       care.JournalSearched,
	edgev1.JournalUse_JOURNAL_USE_EXPORT:       care.JournalExported,
	edgev1.JournalUse_JOURNAL_USE_VERIFY:       care.IntegrityChecked,
	edgev1.JournalUse_JOURNAL_USE_ALERT_SEEN:   care.AlertSeen,
	edgev1.JournalUse_JOURNAL_USE_KEY_COPIED:   care.SiteKeyCopied,
	edgev1.JournalUse_JOURNAL_USE_KEY_RESTORED: care.SiteKeyRestored,
}

// maxUseText bounds the texts of NoteUse, in bytes.
const maxUseText = 1024

// NoteUse writes down what a person at the site does with the journal.
func (s *auditService) NoteUse(ctx context.Context, m *edgev1.NoteUseRequest) (*edgev1.NoteUseResponse, error) {
	kind, ok := uses[m.GetUse()]
	if !ok {
		return nil, badField("use")
	}
	if len(m.GetQuery()) > maxUseText || len(m.GetFinding()) > maxUseText {
		return nil, badField("query or finding")
	}
	if kind == care.AlertSeen && (m.GetFrom() == 0 || m.GetTo() < m.GetFrom()) {
		return nil, badField("from or to")
	}
	e := care.Event{Kind: kind, Actor: callerOf(ctx).Peer.Name, Query: m.GetQuery(), Detail: m.GetFinding(),
		From: m.GetFrom(), To: m.GetTo(), Alert: m.GetFaulty()}
	if m.GetNhsNumber() != "" {
		number, err := care.ParseNHSNumber(m.GetNhsNumber())
		if err != nil {
			return nil, badField("nhs_number")
		}
		e.Request = &care.Request{Subject: care.Subject{NHSNumber: number}}
	}
	at, err := s.audit.Note(ctx, e)
	if err != nil {
		return nil, err
	}
	return &edgev1.NoteUseResponse{Noted: position(at)}, nil
}

// ArchiveJournal moves closed segments to the archive folder.
func (s *auditService) ArchiveJournal(ctx context.Context, m *edgev1.ArchiveJournalRequest) (*edgev1.ArchiveJournalResponse, error) {
	if !m.GetBefore().IsValid() {
		return nil, badField("before")
	}
	n, err := s.audit.Archive(ctx, callerOf(ctx).Peer.Name, m.GetBefore().AsTime())
	return &edgev1.ArchiveJournalResponse{Segments: int32(n)}, err
}

// proofMessage is how a proof goes over the wire.
func proofMessage(p care.Proof) *edgev1.JournalProof {
	return &edgev1.JournalProof{TreeSize: p.Size, Hashes: hashes(p.Hashes), SignedHead: p.Head}
}

func hashes(list [][32]byte) [][]byte {
	out := make([][]byte, len(list))
	for i := range list {
		out[i] = list[i][:]
	}
	return out
}
