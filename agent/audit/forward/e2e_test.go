//go:build e2e

package forward

import (
	"bytes"
	"crypto/tls"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// program is a server that a test started.
type program struct {
	*exec.Cmd
	ended chan struct{}
}

func start(t *testing.T, cmd *exec.Cmd) *program {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &program{Cmd: cmd, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.end(t)
		if t.Failed() {
			t.Log(said.String())
		}
	})
	return p
}

func (p *program) end(t *testing.T) {
	t.Helper()
	_ = p.Process.Kill() // it may have ended
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Error("the server does not end")
	}
}

// example returns the n-th block of code of a kind from the document that sites
// read, with its paths and port replaced.
func example(t *testing.T, fence string, n int, replace ...string) string {
	t.Helper()
	doc := string(must(os.ReadFile("../../../packaging/doc/journal-forwarding.md")))
	_, rest, _ := strings.Cut(doc, "\n## What is promised")
	for range n {
		_, rest, _ = strings.Cut(rest, "\n"+fence+"\n")
	}
	block, _, found := strings.Cut(rest, "\n```\n")
	if !found {
		t.Fatal("the document has no such example")
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(block, replace[i]) {
			t.Fatalf("the example does not mention %s", replace[i])
		}
		block = strings.ReplaceAll(block, replace[i], replace[i+1])
	}
	return block + "\n"
}

// writeCredentials writes root.pem, server.pem and server.key.
func writeCredentials(t *testing.T, dir string) {
	t.Helper()
	_, _, err := certificate("localhost").WriteFiles(dir, "server")
	if err := errors.Join(err, region.WriteRoot(filepath.Join(dir, "root.pem"))); err != nil {
		t.Fatal(err)
	}
}

// A real rsyslogd, as the document configures it, writes down every entry, also
// across its own restart.
func TestRsyslog(t *testing.T) {
	dir, port := t.TempDir(), unused(t)
	writeCredentials(t, dir)
	config, log := filepath.Join(dir, "rsyslog.conf"), filepath.Join(dir, "journal.log")
	text := example(t, "```", 1, "/etc/rsyslog.d/mcr", dir, "/var/log/mcr-journal.log", log, `"6514"`, `"`+port+`"`)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	rsyslogd := func() *exec.Cmd {
		return exec.Command("/usr/sbin/rsyslogd", "-n", "-f", config, "-i", filepath.Join(dir, "pid"))
	}
	first := start(t, rsyslogd())

	j := newJournal(t)
	j.add(t, 400)
	receiver := Receiver{Name: "region", Kind: Syslog, Address: "localhost:" + port,
		TLS: &tls.Config{RootCAs: region.Pool(), Certificates: []tls.Certificate{certificate("agent").TLS}}}
	r := run(t, j.settings(receiver))
	arrived(t, log, 400)
	first.end(t)
	_ = os.Remove(filepath.Join(dir, "pid"))
	start(t, rsyslogd())
	j.add(t, 10)
	written := arrived(t, log, 410)
	r.until(t, "delivered", func(s Status) bool { return s.Position >= 410 && s.Behind == 0 })
	for _, want := range []string{` Y99901 audit.notice RELEASE_REFUSED [mcr@32473 seq="410"`, `user_name="Dr \"Siân\" O'Neil\]\\"`, "a request for a record was refused; NO_PATIENT_CONSENT; DISSENT", "2026-"} {
		if !strings.Contains(written, want) {
			t.Errorf("rsyslog has not written %s; the end is %s", want, written[max(0, len(written)-3000):])
		}
	}
	if strings.Contains(written, canaryNumber) || strings.Contains(written, canaryReason) {
		t.Error("a patient is named")
	}
}

// arrived waits until a file has an entry, and returns the file. Every entry
// before it must be there.
func arrived(t *testing.T, file string, entries int) string {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		text, _ := os.ReadFile(file) // there may be none yet
		missing := 0
		for n := 1; n <= entries; n++ {
			if !bytes.Contains(text, []byte(`seq="`+strconv.Itoa(n)+`"`)) {
				missing++
			}
		}
		if missing == 0 {
			return string(text)
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d entries never arrived", missing, entries)
		}
	}
}
