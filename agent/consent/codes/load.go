package codes

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Budgets of a list.
const (
	maxRows    = 1_000
	maxLine    = 1 << 10 // bytes, the line's end not counted
	maxSystem  = 128     // bytes, as rule.MaxSystem
	maxCode    = 32      // bytes, as rule.MaxCode
	maxMeaning = 256     // bytes, and of a source
)

// header is the second line of a list.
const header = "system,code,verdict,meaning,source"

// dated begins the first line of a list.
const dated = "date,"

// Load reads a site's list, which takes the place of the shipped one: CSV
// (RFC 4180, one record on each line), UTF-8 with or without a byte order mark.
// The first line is the date of the list, such as
//
//	date,2026-11-22
//
// the second the header
//
//	system,code,verdict,meaning,source
//
// A list may give third-party and ignored codes another verdict and leave codes
// out, which are then unknown and refused. It may not make a consent or nothing
// of a code that the shipped list calls a dissent.
//
// Errors name line and column and never quote them: BadRequest with Reason LINE,
// or LimitExceeded for a line of more than 1 KiB or more than 1,000 codes.
func Load(r io.Reader) (*List, error) { return read(r, Shipped()) }

// read reads a list that calls what the other one calls dissent so too.
func read(r io.Reader, strict *List) (*List, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, maxLine+2), maxLine+2) // bounded before anything looks at it
	l := &List{byID: make(map[id]Verdict)}
	line := 0
	for lines.Scan() {
		line++
		text := lines.Text()
		if len(text) > maxLine {
			return nil, tooLong(line)
		}
		if err := l.take(line, text, strict); err != nil {
			return nil, err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, tooLong(line + 1)
	case err != nil:
		return nil, &care.Error{Kind: care.BadRequest, Op: "consent/codes", Reason: "FILE",
			Detail: fmt.Sprintf("the list cannot be read after line %d", line), Err: err}
	case len(l.rows) == 0:
		return nil, lineFault(line+1, "the list ends before its first code")
	}
	return l, nil
}

// take takes one line into the list.
func (l *List) take(line int, text string, strict *List) error {
	switch {
	case !utf8.ValidString(text):
		return lineFault(line, "it is not UTF-8 text")
	case line == 1:
		date, ok := strings.CutPrefix(strings.TrimPrefix(text, "\ufeff"), dated)
		day, err := time.Parse(time.DateOnly, date)
		if !ok || err != nil {
			return lineFault(line, "write the date of the list as date,YYYY-MM-DD")
		}
		l.date = day
		return nil
	case line == 2:
		if text != header {
			return lineFault(line, "the header must be "+header)
		}
		return nil
	case len(l.rows) == maxRows:
		return failure(care.LimitExceeded, "LINE", fmt.Sprintf("line %d: a list has at most %d codes", line, maxRows))
	}
	row, err := parseRow(line, text)
	if err != nil {
		return err
	}
	return l.add(line, row, strict)
}

// add adds a row.
func (l *List) add(line int, row Row, strict *List) error {
	key := id{row.System, row.Code}
	if _, twice := l.byID[key]; twice {
		return columnFault(line, "code", "the list has this code already")
	}
	if strict != nil && strict.byID[key] == Dissent && row.Verdict != Dissent {
		return columnFault(line, "verdict", "this code is a dissent, and no list makes anything else of it")
	}
	l.byID[key] = row.Verdict
	l.rows = append(l.rows, row)
	return nil
}

// parseRow reads one line after the header.
func parseRow(line int, text string) (Row, error) {
	f, ok := splitLine(text)
	if !ok {
		return Row{}, lineFault(line, "it is not five columns separated by commas")
	}
	row := Row{System: f[0], Verdict: parseVerdict(f[2]), Meaning: f[3], Source: f[4]}
	if row.Code, ok = canonical(f[0], f[1]); !ok {
		if !plain(f[0], maxSystem) {
			return Row{}, columnFault(line, "system", "write the URI of a code system, such as "+SNOMED)
		}
		return Row{}, columnFault(line, "code", "not a code of that system; a spreadsheet may have rounded it")
	}
	switch {
	case row.Verdict == 0:
		return Row{}, columnFault(line, "verdict", "write dissent, consent, third-party or ignored")
	case !plain(row.Meaning, maxMeaning):
		return Row{}, columnFault(line, "meaning", "write 1 to 256 bytes of plain text")
	case !plain(row.Source, maxMeaning):
		return Row{}, columnFault(line, "source", "write where the code was published, 1 to 256 bytes of plain text")
	}
	return row, nil
}

// splitLine splits a line into its columns.
func splitLine(line string) ([]string, bool) {
	r := csv.NewReader(strings.NewReader(line))
	r.FieldsPerRecord = strings.Count(header, ",") + 1
	fields, err := r.Read()
	return fields, err == nil
}

// plain reports whether a text is there, within its limit in bytes, UTF-8 and
// free of control characters.
func plain(text string, limit int) bool {
	if text == "" || len(text) > limit || !utf8.ValidString(text) {
		return false
	}
	for _, c := range text {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

func lineFault(line int, what string) error {
	return failure(care.BadRequest, "LINE", fmt.Sprintf("line %d: %s", line, what))
}

func columnFault(line int, column, what string) error {
	return failure(care.BadRequest, "LINE", fmt.Sprintf("line %d, column %s: %s", line, column, what))
}

func tooLong(line int) error {
	return failure(care.LimitExceeded, "LINE", fmt.Sprintf("line %d is longer than %d bytes", line, maxLine))
}
