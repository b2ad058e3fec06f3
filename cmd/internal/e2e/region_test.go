//go:build e2e

package e2e

import (
	"encoding/json"
	"path/filepath"
	"testing"
)

// answer is what mcrctl record get --format json writes.
type answer struct {
	Whole    bool
	Faults   []string
	Gaps     []string
	Sections []struct {
		Section, State string
		Records        []struct {
			ID       string
			Type     string `json:"resource_type"`
			Resource json.RawMessage
		}
	}
}

// ctl runs mcrctl as the region of an agent.
func (a *agent) ctl(t testing.TB, stdin string, args ...string) finished {
	t.Helper()
	return execute(t, stdin, builtPrograms(t).ctl, append(args, "--region", a.region)...)
}

// pushConsent fills the consent flags as the region does: one patient, who is
// nobody of this site, has dissented.
func (a *agent) pushConsent(t testing.TB) {
	t.Helper()
	number, _ := testNumber(999_999_000)
	path := filepath.Join(t.TempDir(), "flags.csv")
	write(t, path, []byte("nhs_number,directive,effective,by\n"+number+",DISSENT,2020-01-01,e2e\n"))
	if done := a.ctl(t, "", "consent", "push", path); done.code != 0 {
		t.Fatalf("mcrctl consent push: exit code %d\n%s", done.code, done.stderr)
	}
}

// recordGet reads a whole record with mcrctl.
func (a *agent) recordGet(t testing.TB, p patient) answer {
	t.Helper()
	done := a.ctl(t, p.number+"\n", "record", "get", "--format", "json", "--permission", "ASKED",
		"--user-id", "e2e-0001", "--user-name", "Dr End Toend", "--role-code", "R0260", "--organisation", "RWH",
		"--family-name", p.family, "--given-name", p.given, "--birth-date", p.born)
	if done.code != 0 {
		t.Fatalf("mcrctl record get: exit code %d\n%s", done.code, done.stderr)
	}
	var got answer
	if err := json.Unmarshal([]byte(done.stdout), &got); err != nil {
		t.Fatalf("mcrctl record get: %v", err)
	}
	return got
}

// audit runs mcr-agent audit at the site.
func (a *agent) audit(t testing.TB, args ...string) string {
	t.Helper()
	done := execute(t, "", builtPrograms(t).agent, append(append([]string{"audit"}, args...), "--config", a.config)...)
	if done.code != 0 {
		t.Fatalf("mcr-agent audit %v: exit code %d\n%s", args, done.code, done.stderr)
	}
	return done.stdout
}
