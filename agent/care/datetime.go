package care

import (
	"strings"
	"time"
)

// Precision says how much of a DateTime the source knows.
type Precision uint8

// The precisions. Undated is the zero value.
const (
	Undated Precision = iota
	ToYear
	ToMonth
	ToDay
	ToInstant // date, time and offset
)

// DateTime is a date as records have them: unknown, a year, a month, a day or
// an instant with its offset from UTC (FHIR R4 dateTime). The zero value is
// undated. A date without a time has no zone and is never shifted by one: Time
// then holds it at midnight UTC.
type DateTime struct {
	Time      time.Time
	Precision Precision
}

// Instant returns t as a DateTime.
func Instant(t time.Time) DateTime { return DateTime{t, ToInstant} }

// Day returns a date without a time.
func Day(year int, month time.Month, day int) DateTime {
	return DateTime{time.Date(year, month, day, 0, 0, 0, 0, time.UTC), ToDay}
}

// IsZero reports whether d is undated.
func (d DateTime) IsZero() bool { return d.Precision == Undated }

// layouts are the accepted forms, by precision; the first of each is written.
var layouts = []struct {
	layout    string
	precision Precision
	zone      bool // the text carries its offset
}{
	{"2006", ToYear, true},
	{"2006-01", ToMonth, true},
	{"2006-01-02", ToDay, true},
	{"2006-01-02T15:04:05Z07:00", ToInstant, true},
	{"2006-01-02T15:04:05Z0700", ToInstant, true},
	{"2006-01-02T15:04Z07:00", ToInstant, true},
	{"2006-01-02T15:04:05", ToInstant, false},
	{"2006-01-02T15:04", ToInstant, false},
}

// ParseDateTime reads a FHIR dateTime; a space may stand for the "T". The empty
// text is the undated DateTime. Impossible dates, such as month 13, are
// refused, never rolled over. A time without an offset is local time in zone
// (normally Europe/London): one that the clocks skip in March is refused, and
// one that occurs twice in October is kept to the day, because its offset
// would be a guess. The error has Kind BadRequest and does not quote the text.
func ParseDateTime(text string, zone *time.Location) (DateTime, error) {
	if text == "" {
		return DateTime{}, nil
	}
	if len(text) > 10 && text[10] == ' ' {
		text = text[:10] + "T" + text[11:]
	}
	for _, l := range layouts {
		if l.precision != ToInstant && len(text) != len(l.layout) || l.precision == ToInstant && l.zone != offset(text) {
			continue // a failed attempt costs five allocations
		}
		t, err := time.ParseInLocation(l.layout, text, time.UTC)
		if err != nil {
			continue
		}
		if !l.zone {
			return LocalTime(t, zone)
		}
		return checkYear(DateTime{t, l.precision})
	}
	return DateTime{}, &Error{Kind: BadRequest, Op: "care.ParseDateTime",
		Detail: "not a date; write YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with an offset"}
}

// offset reports whether the clock of a text is followed by its offset.
func offset(text string) bool {
	return len(text) > len("2006-01-02") && strings.ContainsAny(text[len("2006-01-02"):], "Z+-")
}

// LocalTime gives the wall-clock time of t the offset it had in zone, with the
// rules of ParseDateTime for the hours in which the clocks change.
func LocalTime(t time.Time, zone *time.Location) (DateTime, error) {
	y, mo, d := t.Date()
	h, mi, s := t.Clock()
	local := time.Date(y, mo, d, h, mi, s, t.Nanosecond(), zone)
	if lh, lm, _ := local.Clock(); lh != h || lm != mi {
		return DateTime{}, &Error{Kind: BadRequest, Op: "care.LocalTime", Detail: "the clocks skip that time of day"}
	}
	for _, shift := range []time.Duration{-time.Hour, time.Hour} {
		if oh, om, _ := local.Add(shift).Clock(); oh == h && om == mi {
			return checkYear(Day(y, mo, d))
		}
	}
	return checkYear(Instant(local))
}

// checkYear refuses years that no record of a living system can hold.
func checkYear(d DateTime) (DateTime, error) {
	if y := d.Time.Year(); y < 1800 || y > 2200 {
		return DateTime{}, &Error{Kind: BadRequest, Op: "care.ParseDateTime", Detail: "the year is not between 1800 and 2200"}
	}
	return d, nil
}

// Append appends d in the form of a FHIR dateTime; undated appends nothing.
func (d DateTime) Append(dst []byte) []byte {
	switch d.Precision {
	case ToYear:
		return d.Time.AppendFormat(dst, "2006")
	case ToMonth:
		return d.Time.AppendFormat(dst, "2006-01")
	case ToDay:
		return d.Time.AppendFormat(dst, time.DateOnly)
	case ToInstant:
		if d.Time.Nanosecond() >= 1e6 {
			return d.Time.AppendFormat(dst, "2006-01-02T15:04:05.000Z07:00")
		}
		return d.Time.AppendFormat(dst, time.RFC3339) // this very layout is the fast one
	}
	return dst
}

// String returns d in the form of a FHIR dateTime, or "" when undated.
func (d DateTime) String() string { return string(d.Append(nil)) }

// Span returns the first instant that d may mean and the first instant after
// the last one. Both are zero when d is undated.
func (d DateTime) Span() (start, end time.Time) {
	switch d.Precision {
	case ToYear:
		return d.Time, d.Time.AddDate(1, 0, 0)
	case ToMonth:
		return d.Time, d.Time.AddDate(0, 1, 0)
	case ToDay:
		return d.Time, d.Time.AddDate(0, 0, 1)
	case ToInstant:
		return d.Time, d.Time.Add(time.Second)
	}
	return time.Time{}, time.Time{}
}

// Period is a span of whole days, both ends included. A zero end is open; the
// zero Period holds every date.
type Period struct {
	From, To DateTime
}

// Holds reports whether d may lie within the period. What is undated may, and
// a partial date is taken as the interval it means: a filter never hides a
// record whose date is not known (GP Connect 1.6, search by date).
func (p Period) Holds(d DateTime) bool {
	if d.IsZero() {
		return true
	}
	start, end := d.Span()
	if !p.From.IsZero() {
		if from, _ := p.From.Span(); !end.After(from) {
			return false
		}
	}
	if !p.To.IsZero() {
		if _, to := p.To.Span(); !start.Before(to) {
			return false
		}
	}
	return true
}
