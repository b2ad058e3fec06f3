package edge_test

import (
	"context"
	"crypto/tls"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge/edgetest"
)

// archive is a site with a real journal, which can be put in the place of
// another as whoever rewrites history would.
type archive struct {
	site
	journal *audit.Journal
	signer  *tree.Signer
}

func (a *archive) Head() (uint64, []byte, error) { return a.journal.Head() }
func (a *archive) VerifierKey() string           { return a.signer.VerifierKey() }

func (a *archive) Consistency(old uint64) ([]byte, [][32]byte, error) {
	_, note, proof, err := a.journal.Consistency(old)
	return note, proof, err
}

func (a *archive) Countersigned(_ context.Context, note []byte) (care.Position, error) {
	_, at, err := a.journal.Countersigned(note)
	return at, err
}

func (a *archive) Note(context.Context, care.Event) (care.Position, error) {
	return care.Position{}, nil
}

func (a *archive) Archive(context.Context, string, time.Time) (int, error) { return 0, nil }

// Status is what GetStatus tells.
func (a *archive) Status() broker.Status { return broker.Status{} }

// auditor lets everybody witness who has a certificate of the region.
type auditor struct{}

func (auditor) Identify(*tls.ConnectionState) (identity.Caller, error) {
	return identity.Caller{Peer: identity.Peer{Name: "witness", Roles: identity.RoleAudit}}, nil
}

// journalOf opens a journal whose entries have the given details.
func journalOf(t *testing.T, signer *tree.Signer, witness string, details ...string) *audit.Journal {
	t.Helper()
	box, err := audit.NewBox([32]byte{1}, "0a1b2c3d")
	if err != nil {
		t.Fatal(err)
	}
	j, err := audit.Open(filepath.Join(t.TempDir(), "journal"), audit.Options{Box: box, Signer: signer, Witnesses: []string{witness},
		Now: func() time.Time { return time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	write(t, j, details...)
	return j
}

func write(t *testing.T, j *audit.Journal, details ...string) {
	t.Helper()
	for _, d := range details {
		if err := j.Append(care.Event{Kind: care.ConfigApplied, Detail: d}).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWitness follows one journal, and then others that claim to be it.
func TestWitness(t *testing.T) {
	signer, err := tree.NewSigner("example.org/Y99901/journal", &[32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := tree.NewSigner("example.org/Y99901/journal", &[32]byte{2})
	if err != nil {
		t.Fatal(err)
	}
	witness, err := tree.NewWitness("example.org/witness", &[32]byte{3})
	if err != nil {
		t.Fatal(err)
	}
	key := witness.VerifierKey()
	a := &archive{journal: journalOf(t, signer, key, "a", "b", "c"), signer: signer}
	_, region := edgetest.Serve(t, func(credentials grpc.ServerOption) *grpc.Server {
		return broker.NewServer(broker.Settings{Audit: a, Operation: a, Consent: nil, Door: broker.NewDoorman(a, hclog.NewNullLogger()),
			Health: health.NewServer(), Calls: 4, PerMinute: 6000, Documents: 1}, auditor{}, credentials)
	})
	client := edgetest.Dial(t, region)
	look := func(seen edge.Witnessed) (edge.Witnessed, uint64, error) {
		return client.Witness(t.Context(), witness, seen, time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC))
	}

	seen, entry, err := look(edge.Witnessed{})
	if err != nil || entry != 4 {
		t.Fatalf("the first look: entry %d, %v", entry, err)
	}
	head, signed, err := tree.ParseHead(seen.Head, signer.VerifierKey(), key)
	if err != nil || head.Size != 3 || len(signed) != 1 {
		t.Fatalf("countersigned %+v by %v: %v", head, signed, err)
	}
	write(t, a.journal, "d", "e")
	seen, entry, err = look(seen) // 3 follows from; 4 is the entry of the first look
	if err != nil || entry != 7 {
		t.Fatalf("the second look: entry %d, %v", entry, err)
	}

	for name, impostor := range map[string]struct {
		signer *tree.Signer
		texts  []string
		want   string
	}{
		"an entry was changed":  {signer, []string{"a", "X", "c", "d", "e", "f", "g", "h"}, "does not begin"},
		"entries were removed":  {signer, []string{"a", "b"}, "fewer entries"},
		"another key":           {stranger, []string{"a", "b", "c", "d", "e", "f", "g", "h"}, "another key"},
		"it was written anew":   {signer, []string{"a", "b", "c", "d", "e", "f"}, "does not begin"},
		"it is empty":           {signer, nil, "fewer entries"},
		"all but the newest is": {signer, []string{"b", "c", "d", "e", "f", "g", "h"}, "does not begin"},
	} {
		t.Run(name, func(t *testing.T) {
			before := *a
			defer func() { *a = before }()
			a.signer, a.journal = impostor.signer, journalOf(t, impostor.signer, key, impostor.texts...)
			now, entry, err := look(seen)
			changed, ok := errors.AsType[*edge.HistoryChanged](err)
			if !ok || !strings.Contains(changed.What, impostor.want) {
				t.Errorf("the witness was told %v, want history that changed: %q", err, impostor.want)
			}
			if entry != 0 || string(now.Head) != string(seen.Head) {
				t.Error("the witness countersigned it")
			}
		})
	}

	write(t, a.journal, "f")
	if _, _, err := look(seen); err != nil {
		t.Errorf("the journal that was seen is refused: %v", err)
	}
}

// A witness that the site did not name is not kept.
func TestUnknownWitness(t *testing.T) {
	signer, err := tree.NewSigner("example.org/Y99901/journal", &[32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	known, err := tree.NewWitness("example.org/witness", &[32]byte{3})
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := tree.NewWitness("example.org/other", &[32]byte{4})
	if err != nil {
		t.Fatal(err)
	}
	a := &archive{journal: journalOf(t, signer, known.VerifierKey(), "a"), signer: signer}
	_, region := edgetest.Serve(t, func(credentials grpc.ServerOption) *grpc.Server {
		return broker.NewServer(broker.Settings{Audit: a, Operation: a, Door: broker.NewDoorman(a, hclog.NewNullLogger()),
			Health: health.NewServer(), Calls: 4, PerMinute: 600, Documents: 1}, auditor{}, credentials)
	})
	_, _, err = edgetest.Dial(t, region).Witness(t.Context(), unknown, edge.Witnessed{}, time.Now())
	if refusal, ok := edge.RefusalOf(err); !ok || refusal.GetReason() != audit.ReasonNotWitness {
		t.Errorf("the answer is %v, want %s", err, audit.ReasonNotWitness)
	}
	if n := a.journal.Status().Entries; n != 1 {
		t.Errorf("the journal has %d entries, want the one it had", n)
	}
}
