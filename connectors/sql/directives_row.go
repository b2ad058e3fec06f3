package sql

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// Columns of the queries of directives, in the order of directiveTable.
const (
	subjectColumn = iota
	effectiveColumn
	codeColumn
	systemColumn
	kindColumn
	recordedColumn
	byColumn
	organisationsColumn
	sectionsColumn
)

// neededColumns is how many of them, from the first, must be there.
const neededColumns = codeColumn

// directiveTable documents the columns; sql-consent-columns.md is made of it.
var directiveTable = [...]struct{ name, doc string }{
	subjectColumn: {"nhs_number", "NHS number of the patient. **Required in every row.**"},
	effectiveColumn: {"effective_date", "From when the statement holds: a date, or a date and time. Empty where it is not known. " +
		"**The column is required.**"},
	codeColumn: {"code", "The coded entry, as the source keeps it, such as `93C1.` or `416409005`. What a code means is in the agent's list of codes " +
		"([consent-codes.md](consent-codes.md)); one that is not in the list makes the reading fail."},
	systemColumn: {"code_system", "Code system of `code`: `SNOMED`, `READ2`, `CTV3` or a URI. Required where there is a code."},
	kindColumn: {"directive", "What was stated, where the source has no code for it: `DISSENT`, `CONSENT`, `RESTRICTION` (sensitive, S-flag) or " +
		"`UNRESTRICTED`. Every row has either this or a code, never both."},
	recordedColumn:      {"recorded_date", "When it was recorded: a date, or a date and time; may be empty. It decides between statements of the same moment."},
	byColumn:            {"recorded_by", "Who recorded it; may be empty. Only the first 64 bytes are kept."},
	organisationsColumn: {"organisations", "ODS codes of the organisations whose staff it is about, separated by spaces; empty means all."},
	sectionsColumn: {"sections", "Names of the sections of the record it is about, such as `MEDICATIONS`, separated by spaces; empty means all. " +
		"A row cannot name both organisations and sections, and a restriction neither."},
}

// Limits of a row.
const (
	maxCode    = 32  // bytes of a code
	maxSystem  = 128 // bytes of a code system
	maxBy      = 64  // bytes of who recorded it
	maxTargets = 64  // organisations of one statement
)

// readV2 is how many sites call the Read codes, version 2.
const readV2 = "READ2"

// undated is when a statement holds of which the source does not know since
// when: always, as far as a living patient goes.
var undated = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)

// directiveRow reads one row of a query of directives. fault is the first
// column that cannot be read, with what it must hold; never what it holds.
type directiveRow struct {
	at     []int
	values []ukcore.Value
	zone   *time.Location
	fault  string
}

// directive returns the statement of the row, which is sound if there is no
// fault.
func (r *directiveRow) directive() care.Directive {
	d := care.Directive{NHSNumber: r.number(), Effective: r.moment(effectiveColumn), Recorded: r.moment(recordedColumn), By: r.by()}
	if d.Effective.IsZero() {
		d.Effective = undated
	}
	d.Scope = care.Scope{Organisations: r.organisations(), Sections: r.sections()}
	r.meaning(&d)
	return d
}

func (r *directiveRow) fail(i int, want string) {
	if r.fault == "" {
		r.fault = directiveTable[i].name + " must hold " + want
	}
}

func (r *directiveRow) value(i int) ukcore.Value {
	if r.at[i] < 0 {
		return ukcore.Value{}
	}
	return r.values[r.at[i]]
}

// text returns a column as trimmed text; NULL is none.
func (r *directiveRow) text(i int) string {
	text, ok := textOf(r.value(i))
	if !ok || !utf8.ValidString(text) {
		r.fail(i, "a text in UTF-8")
		return ""
	}
	return text
}

func (r *directiveRow) number() care.NHSNumber {
	n, err := care.ParseNHSNumber(r.text(subjectColumn))
	if err != nil {
		r.fail(subjectColumn, "a valid NHS number")
	}
	return n
}

// meaning reads what was stated: a directive, or a code for the agent's list.
func (r *directiveRow) meaning(d *care.Directive) {
	kind, code := r.text(kindColumn), r.text(codeColumn)
	switch {
	case kind == "" && code == "":
		r.fail(codeColumn, "a code, or the column directive a word; a row without either says nothing")
	case kind != "" && code != "":
		r.fail(codeColumn, "nothing where the column directive holds a word")
	case kind != "":
		r.kind(d, kind)
	default:
		r.code(d, code)
	}
}

func (r *directiveRow) kind(d *care.Directive, word string) {
	kind, ok := care.ParseDirectiveKind(strings.ToUpper(word))
	if !ok {
		r.fail(kindColumn, "DISSENT, CONSENT, RESTRICTION or UNRESTRICTED")
	}
	if kind != care.Dissent && kind != care.ConsentGiven && !d.Scope.IsZero() {
		r.fail(kindColumn, "DISSENT or CONSENT where the row names organisations or sections")
	}
	d.Kind = kind
}

func (r *directiveRow) code(d *care.Directive, code string) {
	name := r.text(systemColumn)
	uri, ok := ukcore.CodeSystem(name)
	if strings.EqualFold(name, readV2) {
		uri, ok = ukcore.CodeSystem("READV2")
	}
	if !ok || len(uri) > maxSystem {
		r.fail(systemColumn, "SNOMED, READ2, CTV3 or a URI")
	}
	if len(code) > maxCode {
		r.fail(codeColumn, "a code of at most 32 bytes")
	}
	d.Code = care.Coding{System: uri, Code: code}
}

// by returns who recorded it, in a form that can be kept: one short line.
func (r *directiveRow) by() string {
	text := r.text(byColumn)
	text = text[:min(len(text), 4*maxBy)]
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(text, ""))
	if len(text) > maxBy {
		text = strings.ToValidUTF8(text[:maxBy], "") // without half a letter
	}
	return strings.TrimSpace(text)
}

func (r *directiveRow) organisations() []care.ODSCode {
	var list []care.ODSCode
	for word := range strings.FieldsSeq(r.text(organisationsColumn)) {
		code := care.ODSCode(strings.ToUpper(word))
		if !code.Valid() || len(list) == maxTargets {
			r.fail(organisationsColumn, "ODS codes separated by spaces, at most 64")
			return nil
		}
		if !slices.Contains(list, code) {
			list = append(list, code)
		}
	}
	return list
}

func (r *directiveRow) sections() care.SectionSet {
	var set care.SectionSet
	for word := range strings.FieldsSeq(r.text(sectionsColumn)) {
		section, ok := care.ParseSection(word)
		if !ok {
			r.fail(sectionsColumn, "names of sections separated by spaces")
			return 0
		}
		set = set.With(section)
	}
	if set != 0 && r.text(organisationsColumn) != "" {
		r.fail(sectionsColumn, "nothing where the column organisations holds something")
	}
	return set
}

// moment reads a date, which becomes midnight UTC, or a date and time. A time
// of exactly midnight is a date: that is how columns of times keep one. The
// years before 1900 stand for a date that is not known (1899-12-30, for one, is
// how a date of zero is shown), for which the zero time is returned.
func (r *directiveRow) moment(i int) time.Time {
	d, ok := r.dateTime(i)
	if !ok || !d.IsZero() && d.Precision < care.ToDay {
		r.fail(i, "a date with its day, or nothing where that is not known")
		return time.Time{}
	}
	t := d.Time
	if local := t.In(r.zone); local.Equal(startOfDay(local)) {
		t = care.Day(local.Date()).Time
	}
	if t.Year() < undated.Year() {
		return time.Time{}
	}
	return t.UTC()
}

func startOfDay(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
}

// dateTime reads a value as precise as it is.
func (r *directiveRow) dateTime(i int) (care.DateTime, bool) {
	v := r.value(i)
	var d care.DateTime
	var err error
	switch v.Kind {
	case ukcore.DateValue:
		d = care.Day(v.Time.Date())
	case ukcore.LocalValue:
		d, err = care.LocalTime(v.Time, r.zone)
	case ukcore.InstantValue:
		d = care.Instant(v.Time)
	default:
		d, err = care.ParseDateTime(r.text(i), r.zone)
	}
	return d, err == nil && (d.IsZero() || d.Time.Year() <= lastYear)
}

// lastYear is the latest year of a date.
const lastYear = 2200
