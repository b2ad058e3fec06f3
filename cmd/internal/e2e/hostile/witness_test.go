//go:build e2e

package hostile

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/memory"
)

// exitHistory is how mcrctl audit witness ends when history has changed.
const exitHistory = 6

// witness is a witness of a site's journal, with its key and what it remembers.
type witness struct {
	site       *site
	key, state string
}

// witnessed makes a witness and has the site accept it.
func (s *site) witnessed(t *testing.T) *witness {
	t.Helper()
	folder := shortDir(t)
	w := &witness{s, filepath.Join(folder, "witness.key"), filepath.Join(folder, "seen.json")}
	key, code := output(t, exec.Command(region, "audit", "witness", "--witness-key", w.key, "--show-key"))
	if code != 0 {
		t.Fatalf("--show-key ends with code %d: %s", code, key)
	}
	s.configure(t, "journal:\n  witnesses: ['"+strings.TrimSpace(key)+"']\n")
	return w
}

// configure adds a part to agent.yaml.
func (s *site) configure(t testing.TB, part string) {
	t.Helper()
	yaml, err := os.ReadFile(s.config)
	must(t, err)
	s.write(t, "agent.yaml", string(yaml)+part)
}

// look has the witness look and wants it to end so.
func (w *witness) look(t *testing.T, code int, says string, more ...string) {
	t.Helper()
	words := append([]string{"audit", "witness", "--witness-key", w.key, "--state", w.state}, more...)
	out, got := w.site.ctl(t, officeURI, words...)
	if got != code || !strings.Contains(out, says) {
		t.Errorf("the witness ends with code %d and says %q, want %d and %q", got, out, code, says)
	}
}

// seen returns the head that the witness remembers.
func (w *witness) seen(t *testing.T) (note []byte, head tree.Head) {
	t.Helper()
	text, err := os.ReadFile(w.state)
	must(t, err)
	var seen struct {
		VerifierKey string `json:"verifier_key"`
		Head        []byte `json:"head"`
	}
	must(t, json.Unmarshal(text, &seen))
	head, _, err = tree.ParseHead(seen.Head, seen.VerifierKey)
	must(t, err)
	return seen.Head, head
}

// TestWitness has a witness look at a journal that is as it should be: for the
// first time, again, after more entries, and after the agent was started anew.
func TestWitness(t *testing.T) {
	s := newSite(t)
	w := s.witnessed(t)
	agent := s.start(t)
	s.fill(t)
	client, patient := s.as(t, recordsURI), member(t, memory.CastEmergency)
	var last uint64
	grown := func() {
		t.Helper()
		w.look(t, 0, "are countersigned")
		_, head := w.seen(t)
		if head.Size <= last {
			t.Errorf("the witness has seen %d entries, and %d before", head.Size, last)
		}
		last = head.Size
	}
	grown()
	for range 3 {
		wholeRecord(t, client, patient)
		grown()
	}
	agent.kill() // what was countersigned is on disk even so
	agent = s.start(t)
	grown()
	agent.stop()
	if n := s.count(t, care.JournalWitnessed); n != 5 {
		t.Errorf("the journal tells of %d countersignatures, want 5", n)
	}
	s.holdsTogether(t)
}

// TestWitnessOfAnotherSite gives a witness another site's journal in the place
// of the one that it knows.
func TestWitnessOfAnotherSite(t *testing.T) {
	s := newSite(t)
	w := s.witnessed(t)
	s.start(t)
	w.look(t, 0, "are countersigned")
	other := newSite(t)
	other.witnessed(t)
	other.start(t)
	w.site = other
	w.look(t, exitHistory, "HISTORY HAS CHANGED")
}
