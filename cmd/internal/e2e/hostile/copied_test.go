//go:build e2e

package hostile

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// typedReason is why somebody looked without asking: it may name a patient.
const typedReason = "Qaryxa collapsed in the street"

// TestJournalIsReadAndNamesNobody makes a journal about one patient, reads it
// with the site's commands, with and without an agent that runs, and looks at
// every byte of a copy of its folder.
func TestJournalIsReadAndNamesNobody(t *testing.T) {
	s := largeSite(t)
	agent := s.start(t)
	s.fill(t)
	document := s.lookAtEverything(t, s.as(t, recordsURI))
	for _, name := range []string{"checkpoint", "index/*"} { // without a signed head there is nothing to export
		eventually(t, name+" is there", func() bool {
			found, err := filepath.Glob(filepath.Join(s.journalFolder(), name))
			return err == nil && len(found) > 0
		})
	}
	s.readsJournal(t, "running")
	agent.stop()
	s.readsJournal(t, "stopped")
	for _, kind := range []care.EventKind{care.JournalSearched, care.JournalExported} {
		if n := s.count(t, kind); n < 2 {
			t.Errorf("the journal tells of %d %s, want 2 at least", n, kind)
		}
	}
	number := large().NHSNumber.Reveal()
	s.namesNobody(t, number, number[:3]+" "+number[3:6]+" "+number[6:], document, documentKey, typedReason, "Qaryxa")
	s.isPrivate(t)
}

// lookAtEverything asks for the large patient's record and document, breaks the
// glass, and returns the document's id.
func (s *site) lookAtEverything(t *testing.T, client *edge.Client) string {
	t.Helper()
	request := &edgev1.GetRecordRequest{Context: asking(large())}
	request.Context.Purpose, request.Context.Permission = edgev1.Purpose_PURPOSE_BTG, edgev1.Permission_PERMISSION_NOT_ASKED
	request.Context.Reason = typedReason
	record, err := client.GetRecord(within(t), request)
	must(t, err)
	at := slices.IndexFunc(record.Sections, func(s edge.Section) bool { return s.Section == care.Documents })
	id := largeDocumentID(t, record.Sections[at].Records)
	_, err = client.GetDocument(within(t), &edgev1.GetDocumentRequest{Context: asking(large()), DocumentId: id}, io.Discard)
	must(t, err)
	return id
}

// readsJournal uses every command that reads it and wants the patient in what
// they print for those who may know.
func (s *site) readsJournal(t *testing.T, when string) {
	t.Helper()
	number := large().NHSNumber.Reveal()
	out, code := s.command(t, "audit", "search", "--nhs-number", number, "--format", "ndjson")
	if code != 0 || strings.Count(out, `"RELEASE_DECIDED"`) != 2 || !strings.Contains(out, number) || !strings.Contains(out, typedReason) {
		t.Errorf("%s: audit search ends with code %d: %s", when, code, out)
	}
	report := filepath.Join(s.dir, when+".html")
	out, code = s.command(t, "audit", "report", "--nhs-number", number, "--out", report)
	if text, err := os.ReadFile(report); code != 0 || err != nil || !bytes.Contains(text, []byte("Dr Qanary User")) {
		t.Errorf("%s: audit report ends with code %d: %s", when, code, out)
	}
	export := filepath.Join(s.dir, when+".zip")
	if out, code = s.command(t, "audit", "export", "--out", export); code != 0 {
		t.Errorf("%s: audit export ends with code %d: %s", when, code, out)
	}
	out, code = output(t, exec.Command(region, "audit", "verify", export, "--key", s.keys(t).Signer.VerifierKey()))
	if code != 0 {
		t.Errorf("%s: mcrctl audit verify ends with code %d: %s", when, code, out)
	}
	s.verified(t)
}

// namesNobody looks for texts in every file of the journal's folder, and first
// makes sure that it would find one.
func (s *site) namesNobody(t *testing.T, texts ...string) {
	t.Helper()
	copied := filepath.Join(shortDir(t), "copy")
	copyFolder(t, s.journalFolder(), copied)
	staff := false // who is named in clear
	must(t, filepath.WalkDir(copied, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		all, err := os.ReadFile(path)
		must(t, err)
		staff = staff || bytes.Contains(all, []byte("Dr Qanary User"))
		for _, text := range texts {
			if bytes.Contains(bytes.ToLower(all), bytes.ToLower([]byte(text))) {
				t.Errorf("%s of a copied journal holds %q", filepath.Base(path), text)
			}
		}
		return nil
	}))
	if !staff {
		t.Error("nobody is named at all, so nobody would be found")
	}
}

// isPrivate wants nothing in the journal's folder to be open to others.
func (s *site) isPrivate(t *testing.T) {
	t.Helper()
	must(t, filepath.WalkDir(s.journalFolder(), func(path string, e os.DirEntry, err error) error {
		must(t, err)
		info, err := e.Info()
		must(t, err)
		mode := info.Mode().Perm()
		if good := mode == 0o600 || mode == 0o400; e.IsDir() && mode != 0o700 || !e.IsDir() && !good {
			t.Errorf("%s has mode %o", path, mode)
		}
		return nil
	}))
}

// TestOpenToOthers opens a file of the journal to others while the agent is
// stopped: it does not start.
func TestOpenToOthers(t *testing.T) {
	s := newSite(t)
	s.start(t).stop()
	must(t, os.Chmod(s.segments(t)[0], 0o640))
	agent := s.launch(t)
	if code := agent.wait(); code != exitFailed || !strings.Contains(agent.text(), "PERMISSIONS") {
		t.Errorf("ended with code %d: %s", code, agent.text())
	}
}
