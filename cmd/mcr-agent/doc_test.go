package main

import (
	"os"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/connectors/all"
	"github.com/mycarerecord/edge-agent/connectors/sql"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// The example that sites copy must load as it stands.
func TestSQLExampleLoads(t *testing.T) {
	doc, err := os.ReadFile("../../packaging/doc/sql-source.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(doc), "```yaml\n")
	example, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("the document has no example")
	}
	site, _, _ := strings.Cut(string(config.Example("gp-practice")), "\nsources:")
	parsed, err := config.Parse("agent.yaml", []byte(site+"\n"+example), all.Registry())
	if err != nil {
		t.Fatal(err)
	}
	if s := parsed.Sources; len(s) != 1 || s[0].Kind != "sql" || s[0].Name != "clinical" {
		t.Fatalf("the sources are %+v", s)
	}
	settings, ok := parsed.Sources[0].Settings.(*sql.Settings)
	if !ok || len(settings.Queries) == 0 {
		t.Fatal("the example has no queries")
	}
	for name, query := range settings.Queries {
		section, _ := care.ParseSection(name)
		layout, _ := ukcore.LayoutOf(section)
		list, _, _ := strings.Cut(strings.TrimPrefix(query, "SELECT "), " FROM ")
		if _, problems := layout.Bind(strings.Split(list, ", ")); len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
		}
	}
}
