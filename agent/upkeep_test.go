package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

// TestCheckIntegrity: a journal that no witness has seen is sound, but nothing
// of it is called countersigned, whatever heads lie beside it; one that was
// changed raises the alarm.
func TestCheckIntegrity(t *testing.T) {
	key, err := sitekey.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	site := &config.Site{StateFolder: t.TempDir(), Organisation: config.Organisation{ODSCode: "Y99901"}}
	a := &Agent{site: site, log: hclog.NewNullLogger()}
	if a.keys, err = JournalKeysOf(site, key); err != nil {
		t.Fatal(err)
	}
	j, err := audit.Open(JournalFolder(site), a.journalOptions(a.keys))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		j.Append(care.Event{Kind: care.AgentStarted, Actor: "somebody"})
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	e, err := a.checkIntegrity(t.Context())
	if err != nil || e.Alert || e.To != 3 || e.Detail != "3 entries, 0 findings, countersigned up to entry 0" {
		t.Errorf("of a sound journal: %+v, %v", e, err)
	}

	segments, err := filepath.Glob(filepath.Join(JournalFolder(site), "journal-*.jsonl"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	text, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(segments[0], []byte(strings.Replace(string(text), "somebody", "somebodz", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if e, err = a.checkIntegrity(t.Context()); err != nil || !e.Alert {
		t.Errorf("of a changed journal: %+v, %v", e, err)
	}
}
