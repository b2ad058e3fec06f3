//go:build e2e

package hostile

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// brokenBuild is an agent that lets an answer leave too early. It is made from
// the real source by replacing a text, which must be there once.
type brokenBuild struct {
	name         string
	folder, file string
	old, text    string
	seen         []string // parts of what the order check must say; one of them
}

var brokenBuilds = []brokenBuild{
	{"the gate does not wait for the decision", "agent/gate", "release.go",
		"if err := r.decision.Wait(r.ctx); err != nil {", "if err := error(nil); err != nil {", []string{"had left"}},
	{"a commit is not synced", "agent/audit", "segment.go",
		"	if err := s.file.Sync(); err != nil {\n		return failed(op, err)\n	}\n", "", []string{"never written and synced"}},
	{"the first message leaves before the wait", "agent/gate", "gate.go",
		"r.refusedSections()\n", "r.refusedSections()\n		_ = r.Answer.Flush()\n", []string{"had left"}},
}

// TestProofsCatchBrokenBuilds runs both proofs with agents that are broken on
// purpose. A proof that passes them would pass anything.
func TestProofsCatchBrokenBuilds(t *testing.T) {
	for _, b := range brokenBuilds {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			program := b.build(t)
			s := largeSite(t)
			s.program = program
			// Slow, so that it is not left to chance which comes first.
			faults, _ := s.watch(t, large(), 4, "-e", "inject=fdatasync:delay_enter=50000")
			// A decision may ride on a commit that is under way for another entry and
			// be on disk in time after all; most cannot.
			if said := strings.Join(faults, "; "); len(faults) < 2 || !strings.Contains(said, b.seen[0]) {
				t.Errorf("the order of the system calls of 4 releases shows only: %s", said)
			}
			s = largeSite(t)
			s.program = program
			faults = s.stalled(t, large(), stalledCalls[:1], 1)
			if said := strings.Join(faults, "; "); !strings.Contains(said, "while the disk stalled") {
				t.Errorf("while the disk stalls nothing is seen but: %s", said)
			}
		})
	}
}

// build builds the broken agent and returns its path.
func (b *brokenBuild) build(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", module+"/"+b.folder).Output()
	must(t, err)
	path := filepath.Join(strings.TrimSpace(string(out)), b.file)
	source, err := os.ReadFile(path)
	must(t, err)
	if strings.Count(string(source), b.old) != 1 {
		t.Fatalf("%s/%s does not hold once: %s", b.folder, b.file, b.old)
	}
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, b.file), filepath.Join(dir, "overlay.json")
	must(t, os.WriteFile(changed, []byte(strings.Replace(string(source), b.old, b.text, 1)), 0o600))
	text, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	must(t, err)
	must(t, os.WriteFile(overlay, text, 0o600))
	must(t, build(dir, "-overlay", overlay))
	return filepath.Join(dir, "mcr-agent")
}
