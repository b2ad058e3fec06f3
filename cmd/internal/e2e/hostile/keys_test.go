//go:build e2e

package hostile

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mycarerecord/edge-agent/agent"
	"github.com/mycarerecord/edge-agent/agent/audit/verify"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
	"github.com/mycarerecord/edge-agent/connectors/all"
)

// keys returns the keys of the site's journal. The site gets its key if it has
// none yet.
func (s *site) keys(t testing.TB) agent.JournalKeys {
	t.Helper()
	c, err := config.Load(s.config, all.Registry())
	must(t, err)
	key, err := sitekey.OpenOrCreate(agent.KeySource(c))
	must(t, err)
	keys, err := agent.JournalKeysOf(c, key)
	must(t, err)
	return keys
}

// holdsTogether verifies the journal: nothing in it was edited, and no number is
// missing but those that it tells of.
func (s *site) holdsTogether(t *testing.T) {
	t.Helper()
	report, err := verify.Check(t.Context(), verify.Options{Folder: s.journalFolder(), Keys: []string{s.keys(t).Signer.VerifierKey()}})
	must(t, err)
	if !report.Fine() || report.Entries == 0 {
		t.Errorf("the journal of %d entries does not hold together: %+v", report.Entries, report.Findings)
	}
}

// ctl runs mcrctl as one of the brokers and returns what it printed and its
// exit code.
func (s *site) ctl(t testing.TB, uri string, words ...string) (string, int) {
	t.Helper()
	return s.ctlIn(t, s.folder(t, uri), words...)
}

// ctlIn is ctl with a region's folder that remembers.
func (s *site) ctlIn(t testing.TB, folder string, words ...string) (string, int) {
	t.Helper()
	return output(t, exec.Command(region, append(words, "--region", folder)...))
}

// folder makes a region's folder for one of the brokers.
func (s *site) folder(t testing.TB, uri string) string {
	t.Helper()
	folder := shortDir(t)
	certificate, _, err := s.broker(t, uri).WriteFiles(folder, "broker")
	must(t, err)
	must(t, os.Rename(certificate, filepath.Join(folder, "broker.crt")))
	must(t, s.region.WriteRoot(filepath.Join(folder, "ca.pem")))
	must(t, os.WriteFile(filepath.Join(folder, "address"), []byte(s.address), 0o600))
	must(t, os.WriteFile(filepath.Join(folder, "server_name"), []byte("localhost"), 0o600))
	return folder
}
