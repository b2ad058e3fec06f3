package feed

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// Years that a time may be of.
const (
	firstYear = 1900
	lastYear  = 2200
)

// AppendRow appends the canonical row of a statement about a patient:
//
//	nhs|KIND|TARGET|effective|recorded|by|system|code\n
//
// TARGET is *, ORG: and an ODS code, or SECTION: and a section's name. Times
// are milliseconds since 1970 UTC. In texts, backslash, bar and line feed are
// written \\, \| and \n. The form is frozen.
func AppendRow(dst []byte, n care.NHSNumber, s *rule.Statement) []byte {
	dst = append(append(dst, n.Reveal()...), '|')
	dst = append(append(dst, s.Kind.String()...), '|')
	switch {
	case s.Scope.Organisation != "":
		dst = append(append(dst, "ORG:"...), s.Scope.Organisation...)
	case s.Scope.Section != 0:
		dst = append(append(dst, "SECTION:"...), s.Scope.Section.String()...)
	default:
		dst = append(dst, '*')
	}
	dst = strconv.AppendInt(append(dst, '|'), s.Effective, 10)
	dst = strconv.AppendInt(append(dst, '|'), s.Recorded, 10)
	dst = appendText(append(dst, '|'), s.By)
	dst = appendText(append(dst, '|'), s.Code.System)
	dst = appendText(append(dst, '|'), s.Code.Code)
	return append(dst, '\n')
}

func appendText(dst []byte, text string) []byte {
	if !strings.ContainsAny(text, "\\|\n") {
		return append(dst, text...)
	}
	for i := range len(text) {
		switch c := text[i]; c {
		case '\\', '|':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// AppendRows appends the rows of a directive as it was sent: one for each
// organisation, in the order in which they stand, or for each section, in the
// order of their numbers. Without a time of recording that is the effective
// one. Nothing is checked: a hash over what was sent must be that of what was
// sent.
func AppendRows(dst []byte, d *care.Directive) []byte {
	s := rule.Statement{Kind: d.Kind, Effective: d.Effective.UnixMilli(), By: d.By, Code: d.Code}
	if s.Recorded = s.Effective; !d.Recorded.IsZero() {
		s.Recorded = d.Recorded.UnixMilli()
	}
	if d.Scope.IsZero() {
		return AppendRow(dst, d.NHSNumber, &s)
	}
	for _, organisation := range d.Scope.Organisations {
		s.Scope = rule.Target{Organisation: organisation}
		dst = AppendRow(dst, d.NHSNumber, &s)
	}
	for section := range d.Scope.Sections.All() {
		s.Scope = rule.Target{Section: section}
		dst = AppendRow(dst, d.NHSNumber, &s)
	}
	return dst
}

// plain reports whether a text is within its limit in bytes, UTF-8 and free of
// control characters.
func plain(text string, limit int) bool {
	if len(text) > limit || !utf8.ValidString(text) {
		return false
	}
	for _, c := range text {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}
