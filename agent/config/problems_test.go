package config_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
)

// problems returns what is wrong with a text, without the lines.
func problems(t *testing.T, text string) []string {
	t.Helper()
	site, err := config.Parse("agent.yaml", []byte(text), catalogue{})
	list, ok := errors.AsType[config.Problems](err)
	if !ok || site != nil {
		t.Fatalf("got %v and %v, want problems", site, err)
	}
	var texts []string
	for _, p := range list {
		texts = append(texts, fmt.Sprintf("%d:%d %s: %s", p.Line, p.Column, p.Path, p.Detail))
	}
	return texts
}

func TestReport(t *testing.T) {
	text, err := os.ReadFile("testdata/bad.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = config.Parse("agent.yaml", text, catalogue{})
	if list, ok := errors.AsType[config.Problems](err); !ok || len(list) != 12 {
		t.Errorf("%d of 12 faults are reported", len(list))
	}
	golden(t, "testdata/bad.golden", err.Error()+"\n")
}

// TestSecrets puts a secret into every place from which a line may be shown,
// beside a fault.
func TestSecrets(t *testing.T) {
	for name, settings := range map[string]string{
		"wrong type":       "password: [hunter2]",
		"wrong name":       "pasword: hunter2",
		"tag":              "password: !x hunter2",
		"list":             "password:\n        - hunter2",
		"block":            "password: |\n        hunter2\n       x: hunter2",
		"flow":             "sets: {a: [1], db-token: hunter2, b: [",
		"quoted key":       "sets: {'db secret': hunter2, b: [}",
		"syntax":           "password: hunter2: hunter2",
		"syntax below":     "password: \"hunter2\nhunter2: \" hunter2\n: x",
		"connection":       "host: [\"Server=db;Password=hunter2\"]",
		"connection value": "driver: Server=db;Password=hunter2",
		"url":              "host: [postgres://user:hunter2@db/x]",
		"url value":        "driver: postgres://user:hunter2@db/x",
		"key block":        "host: |\n        -----BEGIN PRIVATE KEY-----\n      hunter2: [\n        -----END PRIVATE KEY-----",
		"key by itself":    "host: x\n      -----BEGIN PRIVATE KEY-----\n      hunter2: @",
		"repeated":         "password: hunter2\n      password: hunter2",
		"key of a map":     "sets: {'token: hunter2': []}",
		"comment":          "driver: x # password: hunter2",
	} {
		_, err := config.Parse("agent.yaml", []byte(change(t, "password: hunter2", settings)), catalogue{})
		if _, ok := errors.AsType[config.Problems](err); !ok {
			t.Errorf("%s: no problem is reported but %v", name, err)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s:\n%v", name, err)
		}
	}
}

func TestBudgets(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"nothing":        {"", "1:1 : the file says nothing; write a first one with: mcr-agent check --example gp-practice"},
		"only a comment": {"# x\n", "1:1 : the file says nothing; write a first one with: mcr-agent check --example gp-practice"},
		"entries":        {"a: [" + strings.Repeat("1,", 30_000) + "]", "1:20002 : the file has too many entries; a site's file has some hundred"},
		"lines":          {"a: |\n" + strings.Repeat("\n", 20_000), "10000:1 : the file has too many lines; a site's file has some hundred"},
		"brackets":       {strings.Repeat("[", 1000), "1:33 : the file is nested too deeply; nothing in it needs more than a few levels"},
		"indentation":    {steps(40), "33:34 : the file is nested too deeply; nothing in it needs more than a few levels"},
		"dashes":         {strings.Repeat("- ", 1000) + "x", "1:65 : the file is nested too deeply; nothing in it needs more than a few levels"},
		"a single text":  {"site", `1:1 $: expected keys with values, such as "key: value"`},
		"a list":         {"- site: x", `1:1 $: expected keys with values, such as "key: value"`},
	} {
		if got := strings.Join(problems(t, test.text), "\n"); got != test.want {
			t.Errorf("%s:\ngot  %.300s\nwant %s", name, got, test.want)
		}
	}
	if got := problems(t, steps(31)+strings.Repeat(" ", 31)+"k: x\n"); strings.Contains(got[0], "deeply") {
		t.Errorf("32 levels are too deep: %s", got[0])
	}
}

// steps returns mappings nested n deep.
func steps(n int) string {
	var text strings.Builder
	for i := range n {
		text.WriteString(strings.Repeat(" ", i) + "k:\n")
	}
	return text.String()
}

func TestManyProblems(t *testing.T) {
	var text strings.Builder
	for i := range 150 {
		fmt.Fprintf(&text, "key%d: x\n", i)
	}
	got := problems(t, text.String())
	const missing = 5 // site, listen, identity, consent and sources
	if len(got) != 100 || !strings.HasSuffix(got[99], fmt.Sprintf("(and %d more problems)", 50+missing)) {
		t.Errorf("%d problems, the last %s", len(got), got[len(got)-1])
	}
}

func TestProblemError(t *testing.T) {
	for _, test := range []struct {
		problem config.Problem
		want    string
	}{
		{config.Problem{File: "f", Line: 7, Column: 4, Text: "\té x: y", Path: "$.x", Detail: "wrong"},
			"f:7:4: $.x: wrong\n  7 | \té x: y\n    | \t  ^"},
		{config.Problem{File: "f", Line: 10, Column: 3, Text: "ab", Detail: "wrong"}, "f:10:3: wrong\n  10 | ab"},
	} {
		if got := test.problem.Error(); got != test.want {
			t.Errorf("got  %q\nwant %q", got, test.want)
		}
	}
}

// TestLongLine: a caret is shown only under a character that is shown.
func TestLongLine(t *testing.T) {
	_, err := config.Parse("agent.yaml", []byte(strings.Repeat(" ", 300)+"a: 1\n"), catalogue{})
	if text := err.Error(); strings.Contains(text, "^\n") && len(text) > 1500 {
		t.Errorf("%s", text)
	}
	list, _ := errors.AsType[config.Problems](err)
	for _, p := range list {
		if len([]rune(p.Text)) > 161 {
			t.Errorf("%d characters are shown", len([]rune(p.Text)))
		}
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *config.Update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestSiteProblems: what is found later stands where its value does, or where
// its value would stand, and shows no secret.
func TestSiteProblems(t *testing.T) {
	site, err := config.Parse("agent.yaml", []byte(strings.Replace(good, "key: tls/agent.key", "key: tls/token=hunter2", 1)), catalogue{})
	if err != nil {
		t.Fatal(err)
	}
	if got := site.Problems("$.identity", nil); got != nil {
		t.Errorf("problems of nothing: %v", got)
	}
	got := site.Problems("$.identity", []care.Problem{
		{Path: "denied", Detail: "is missing"},
		{Path: "key", Detail: "cannot be read"},
		{Path: "broker_roots[0]", Detail: "is no authority's"},
	})
	want := []config.Problem{
		{File: "agent.yaml", Line: 7, Column: 1, Text: "identity:", Path: "$.identity.denied", Detail: "is missing"},
		{File: "agent.yaml", Line: 9, Column: 8, Text: "  key: tls/token= ***", Path: "$.identity.key", Detail: "cannot be read"},
		{File: "agent.yaml", Line: 10, Column: 18, Text: "  broker_roots: [tls/root.crt]", Path: "$.identity.broker_roots[0]", Detail: "is no authority's"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
