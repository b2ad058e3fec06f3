package config

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Update makes the tests write the golden files and the reference.
var Update = flag.Bool("update", false, "write the golden files and the reference")

const referencePath = "../../packaging/doc/agent-yaml.md"

const referenceHead = `# agent.yaml

<!-- Made from the comments in agent/config by "go generate ./agent/config". Do not edit. -->

The file with which a site says who it is, who may ask, and the most that may
ever leave. ` + "`mcr-agent check --example gp-practice`" + ` writes a first one, and
` + "`mcr-agent check`" + ` reports everything that is wrong with one, with file, line and
column. Unknown keys, repeated keys, empty lists, anchors, aliases and tags are
faults. The file is UTF-8 and holds at most 1 MiB and 10 000 lines.

Durations are written as 500ms, 30s, 5m or 24h, sizes as 64KiB, 256MiB or 1GiB.
Secrets are not written into this file.
`

// TestReference holds the reference to the code: the keys, types, ranges and
// defaults by reflection, the meaning by the comments.
func TestReference(t *testing.T) {
	r := &reference{t: t, comments: comments(t)}
	r.text.WriteString(referenceHead)
	r.section("", reflect.ValueOf(*defaults()))
	fmt.Fprintf(&r.text, "\n## Sections\n\n`%s`\n", strings.Join(care.AllSections.Names(), "`, `"))
	got := r.text.String()
	if *Update {
		if err := os.MkdirAll(filepath.Dir(referencePath), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(referencePath, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(referencePath)
	if err != nil {
		t.Fatal(err)
	}
	if got != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Error("the reference is out of date; run: go generate ./agent/config")
	}
}

type reference struct {
	t        *testing.T
	comments map[string]string // by "Type.Field"
	text     strings.Builder
}

// section writes one table and then those of the structs in it.
func (r *reference) section(path string, v reflect.Value) {
	type part struct {
		path string
		v    reflect.Value
	}
	var parts []part
	if path != "" {
		fmt.Fprintf(&r.text, "\n%s %s\n", strings.Repeat("#", 2+strings.Count(path, ".")), path)
	}
	r.text.WriteString("\n| key | value | default | meaning |\n|---|---|---|---|\n")
	for _, f := range fieldsOf(v.Type()) {
		field, name := v.Type().Field(f.index), strings.TrimPrefix(path+"."+f.name, ".")
		comment := r.comments[v.Type().Name()+"."+field.Name]
		if comment == "" {
			r.t.Errorf("%s.%s has no comment", v.Type().Name(), field.Name)
		}
		value, nested := kindOf(field.Type)
		if f.limits != "" {
			value += ", " + strings.Replace(f.limits, "..", " to ", 1)
		}
		if nested != nil {
			value = strings.Replace(value, "STRUCT", "["+name+"](#"+anchor(name)+")", 1)
			next := part{name, v.Field(f.index)}
			if nested == reflect.TypeFor[sourceText]() {
				next = part{name, reflect.ValueOf(newSourceText())}
			} else if field.Type.Kind() == reflect.Slice {
				next = part{name, reflect.Zero(nested)}
			}
			parts = append(parts, next)
		}
		fmt.Fprintf(&r.text, "| `%s` | %s | %s | %s |\n", f.name, value, defaultOf(f, name, v.Field(f.index)), comment)
	}
	for _, p := range parts {
		r.section(p.path, p.v)
	}
}

func anchor(heading string) string { return strings.ReplaceAll(heading, ".", "") }

// kindOf says how a value of a type is written; nested is the struct in it.
func kindOf(t reflect.Type) (words string, nested reflect.Type) {
	if named, ok := reflect.Zero(t).Interface().(interface{ Values() []string }); ok {
		return "one of `" + strings.Join(named.Values(), "`, `") + "`", nil
	}
	switch t {
	case reflect.TypeFor[Source]():
		return "STRUCT", reflect.TypeFor[sourceText]()
	case reflect.TypeFor[deferred]():
		return "keys and values", nil
	case reflect.TypeFor[AnyOf[RoleCode]]():
		return "list of role codes, or `[ANY]`", nil
	case reflect.TypeFor[AnyOf[care.ODSCode]]():
		return "list of ODS codes, or `[ANY]`", nil
	case reflect.TypeFor[care.SectionSet]():
		return "list of [sections](#sections), or `[ALL]`", nil
	case reflect.TypeFor[care.Purpose]():
		return "`" + strings.Join(purposeCodes(), "`, `") + "`", nil
	case reflect.TypeFor[care.ODSCode]():
		return "ODS code", nil
	case reflect.TypeFor[CodeSystem]():
		return "URI or short name", nil
	case reflect.TypeFor[Size]():
		return "size", nil
	case reflect.TypeFor[time.Duration]():
		return "duration", nil
	}
	return kindOfBasic(t)
}

func kindOfBasic(t reflect.Type) (words string, nested reflect.Type) {
	switch t.Kind() {
	case reflect.Struct:
		return "STRUCT", t
	case reflect.Slice:
		words, nested = kindOf(t.Elem())
		return "list of " + strings.TrimPrefix(words, "one of "), nested
	case reflect.Bool:
		return "`true` or `false`", nil
	case reflect.Int:
		return "whole number", nil
	}
	return "text", nil
}

func defaultOf(f field, path string, v reflect.Value) string {
	switch {
	case f.required:
		return "**required**"
	case path == "state_folder":
		return "`" + defaultStateFolder("linux") + "`; on Windows `" + defaultStateFolder("windows") + "`"
	case v.Kind() == reflect.Bool:
		return fmt.Sprintf("`%v`", v)
	case v.IsZero(), v.Kind() == reflect.Struct:
		return ""
	case v.Interface() == care.AllSections:
		return "`[ALL]`"
	case v.Type() == reflect.TypeFor[time.Duration]():
		return "`" + shortDuration(v.Interface().(time.Duration)) + "`"
	}
	return fmt.Sprintf("`%v`", v.Interface())
}

// shortDuration writes 24h, not 24h0m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// comments returns the comment of every field in the package's source.
func comments(t *testing.T) map[string]string {
	found := map[string]string{}
	for _, name := range []string{"site.go", "consent.go", "journal.go", "source.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					for _, name := range f.Names {
						found[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
					}
				}
			}
			return false
		})
	}
	return found
}
