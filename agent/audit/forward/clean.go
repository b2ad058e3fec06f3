package forward

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// blot stands where something looked like an NHS number.
const blot = "[NHS number]"

// printable returns s as valid UTF-8 in which every character that does not
// show, such as a line end or a change of direction, is a space: no text can
// pass for another message or field.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
}

// blotted returns s without what looks like an NHS number: ten digits with the
// right check digit, together or grouped 3-3-4 by a space or hyphen, with no
// digit beside them. Callers choose request ids, names and software versions,
// and people choose the names of files, so a number may stand there that the
// agent never put there.
func blotted(s string) string {
	var b strings.Builder
	done := 0
	for i := 0; i < len(s); i++ {
		n := numberAt(s, i)
		if n == 0 {
			continue
		}
		b.WriteString(s[done:i])
		b.WriteString(blot)
		done = i + n
		i = done - 1
	}
	if done == 0 {
		return s
	}
	return b.String() + s[done:]
}

// numberAt returns the length of the NHS number that begins at s[i], or 0.
func numberAt(s string, i int) int {
	if !isDigit(s, i) || isDigit(s, i-1) {
		return 0
	}
	at := i
	for n := range 10 {
		if (n == 3 || n == 6) && at < len(s) && (s[at] == ' ' || s[at] == '-') {
			at++
		}
		if !isDigit(s, at) {
			return 0
		}
		at++
	}
	if _, err := care.ParseNHSNumber(s[i:at]); err != nil || isDigit(s, at) {
		return 0
	}
	return at - i
}

func isDigit(s string, i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }

// cut returns the beginning of s, at most limit bytes, without half a character.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
