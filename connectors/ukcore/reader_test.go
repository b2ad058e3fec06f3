package ukcore

import (
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestMapperDates(t *testing.T) {
	for _, c := range []struct {
		name      string
		effective Value
		precision string
		want      string
	}{
		{"null", Value{}, "-", ""},
		{"text year", Text("2021"), "-", "2021"},
		{"number year", Integer(2021), "-", "2021"},
		{"whole date known to the year", Date(time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)), "year", "2021"},
		{"whole date known to the month", Text("2021-06-01"), "MONTH", "2021-06"},
		{"midnight known to the day, in summer", Local(time.Date(2021, 6, 1, 0, 0, 0, 0, time.UTC)), "DAY", "2021-06-01"},
		{"local in summer", Local(time.Date(2021, 6, 1, 9, 0, 0, 0, time.UTC)), "TIME", "2021-06-01T09:00:00+01:00"},
		{"local text in winter", Text("2021-01-01 09:00:00"), "-", "2021-01-01T09:00:00Z"},
		{"the hour that occurs twice", Local(time.Date(2021, 10, 31, 1, 30, 0, 0, time.UTC)), "-", "2021-10-31"},
		{"date of a database", Date(time.Date(2021, 6, 1, 0, 0, 0, 0, time.FixedZone("", -3600))), "-", "2021-06-01"},
		{"the hour that is skipped", Local(time.Date(2021, 3, 28, 1, 30, 0, 0, time.UTC)), "-", "fails"},
		{"month 13", Text("2021-13-01"), "-", "fails"},
		{"a truth value", Bool(true), "-", "fails"},
		{"an unknown kind of value", Value{Kind: 255}, "-", "fails"},
		{"year 0001", Date(time.Time{}), "-", "fails"},
		{"instant of a database", Instant(time.Date(2021, 6, 1, 9, 0, 0, 0, time.FixedZone("", 3600))), "-", "2021-06-01T09:00:00+01:00"},
		{"instant in the year 0001", Instant(time.Time{}), "-", "fails"},
		{"instant in the year 12021", Instant(time.Date(12021, 6, 1, 9, 0, 0, 0, time.UTC)), "-", "fails"},
	} {
		m := mapperFor(t, care.Problems, "id code_text effective effective_precision")
		r, err := m.Row(append(values("1", "Flu"), c.effective, values(c.precision)[0]))
		got := "fails"
		if err == nil {
			got = r.Effective.String()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q (%v)", c.name, got, c.want, err)
		}
	}
}

func TestNormalDecimal(t *testing.T) {
	for in, want := range map[string]string{
		"7.10": "7.10", "0": "0", "-0.50": "-0.50", ".5": "0.5", "-.5": "-0.5", "5.": "5", "007.10": "7.10", "+3": "3", "000": "0", "1e-3": "1e-3", "1E+05": "1E+05",
		"": "", ".": "", "-": "", "1,5": "", "1 000": "", "<5": "", "NaN": "", "Inf": "", "0x10": "", "1e": "", "1.2.3": "", "--1": "", "+-1": "", "e5": "",
		"12345678901234567890.12345678901234567890": "",
	} {
		got, ok := normalDecimal(in)
		if !ok {
			got = ""
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
