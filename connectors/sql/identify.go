package sql

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// patientColumns are the columns of the patient query. The last is optional.
var patientColumns = []string{"local_id", "nhs_number", "nhs_number_status", "family_name", "given_names", "birth_date",
	"gender", "active", "test_patient", "restricted", "dissent", "old_family_names"}

// Identify finds the patient by the patient query, whose answer must be one
// row that holds the number asked for.
func (s *source) Identify(ctx context.Context, number care.NHSNumber) (care.Patient, error) {
	if err := s.admit(ctx); err != nil {
		return care.Patient{}, err
	}
	t, err := s.begin(ctx)
	if err != nil {
		return care.Patient{}, s.explain(ctx, err)
	}
	defer t.end()
	p, err := s.identify(t, number)
	if err != nil {
		return care.Patient{}, s.explain(ctx, err)
	}
	return p, nil
}

func (s *source) identify(t *transaction, number care.NHSNumber) (care.Patient, error) {
	c, err := t.query(s.plan.patient, map[string]string{paramNumber: number.Reveal()})
	defer c.close()
	if err != nil {
		return care.Patient{}, err
	}
	at, err := s.patientColumns(c)
	if err != nil {
		return care.Patient{}, err
	}
	more, err := c.next()
	if err != nil {
		return care.Patient{}, err
	}
	if !more {
		return care.Patient{}, &care.Error{Kind: care.PatientNotFound, Op: s.origin.Source, Detail: "the source has no such patient"}
	}
	r := patientRow{at: at, values: c.values, zone: s.plan.zone}
	p := r.patient()
	if hides(p, number) {
		return p, nil
	}
	if more, err = c.next(); err != nil {
		return care.Patient{}, err
	}
	for again, n := more, 0; again && n < maxNamesakes; n++ {
		other := patientRow{at: at, values: c.values, zone: s.plan.zone}
		if p := other.patient(); hides(p, number) {
			return p, nil
		}
		if again, err = c.next(); err != nil {
			return care.Patient{}, err
		}
	}
	return p, s.doubts(&r, p, more, number)
}

// maxNamesakes is how many further rows of one number are looked at: a query
// that has lost its condition answers with all patients there are.
const maxNamesakes = 16

// hides reports whether a row marks the person asked for as restricted. That
// counts whatever else is wrong with it or with others: the person must not be
// told by a fault from one who is not there.
func hides(p care.Patient, number care.NHSNumber) bool { return p.Restricted && p.NHSNumber == number }

// doubts says why the row found may not be taken for the patient.
func (s *source) doubts(r *patientRow, p care.Patient, more bool, number care.NHSNumber) error {
	switch {
	case more:
		return s.unavailable(reasonAmbiguous, "the source has more than one patient under the number; its own staff must resolve that")
	case r.fault != "":
		return s.unavailable(reasonRow, "the patient's row cannot be mapped: the column "+r.fault)
	case p.NHSNumber != number:
		return s.unavailable(reasonStranger, "the patient query answered with another NHS number than asked for; correct its condition")
	}
	return nil
}

// patientColumns returns the position of each patient column, -1 for the
// optional one that is not there.
func (s *source) patientColumns(c *cursor) ([]int, error) {
	return s.positions("patient_query", c, patientColumns, 1)
}

// positions finds columns by name. All but the last few are required, and no
// others are allowed: one that is misspelt would be missed otherwise.
func (s *source) positions(query string, c *cursor, names []string, optional int) ([]int, error) {
	problems := s.vague(c)
	at := make([]int, len(names))
	for i, name := range names {
		at[i] = slices.IndexFunc(c.columns, func(have string) bool { return strings.EqualFold(have, name) })
		if at[i] < 0 && i < len(names)-optional {
			problems = append(problems, care.Problem{Path: name, Detail: "this column is missing"})
		}
	}
	seen := map[string]bool{}
	for _, have := range c.columns {
		have = strings.ToLower(have)
		if !slices.Contains(names, have) || seen[have] {
			problems = append(problems, care.Problem{Path: have, Detail: "there is no such column, or it is there twice"})
		}
		seen[have] = true
	}
	if len(problems) > 0 {
		return nil, s.columnError(query, problems)
	}
	return at, nil
}

// vague finds columns whose values the driver would change.
func (s *source) vague(c *cursor) []care.Problem {
	var problems []care.Problem
	for i, name := range c.columns {
		if s.plan.dialect.vague[c.types[i]] {
			problems = append(problems, care.Problem{Path: name, Detail: s.plan.dialect.why})
		}
	}
	return problems
}

// patientRow reads the row of a patient. fault is the first column that cannot
// be read, with what it should hold.
type patientRow struct {
	at     []int
	values []ukcore.Value
	zone   *time.Location
	fault  string
}

func (r *patientRow) patient() care.Patient {
	p := care.Patient{
		LocalID:    care.NewPrivate(r.required(0)),
		NHSNumber:  r.number(1),
		Verified:   slices.Contains([]string{"01", "1"}, r.text(2)),
		BirthDate:  r.birthDate(5),
		Gender:     r.gender(6),
		Active:     r.flag(7),
		Test:       r.flag(8),
		Restricted: r.flag(9),
		Dissent:    r.flag(10),
	}
	official := care.Name{Use: "official", Family: care.NewPrivate(r.required(3))}
	for given := range strings.FieldsSeq(r.text(4)) {
		official.Given = append(official.Given, care.NewPrivate(given))
	}
	p.Names = append(p.Names, official)
	for old := range strings.SplitSeq(r.text(11), ";") {
		if old = strings.TrimSpace(old); old != "" {
			p.Names = append(p.Names, care.Name{Use: "old", Family: care.NewPrivate(old)})
		}
	}
	return p
}

func (r *patientRow) fail(i int, want string) {
	if r.fault == "" {
		r.fault = patientColumns[i] + " must hold " + want
	}
}

func (r *patientRow) value(i int) ukcore.Value {
	if r.at[i] < 0 {
		return ukcore.Value{}
	}
	return r.values[r.at[i]]
}

// text returns a column as trimmed text; NULL is none.
func (r *patientRow) text(i int) string {
	text, ok := textOf(r.value(i))
	if !ok {
		r.fail(i, "a text")
	}
	return text
}

// textOf returns a value as trimmed text, and whether it has such a form; NULL
// is none.
func textOf(v ukcore.Value) (string, bool) {
	switch v.Kind {
	case ukcore.Null:
		return "", true
	case ukcore.TextValue, ukcore.DecimalValue:
		return strings.TrimSpace(v.Text), true
	case ukcore.BytesValue:
		return strings.TrimSpace(string(v.Bytes)), true
	case ukcore.IntegerValue:
		return strconv.FormatInt(v.Int, 10), true
	}
	return "", false
}

func (r *patientRow) required(i int) string {
	text := r.text(i)
	if text == "" {
		r.fail(i, "a value")
	}
	return text
}

func (r *patientRow) number(i int) care.NHSNumber {
	n, err := care.ParseNHSNumber(r.text(i))
	if err != nil {
		r.fail(i, "a valid NHS number")
	}
	return n
}

// birthDate reads a date; a time of day in it is midnight or no birth date.
func (r *patientRow) birthDate(i int) care.DateTime {
	v := r.value(i)
	if v.Kind == ukcore.DateValue || v.Kind == ukcore.LocalValue {
		return care.Day(v.Time.Date())
	}
	text := r.text(i)
	if len(text) > len(time.DateOnly) && strings.HasPrefix(text[len(time.DateOnly):], " 00:00:00") {
		text = text[:len(time.DateOnly)]
	}
	d, err := care.ParseDateTime(text, r.zone)
	if err != nil || d.IsZero() || d.Precision == care.ToInstant {
		r.fail(i, "a date, YYYY-MM or YYYY")
	}
	return d
}

// genders are the codes of FHIR and of the NHS Data Dictionary (PERSON GENDER
// CODE: 1 male, 2 female, 9 indeterminate, 0 and X not known).
var genders = map[string]string{"": "", "male": "male", "female": "female", "other": "other", "unknown": "unknown",
	"1": "male", "2": "female", "9": "other", "0": "unknown", "x": "unknown", "m": "male", "f": "female"}

func (r *patientRow) gender(i int) string {
	g, ok := genders[strings.ToLower(r.text(i))]
	if !ok {
		r.fail(i, "male, female, other or unknown")
	}
	return g
}

// flag reads a truth value. NULL is none: whether a patient objects is not a
// thing to guess.
func (r *patientRow) flag(i int) bool {
	if v := r.value(i); v.Kind == ukcore.BoolValue {
		return v.Bool
	}
	switch strings.ToLower(r.text(i)) {
	case "1", "y", "yes", "t", "true":
		return true
	case "0", "n", "no", "f", "false":
		return false
	}
	r.fail(i, "true or false")
	return false
}
