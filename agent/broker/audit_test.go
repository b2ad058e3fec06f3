package broker_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// desk is a journal that keeps what it is told.
type desk struct {
	noted   []care.Event
	kept    []byte
	old     uint64
	before  time.Time
	refuses error
}

func (d *desk) Head() (uint64, []byte, error) { return 7, []byte("head"), d.refuses }
func (d *desk) VerifierKey() string           { return "key" }

func (d *desk) Consistency(old uint64) ([]byte, [][32]byte, error) {
	d.old = old
	return []byte("head"), [][32]byte{{1}, {2}}, d.refuses
}

func (d *desk) Countersigned(_ context.Context, note []byte) (care.Position, error) {
	d.kept = note
	return care.Position{Sequence: 8}, d.refuses
}

func (d *desk) Note(_ context.Context, e care.Event) (care.Position, error) {
	d.noted = append(d.noted, e)
	return care.Position{Sequence: uint64(len(d.noted))}, d.refuses
}

func (d *desk) Archive(_ context.Context, _ string, before time.Time) (int, error) {
	d.before = before
	return 3, d.refuses
}

// audited returns a client of a house with a desk, for a caller with a role.
func audited(t *testing.T, d *desk, role identity.Roles) edgev1.AuditServiceClient {
	t.Helper()
	h := &house{caller: identity.Caller{Peer: identity.Peer{Name: "ann", Roles: role}}}
	return edgev1.NewAuditServiceClient(serve(t, h, func(s *broker.Settings) { s.Audit = d }))
}

func TestNoteUse(t *testing.T) {
	for _, c := range []struct {
		name   string
		m      *edgev1.NoteUseRequest
		reason string // of the refusal
		kind   care.EventKind
	}{
		{"a search", &edgev1.NoteUseRequest{Use: edgev1.JournalUse_JOURNAL_USE_SEARCH, Query: "by patient", NhsNumber: "9990000018", From: 3, To: 9}, "", care.JournalSearched},
		{"an export", &edgev1.NoteUseRequest{Use: edgev1.JournalUse_JOURNAL_USE_EXPORT}, "", care.JournalExported},
		{"a finding", &edgev1.NoteUseRequest{Use: edgev1.JournalUse_JOURNAL_USE_VERIFY, Finding: "one entry was edited", Faulty: true}, "", care.IntegrityChecked},
		{"alerts seen", &edgev1.NoteUseRequest{Use: edgev1.JournalUse_JOURNAL_USE_ALERT_SEEN, Finding: "asked Dr Example", From: 3, To: 3}, "", care.AlertSeen},
		{"a copy of the key", &edgev1.NoteUseRequest{Use: edgev1.JournalUse_JOURNAL_USE_KEY_COPIED, Finding: "for a passphrase"}, "", care.SiteKeyCopied},
		{"the key put back", &edgev1.NoteUseRequest{Use: edgev1.JournalUse_JOURNAL_USE_KEY_RESTORED, Finding: "from a copy"}, "", care.SiteKeyRestored},
		{"no alerts seen", &edgev1.NoteUseRequest{Use: edgev1.JournalUse_JOURNAL_USE_ALERT_SEEN, To: 3}, "FIELD", ""},
		{"alerts seen backwards", &edgev1.NoteUseRequest{Use: edgev1.JournalUse_JOURNAL_USE_ALERT_SEEN, From: 3, To: 2}, "FIELD", ""},
		{"no use", &edgev1.NoteUseRequest{}, "FIELD", ""},
		{"an unknown use", &edgev1.NoteUseRequest{Use: 99}, "FIELD", ""},
		{"a long query", &edgev1.NoteUseRequest{Use: edgev1.JournalUse_JOURNAL_USE_SEARCH, Query: strings.Repeat("x", 1025)}, "FIELD", ""},
		{"a long finding", &edgev1.NoteUseRequest{Use: edgev1.JournalUse_JOURNAL_USE_VERIFY, Finding: strings.Repeat("x", 1025)}, "FIELD", ""},
		{"no NHS number", &edgev1.NoteUseRequest{Use: edgev1.JournalUse_JOURNAL_USE_SEARCH, NhsNumber: "9990000019"}, "FIELD", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &desk{}
			_, err := audited(t, d, identity.RoleSite).NoteUse(t.Context(), c.m)
			if reason := reasonOf(err); reason != c.reason {
				t.Fatalf("refused with %q (%v), want %q", reason, err, c.reason)
			}
			if c.reason != "" {
				if len(d.noted) > 0 {
					t.Error("it was noted all the same")
				}
				return
			}
			e := d.noted[0]
			if e.Kind != c.kind || e.Actor != "ann" || e.Query != c.m.GetQuery() || e.Detail != c.m.GetFinding() ||
				e.From != c.m.GetFrom() || e.To != c.m.GetTo() || e.Alert != c.m.GetFaulty() {
				t.Errorf("noted %+v", e)
			}
			if number := c.m.GetNhsNumber(); number != "" && (e.Request == nil || e.Request.Subject.NHSNumber.Reveal() != number) {
				t.Error("the patient is not noted")
			}
		})
	}
}

func TestWitnessSteps(t *testing.T) {
	d := &desk{}
	client := audited(t, d, identity.RoleAudit)
	stream, err := client.Witness(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	say(t, stream, &edgev1.WitnessRequest{Step: &edgev1.WitnessRequest_SeenSize{SeenSize: 5}})
	m, err := stream.Recv()
	if err != nil || string(m.GetHead().GetSignedHead()) != "head" || len(m.GetHead().GetHashes()) != 2 || m.GetHead().GetVerifierKey() != "key" || d.old != 5 {
		t.Fatalf("the head is %v (%v), asked from %d", m, err, d.old)
	}
	say(t, stream, &edgev1.WitnessRequest{Step: &edgev1.WitnessRequest_CountersignedHead{CountersignedHead: []byte("signed")}})
	if m, err = stream.Recv(); err != nil || m.GetKept().GetSequence() != 8 || string(d.kept) != "signed" {
		t.Errorf("kept %v (%v): %q", m, err, d.kept)
	}
	for name, first := range map[string]*edgev1.WitnessRequest{
		"nothing":                  {},
		"a countersignature first": {Step: &edgev1.WitnessRequest_CountersignedHead{CountersignedHead: []byte("x")}},
	} {
		if err := steps(t, client, first); reasonOf(err) != "FIELD" {
			t.Errorf("%s: %v", name, err)
		}
	}
	seen := &edgev1.WitnessRequest{Step: &edgev1.WitnessRequest_SeenSize{}}
	for name, second := range map[string]*edgev1.WitnessRequest{
		"the size again": seen,
		"a huge head":    {Step: &edgev1.WitnessRequest_CountersignedHead{CountersignedHead: make([]byte, 16<<10+1)}},
	} {
		if err := steps(t, client, seen, second); reasonOf(err) != "FIELD" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if string(d.kept) != "signed" {
		t.Errorf("%d bytes were kept", len(d.kept))
	}
}

func TestArchiveJournal(t *testing.T) {
	d, when := &desk{}, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	client := audited(t, d, identity.RoleSite)
	m, err := client.ArchiveJournal(t.Context(), &edgev1.ArchiveJournalRequest{Before: timestamppb.New(when)})
	if err != nil || m.GetSegments() != 3 || !d.before.Equal(when) {
		t.Errorf("%v (%v), before %v", m, err, d.before)
	}
	if _, err := client.ArchiveJournal(t.Context(), &edgev1.ArchiveJournalRequest{}); reasonOf(err) != "FIELD" {
		t.Errorf("without a time: %v", err)
	}
}

func TestJournalHead(t *testing.T) {
	d := &desk{}
	m, err := audited(t, d, identity.RoleAudit).GetJournalHead(t.Context(), &edgev1.GetJournalHeadRequest{})
	if err != nil || string(m.GetSignedHead()) != "head" || m.GetVerifierKey() != "key" {
		t.Errorf("%v (%v)", m, err)
	}
	d.refuses = &care.Error{Kind: care.AuditUnavailable, Reason: "ROLLED_BACK"}
	m, err = audited(t, d, identity.RoleAudit).GetJournalHead(t.Context(), &edgev1.GetJournalHeadRequest{})
	if err != nil || len(m.GetSignedHead()) > 0 {
		t.Errorf("of a lost journal: %v (%v)", m, err)
	}
}

type sender interface {
	Send(*edgev1.WitnessRequest) error
}

func say(t *testing.T, s sender, m *edgev1.WitnessRequest) {
	t.Helper()
	if err := s.Send(m); err != nil {
		t.Fatal(err)
	}
}

// steps sends messages, takes an answer to each, and returns the first error.
func steps(t *testing.T, client edgev1.AuditServiceClient, messages ...*edgev1.WitnessRequest) error {
	t.Helper()
	stream, err := client.Witness(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		say(t, stream, m)
		if _, err := stream.Recv(); err != nil {
			return err
		}
	}
	return nil
}

// reasonOf returns the stable sub-code of a refusal, or "".
func reasonOf(err error) string {
	for _, d := range status.Convert(err).Details() {
		if r, ok := d.(*edgev1.Refusal); ok {
			return r.GetReason()
		}
	}
	return ""
}
