package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

func TestReferenceIsUpToDate(t *testing.T) {
	have, err := os.ReadFile("../../../../packaging/doc/sql-columns.md")
	if err != nil {
		t.Fatal(err)
	}
	have = []byte(strings.ReplaceAll(string(have), "\r\n", "\n"))
	if diff := cmp.Diff(string(have), string(render())); diff != "" {
		t.Errorf("run go generate ./connectors/ukcore:\n%s", diff)
	}
}

func TestReferenceHasEverySectionAndColumn(t *testing.T) {
	text := string(render())
	for s := range care.AllSections.All() {
		layout, _ := ukcore.LayoutOf(s)
		if !strings.Contains(text, "## "+s.String()+"\n") {
			t.Errorf("the section %v is missing", s)
		}
		for _, c := range layout.Columns() {
			if !strings.Contains(text, "| `"+c.Name+"` | ") {
				t.Errorf("%v: the column %s is missing", s, c.Name)
			}
		}
	}
}

// TestExampleBinds holds that the query of the example offers only columns
// that exist and all that are required.
func TestExampleBinds(t *testing.T) {
	_, query, _ := strings.Cut(example, "\nSELECT record_type")
	list, _, found := strings.Cut("record_type"+query, "FROM")
	if !found {
		t.Fatal("the example has no query")
	}
	columns := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
	layout, _ := ukcore.LayoutOf(care.Investigations)
	if _, problems := layout.Bind(columns); problems != nil || !slices.Contains(columns, "note") {
		t.Errorf("the example's columns %v: %v", columns, problems)
	}
}
