package config

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// document is the text of the file as lines, and which part of each line must
// not be shown.
type document struct {
	file   string
	text   string
	lines  []string
	hidden []int // by line: the first character, from 0, that is a secret; len(line) or more when none
}

const (
	mask     = "***"
	maxShown = 160 // characters of a line or value that are shown
	nowhere  = 1 << 30
)

// A secret begins after a key that sounds like one, in YAML or in a connection
// string, and inside a URL before the "@". Both err on the side of hiding.
var (
	secretKey = regexp.MustCompile(`(?i)[\w.-]*(password|passphrase|passwd|pwd|secret|token|credential|private[_-]?key|key[_-]?material)[\w.-]*["']?\s*[:=]`)
	secretURL = regexp.MustCompile(`://\S*@`)
)

// newDocument strips a byte order mark and Windows line ends.
func newDocument(file, text string) *document {
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
	d := &document{file: file, text: text, lines: strings.Split(text, "\n")}
	d.hidden = hiddenParts(d.lines)
	return d
}

// hiddenParts finds the secrets by the text alone, because a file that is not
// YAML is shown as well.
func hiddenParts(lines []string) []int {
	hidden := make([]int, len(lines))
	block := nowhere // indentation of a secret key; deeper lines belong to its value
	until := ""      // what ends a secret that runs over lines
	for i, line := range lines {
		if until != "" {
			if strings.Contains(line, until) {
				until = ""
			}
			continue
		}
		if strings.TrimSpace(line) == "" || indentation(line) > block {
			continue
		}
		hidden[i], block, until = secretIn(line)
	}
	return hidden
}

// secretIn returns where the secret of a line begins, the indentation below
// which its value goes on, and what ends it if it goes on beyond that.
func secretIn(line string) (from, block int, until string) {
	if strings.Contains(line, "-----BEGIN") {
		return 0, nowhere, "-----END"
	}
	if at := secretKey.FindStringIndex(line); at != nil {
		block = indentation(line)
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			block = nowhere
		}
		return utf8.RuneCountInString(line[:at[1]]), block, openQuote(line[at[1]:])
	}
	if at := secretURL.FindStringIndex(line); at != nil {
		return utf8.RuneCountInString(line[:at[0]+len("://")]), nowhere, ""
	}
	return nowhere, nowhere, ""
}

// openQuote returns the quote that a value opens and does not close.
func openQuote(value string) string {
	value = strings.TrimSpace(value)
	if value == "" || value[0] != '"' && value[0] != '\'' {
		return ""
	}
	if quote := value[:1]; strings.Count(value, quote)%2 == 1 {
		return quote
	}
	return ""
}

// indentation counts the spaces and list dashes before a line's first entry.
func indentation(line string) int {
	n := len(line) - len(strings.TrimLeft(line, " "))
	for strings.HasPrefix(line[n:], "- ") {
		n += 2
		n += len(line[n:]) - len(strings.TrimLeft(line[n:], " "))
	}
	return n
}

// secret reports whether the character at line and column, from 1, is hidden.
func (d *document) secret(line, column int) bool {
	return line <= len(d.hidden) && column > d.hidden[line-1]
}

// hide hides the rest of a line after column.
func (d *document) hide(line, column int) {
	if line <= len(d.hidden) {
		d.hidden[line-1] = min(d.hidden[line-1], column)
	}
}

// show returns one line, from 1, without its secrets and not longer than
// maxShown.
func (d *document) show(line int) string {
	if line > len(d.lines) {
		return ""
	}
	text := []rune(d.lines[line-1])
	if from := d.hidden[line-1]; from < len(text) {
		shown := strings.TrimRight(string(text[:from]), " ")
		if shown != "" {
			shown += " "
		}
		text = []rune(shown + mask)
	}
	return clip(visible(string(text)))
}

// clip shortens a text that would fill the screen.
func clip(text string) string {
	if utf8.RuneCountInString(text) <= maxShown {
		return text
	}
	return string([]rune(text)[:maxShown]) + "…"
}

// unprintable returns the place, from 1, of the first character that a person
// who reads the file would not see as it is: control characters and those that
// change the order or joining of others (Unicode TR 36, CVE-2021-42574).
func (d *document) unprintable() (line, column int, found bool) {
	for i, text := range d.lines {
		column := 0
		for _, r := range text {
			column++
			if r != '\t' && invisible(r) {
				return i + 1, column, true
			}
		}
	}
	return 0, 0, false
}

func invisible(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// visible replaces the characters that unprintable finds.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && invisible(r) {
			return '\ufffd'
		}
		return r
	}, text)
}
