package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Budgets for what the YAML library is given: it recurses over depth and takes
// quadratic time over the number of keys and over the empty lines of a block.
const (
	maxLines  = 10_000
	maxTokens = 20_000
	maxDepth  = 32
)

// maxSyntaxFaults is how many syntax faults are looked past.
const maxSyntaxFaults = 5

// unread is why the YAML library cannot be given a text, or cannot read it.
type unread struct {
	at       place
	detail   string
	tooLarge bool // a budget would be exceeded
}

// parse returns the root of the file's one document, or reports why there is
// none. A key of the root in which the syntax is at fault is left out, so that
// the faults of the others are found as well.
func (d *decoder) parse() (root ast.Node, ok bool) {
	if line, column, found := d.doc.unprintable(); found {
		d.fail(place{line, column}, "", "the line holds a character that cannot be seen; delete it, or type the line again")
		return nil, false
	}
	if len(d.doc.lines) > maxLines {
		d.fail(place{maxLines, 1}, "", "the file has too many lines; a site's file has some hundred")
		return nil, false
	}
	lines := slices.Clone(d.doc.lines)
	for range maxSyntaxFaults {
		file, fault := parseYAML(lines)
		if fault == nil {
			return d.onlyDocument(file)
		}
		if fault.tooLarge {
			d.fail(fault.at, "", fault.detail)
			return nil, false
		}
		from, to, fault := culprit(lines, fault)
		d.fail(fault.at, "", fault.detail+"; "+unchecked(from, to))
		d.leaveOut(lines, from, to)
	}
	d.fail(place{1, 1}, "", "nothing else was checked; mend what is not YAML first")
	return nil, false
}

// unchecked says which lines were left out.
func unchecked(from, to int) string {
	if from+1 == to {
		return fmt.Sprintf("line %d was not checked further", to)
	}
	return fmt.Sprintf("lines %d to %d were not checked further", from+1, to)
}

// parseYAML parses lines. Nothing the library says is passed on: it may quote
// the file.
func parseYAML(lines []string) (file *ast.File, fault *unread) {
	defer func() {
		if recover() != nil { // a defect of the library must not stop a service that runs
			file, fault = nil, &unread{at: place{1, 1}, detail: explainSyntax("")}
		}
	}()
	tokens := lexer.Tokenize(strings.Join(lines, "\n"))
	if fault := affordable(tokens); fault != nil {
		return nil, fault
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err == nil {
		return file, nil
	}
	fault = &unread{at: place{1, 1}, detail: explainSyntax("")}
	if syntax, found := errors.AsType[yaml.Error](err); found {
		fault.at, fault.detail = tokenPlace(syntax.GetToken()), explainSyntax(syntax.GetMessage())
	}
	return nil, fault
}

// culprit returns the lines, from 0 and half open, of the key of the root that
// a fault is in, and the fault as it shows there. That key may be above the one
// in which it was noticed: a quote that is not closed runs on to the next one.
func culprit(lines []string, noticed *unread) (from, to int, fault *unread) {
	var starts []int
	for i, line := range lines {
		if beginsKey(line) {
			starts = append(starts, i)
		}
	}
	if len(starts) == 0 {
		return 0, len(lines), noticed
	}
	fault = noticed
	key := sort.Search(len(starts)-1, func(i int) bool {
		if starts[i+1] >= noticed.at.line {
			return true
		}
		_, earlier := parseYAML(lines[:starts[i+1]])
		if earlier != nil {
			fault = earlier
		}
		return earlier != nil
	})
	return starts[key], append(starts, len(lines))[key+1], fault
}

// beginsKey reports whether a line is the first of a key of the root.
func beginsKey(line string) bool {
	return line != "" && !strings.ContainsAny(line[:1], " \t#-]}")
}

// leaveOut makes comments of the lines of one key, so that the others keep
// their places, and says nothing about what the key should have held.
func (d *decoder) leaveOut(lines []string, from, to int) {
	name, _, _ := strings.Cut(lines[from], ":")
	path := "$" + segment(name)
	if !slices.ContainsFunc(fieldsOf(reflect.TypeFor[Site]()), func(f field) bool { return f.name == name }) {
		path = "$" // it may be any of them
	}
	d.faulty = append(d.faulty, path)
	for i := from; i < to; i++ {
		lines[i] = "#"
	}
}

// onlyDocument returns the body of the first document and reports the others.
func (d *decoder) onlyDocument(file *ast.File) (root ast.Node, ok bool) {
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case doc.Body.Type() == ast.DirectiveType:
			d.fail(start(doc.Body), "", "a YAML directive is not allowed; delete the line")
		case root != nil:
			d.fail(start(doc.Body), "", "a second document begins here; the file holds one, so delete the line \"---\" and what follows")
		default:
			root = doc.Body
		}
	}
	if root == nil && len(d.problems) == 0 {
		d.fail(place{1, 1}, "", "the file says nothing; write a first one with: mcr-agent check --example gp-practice")
	}
	return root, root != nil
}

// affordable checks the budgets before the library builds its tree. Depth is
// that of brackets plus that of indentation.
func affordable(tokens token.Tokens) *unread {
	if len(tokens) > maxTokens {
		return &unread{tokenPlace(tokens[maxTokens]), "the file has too many entries; a site's file has some hundred", true}
	}
	brackets := 0
	var columns []int
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.SequenceEntryType, token.MappingValueType:
			columns = deeper(columns, entryColumn(t))
		}
		if brackets+len(columns) > maxDepth {
			return &unread{tokenPlace(t), "the file is nested too deeply; nothing in it needs more than a few levels", true}
		}
	}
	return nil
}

// entryColumn returns where the entry that t marks begins: at the dash, or at
// the key before the colon.
func entryColumn(t *token.Token) int {
	if t.Type == token.MappingValueType && t.Prev != nil && t.Prev.Position.Line == t.Position.Line {
		t = t.Prev
	}
	return t.Position.Column
}

// deeper adds one column to those of the entries that enclose it.
func deeper(columns []int, column int) []int {
	for len(columns) > 0 && columns[len(columns)-1] >= column {
		columns = columns[:len(columns)-1]
	}
	return append(columns, column)
}

// explainSyntax puts the library's message into words for the person who
// wrote the file.
func explainSyntax(message string) string {
	for _, known := range []struct{ part, words string }{
		{"end character of", "the quoted text is not closed; add the closing quote"},
		{"mapping value is not allowed", "there is a second \": \" on this line; put the value into quotes"},
		{"\t", "a tab is used for indentation; use spaces"},
		{"tab character", "a tab is used for indentation; use spaces"},
		{"reserved character", "the value begins with a character that YAML reserves; put it into quotes"},
		{"must be specified", "the list in [ ] or the mapping in { } is not closed, or a comma is missing"},
		{"end token", "the list in [ ] or the mapping in { } is not closed"},
		{"character corresponding", "this bracket closes nothing"},
		{"unexpected key name", "a colon is missing here, or the indentation is wrong"},
		{"not allowed in this context", "this does not fit what stands above it; check the indentation"},
		{"non-map value", "this does not fit what stands above it; check the indentation and the colon"},
		{"alias", "anchors and aliases (& and *) are not allowed; write the value out, or put it into quotes"},
		{"anchor", "anchors and aliases (& and *) are not allowed; write the value out, or put it into quotes"},
	} {
		if strings.Contains(message, known.part) {
			return known.words
		}
	}
	return "this is not YAML; check indentation, colons and quotes"
}

// start returns where a node begins in the file.
func start(n ast.Node) place {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return start(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return start(n.Key)
	}
	return tokenPlace(n.GetToken())
}

func tokenPlace(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{max(t.Position.Line, 1), max(t.Position.Column, 1)}
}
