package consent

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// maxLine is the longest line of an import file in bytes, its end not counted.
const maxLine = 4 << 10

// header is the first line of an import file and names its columns.
const header = "nhs_number,directive,effective,by"

// Columns of an import file.
const (
	numberColumn = iota
	directiveColumn
	effectiveColumn
	byColumn
	columns
)

// ParseFile reads directives from CSV (RFC 4180, one record on each line) with
// the header
//
//	nhs_number,directive,effective,by
//
// directive is DISSENT, CONSENT, RESTRICTION or UNRESTRICTED. effective is a
// time with its offset (RFC 3339), or a date: where the hour is not known, a
// dissent or restriction is taken to be of the day's end and a consent or
// lifting of its beginning (UTC), so that of two statements on one day the one
// that withholds wins. by says who recorded it, at most 64 bytes. UTF-8, with or
// without a byte order mark. Authority and Recorded are left zero.
//
// Any fault ends the sequence with an error that names line and column and
// never quotes them, of Kind BadRequest, LimitExceeded for a line of more than
// 4 KiB or more than 5,000,000 lines, or InvalidNHSNumber. Whoever reads the
// sequence must then keep nothing of it, as Store.Replace does.
func ParseFile(r io.Reader) iter.Seq2[care.Directive, error] {
	return func(yield func(care.Directive, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 0, maxLine+2), maxLine+2) // bounded before anything looks at it
		line := 0
		for lines.Scan() {
			line++
			if line == 1 {
				if strings.TrimPrefix(lines.Text(), "\ufeff") != header {
					yield(care.Directive{}, lineFault(line, "the header must be "+header))
					return
				}
				continue
			}
			d, err := parseLine(line, lines.Text())
			if !yield(d, err) || err != nil {
				return
			}
		}
		if err := endOf(line, lines.Err()); err != nil {
			yield(care.Directive{}, err)
		}
	}
}

// endOf returns why a file ended too early, or nil.
func endOf(line int, err error) error {
	switch {
	case errors.Is(err, bufio.ErrTooLong):
		return failure(care.LimitExceeded, "LINE", fmt.Sprintf("line %d is longer than %d bytes", line+1, maxLine), nil)
	case err != nil:
		return failure(care.BadRequest, "FILE", fmt.Sprintf("the file cannot be read after line %d", line), err)
	case line == 0:
		return lineFault(1, "the file is empty; the header must be "+header)
	}
	return nil
}

func lineFault(line int, what string) *care.Error {
	return failure(care.BadRequest, "LINE", fmt.Sprintf("line %d: %s", line, what), nil)
}

func columnFault(line, column int, what string) *care.Error {
	kind := care.BadRequest
	if column == numberColumn {
		kind = care.InvalidNHSNumber
	}
	name := strings.Split(header, ",")[column]
	return failure(kind, "LINE", fmt.Sprintf("line %d, column %s: %s", line, name, what), nil)
}

// parseLine reads one line after the header.
func parseLine(line int, text string) (care.Directive, error) {
	var f [columns]string
	if line > maxSnapshot+1 {
		return care.Directive{}, failure(care.LimitExceeded, "DIRECTIVES", fmt.Sprintf("the file has more than %d lines", maxSnapshot), nil)
	}
	if len(text) > maxLine {
		return care.Directive{}, endOf(line-1, bufio.ErrTooLong)
	}
	if !utf8.ValidString(text) || !splitLine(text, &f) {
		return care.Directive{}, lineFault(line, "it is not four columns of UTF-8 text separated by commas")
	}
	number, err := care.ParseNHSNumber(f[numberColumn])
	if err != nil {
		return care.Directive{}, columnFault(line, numberColumn, "not a valid NHS number")
	}
	kind, ok := care.ParseDirectiveKind(f[directiveColumn])
	if !ok {
		return care.Directive{}, columnFault(line, directiveColumn, "write DISSENT, CONSENT, RESTRICTION or UNRESTRICTED")
	}
	effective, ok := parseEffective(f[effectiveColumn], kind)
	if !ok {
		return care.Directive{}, columnFault(line, effectiveColumn, "write YYYY-MM-DD, or YYYY-MM-DDThh:mm:ss with an offset")
	}
	if !validBy(f[byColumn]) {
		return care.Directive{}, columnFault(line, byColumn, "write 1 to 64 bytes of plain text")
	}
	return care.Directive{NHSNumber: number, Kind: kind, Effective: effective, By: f[byColumn]}, nil
}

// parseEffective reads a time or a date within the years that can be kept.
func parseEffective(text string, kind care.DirectiveKind) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t, err = time.Parse(time.DateOnly, text)
		if restrictive(kind) {
			t = t.AddDate(0, 0, 1).Add(-1)
		}
	}
	return t, err == nil && t.Year() >= firstYear && t.Year() <= lastYear
}

// splitLine splits a line into exactly its columns.
func splitLine(line string, f *[columns]string) bool {
	for i := range f {
		field, rest, ok := cutField(line)
		if !ok {
			return false
		}
		f[i] = field
		if i == columns-1 {
			return rest == ""
		}
		if line, ok = strings.CutPrefix(rest, ","); !ok {
			return false
		}
	}
	return false
}

// cutField takes the first field off a line; rest then begins with a comma or
// is empty. In quotes, a quote is written twice; elsewhere there is none.
func cutField(line string) (field, rest string, ok bool) {
	quoted, isQuoted := strings.CutPrefix(line, `"`)
	if !isQuoted {
		end := strings.IndexByte(line, ',')
		if end < 0 {
			end = len(line)
		}
		return line[:end], line[end:], !strings.Contains(line[:end], `"`)
	}
	var text strings.Builder
	for {
		part, after, found := strings.Cut(quoted, `"`)
		if !found {
			return "", "", false
		}
		text.WriteString(part)
		if quoted, found = strings.CutPrefix(after, `"`); !found {
			return text.String(), after, after == "" || after[0] == ','
		}
		text.WriteByte('"')
	}
}
