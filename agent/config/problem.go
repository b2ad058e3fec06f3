package config

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Problem is one fault in agent.yaml.
type Problem struct {
	File   string // as given to Load
	Line   int    // from 1
	Column int    // from 1, in characters
	Text   string // the offending line, secrets shown as ***; long lines are cut
	Path   string // such as "$.sharing.sections[2]"
	Detail string // what is wrong and what was expected
}

// Error returns the problem as compilers print one, followed by the offending
// line with a caret under the fault.
func (p Problem) Error() string {
	head := fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
	if p.Path != "" {
		head += p.Path + ": "
	}
	number := strconv.Itoa(p.Line)
	text := head + p.Detail + "\n  " + number + " | " + p.Text
	if p.Column <= utf8.RuneCountInString(p.Text) {
		text += "\n  " + strings.Repeat(" ", len(number)) + " | " + caretPad(p.Text, p.Column) + "^"
	}
	return text
}

// caretPad returns the white space before column; tabs are kept so that the
// caret stands under its character however wide a tab is shown.
func caretPad(text string, column int) string {
	var pad strings.Builder
	for _, r := range text {
		column--
		if column == 0 {
			break
		}
		if r != '\t' {
			r = ' '
		}
		pad.WriteRune(r)
	}
	return pad.String()
}

// Problems is every fault of one file, in the order of their lines. More than
// 100 are counted but not shown.
type Problems []Problem

// Problems returns what was found after the file was read, such as faults of
// the files that it names, as problems of the file: each at the value that it
// is about, or at what should hold that value. Paths are relative to parent,
// such as "$.identity". It returns nil for nothing found. It may be called from
// many goroutines.
func (s *Site) Problems(parent string, found []care.Problem) Problems {
	d := &decoder{doc: s.doc, places: s.places}
	for _, p := range found {
		path := parent + "." + p.Path
		d.add(d.placeOf(path), path, p.Detail)
	}
	return d.finish()
}

// Error returns all problems, one after the other.
func (p Problems) Error() string {
	texts := make([]string, len(p))
	for i := range p {
		texts[i] = p[i].Error()
	}
	return strings.Join(texts, "\n")
}
