package verify

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Write writes the report in plain words.
func (r *Report) Write(out io.Writer) error {
	var b strings.Builder
	if r.Origin != "" {
		fmt.Fprintf(&b, "Journal %s\n", r.Origin)
	}
	fmt.Fprintf(&b, "Read: %s; the last has the number %d.\n", care.Count(r.Read, "entry"), r.Entries)
	for _, head := range r.Heads {
		fmt.Fprintf(&b, "%s: %s\n", head.Source, head.say())
	}
	if r.Fine() {
		b.WriteString("\nNothing is wrong.\n")
	} else {
		b.WriteString("\nWHAT IS WRONG\n")
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "  %s: %s\n", f.Code, f.Text)
	}
	if r.More > 0 {
		fmt.Fprintf(&b, "  Not listed: %s.\n", care.Count(r.More, "further finding"))
	}
	b.WriteString("\nWhat cannot be known:\n")
	for _, text := range r.Unknown {
		fmt.Fprintf(&b, "  %s\n", text)
	}
	_, err := io.WriteString(out, strings.Map(shown, b.String()))
	return err
}

// say says what a head shows.
func (h *Head) say() string {
	text := "signed for " + care.Count(h.Size, "entry")
	if len(h.Witnesses) > 0 {
		text += ", countersigned by " + strings.Join(h.Witnesses, " and ")
	}
	if !h.Fits {
		return text + ", does NOT fit"
	}
	return text + ", fits"
}

// shown leaves out what could steer a terminal: names come from files.
func shown(r rune) rune {
	if r != '\n' && unicode.IsControl(r) {
		return -1
	}
	return r
}
