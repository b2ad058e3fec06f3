//go:build e2e

package hostile

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/audit/verify"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// exitRefusedBySite is how mcrctl ends when the agent refuses.
const exitRefusedBySite = 2

// attack is a change of a journal's history while the agent is stopped.
type attack struct {
	name   string
	change func(*testing.T, *past)
	// reason is why the agent then refuses, or empty: it cannot know. The
	// witness always does.
	reason string
	found  []verify.Code // one of them by audit verify, with the head that the witness kept
}

// past is a site whose journal was copied before its last entries.
type past struct {
	*site
	older string // the copy of the journal's folder
	seen  uint64 // entries that the witness has seen
}

var attacks = []attack{
	{"an older copy of the journal", func(t *testing.T, p *past) {
		must(t, os.RemoveAll(p.journalFolder()))
		copyFolder(t, p.older, p.journalFolder())
	}, "", []verify.Code{verify.Truncated, verify.Recreated}},
	{"an older copy of the segments", func(t *testing.T, p *past) {
		for _, file := range p.segments(t) {
			must(t, os.Remove(file))
			copyFile(t, filepath.Join(p.older, filepath.Base(file)), file)
		}
	}, audit.ReasonRolledBack, []verify.Code{verify.Truncated}},
	{"the end is cut off", func(t *testing.T, p *past) { p.cut(t) }, audit.ReasonRolledBack, []verify.Code{verify.Truncated}},
	{"the end is cut off and the checkpoint deleted", func(t *testing.T, p *past) {
		p.cut(t)
		must(t, os.Remove(filepath.Join(p.journalFolder(), "checkpoint")))
	}, audit.ReasonRolledBack, []verify.Code{verify.Truncated}},
	{"the end, the checkpoint and the countersigned heads are cut alike", func(t *testing.T, p *past) {
		p.cut(t)
		must(t, os.Remove(filepath.Join(p.journalFolder(), "checkpoint")))
		must(t, os.RemoveAll(filepath.Join(p.journalFolder(), "heads")))
	}, "", []verify.Code{verify.Truncated, verify.Recreated}},
	{"an entry is edited and all after it are linked anew", func(t *testing.T, p *past) { p.edit(t) }, audit.ReasonRewritten, []verify.Code{verify.Rewritten}},
	{"the journal is made anew with the same key", func(t *testing.T, p *past) {
		must(t, os.RemoveAll(p.journalFolder()))
		keys := p.keys(t)
		j, err := audit.Open(p.journalFolder(), audit.Options{Box: keys.Box, Signer: keys.Signer})
		must(t, err)
		for range 500 { // more than there were
			must(t, j.Append(care.Event{Kind: care.AgentStarted, Actor: "nothing to see"}).Wait(t.Context()))
		}
		must(t, j.Close())
	}, "", []verify.Code{verify.Recreated}},
}

// TestHistoryChanged changes the history of a journal behind the agent's back.
// What the folder alone shows the agent refuses to go on with. Where journal,
// checkpoint and heads were all replaced alike, no program at the site can know
// that more was there: the agent starts. The witness finds every one.
func TestHistoryChanged(t *testing.T) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			p, w := withPast(t)
			a.change(t, p)
			note, _ := w.seen(t)
			head := filepath.Join(p.dir, "kept.note")
			must(t, os.WriteFile(head, note, 0o600))
			a.start(t, p, w)
			p.findsAttack(t, a, head)
		})
	}
}

// withPast makes a site with a past: a witness looked, the journal was copied,
// more was released, and the witness looked again.
func withPast(t *testing.T) (*past, *witness) {
	t.Helper()
	p := &past{site: newSite(t), older: filepath.Join(shortDir(t), "older")}
	w := p.witnessed(t)
	agent := p.start(t)
	p.fill(t)
	w.look(t, 0, "are countersigned")
	agent.stop()
	copyFolder(t, p.journalFolder(), p.older)
	agent = p.start(t)
	client, patient := p.as(t, recordsURI), member(t, memory.CastEmergency)
	for range 5 {
		wholeRecord(t, client, patient)
	}
	w.look(t, 0, "are countersigned")
	agent.stop()
	_, head := w.seen(t)
	p.seen = head.Size
	return p, w
}

// start starts the agent on the changed journal.
func (a *attack) start(t *testing.T, p *past, w *witness) {
	t.Helper()
	agent := p.site.start(t)
	record, err := p.as(t, recordsURI).GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(member(t, memory.CastEmergency))})
	if a.reason == "" {
		must(t, err) // it cannot know
		w.look(t, exitHistory, "HISTORY HAS CHANGED")
		agent.stop()
		return
	}
	unwritten(t, record, err, a.reason)
	p.attention(t)
	w.look(t, exitRefusedBySite, a.reason)
	p.mends(t, agent, w)
}

// mends renews a journal that the agent refuses to go on with, and has the
// witness accept the new one only when it is told to.
func (p *past) mends(t *testing.T, agent *running, w *witness) {
	t.Helper()
	copyFolder(t, p.journalFolder(), p.journalFolder()+".evidence")
	if out, code := p.command(t, "audit", "renew", "--reason", "tested"); code == 0 {
		t.Errorf("the journal is renewed under a running agent: %s", out)
	}
	agent.end(exitFailed)
	if out, code := p.command(t, "audit", "renew", "--reason", "tested"); code != 0 {
		t.Fatalf("audit renew ends with code %d: %s", code, out)
	}
	if kept, err := filepath.Glob(p.journalFolder() + "-lost-*"); err != nil || len(kept) != 1 {
		t.Errorf("the old journal is not kept: %v", err)
	}
	agent = p.site.start(t)
	wholeRecord(t, p.as(t, recordsURI), member(t, memory.CastEmergency))
	w.look(t, exitHistory, "HISTORY HAS CHANGED")
	w.look(t, 0, "are countersigned", "--new-journal")
	w.look(t, 0, "are countersigned")
	agent.stop()
	if p.count(t, care.JournalRenewed) != 1 {
		t.Error("the new journal does not tell that it is one")
	}
	p.holdsTogether(t)
	must(t, os.RemoveAll(p.journalFolder()))
	must(t, os.Rename(p.journalFolder()+".evidence", p.journalFolder())) // for findsAttack
}

// findsAttack wants audit verify to say what was done.
func (p *past) findsAttack(t *testing.T, a attack, head string) {
	t.Helper()
	report := p.verified(t, "--head", head)
	if !slices.ContainsFunc(report.Findings, func(f verify.Finding) bool { return slices.Contains(a.found, f.Code) }) {
		t.Errorf("audit verify finds %+v, want one of %s", report.Findings, a.found)
	}
}

// verified runs audit verify. Its exit code must be that of what it finds.
func (s *site) verified(t *testing.T, more ...string) (report verify.Report) {
	t.Helper()
	cmd := exec.Command(program, append([]string{"audit", "verify", "--json", "--config", s.config}, more...)...)
	out, err := cmd.Output()
	code := cmd.ProcessState.ExitCode()
	if json.Unmarshal(out, &report) != nil {
		t.Fatalf("audit verify ends with code %d and prints no report: %v: %s", code, err, out)
	}
	if want := map[bool]int{true: 0, false: exitRefused}[report.Fine()]; code != want {
		t.Errorf("audit verify ends with code %d and finds %+v", code, report.Findings)
	}
	return report
}

// attention wants the status to say that the journal cannot be written.
func (s *site) attention(t *testing.T) {
	t.Helper()
	reply, err := s.as(t, officeURI).Status(within(t))
	must(t, err)
	if reply.GetReleasing() || !slices.ContainsFunc(reply.GetAttention(), func(a string) bool { return strings.Contains(a, "the journal cannot be written") }) {
		t.Errorf("the status says: releasing %v, %q", reply.GetReleasing(), reply.GetAttention())
	}
}

// cut takes from the newest segment its last entries: of those that the witness
// has seen, and all after them.
func (p *past) cut(t *testing.T) {
	t.Helper()
	path, lines := p.newest(t)
	keep := slices.IndexFunc(lines, func(line []byte) bool { return sequenceOf(t, line) > p.seen-3 })
	must(t, os.Truncate(path, int64(len(bytes.Join(lines[:keep], nil)))))
}

// edit changes who asked, in an entry that the witness has seen, and gives every
// line after it the hash that it then must have.
func (p *past) edit(t *testing.T) {
	t.Helper()
	path, lines := p.newest(t)
	at := slices.IndexFunc(lines, func(line []byte) bool { return bytes.Contains(line, []byte("Dr Qanary User")) })
	lines[at] = bytes.Replace(lines[at], []byte("Dr Qanary User"), []byte("Dr Nobody Here"), 1)
	before := lines[at]
	for _, line := range lines[at+1:] {
		hash := tree.LeafHash(bytes.TrimSuffix(before, []byte{'\n'}))
		_, value, found := bytes.Cut(line, []byte(`"prev":"`))
		if !found {
			t.Fatal("a line names no hash")
		}
		hex.Encode(value[:2*len(hash)], hash[:])
		before = line
	}
	must(t, os.WriteFile(path, bytes.Join(lines, nil), 0o600))
}

// newest returns the path of the newest segment and its lines.
func (s *site) newest(t *testing.T) (path string, lines [][]byte) {
	t.Helper()
	files := s.segments(t)
	path = files[len(files)-1]
	text, err := os.ReadFile(path)
	must(t, err)
	text, _, _ = bytes.Cut(text, []byte{0})
	return path, slices.Collect(bytes.Lines(text))
}

// TestEditedLine edits one line and nothing else. The line after it names the
// hash of what was written, so the tree is whole and the agent goes on, in a new
// segment: it tells of the damage, and audit verify names the entry.
func TestEditedLine(t *testing.T) {
	p, w := withPast(t)
	path, lines := p.newest(t)
	at := slices.IndexFunc(lines, func(line []byte) bool { return bytes.Contains(line, []byte("Dr Qanary User")) })
	want := sequenceOf(t, lines[at])
	lines[at] = bytes.Replace(lines[at], []byte("Dr Qanary User"), []byte("Dr Nobody Here"), 1)
	must(t, os.WriteFile(path, bytes.Join(lines, nil), 0o600))
	agent := p.start(t)
	w.look(t, 0, "are countersigned")
	agent.stop()
	if !slices.ContainsFunc(p.journal(t, p.seen), func(l audit.Line) bool { return l.Kind == care.JournalRepaired && l.TrueReason == audit.ReasonDamaged }) {
		t.Error("the journal does not tell of the damage")
	}
	report := p.verified(t)
	if len(report.Findings) != 1 || report.Findings[0].Code != verify.Edited || report.Findings[0].From != want || report.Findings[0].To != want {
		t.Errorf("audit verify finds %+v, want entry %d edited", report.Findings, want)
	}
}

// copyFolder copies a folder with all that is in it.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	must(t, os.CopyFS(to, os.DirFS(from)))
	must(t, filepath.WalkDir(from, func(path string, e os.DirEntry, err error) error {
		must(t, err)
		info, err := e.Info()
		must(t, err)
		name, err := filepath.Rel(from, path)
		must(t, err)
		return os.Chmod(filepath.Join(to, name), info.Mode())
	}))
}

// copyFile copies a file with its mode.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	must(t, err)
	info, err := os.Stat(from)
	must(t, err)
	must(t, os.WriteFile(to, text, info.Mode()))
}
