package rule_test

import (
	"bytes"
	_ "embed"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

var update = flag.Bool("update", false, "write golden files and the document anew")

const document = "../../../packaging/doc/consent-decisions.md"

//go:embed testdata/decisions-head.md
var head string

func TestDecisions(t *testing.T) {
	total, names := 0, make(map[string]bool)
	for _, g := range decisions {
		for _, d := range g.cases {
			total++
			if names[g.title+d.name] {
				t.Errorf("%s: %s stands there twice", g.title, d.name)
			}
			names[g.title+d.name] = true
			t.Run(g.title+": "+d.name, func(t *testing.T) {
				p := parseCase(t, d.usual())
				answer := rule.Decide(&p.said, &p.ask, &p.ages, p.model)
				if got := words(answer); got != d.answer {
					t.Errorf("got %s, want %s", got, d.answer)
				}
				if answer.Epoch != 0 || answer.Refusal == care.OK && answer.Reason != "" {
					t.Errorf("got %+v", answer)
				}
			})
		}
	}
	if total < 60 {
		t.Errorf("only %d decisions", total)
	}
}

// The document is the table, and what the agent itself says of each case.
func TestDecisionsDocument(t *testing.T) {
	var out strings.Builder
	out.WriteString(head)
	for _, g := range decisions {
		fmt.Fprintf(&out, "\n### %s\n\n| Case | Region | What was said | What is known | Who asks, and how | Answer | Why |\n|---|---|---|---|---|---|---|\n", g.title)
		for _, d := range g.cases {
			d = d.usual()
			p := parseCase(t, d)
			answer := rule.Decide(&p.said, &p.ask, &p.ages, p.model)
			why := strings.Join(rule.Explain(&p.said, &p.ask, &p.ages, p.model, answer), " ")
			fmt.Fprintf(&out, "| %s | %s | %s | %s | %s | **%s** | %s |\n",
				d.name, d.model, strings.ReplaceAll(d.said, "; ", ";<br>"), d.known, d.asks, d.answer, why)
		}
	}
	golden(t, document, []byte(out.String()))
}

// golden compares with a file, or writes it.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what it would be now; look at the difference and run with -update if it is meant", path)
	}
}
