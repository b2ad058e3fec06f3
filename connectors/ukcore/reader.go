package ukcore

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// maxCell is the most bytes one cell may hold.
const maxCell = 1 << 20

// maxKeys is the most keys a cell with several may hold.
const maxKeys = 64

// reader gives the cells of the field that is being set in the form the field
// asks for. The first cell that has another form is remembered as the fault;
// what follows it is not looked at.
type reader struct {
	values  []Value
	slots   // of the current field
	zone    *time.Location
	codings []care.Coding // backing of the row's codings, used again for the next row
	fault   *Column
	want    string // what was expected instead
}

// slots are columns with their positions in a source's rows, -1 where it has
// none.
type slots struct {
	columns []Column
	at      []int
}

func (r *reader) fail(i int, want string) {
	if r.fault == nil {
		r.fault, r.want = &r.columns[i], want
	}
}

// cell returns the value of a column, or nil where it is null or absent.
func (r *reader) cell(i int) *Value {
	if r.at[i] < 0 || r.fault != nil {
		return nil
	}
	if v := &r.values[r.at[i]]; v.Kind != Null {
		return v
	}
	return nil
}

// text returns a text as it is; one of white space only is no text.
func (r *reader) text(i int) string {
	v := r.cell(i)
	if v == nil {
		return ""
	}
	s, ok := v.text()
	switch {
	case !ok:
		r.fail(i, "a text")
	case len(s) > maxCell:
		r.fail(i, "a text of at most 1 MiB")
	case !utf8.ValidString(s):
		r.fail(i, "a text in UTF-8; this one is damaged")
	case strings.TrimSpace(s) != "":
		return s
	}
	return ""
}

// code returns a text without surrounding space, which fixed-width columns add.
func (r *reader) code(i int) string { return strings.TrimSpace(r.text(i)) }

func (r *reader) choice(i int) string {
	s := r.code(i)
	if s == "" {
		return ""
	}
	for _, a := range r.columns[i].Allowed {
		if strings.EqualFold(a, s) {
			return a
		}
	}
	r.fail(i, "one of "+strings.Join(r.columns[i].Allowed, ", "))
	return ""
}

func (r *reader) keys(i int) []string {
	s := r.code(i)
	if s == "" {
		return nil
	}
	var list []string
	for part := range strings.SplitSeq(s, ";") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	if len(list) > maxKeys {
		r.fail(i, "at most 64 keys")
	}
	return list
}

// decimal returns a number with the digits of the source.
func (r *reader) decimal(i int) string {
	s := r.code(i)
	if s == "" {
		return ""
	}
	n, ok := normalDecimal(s)
	if !ok {
		r.fail(i, "a decimal number of at most 40 characters")
	}
	return n
}

func (r *reader) count(i int) string {
	s := r.code(i)
	if s == "" {
		return ""
	}
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		r.fail(i, "a whole number that is not negative")
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// flag returns what a truth value says.
func (r *reader) flag(i int) Truth {
	v := r.cell(i)
	if v == nil {
		return Unknown
	}
	if v.Kind == BoolValue {
		return truth(v.Bool)
	}
	switch strings.ToLower(r.code(i)) {
	case "":
		return Unknown
	case "1", "y", "yes", "t", "true":
		return Yes
	case "0", "n", "no", "f", "false":
		return No
	}
	r.fail(i, "true or false")
	return Unknown
}

// date returns a date of any precision. A date column keeps the day only.
func (r *reader) date(i int) care.DateTime {
	v := r.cell(i)
	if v == nil {
		return care.DateTime{}
	}
	d, err := r.parseDate(i, v)
	if err != nil {
		r.fail(i, "a date that exists, such as 2024, 2024-05, 2024-05-31 or 2024-05-31T09:30:00Z")
		return care.DateTime{}
	}
	if r.columns[i].Type == DateColumn && d.Precision == care.ToInstant {
		return care.Day(d.Time.Date())
	}
	return d
}

func (r *reader) parseDate(i int, v *Value) (care.DateTime, error) {
	switch v.Kind {
	case DateValue:
		return checked(care.Day(v.Time.Date()))
	case LocalValue:
		if r.columns[i].Type == DateColumn {
			return checked(care.Day(v.Time.Date()))
		}
		return care.LocalTime(v.Time, r.zone)
	case InstantValue:
		return checked(care.Instant(v.Time))
	case TextValue, BytesValue, IntegerValue, DecimalValue:
		s := r.code(i)
		if r.columns[i].Type == DateColumn && len(s) > len(time.DateOnly) {
			s = s[:len(time.DateOnly)]
		}
		return care.ParseDateTime(s, r.zone)
	}
	return care.DateTime{}, &care.Error{Kind: care.BadRequest, Op: "ukcore.date", Detail: "not a date"}
}

// checked refuses the years that care.ParseDateTime refuses, without writing
// and reading the whole date.
func checked(d care.DateTime) (care.DateTime, error) {
	_, err := care.ParseDateTime(d.Time.Format("2006"), time.UTC)
	return d, err
}

// maxDecimal is the most characters of a decimal number.
const maxDecimal = 40

// normalDecimal writes a number as JSON and FHIR decimals are written, digits
// and trailing zeros kept: a sign "+", leading zeros and a bare point, which
// databases print, are not allowed there.
func normalDecimal(s string) (string, bool) {
	if validDecimal(s) {
		return s, true
	}
	if len(s) > maxDecimal {
		return "", false
	}
	sign, digits := "", strings.TrimPrefix(s, "+")
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		sign, digits = "-", rest
	}
	whole := len(digits) - len(strings.TrimLeft(digits, "0123456789"))
	head, tail := strings.TrimLeft(digits[:whole], "0"), digits[whole:]
	if head == "" {
		head = "0"
	}
	if whole == 0 && (len(tail) < 2 || tail[0] != '.') {
		return "", false
	}
	if tail == "." {
		tail = ""
	}
	n := sign + head + tail
	return n, validDecimal(n)
}

// validDecimal reports whether s is a FHIR decimal (FHIR R4, datatypes).
func validDecimal(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole := digitsIn(s)
	if whole == 0 || len(s) > maxDecimal || (whole > 1 && s[0] == '0') {
		return false
	}
	s = s[whole:]
	if strings.HasPrefix(s, ".") {
		n := digitsIn(s[1:])
		if n == 0 {
			return false
		}
		s = s[1+n:]
	}
	if s == "" {
		return true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return false
	}
	s = s[1:]
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	return s != "" && digitsIn(s) == len(s)
}

// digitsIn returns how many digits s begins with.
func digitsIn(s string) int {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return i
		}
	}
	return len(s)
}
