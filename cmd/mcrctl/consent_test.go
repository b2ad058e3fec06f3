package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge/edgetest"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// ctl runs a command of mcrctl consent against an agent.
func ctl(t *testing.T, agent *edgetest.Agent, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(append(append([]string{"consent"}, args...), "--region", agent.Dir), strings.NewReader(""), &out, &errs); code != want {
		t.Fatalf("%v: exit code %d, want %d; %s%s", args, code, want, errs.String(), out.String())
	}
	return out.String(), errs.String()
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const flagsHeader = "nhs_number,directive,effective,by\n"

// TestPushAsOf checks that flags are as old as their file, unless it is said
// how old they are, and that a beat is of now.
func TestPushAsOf(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "flags.csv"), flagsHeader)
	if err := os.Chtimes(path, edgetest.Retrieved, edgetest.Retrieved); err != nil {
		t.Fatal(err)
	}
	c := &edgetest.Consent{}
	agent := edgetest.Start(t, edgetest.Script{Consent: c})
	begun := time.Now().Add(-time.Second)
	ctl(t, agent, exitWhole, "push", path)
	ctl(t, agent, exitWhole, "push", path, "--as-of", "2026-03-05T00:00:00Z")
	ctl(t, agent, exitWhole, "beat")
	pushes, _ := c.Pushes()
	if !pushes[0].AsOf.Equal(edgetest.Retrieved) || !pushes[1].AsOf.Equal(time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)) || pushes[2].AsOf.Before(begun) {
		t.Errorf("pushes %+v", pushes)
	}
}

// TestSigning checks that what consent key makes is what consent push signs
// with, and that its file is for one account only.
func TestSigning(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "region.key")
	var out bytes.Buffer
	if code := run([]string{"consent", "key", key, "--name", "region.test"}, nil, &out, io.Discard); code != exitWhole {
		t.Fatal(code)
	}
	if info, err := os.Stat(key); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("mode %v, err %v", info.Mode(), err)
	}
	c := &edgetest.Consent{Keys: []string{strings.TrimSpace(out.String())}}
	agent := edgetest.Start(t, edgetest.Script{Consent: c})
	path := write(t, filepath.Join(dir, "flags.csv"), flagsHeader)
	if _, stderr := ctl(t, agent, exitRefused, "push", path); !strings.Contains(stderr, feed.ReasonSignature) {
		t.Error(stderr)
	}
	ctl(t, agent, exitWhole, "push", path, "--sign", key)
	ctl(t, agent, exitWhole, "update", path, "--since", path, "--as-of", "2099-01-01T00:00:00Z", "--sign", key)
	ctl(t, agent, exitWhole, "beat", "--as-of", "2099-01-01T00:00:00Z", "--sign", key)
	if pushes, _ := c.Pushes(); len(pushes) != 3 || pushes[2].Region != "region.test" {
		t.Errorf("pushes %+v", pushes)
	}
}

// TestUpdateOfToday checks that a dissent dated today, which holds from the
// moment of the push, is still known for what it is when hours have gone by.
func TestUpdateOfToday(t *testing.T) {
	dir := t.TempDir()
	c := &edgetest.Consent{}
	agent := edgetest.Start(t, edgetest.Script{Consent: c})
	old := write(t, filepath.Join(dir, "old.csv"), flagsHeader+"9990000018,DISSENT,2026-03-05,region\n")
	ctl(t, agent, exitWhole, "push", old, "--as-of", "2026-03-05T10:00:00Z")
	ctl(t, agent, exitWhole, "beat", "--as-of", "2026-03-05T11:00:00Z")
	file := write(t, filepath.Join(dir, "new.csv"), flagsHeader+"9990000018,DISSENT,2026-03-05,region\n9990000026,DISSENT,2026-03-05,region\n")
	ctl(t, agent, exitWhole, "update", file, "--since", old, "--as-of", "2026-03-05T12:00:00Z")
	ctl(t, agent, exitWhole, "update", file, "--since", file, "--as-of", "2026-03-07T12:00:00Z")
	pushes, _ := c.Pushes()
	if len(pushes) != 4 || pushes[2].Snapshot || pushes[2].Rows != 2 || pushes[3].Snapshot {
		t.Errorf("pushes %+v", pushes)
	}
}

// TestLargeUpdate checks that more changes than one push carries become a
// snapshot.
func TestLargeUpdate(t *testing.T) {
	dir := t.TempDir()
	c := &edgetest.Consent{}
	agent := edgetest.Start(t, edgetest.Script{Consent: c})
	old := write(t, filepath.Join(dir, "old.csv"), flagsHeader)
	ctl(t, agent, exitWhole, "push", old, "--as-of", "2026-03-05T10:00:00Z")
	var text strings.Builder
	text.WriteString(flagsHeader)
	for _, d := range edgetest.Directives(1001) {
		text.WriteString(d.NHSNumber.Reveal() + ",DISSENT,2026-02-01,region\n")
	}
	file := write(t, filepath.Join(dir, "new.csv"), text.String())
	ctl(t, agent, exitWhole, "update", file, "--since", old, "--as-of", "2026-03-05T12:00:00Z")
	if pushes, _ := c.Pushes(); len(pushes) != 2 || !pushes[1].Snapshot || pushes[1].Rows != 1001 {
		t.Errorf("pushes %+v", pushes)
	}
}

// TestPushGoesOn checks that a push that broke off in one run of mcrctl goes on
// in the next.
func TestPushGoesOn(t *testing.T) {
	c := &edgetest.Consent{Breaks: []int{2, 1, 1, 1, 1, 1, 1}}
	agent := edgetest.Start(t, edgetest.Script{Consent: c})
	var text strings.Builder
	text.WriteString(flagsHeader)
	for _, d := range edgetest.Directives(3500) {
		text.WriteString(d.NHSNumber.Reveal() + ",DISSENT,2026-02-01,region\n")
	}
	file := write(t, filepath.Join(t.TempDir(), "flags.csv"), text.String())
	ctl(t, agent, exitUnreachable, "push", file, "--as-of", "2026-03-05T10:00:00Z")
	ctl(t, agent, exitWhole, "push", file, "--as-of", "2026-03-05T10:00:00Z")
	if _, sent := c.Pushes(); len(sent) != 1 || sent[0] != 0 {
		t.Errorf("sent %v", sent)
	}
}

// TestPutBack checks that a site that was put back from the past is noticed by
// every command that asks it, also after mcrctl was started anew, and that a
// push heals it.
func TestPutBack(t *testing.T) {
	c := &edgetest.Consent{}
	agent := edgetest.Start(t, edgetest.Script{Consent: c})
	path := write(t, filepath.Join(t.TempDir(), "flags.csv"), flagsHeader+"9990000018,DISSENT,2026-02-01,region\n")
	at := []string{"--as-of", "2026-03-05T10:00:00Z"}
	for range 3 {
		ctl(t, agent, exitWhole, append([]string{"push", path}, at...)...)
	}
	c.Rewind(1)
	for _, args := range [][]string{{"state"}, append([]string{"beat"}, at...)} {
		if _, stderr := ctl(t, agent, exitHistory, args...); !strings.HasPrefix(stderr, "THE SITE WAS PUT BACK FROM THE PAST: it told epoch 3 before and is at 1 now.") {
			t.Errorf("%v: %s", args, stderr)
		}
	}
	stdout, stderr := ctl(t, agent, exitHistory, append([]string{"push", path}, at...)...)
	if !strings.Contains(stdout, "push 4") || !strings.Contains(stdout, "epoch 5") || !strings.HasPrefix(stderr, "THE SITE WAS PUT BACK") {
		t.Errorf("%s%s", stdout, stderr)
	}
	ctl(t, agent, exitWhole, "state")
	ctl(t, agent, exitWhole, append([]string{"beat"}, at...)...)
}

// TestMemory checks what is remembered: the highest epoch also of a call that
// fails, and each site for itself. A damaged file is never overwritten.
func TestMemory(t *testing.T) {
	c := &edgetest.Consent{Tamper: func(s *edgev1.ConsentState) { s.Epoch = 41 }}
	agent := edgetest.Start(t, edgetest.Script{Consent: c})
	memory := filepath.Join(agent.Dir, memoryName)
	write(t, memory, `{"sites":{"other.test":{"epoch":7,"digest":"AA=="}}}`)
	ctl(t, agent, exitUsage, "beat")
	ctl(t, agent, exitNotReleased, "state")
	var got memories
	text, err := os.ReadFile(memory)
	if err != nil || json.Unmarshal(text, &got) != nil || got.Sites["other.test"].Epoch != 7 || got.Sites[edgetest.ServerName].Epoch != 41 {
		t.Errorf("%s, err %v", text, err)
	}
	elsewhere := filepath.Join(t.TempDir(), "memory.json")
	ctl(t, agent, exitNotReleased, "state", "--memory", elsewhere)
	if _, err := os.Stat(elsewhere); err != nil {
		t.Error(err)
	}
	for _, damaged := range []string{"", "{}", "{"} {
		write(t, memory, damaged)
		if _, stderr := ctl(t, agent, exitUsage, "state"); !strings.Contains(stderr, "restore it from its backup") {
			t.Error(stderr)
		}
	}
}

// TestDoubt checks that a script can tell a site that releases nothing, whatever
// was done, and that what is worse is told first.
func TestDoubt(t *testing.T) {
	doubt := ""
	c := &edgetest.Consent{Tamper: func(s *edgev1.ConsentState) { s.Doubt = doubt }}
	agent := edgetest.Start(t, edgetest.Script{Consent: c})
	path := write(t, filepath.Join(t.TempDir(), "flags.csv"), flagsHeader)
	at := []string{"--as-of", "2026-03-05T10:00:00Z"}
	commands := [][]string{{"state"}, {"push", path}, {"update", path, "--since", path}, {"beat"}}
	ctl(t, agent, exitWhole, append(commands[1], at...)...)
	for _, doubt = range []string{"", "STALE", "SOURCE_NOT_READ"} {
		want := map[bool]int{true: exitWhole, false: exitNotReleased}[doubt == ""]
		for i, args := range commands {
			if i > 0 {
				args = append(args, at...)
			}
			if stdout, _ := ctl(t, agent, want, args...); !strings.Contains(stdout, doubt) {
				t.Errorf("%v: %s", args, stdout)
			}
		}
	}
	c.Rewind(1)
	ctl(t, agent, exitHistory, "state")
}

// TestMemoryCannotBeWritten checks that this is told also when the command has
// an exit code of its own.
func TestMemoryCannotBeWritten(t *testing.T) {
	agent := edgetest.Start(t, edgetest.Script{Consent: &edgetest.Consent{}})
	if _, stderr := ctl(t, agent, exitUsage, "state", "--memory", filepath.Join(agent.Dir, "none", "memory.json")); !strings.Contains(stderr, "is not remembered") {
		t.Error(stderr)
	}
}

// TestCollectGap checks that what a site can no longer tell is not passed over.
func TestCollectGap(t *testing.T) {
	agent := edgetest.Start(t, edgetest.Script{Consent: &edgetest.Consent{Local: stated(), Oldest: 3}})
	if _, stderr := ctl(t, agent, exitNotWhole, "collect", "--after", "1"); stderr != "cursor 5\nNOT WHOLE: the site's journal can be read from entry 3 on; what was stated after entry 1 and before that is missing here\n" {
		t.Error(stderr)
	}
	ctl(t, agent, exitWhole, "collect", "--after", "2")
}

// TestCollectFails checks that a collection that breaks off leaves no file and
// no cursor.
func TestCollectFails(t *testing.T) {
	local := stated()
	local[4].Kind = 9
	agent := edgetest.Start(t, edgetest.Script{Consent: &edgetest.Consent{Local: local}})
	path := filepath.Join(t.TempDir(), "stated.csv")
	stdout, _ := ctl(t, agent, exitUsage, "collect", "--after", "0", "--out", path)
	if _, err := os.Stat(path); err == nil || stdout != "" {
		t.Errorf("err %v, stdout %s", err, stdout)
	}
	if _, stderr := ctl(t, agent, exitUsage, "collect", "--after", "0"); strings.Contains(stderr, "cursor") {
		t.Error(stderr)
	}
}

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	now := edgetest.Retrieved
	tell := progress(&out, func() time.Time { return now })
	for sent := uint64(1); sent <= 4; sent++ {
		now = now.Add(3 * time.Second)
		tell(sent*1000, 4000)
	}
	if out.String() != "sent 2000 of 4000 directives\nsent 4000 of 4000 directives\n" {
		t.Error(out.String())
	}
}

func TestSiteName(t *testing.T) {
	for address, want := range map[string]string{"agent.example:8443": "agent.example", "[::1]:1": "::1", "nowhere": "nowhere"} {
		if got := siteName(edge.Region{Address: address}); got != want {
			t.Errorf("%s: %s", address, got)
		}
		if got := siteName(edge.Region{Address: address, ServerName: "name"}); got != "name" {
			t.Errorf("%s: %s", address, got)
		}
	}
}
