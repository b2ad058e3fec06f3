//go:build e2e

package hostile

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// TestReceipts has the region's program ask for records and checks what it was
// given to prove it with the agent's public key alone: that the decision is in
// the journal, and that later journals begin with that one.
func TestReceipts(t *testing.T) {
	s := newSite(t)
	agent := s.start(t)
	s.fill(t)
	reply, err := edgev1.NewAuditServiceClient(s.as(t, officeURI).Conn()).GetJournalHead(within(t), &edgev1.GetJournalHeadRequest{})
	must(t, err)
	key := reply.GetVerifierKey()
	if key != s.keys(t).Signer.VerifierKey() {
		t.Error("the agent names another key than the site's")
	}
	for range 3 {
		checkReceipt(t, s.receipt(t, member(t, memory.CastEmergency)), key)
	}
	agent.kill()
	agent = s.start(t)
	checkReceipt(t, s.receipt(t, member(t, memory.CastEmergency)), key)
	agent.stop()
}

// receipt asks for a record with mcrctl record get and returns its end.
func (s *site) receipt(t *testing.T, m memory.Member) *edgev1.Closing {
	t.Helper()
	number := filepath.Join(s.dir, "number.txt")
	must(t, os.WriteFile(number, []byte(m.NHSNumber.Reveal()), 0o600))
	cmd := exec.Command(region, "record", "get", "--region", s.folder(t, recordsURI), "--format", "json", "--nhs-number-file", number,
		"--user-id", "quser-7", "--user-name", "Dr Qanary User", "--role-code", "R0260", "--role-name", "Doctor", "--organisation", "RWH",
		"--organisation-name", "A hospital", "--permission", "ASKED", "--family-name", m.Family, "--given-name", m.Given, "--birth-date", m.BirthDate.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("record get: %v: %s", err, out)
	}
	var answer struct{ Closing json.RawMessage }
	must(t, json.Unmarshal(out, &answer))
	closing := &edgev1.Closing{}
	must(t, protojson.Unmarshal(answer.Closing, closing))
	return closing
}

// checkReceipt checks a receipt, and that the check would see a wrong one.
func checkReceipt(t *testing.T, c *edgev1.Closing, key string) {
	t.Helper()
	head, _, err := tree.ParseHead(c.GetProof().GetSignedHead(), key)
	must(t, err)
	var hashes []tree.Hash
	for _, h := range c.GetProof().GetHashes() {
		hashes = append(hashes, tree.Hash(h))
	}
	n, leaf := c.GetDecision().GetSequence(), tree.Hash(c.GetDecision().GetLeafHash())
	if head.Size < n || head.Size != c.GetProof().GetTreeSize() {
		t.Errorf("the head has %d entries, the proof %d, and the decision is entry %d", head.Size, c.GetProof().GetTreeSize(), n)
	}
	if err := tree.CheckInclusion(n-1, head.Size, leaf, head.Root, hashes); err != nil {
		t.Errorf("the decision, entry %d of %d, is not proved: %v", n, head.Size, err)
	}
	leaf[0] ^= 1
	if tree.CheckInclusion(n-1, head.Size, leaf, head.Root, hashes) == nil {
		t.Error("another entry is proved as well")
	}
	if !strings.HasPrefix(key, head.Origin+"+") {
		t.Errorf("the head is that of %q", head.Origin)
	}
}
