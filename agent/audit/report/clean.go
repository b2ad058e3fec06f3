package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks may follow one another. No language
// needs more; a tower of them covers the lines around it.
const maxMarks = 4

// clean makes a text from elsewhere fit to be shown: line breaks and tabs
// become spaces; other controls, invisible characters and those that turn the
// direction of writing (Unicode Standard Annex 9, section 2) become U+FFFD, so
// that it shows that something was there. The joiners that Persian and Indic
// names need are kept.
func clean(s string) string {
	if plain(s) {
		return strings.TrimSpace(s)
	}
	var b strings.Builder
	marks := 0
	for _, r := range s {
		if !unicode.Is(unicode.M, r) {
			marks = 0
		} else if marks++; marks > maxMarks {
			continue
		}
		b.WriteRune(shown(r))
	}
	return strings.TrimSpace(b.String())
}

// plain reports whether a text is ASCII without controls.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// shown returns the rune that stands for r.
func shown(r rune) rune {
	switch {
	case unicode.IsSpace(r), r == '\u2028', r == '\u2029':
		return ' '
	case r == '\u200c', r == '\u200d': // joiners
		return r
	case unicode.IsGraphic(r):
		return r
	}
	return utf8.RuneError
}

func cleanAll(texts []string) []string {
	cleaned := make([]string, len(texts))
	for i, s := range texts {
		cleaned[i] = clean(s)
	}
	return cleaned
}
