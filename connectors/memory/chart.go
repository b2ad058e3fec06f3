package memory

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// chart is the record of one patient while it is being written. Days are
// counted from today: those before it are negative.
type chart struct {
	*resident
	index   int
	today   time.Time
	dice    *rand.Rand
	patient Patient
	serial  int
	avoid   string // what the patient must not be given: penicillin or codeine
	visit   string // consultation that rows of visitOn belong to
	visitOn int
}

// chance is true for so many of a hundred patients.
func (c *chart) chance(percent int) bool { return c.dice.IntN(100) < percent }

// between returns a number from low to high.
func (c *chart) between(low, high int) int { return low + c.dice.IntN(high-low+1) }

// years returns the patient's age.
func (c *chart) years() int { return int(c.today.Sub(c.birth.Time).Hours() / 24 / 365.25) }

// born returns the day of birth, counted from today.
func (c *chart) born() int { return -int(c.today.Sub(c.birth.Time).Hours() / 24) }

func (c *chart) add(row ukcore.Row) { c.patient.Rows = append(c.patient.Rows, row) }

// key returns a new key of a row, unique in the practice.
func (c *chart) key() string {
	c.serial++
	return fmt.Sprintf("%05d-%03d", c.index+1, c.serial)
}

// date returns a working day.
func (c *chart) date(day int) time.Time {
	t := c.today.AddDate(0, 0, day)
	switch t.Weekday() {
	case time.Saturday:
		return t.AddDate(0, 0, -1)
	case time.Sunday:
		return t.AddDate(0, 0, -2)
	}
	return t
}

func (c *chart) day(day int) care.DateTime { return care.Day(c.date(day).Date()) }

func (c *chart) at(day, hour, minute int) care.DateTime {
	return care.Instant(c.date(day).Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute))
}

// year and month return dates of which no more is known, none of them before
// the patient's birth.
func (c *chart) year(ago int) care.DateTime {
	y := max(c.today.Year()-ago, c.birth.Time.Year())
	return care.DateTime{Time: time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC), Precision: care.ToYear}
}

func (c *chart) month(ago int) care.DateTime {
	y, m, _ := c.today.Date()
	t := time.Date(y, m-time.Month(ago), 1, 0, 0, 0, 0, time.UTC)
	if t.Before(c.birth.Time) {
		return c.year(ago)
	}
	return care.DateTime{Time: t, Precision: care.ToMonth}
}

// gp returns the patient's usual doctor.
func (c *chart) gp() ukcore.Person {
	return [...]ukcore.Person{drAkande, drWhelan, drBhatt}[c.index%3]
}

// on returns what rows of a day have in common.
func (c *chart) on(day int) ukcore.Entry {
	e := ukcore.Entry{ID: c.key(), Effective: c.day(day), Recorded: c.at(min(day, 0), 9, 5*(c.serial%12)), Author: c.gp()}
	if c.visit != "" && c.visitOn == day {
		e.Consultation = c.visit
	}
	return e
}

// since returns what rows have in common that are true from a date of any
// precision.
func (c *chart) since(d care.DateTime) ukcore.Entry {
	e := ukcore.Entry{ID: c.key(), Effective: d, Author: c.gp()}
	if !d.IsZero() {
		_, e.Recorded.Time = d.Span()
		e.Recorded.Precision = care.ToDay
	}
	if day := care.Day(c.today.Date()); e.Recorded.Time.After(day.Time) {
		e.Recorded = day
	}
	return e
}

// demographics writes the patient's own row.
func (c *chart) demographics() *ukcore.Patient {
	row := &ukcore.Patient{
		Entry: ukcore.Entry{ID: localID(c.index)}, NHSNumber: c.number, NHSNumberStatus: "01", Names: c.names(),
		BirthDate: c.birth, Gender: c.gender, Practice: northgate,
		Addresses: []ukcore.Address{{Use: "home", Lines: []string{strconv.Itoa(c.house) + " " + c.street, c.town},
			Postcode: fmt.Sprintf("ZZ%d %dAA", 1+c.house%20, c.index%10)}},
	}
	if c.years() >= 16 {
		row.Telecoms = []ukcore.Telecom{{System: "phone", Use: "mobile", Value: fmt.Sprintf("07700 900%03d", c.index%1000)}}
	}
	c.add(row)
	return row
}

// consult writes a consultation with its notes and makes it the one that rows
// of that day belong to. Texts come in pairs of a title and what was written.
func (c *chart) consult(day int, problem string, texts ...string) string {
	e := c.on(day)
	c.visit, c.visitOn = e.ID, day
	e.Effective = c.at(day, 9+c.serial%8, 10*(c.serial%6))
	if problem != "" {
		e.Problems = []string{problem}
	}
	c.add(&ukcore.Consultation{Encounter: ukcore.Encounter{Entry: e, Class: "AMB", Status: "finished", Type: consultation,
		Location: "Northgate Surgery"}})
	notes := &ukcore.Notes{Entry: ukcore.Entry{ID: e.ID, Effective: e.Effective, Author: e.Author, Consultation: e.ID}, Status: "final"}
	for i := 0; i+1 < len(texts); i += 2 {
		notes.Sections = append(notes.Sections, ukcore.Heading{Position: strconv.Itoa(i/2 + 1), Code: text(texts[i]), Text: texts[i+1]})
	}
	if problem != "" && len(notes.Sections) > 0 {
		notes.Sections[0].Entries = []ukcore.EntryRef{{Kind: "problem", ID: problem}}
	}
	c.add(notes)
	return e.ID
}

// problem writes an active problem and returns its key.
func (c *chart) problem(code ukcore.Concept, since care.DateTime, significance string) string {
	row := &ukcore.Problem{Entry: c.since(since), Code: code, ClinicalStatus: "active", Category: "problem-list-item", Significance: significance}
	c.add(row)
	return row.ID
}

// episode writes a problem that lasted so many days and returns its key.
func (c *chart) episode(code ukcore.Concept, day, days int) string {
	row := &ukcore.Problem{Entry: c.on(day), Code: code, ClinicalStatus: "resolved", Category: "problem-list-item",
		Significance: "minor", End: c.day(day + days)}
	c.add(row)
	return row.ID
}

// measure writes a measurement.
func (c *chart) measure(code ukcore.Concept, day int, value, unit, ucum string) {
	c.add(&ukcore.Observation{Entry: c.on(day), Code: code, Category: "vital-signs",
		Value: ukcore.Measure{Quantity: ukcore.Quantity{Value: value, Unit: unit, UnitCode: ucum}}})
}

// finding writes something stated, such as that the patient never smoked.
func (c *chart) finding(code ukcore.Concept, day int, value string) {
	c.add(&ukcore.Observation{Entry: c.on(day), Code: code, Category: "social-history", Value: ukcore.Measure{Text: value}})
}

func (c *chart) pressure(day, high, low int) {
	mmHg := func(n int) ukcore.Measure {
		return ukcore.Measure{Quantity: ukcore.Quantity{Value: strconv.Itoa(n), Unit: "mm[Hg]", UnitCode: "mm[Hg]"}}
	}
	c.add(&ukcore.Observation{Entry: c.on(day), Code: bloodPressure, Category: "vital-signs", Components: []ukcore.Component{
		{Code: systolic, Value: mmHg(high)}, {Code: diastolic, Value: mmHg(low)}}})
}
