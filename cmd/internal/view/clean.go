package view

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes a text of a record safe for a terminal and fit for one line.
// Control characters (a terminal may obey them) and marks that turn the
// direction of writing or cannot be seen (a reader may be deceived by them)
// are dropped; line ends and runs of space become one space.
func Clean(text string) string {
	var b strings.Builder
	space := false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
		case unsafeRune(r):
		default:
			if space {
				b.WriteByte(' ')
			}
			space = false
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unsafeRune reports whether a terminal or a reader may be misled by r.
func unsafeRune(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }

// maxShown is how much of one text is shown on a line, in characters.
const maxShown = 400

// cut is what is left of a text that is too long for a line; it says so.
const cut = " [cut here: read the whole entry with --format json]"

// shown cleans and shortens a text.
func shown(text string) string {
	text = Clean(text)
	if utf8.RuneCountInString(text) <= maxShown {
		return text
	}
	return string([]rune(text)[:maxShown]) + cut
}

// escapeUnsafe makes JSON safe for a terminal without changing what it says:
// characters that Clean would drop are written as escapes. JSON can hold them
// only within strings, where an escape means the same.
func escapeUnsafe(data []byte) []byte {
	const digits = "0123456789abcdef"
	var out []byte
	start := 0
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r >= 0x7f && r <= 0xffff && unsafeRune(r) {
			out = append(out, data[start:i]...)
			out = append(out, '\\', 'u', digits[r>>12], digits[r>>8&15], digits[r>>4&15], digits[r&15])
			start = i + size
		}
		i += size
	}
	if start == 0 {
		return data
	}
	return append(out, data[start:]...)
}

// date shortens a FHIR dateTime to what a reader needs, with the precision that
// it has: the "T" becomes a space, and seconds go.
func date(text string) string {
	if len(text) < len("2006-01-02T15:04:05Z") {
		return text
	}
	day, rest, ok := strings.Cut(text, "T")
	if !ok || len(rest) < 6 {
		return text
	}
	offset := strings.IndexAny(rest, "Z+-")
	if offset < 0 {
		return text
	}
	return day + " " + rest[:5] + rest[offset:]
}
