package feed

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Limits of a file.
const (
	maxLine  = 4 << 10   // bytes of a line, its end not counted
	maxLines = 5_000_000 // lines after the header
	maxTexts = 10_000    // distinct texts that are held once each while reading
)

// header is the columns that every file begins with.
const header = "nhs_number,directive,effective,by"

// Columns of a file. Those after by may be left out, and come in any order.
const (
	numberColumn = iota
	directiveColumn
	effectiveColumn
	byColumn
	recordedColumn
	organisationsColumn
	sectionsColumn
	systemColumn
	codeColumn
	columns
)

var columnNames = [columns]string{"nhs_number", "directive", "effective", "by", "recorded", "organisations", "sections", "code_system", "code"}

// ParseFile reads directives from CSV (RFC 4180, one record on each line) with
// a header that begins with
//
//	nhs_number,directive,effective,by
//
// and may go on with recorded, organisations, sections, code_system and code in
// any order; these may be empty in a line.
//
// directive is DISSENT, CONSENT, RESTRICTION or UNRESTRICTED. effective is a
// time with its offset (RFC 3339), or a date: where the hour is not known, a
// dissent or restriction is taken to be of the day's end and a consent or
// lifting of its beginning (UTC), so that of two statements on one day the one
// that withholds wins. recorded is written the same way. Times are kept to the
// millisecond. by says who recorded it, at most 64 bytes. organisations are ODS
// codes and sections are names such as ALLERGIES, separated by spaces: the
// statement is about these only, and about one of the two. UTF-8, with or
// without a byte order mark. Authority is left zero.
//
// Any fault ends the sequence with an error that names line and column and
// never quotes them, of Kind BadRequest, LimitExceeded for a line of more than
// 4 KiB or more than 5,000,000 lines, or InvalidNHSNumber. Whoever reads the
// sequence must then keep nothing of it.
func ParseFile(r io.Reader) iter.Seq2[care.Directive, error] {
	return func(yield func(care.Directive, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 0, maxLine+2), maxLine+2) // bounded before anything looks at it
		p := fileParser{texts: make(map[string]string)}
		for lines.Scan() {
			if p.line++; p.line == 1 {
				if err := p.header(strings.TrimPrefix(lines.Text(), "\ufeff")); err != nil {
					yield(care.Directive{}, err)
					return
				}
				continue
			}
			d, err := p.directive(lines.Text())
			if !yield(d, err) || err != nil {
				return
			}
		}
		if err := p.end(lines.Err()); err != nil {
			yield(care.Directive{}, err)
		}
	}
}

// fileParser reads the lines of a file one after the other.
type fileParser struct {
	line   int
	order  []int             // which column each field of a line is
	fields [columns]string   // of the line, by column
	texts  map[string]string // the few distinct texts, each held once and not as part of its line
}

// header reads the first line.
func (p *fileParser) header(text string) error {
	for i, name := range strings.Split(text, ",") {
		column := slices.Index(columnNames[:], name)
		if column < 0 || i <= byColumn && column != i || slices.Contains(p.order, column) {
			return p.fault("the header must be " + header + ", then any of " + strings.Join(columnNames[recordedColumn:], ", "))
		}
		p.order = append(p.order, column)
	}
	if len(p.order) <= byColumn {
		return p.fault("the header must begin with " + header)
	}
	return nil
}

// end returns why a file ended too early, or nil.
func (p *fileParser) end(err error) error {
	switch {
	case errors.Is(err, bufio.ErrTooLong):
		return failure(care.LimitExceeded, "LINE", fmt.Sprintf("line %d is longer than %d bytes", p.line+1, maxLine), nil)
	case err != nil:
		return failure(care.BadRequest, "FILE", fmt.Sprintf("the file cannot be read after line %d", p.line), err)
	case p.line == 0:
		return failure(care.BadRequest, "LINE", "line 1: the file is empty; the header must be "+header, nil)
	}
	return nil
}

func (p *fileParser) fault(what string) error {
	return failure(care.BadRequest, "LINE", fmt.Sprintf("line %d: %s", p.line, what), nil)
}

func (p *fileParser) columnFault(column int, what string) error {
	kind := care.BadRequest
	if column == numberColumn {
		kind = care.InvalidNHSNumber
	}
	return failure(kind, "LINE", fmt.Sprintf("line %d, column %s: %s", p.line, columnNames[column], what), nil)
}

// directive reads one line after the header.
func (p *fileParser) directive(text string) (d care.Directive, err error) {
	if p.line > maxLines+1 {
		return d, failure(care.LimitExceeded, "DIRECTIVES", fmt.Sprintf("the file has more than %d lines", maxLines), nil)
	}
	if len(text) > maxLine {
		p.line--
		return d, p.end(bufio.ErrTooLong)
	}
	if !utf8.ValidString(text) || !p.split(text) {
		return d, p.fault("it is not " + fmt.Sprint(len(p.order)) + " columns of UTF-8 text separated by commas")
	}
	for column, read := range fieldReaders {
		if read == nil {
			continue
		}
		if why := read(p, &d, p.fields[column]); why != "" {
			return care.Directive{}, p.columnFault(column, why)
		}
	}
	return d, nil
}

// text returns a text that is not a part of its line.
func (p *fileParser) text(text string) string {
	if known, ok := p.texts[text]; ok {
		return known
	}
	if len(p.texts) == maxTexts {
		clear(p.texts)
	}
	text = strings.Clone(text)
	p.texts[text] = text
	return text
}

// split splits a line into exactly the columns of the header.
func (p *fileParser) split(line string) bool {
	p.fields = [columns]string{}
	for i, column := range p.order {
		field, rest, ok := cutField(line)
		if !ok {
			return false
		}
		p.fields[column] = field
		if i == len(p.order)-1 {
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
