package agent_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mycarerecord/edge-agent/"

// table says which packages of this module a package may import, and why not
// others. The longest prefix that fits a package is its row; a row ending in
// "/" covers what is below.
var table = []struct {
	pkg    string
	may    []string // prefixes; "/" at the end covers what is below
	reason string
}{
	{"agent/care", nil, "the vocabulary is shared by all, so it depends on nothing"},
	{"agent/policy", []string{"agent/care"}, "a pure decision needs no store and no network"},
	{"agent/sitekey", []string{"agent/care"}, "a secret knows nothing of what it protects"},
	{"agent/consent", []string{"agent/care", "agent/sitekey", "agent/consent/"}, "what patients said does not depend on who asks how"},
	{"agent/consent/vault", []string{"agent/care", "agent/sitekey"}, "a file of sealed pages does not know what it holds"},
	{"agent/consent/spool", []string{"agent/care"}, "rows on their way into the vault"},
	{"agent/consent/rule", []string{"agent/care"}, "a pure decision needs no store and no network"},
	{"agent/consent/codes", []string{"agent/care"}, "what a code means does not depend on where it was read"},
	{"agent/consent/feed", []string{"agent/care", "agent/consent/rule"}, "what the region sends is made and read by the same words"},
	{"agent/consent/inbox", []string{"agent/care", "agent/consent/feed", "agent/consent/rule"}, "a folder of files knows only how to read them"},
	{"agent/budget", []string{"agent/care"}, "counting requests needs no store: the journal is its memory"},
	{"agent/alerts", []string{"agent/care", "agent/audit"}, "the queue of alerts is the journal"},
	{"agent/audit", []string{"agent/care", "agent/audit/tree"}, "the journal is written by everyone and knows nobody"},
	{"agent/audit/tree", []string{"agent/care"}, "a tree of hashes does not know what was hashed"},
	{"agent/audit/", []string{"agent/care", "agent/audit", "agent/audit/tree", "agent/audit/index", "agent/audit/verify"}, "what reads the journal cannot write to it, and needs nothing else of the agent"},
	{"agent/records", []string{"agent/care"}, "reading sources knows nothing of who may read"},
	{"agent/config", []string{"agent/care"}, "configuration is data; building from it is the agent's"},
	{"agent/lifecycle", nil, "running tasks has nothing to do with records"},
	{"agent/identity", []string{"agent/care"}, "certificates are known before a request is"},
	{"agent/identity/throwaway", []string{"agent/care"}, "certificates for tests and demonstrations"},
	{"agent/link", []string{"agent/care", "agent/identity"}, "a connection knows no domain"},
	{"agent/gate", []string{"agent/care", "agent/policy", "agent/records"}, "the gate meets the rest through its own small interfaces"},
	{"agent/broker", []string{"agent/care", "agent/gate", "agent/identity", "proto/"}, "the only place where wire and domain meet"},
	{"agent", []string{"agent/", "proto/"}, "composition knows all of the agent, and no connector"},
	{"connectors", []string{"agent/care"}, "a registry of connectors knows only their contract"},
	{"connectors/ukcore", []string{"agent/care"}, "building FHIR needs the vocabulary only"},
	{"connectors/ukcore/", []string{"agent/care", "connectors/ukcore"}, "its own tools"},
	{"connectors/connectortest", []string{"agent/care"}, "the suite judges by the contract, not by an implementation"},
	{"connectors/all", []string{"connectors", "connectors/"}, "the list of what a build contains"},
	{"connectors/", []string{"agent/care", "connectors", "connectors/ukcore"}, "a connector knows the contract and the FHIR builder, no other connector"},
	{"cmd/", []string{"agent", "agent/", "connectors", "connectors/", "proto/", "cmd/internal/"}, "programs put everything together"},
	{"proto", nil, "the wire contract depends on nothing of ours"},
	{"proto/", []string{"proto/"}, "the wire contract depends on nothing of ours"},
}

func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "../...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	used := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg := strings.TrimPrefix(fields[0], module)
		row := -1
		for i, r := range table {
			if covers(r.pkg, pkg) && (row < 0 || len(r.pkg) > len(table[row].pkg)) {
				row = i
			}
		}
		if row < 0 {
			t.Errorf("%s has no row in the table: say what it may import, and why", pkg)
			continue
		}
		used[table[row].pkg] = true
		for _, imported := range fields[1:] {
			dep, ours := strings.CutPrefix(imported, module)
			if ours && !slices.ContainsFunc(table[row].may, func(prefix string) bool { return covers(prefix, dep) }) {
				t.Errorf("%s must not import %s: %s", pkg, dep, table[row].reason)
			}
		}
	}
	for _, r := range table {
		if !used[r.pkg] {
			t.Errorf("the row %q covers no package", r.pkg)
		}
	}
}

// covers reports whether a prefix of the table covers a package.
func covers(prefix, pkg string) bool {
	return pkg == prefix || strings.HasSuffix(prefix, "/") && strings.HasPrefix(pkg, prefix)
}

// The vocabulary imports the standard library only.
func TestCareImportsTheStandardLibraryOnly(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, "./care").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for path := range strings.Lines(string(out)) {
		if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
			t.Errorf("care imports %s", strings.TrimSpace(path))
		}
	}
}
