package care_test

import (
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func london(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestParseDateTime(t *testing.T) {
	for _, c := range []struct {
		name, text, want string // want is empty when it is to be refused
		precision        care.Precision
	}{
		{"year", "2021", "2021", care.ToYear},
		{"month", "2021-06", "2021-06", care.ToMonth},
		{"day", "2021-06-03", "2021-06-03", care.ToDay},
		{"UTC", "2021-06-03T10:00:00Z", "2021-06-03T10:00:00Z", care.ToInstant},
		{"offset kept", "2021-06-03T10:00:00+01:00", "2021-06-03T10:00:00+01:00", care.ToInstant},
		{"offset without colon", "2021-06-03T10:00:00+0100", "2021-06-03T10:00:00+01:00", care.ToInstant},
		{"fraction", "2021-06-03T10:00:00.250Z", "2021-06-03T10:00:00.250Z", care.ToInstant},
		{"local summer", "2021-06-03T10:00:00", "2021-06-03T10:00:00+01:00", care.ToInstant},
		{"local winter", "2021-01-03 10:00", "2021-01-03T10:00:00Z", care.ToInstant},
		{"hour that occurs twice", "2021-10-31T01:30:00", "2021-10-31", care.ToDay},
		{"hour before it", "2021-10-31T00:30:00", "2021-10-31T00:30:00+01:00", care.ToInstant},
		{"hour after it", "2021-10-31T02:00:00", "2021-10-31T02:00:00Z", care.ToInstant},
		{"hour that is skipped", "2021-03-28T01:30:00", "", 0},
		{"month 13", "1965-13-12", "", 0},
		{"30 February", "2021-02-30", "", 0},
		{"29 February in no leap year", "2021-02-29", "", 0},
		{"hour 24", "2021-02-01T24:00:00", "", 0},
		{"HL7 v2 form", "196512131515", "", 0},
		{"year 0", "0000", "", 0},
		{"far future", "9999-12-31", "", 0},
		{"far future, in an hour that occurs twice", "8021-10-31 01:00", "", 0},
		{"words", "yesterday", "", 0},
		{"trailing text", "2021-06-03 ", "", 0},
	} {
		d, err := care.ParseDateTime(c.text, london(t))
		if (err == nil) != (c.want != "") {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
			continue
		}
		if err == nil && (d.String() != c.want || d.Precision != c.precision) {
			t.Errorf("%s: %s with precision %d, want %s with %d", c.name, d, d.Precision, c.want, c.precision)
		}
	}
	if d, err := care.ParseDateTime("", time.UTC); err != nil || !d.IsZero() || d.String() != "" {
		t.Errorf("the empty text is %v, %v; want undated", d, err)
	}
}

func TestPeriodHolds(t *testing.T) {
	parse := func(s string) care.DateTime {
		d, err := care.ParseDateTime(s, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	p := care.Period{From: parse("2020-06-15"), To: parse("2020-06-30")}
	for text, want := range map[string]bool{
		"":                     true, // undated is never hidden
		"2020":                 true, // may lie within
		"2020-06":              true,
		"2020-05":              false,
		"2020-07":              false,
		"2019":                 false,
		"2020-06-15":           true,
		"2020-06-14":           false,
		"2020-06-30":           true,
		"2020-06-30T23:59:59Z": true,
		"2020-07-01":           false,
	} {
		if got := p.Holds(parse(text)); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	if !(care.Period{}).Holds(parse("1900")) {
		t.Error("the zero period hides a date")
	}
}

func FuzzParseDateTime(f *testing.F) {
	for _, s := range []string{"2021", "2021-06-03T10:00:00+01:00", "2021-10-31T01:30", "x", "2021-06-03T10:00:00.123456789Z"} {
		f.Add(s)
	}
	zone := london(f)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := care.ParseDateTime(text, zone)
		if err != nil {
			return
		}
		again, err := care.ParseDateTime(d.String(), zone)
		if err != nil || again.Precision != d.Precision || again.String() != d.String() {
			t.Errorf("%q is written as %q, which is read as %q, %v", text, d, again, err)
		}
	})
}
