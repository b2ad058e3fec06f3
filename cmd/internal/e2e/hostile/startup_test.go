//go:build e2e

package hostile

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mycarerecord/edge-agent/connectors/memory"
)

// Exit codes of the program that scripts rely on.
const (
	exitFailed  = 1
	exitFaulty  = 3
	exitRefused = 4
)

// notToStart is an agent that must not start.
type notToStart struct {
	name   string
	spoil  func(t *testing.T, s *site)
	nobody bool // run it by an account that may do nothing
	code   int
	says   []string
}

var notToStarts = []notToStart{
	{"an unknown key", replaced("  enabled: true", "  enabled: true\n  enbaled: Qanary"), false, exitFaulty, []string{"agent.yaml:28:3: ", "$.sharing.enbaled", "did you mean"}},
	{"a key twice", replaced("  max_age: 24h", "  max_age: 24h\n  max_age: 1h"), false, exitFaulty, []string{"agent.yaml:26:3: ", "max_age"}},
	{"a wrong type", replaced("  enabled: true", "  enabled: [1, 2]"), false, exitFaulty, []string{"agent.yaml:27:12: ", "$.sharing.enabled"}},
	{"several faults at once", replaced("  enabled: true", "  enabled: yes\n  what: 1\n  sections: ALL"), false, exitFaulty, []string{"$.sharing.enabled", "$.sharing.what", "sections"}},
	{"no YAML", func(t *testing.T, s *site) { s.write(t, "agent.yaml", "\x7fELF{{{") }, false, exitFaulty, []string{"agent.yaml:1:"}},
	{"no configuration", func(t *testing.T, s *site) { must(t, os.Remove(s.config)) }, false, exitFailed, []string{"there is no file", "mcr-agent check --example"}},
	{"a key that others can read", mode("agent.key", 0o644), false, exitFailed, []string{"KEY_EXPOSED", "chmod 600"}},
	{"a key that this account may not read", mode("agent.key", 0o600), true, exitFailed, []string{"UNREADABLE", "agent.key: this account may not read it"}},
	{"a key that is none", func(t *testing.T, s *site) { s.write(t, "agent.key", "Qanary") }, false, exitFailed, []string{"KEY_UNREADABLE", "agent.key"}},
	{"a key that is missing", func(t *testing.T, s *site) { must(t, os.Remove(filepath.Join(s.dir, "agent.key"))) }, false, exitFailed, []string{"UNREADABLE", "there is no such file"}},
	{"a key of another certificate", func(t *testing.T, s *site) {
		s.write(t, "agent.key", string(s.broker(t, officeURI).KeyPEM))
	}, false, exitFailed, []string{"KEY_MISMATCH"}},
	{"half a certificate", func(t *testing.T, s *site) { must(t, os.Truncate(filepath.Join(s.dir, "agent.pem"), 200)) }, false, exitFailed, []string{"NO_CERTIFICATE"}},
	{"a deny list that is missing", func(t *testing.T, s *site) { must(t, os.Remove(filepath.Join(s.dir, "denied.txt"))) }, false, exitFailed, []string{"UNREADABLE", "denied.txt"}},
	{"a deny list with a fault", func(t *testing.T, s *site) { s.write(t, "denied.txt", "not hexadecimal\n") }, false, exitFailed, []string{"DENIED_LINE", "line 1"}},
	{"a port in use", occupied, false, exitFailed, []string{"mcr-agent: BAD_REQUEST (ADDRESS): cannot listen on", "no other program uses the port"}},
	{"a journal open to others", func(t *testing.T, s *site) {
		must(t, os.MkdirAll(s.journalFolder(), 0o755))
		s.keys(t)
		must(t, os.Chmod(s.journalFolder(), 0o755))
	}, false, exitFailed, []string{"AUDIT_UNAVAILABLE", "PERMISSIONS", "0700"}},
	{"a state folder of another account", func(t *testing.T, s *site) {
		must(t, os.MkdirAll(filepath.Dir(s.journalFolder()), 0o700))
		must(t, os.Chown(filepath.Dir(s.journalFolder()), 12345, -1))
	}, false, exitFailed, []string{"STATE_FOLDER", "belongs to another account", "sudo -u"}},
}

// TestRefusesToStart starts agents that must not serve, and wants each to end
// with a stable exit code and a text that says what to do.
func TestRefusesToStart(t *testing.T) {
	for _, c := range notToStarts {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			c.spoil(t, s)
			agent := s.attempt(t, c.nobody)
			if code := agent.wait(); code != c.code {
				t.Errorf("ended with code %d, want %d", code, c.code)
			}
			out := agent.text()
			for _, want := range c.says {
				if !strings.Contains(out, want) {
					t.Errorf("does not say %q:\n%s", want, out)
				}
			}
			if strings.Contains(out, "goroutine ") || strings.Contains(out, "PRIVATE KEY") {
				t.Errorf("says too much:\n%s", out)
			}
		})
	}
}

// attempt runs the agent, perhaps by an account that may do nothing.
func (s *site) attempt(t *testing.T, nobody bool) *running {
	t.Helper()
	cmd := exec.Command(program, "run", "--config", s.config)
	if nobody {
		const account = 65534
		for _, name := range []string{s.dir, s.config, filepath.Join(s.dir, "agent.pem"), filepath.Join(s.dir, "ca.pem"), filepath.Join(s.dir, "denied.txt"), filepath.Dir(s.state)} {
			must(t, os.Chown(name, account, account))
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: account, Gid: account}}
	}
	return launch(t, cmd)
}

// replaced puts a text in the place of another in agent.yaml.
func replaced(old, text string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		t.Helper()
		yaml, err := os.ReadFile(s.config)
		must(t, err)
		if strings.Count(string(yaml), old) != 1 {
			t.Fatalf("agent.yaml does not hold %q once", old)
		}
		s.write(t, "agent.yaml", strings.Replace(string(yaml), old, text, 1))
	}
}

func mode(name string, mode os.FileMode) func(*testing.T, *site) {
	return func(t *testing.T, s *site) { must(t, os.Chmod(filepath.Join(s.dir, name), mode)) }
}

// occupied listens where the agent wants to.
func occupied(t *testing.T, s *site) {
	listener, err := net.Listen("tcp", s.address)
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
}

// TestSecondAgent starts another agent, with a port of its own, on the state
// folder of a running one. It must not start, and must leave the first one, its
// socket included, as it is.
func TestSecondAgent(t *testing.T) {
	s := newSite(t)
	first := s.start(t)
	s.fill(t)
	address, client := s.address, s.as(t, recordsURI)
	replaced(address, freeAddress(t))(t, s)
	second := s.attempt(t, false)
	if code := second.wait(); code != exitFailed {
		t.Errorf("ended with code %d, want %d", code, exitFailed)
	}
	if out := second.text(); !strings.Contains(out, "LOCKED") || !strings.Contains(out, "another agent") {
		t.Errorf("does not say why:\n%s", out)
	}
	first.alive()
	wholeRecord(t, client, member(t, memory.CastEmergency))
	if out, code := s.command(t, "consent", "show", "--nhs-number", member(t, memory.CastToDissent).NHSNumber.Reveal()); code != 0 || !strings.Contains(out, "NO_PATIENT_CONSENT") {
		t.Errorf("the first agent's socket is gone, code %d: %s", code, out)
	}
	first.stop()
}
