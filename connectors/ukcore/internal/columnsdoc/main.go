// Command columnsdoc writes the reference of the columns that flat sources
// offer, from the layouts of package ukcore. It takes the file to write.
package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: columnsdoc FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], render(), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// render returns the reference as Markdown.
func render() []byte {
	var b bytes.Buffer
	b.WriteString(introduction)
	b.WriteString(types)
	systems(&b, "Code systems", "A code system column holds one of these names, in any case, or a URI.", ukcore.CodeSystems())
	systems(&b, "Registers of professionals", "A column that ends in `_id_system` holds one of these names or a URI.", ukcore.PersonSystems())
	b.WriteString("## Columns of every section\n\n")
	table(&b, ukcore.CommonColumns())
	b.WriteString(special)
	for s := range care.AllSections.All() {
		section(&b, s)
	}
	b.WriteString(example)
	return b.Bytes()
}

func systems(b *bytes.Buffer, title, text string, list []ukcore.NamedSystem) {
	fmt.Fprintf(b, "## %s\n\n%s\n\n| name | URI |\n|---|---|\n", title, text)
	for _, s := range list {
		fmt.Fprintf(b, "| %s | %s |\n", s.Name, s.URI)
	}
	b.WriteByte('\n')
}

func section(b *bytes.Buffer, s care.Section) {
	layout, _ := ukcore.LayoutOf(s)
	fmt.Fprintf(b, "## %s\n\n", s)
	if len(layout.Kinds) > 1 {
		fmt.Fprintf(b, "%s. Every row has a `record_type`, and beside the columns of every section those of its kind.\n\n", s.Title())
	} else {
		fmt.Fprintf(b, "%s. Beside the columns of every section:\n\n", s.Title())
	}
	for _, k := range layout.Kinds {
		if len(layout.Kinds) > 1 {
			fmt.Fprintf(b, "### record_type %s\n\n", k.Name)
		}
		fmt.Fprintf(b, "%s Becomes a FHIR %s.\n\n", k.Doc, k.Resource)
		table(b, k.Columns[len(ukcore.CommonColumns()):])
	}
}

func table(b *bytes.Buffer, columns []ukcore.Column) {
	b.WriteString("| column | type | meaning |\n|---|---|---|\n")
	for _, c := range columns {
		doc := c.Doc
		if len(c.Allowed) > 0 {
			doc += " One of `" + strings.Join(c.Allowed, "`, `") + "`."
		}
		if c.Required {
			doc += " **Required.**"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", c.Name, c.Type, doc)
	}
	b.WriteByte('\n')
}
