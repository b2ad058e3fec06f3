package main

import (
	"testing"
	"time"

	reports "github.com/mycarerecord/edge-agent/agent/audit/report"
)

func TestReportPeriod(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.Local)
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.Local) }
	for _, tc := range []struct {
		from, to string
		first    time.Time
		after    time.Time
		bad      bool
	}{
		{"", "", time.Time{}, now, false},
		{"2026-03-28", "2026-03-29", day(2026, 3, 28), day(2026, 3, 30), false}, // the day the clocks change is whole
		{"2026-12-31", "2026-12-31", day(2026, 12, 31), day(2027, 1, 1), false},
		{"2026-03-28T10:00:00Z", "2026-03-28T10:00:01Z", time.Date(2026, 3, 28, 10, 0, 0, 0, time.UTC), time.Date(2026, 3, 28, 10, 0, 1, 0, time.UTC), false},
		{"2026-03", "", now, now, true}, {"", "2026", now, now, true}, {"soon", "", now, now, true}, {"2026-03-02", "2026-03-01", now, now, true},
		{"2026-07-02", "", now, now, true}, // it is not there yet
	} {
		first, after, err := auditReport{From: tc.from, To: tc.to}.period(now)
		if (err != nil) != tc.bad || err == nil && (!first.Equal(tc.first) || !after.Equal(tc.after)) {
			t.Errorf("%q to %q is %v to %v, %v", tc.from, tc.to, first, after, err)
		}
	}
}

func TestReportFormat(t *testing.T) {
	for _, tc := range [][3]string{
		{"", "a.html", "html"}, {"", "b.CSV", "csv"}, {"", "c.json", "json"}, {"fhir", "c.json", "fhir"}, {"csv", "plain", "csv"},
		{"", "d.fhir", ""}, {"", "plain", ""}, {"", "e.htm", ""},
	} {
		got, err := auditReport{Format: tc[0], Out: tc[1]}.format()
		if got != tc[2] || (err == nil) != (tc[2] != "") {
			t.Errorf("--format %q --out %q is %q, %v", tc[0], tc[1], got, err)
		}
	}
}

// TestReportMargin: entries just outside the period are read, because the end
// of an access may be there.
func TestReportMargin(t *testing.T) {
	from, to := time.Unix(100_000, 0), time.Unix(200_000, 0)
	if q := entriesFor(&reports.About{From: from, To: to}); !q.From.Equal(from.Add(-time.Hour)) || !q.To.Equal(to.Add(time.Hour)) {
		t.Errorf("entries are read from %v to %v", q.From, q.To)
	}
	if q := entriesFor(&reports.About{To: to}); !q.From.IsZero() {
		t.Errorf("without a beginning entries are read from %v", q.From)
	}
}
