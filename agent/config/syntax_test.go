package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestSyntaxHidesOnlyItsKey: what is not YAML is reported together with what is
// wrong before and after it, and with nothing that follows from it only.
func TestSyntaxHidesOnlyItsKey(t *testing.T) {
	const (
		kind    = `4:9 $.site.kind: "hospitl" is not possible here; did you mean hospital?`
		level   = `43:10 $.log.level: "loud" is not possible here; expected one of trace, debug, info, warn, error`
		unquote = "the quoted text is not closed; add the closing quote; lines %s were not checked further"
	)
	for name, test := range map[string]struct {
		replace []string
		want    []string
	}{
		"in the middle": {
			[]string{"hospital\n", "hospitl\n", "level: warn", "level: loud", "127.0.0.1:8443", `"127.0.0.1:8443`},
			[]string{kind, "6:12 : " + fmt.Sprintf(unquote, "5 to 6"), level},
		},
		"noticed in the next key": {
			[]string{"hospital\n", "hospitl\n", "level: warn", "level: loud", "consent]\n", "consent\n"},
			[]string{kind, "14:12 : the list in [ ] or the mapping in { } is not closed; lines 11 to 14 were not checked further", level},
		},
		"noticed far below": {
			[]string{"tls/agent.key", `"tls/agent.key`, "level: warn", `level: "loud"`},
			[]string{"9:8 : " + fmt.Sprintf(unquote, "7 to 10"), level},
		},
		"first": {
			[]string{"Example Hospital", "@home", "level: warn", "level: loud"},
			[]string{"3:9 : the value begins with a character that YAML reserves; put it into quotes; lines 1 to 4 were not checked further", level},
		},
		"last": {
			[]string{"hospital\n", "hospitl\n", "level: warn", `level: "warn`},
			[]string{kind, "43:10 : " + fmt.Sprintf(unquote, "42 to 44")},
		},
		"on a single line": {
			[]string{"level: warn", "level: loud", "log:\n", "state_folder: @x\nlog:\n"},
			[]string{"42:15 : the value begins with a character that YAML reserves; put it into quotes; line 42 was not checked further", strings.Replace(level, "43", "44", 1)},
		},
		"with something missing elsewhere": {
			[]string{"127.0.0.1:8443", `"127.0.0.1:8443`, "  model: opt-out", "  max_age: 1h"},
			[]string{"6:12 : " + fmt.Sprintf(unquote, "5 to 6"), `15:1 $.consent.model: the key "model" is missing; expected one of opt-out, ask`},
		},
		"with a bracket at the margin": {
			[]string{"tls/agent.key", "@key", "[tls/root.crt]", "[\n    tls/root.crt\n]"},
			[]string{"9:8 : the value begins with a character that YAML reserves; put it into quotes; lines 7 to 12 were not checked further"},
		},
		"twice": {
			[]string{"RWH\n", "@RWH\n", "hospital\n", "hospitl\n", "opt-out", "'opt-out", "level: warn", "level: loud"},
			[]string{
				"2:13 : the value begins with a character that YAML reserves; put it into quotes; lines 1 to 4 were not checked further",
				"16:10 : " + fmt.Sprintf(unquote, "15 to 16"), level},
		},
		"a key that may be any": {
			[]string{"listen:\n", "listn\n", "level: warn", "level: loud", "hospital\n", "hospitl\n"},
			[]string{kind, "5:1 : this does not fit what stands above it; check the indentation and the colon; lines 5 to 6 were not checked further", level},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := problems(t, strings.NewReplacer(test.replace...).Replace(good))
			if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// TestSyntaxBudget: a file that is no YAML at all is given up soon.
func TestSyntaxBudget(t *testing.T) {
	began := time.Now()
	got := problems(t, strings.Repeat("a: @\n", 5000))
	if len(got) > 10 || !strings.Contains(strings.Join(got, "\n"), "nothing else was checked") {
		t.Errorf("%d problems: %.300s", len(got), strings.Join(got, "\n"))
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}
