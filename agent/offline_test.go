package agent

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

// stopped returns a site that has a key and a journal that nobody has open.
func stopped(t *testing.T) *Agent {
	t.Helper()
	a := journalled(t, care.Event{Kind: care.AgentStarted}, care.Event{Kind: care.AgentStopped})
	if err := a.journal.Close(); err != nil {
		t.Fatal(err)
	}
	key, err := sitekey.New([]byte("0123456789abcdef0123456789abcdef"))
	if err == nil {
		err = sitekey.Save(KeySource(a.site), key)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// kinds returns the entries of a kind.
func kinds(t *testing.T, a *Agent, kind care.EventKind) (list []audit.Line) {
	t.Helper()
	for line, err := range audit.Read(JournalFolder(a.site), 1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if line.Kind == kind {
			list = append(list, line)
		}
	}
	return list
}

// refuse tells of a refusal and returns its reason if that could not be done.
func refuse(t *testing.T, a *Agent) string {
	t.Helper()
	return care.ReasonOf(NoteRefused(t.Context(), a.site, 7, hclog.NewNullLogger()))
}

// TestRefusedConfigIsJournalled: once for each run and file, however often the
// service manager tries.
func TestRefusedConfigIsJournalled(t *testing.T) {
	a := stopped(t)
	for range 3 {
		if reason := refuse(t, a); reason != "" {
			t.Fatal(reason)
		}
	}
	lines := kinds(t, a, care.ConfigRefused)
	if len(lines) != 1 {
		t.Fatalf("%d entries", len(lines))
	}
	if l := lines[0]; l.Count != 7 || l.TrueReason != reasonFaulty || l.Actor != "agent" || l.Detail != "agent.yaml" || l.ConfigHash != a.site.Fingerprint() {
		t.Errorf("the entry is %s", l.Raw)
	}
	for want, between := range map[string]care.Event{
		"another file": {Kind: care.ConfigRefused, ConfigHash: "another file"},
		"a run":        {Kind: care.AgentStarted},
	} {
		before := len(kinds(t, a, care.ConfigRefused))
		if between.Kind == care.ConfigRefused {
			before++
		}
		journal, err := audit.Open(JournalFolder(a.site), a.journalOptions(a.keys))
		if err != nil {
			t.Fatal(err)
		}
		journal.Append(between)
		if err := journal.Close(); err != nil {
			t.Fatal(err)
		}
		if reason := refuse(t, a); reason != "" || len(kinds(t, a, care.ConfigRefused)) != before+1 {
			t.Errorf("after %s: %q, %d entries", want, reason, len(kinds(t, a, care.ConfigRefused)))
		}
	}
}

// TestRefusedConfigChangesNothingElse: no journal is made, none of another key
// or of a running agent is touched.
func TestRefusedConfigChangesNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*testing.T, *Agent)
		reason  string
	}{
		"no journal": {func(t *testing.T, a *Agent) {
			if err := os.RemoveAll(JournalFolder(a.site)); err != nil {
				t.Fatal(err)
			}
		}, ""},
		"no head": {func(t *testing.T, a *Agent) {
			if err := os.Remove(filepath.Join(JournalFolder(a.site), "checkpoint")); err != nil {
				t.Fatal(err)
			}
		}, audit.ReasonMissing},
		"no key": {func(t *testing.T, a *Agent) {
			if err := os.Remove(KeySource(a.site).Path); err != nil {
				t.Fatal(err)
			}
		}, "KEY_MISSING"},
		"another site's": {func(_ *testing.T, a *Agent) { a.site.Organisation.ODSCode = "Y99902" }, audit.ReasonMissing},
		"another account's": {func(t *testing.T, a *Agent) {
			if os.Geteuid() != 0 { // only root can use it; for others its mode says no
				if err := os.Chmod(JournalFolder(a.site), 0o755); err != nil {
					t.Fatal(err)
				}
			} else if err := os.Chown(JournalFolder(a.site), 65534, -1); err != nil {
				t.Fatal(err)
			}
		}, audit.ReasonPermissions},
		"another agent": {func(t *testing.T, a *Agent) {
			j, err := audit.Open(JournalFolder(a.site), a.journalOptions(a.keys))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = j.Close() })
		}, audit.ReasonLocked},
	} {
		t.Run(name, func(t *testing.T) {
			a := stopped(t)
			c.prepare(t, a)
			before := contents(t, a.site.StateFolder)
			if reason := refuse(t, a); reason != c.reason {
				t.Errorf("refused with %q, want %q", reason, c.reason)
			}
			if after := contents(t, a.site.StateFolder); after != before {
				t.Errorf("the state folder was\n%s\nand is\n%s", before, after)
			}
		})
	}
}

// contents returns the names and digests of all files below a folder.
func contents(t *testing.T, folder string) (all string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		all += fmt.Sprintf("%s %x\n", path, sha256.Sum256(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestNoteNamesTheAccount: what a command writes itself says who ran it and with
// which configuration.
func TestNoteNamesTheAccount(t *testing.T) {
	a := stopped(t)
	if err := Note(t.Context(), a.site, care.Event{Kind: care.SiteKeyCopied, Detail: "for a test"}, hclog.NewNullLogger()); err != nil {
		t.Fatal(err)
	}
	lines := kinds(t, a, care.SiteKeyCopied)
	if len(lines) != 1 || lines[0].Actor != ownAccount() || lines[0].Detail != "for a test" {
		t.Errorf("the entries are %+v", lines)
	}
}
