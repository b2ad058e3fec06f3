package sql

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// utc returns a moment.
func utc(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t
}

// readRow reads one row that is sound but for what is changed.
func readRow(change map[int]ukcore.Value) (care.Directive, string) {
	r := directiveRow{zone: london(), values: make([]ukcore.Value, len(directiveTable))}
	r.values[subjectColumn], r.values[effectiveColumn] = ukcore.Text(firstNumber), ukcore.Text("2024-05-06")
	r.values[kindColumn] = ukcore.Text("DISSENT")
	for i := range directiveTable {
		r.at = append(r.at, i)
	}
	for i, v := range change {
		r.values[i] = v
	}
	return r.directive(), r.fault
}

func london() *time.Location {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		panic(err)
	}
	return zone
}

func TestDirectiveDates(t *testing.T) {
	at := func(y int, m time.Month, d, h, min int) time.Time { return time.Date(y, m, d, h, min, 0, 0, time.UTC) }
	const bad = "BAD"
	for _, tc := range []struct {
		name  string
		value ukcore.Value
		want  string
	}{
		{"a date", ukcore.Text("2024-06-07"), "2024-06-07T00:00:00Z"},
		{"a date column", ukcore.Date(at(2024, 6, 7, 0, 0)), "2024-06-07T00:00:00Z"},
		{"bytes", ukcore.Bytes([]byte(" 2024-06-07 ")), "2024-06-07T00:00:00Z"},
		{"a local time in summer", ukcore.Text("2024-06-07 09:30"), "2024-06-07T08:30:00Z"},
		{"a local time column in summer", ukcore.Local(at(2024, 6, 7, 9, 30)), "2024-06-07T08:30:00Z"},
		{"an instant", ukcore.Text("2024-06-07T09:30:00+02:00"), "2024-06-07T07:30:00Z"},
		{"an instant column", ukcore.Instant(at(2024, 6, 7, 9, 30)), "2024-06-07T09:30:00Z"},
		{"local midnight is a date", ukcore.Text("2024-06-07 00:00:00"), "2024-06-07T00:00:00Z"},
		{"local midnight in a column is a date", ukcore.Local(at(2024, 6, 7, 0, 0)), "2024-06-07T00:00:00Z"},
		{"midnight in London as an instant is a date", ukcore.Instant(at(2024, 6, 6, 23, 0)), "2024-06-07T00:00:00Z"},
		{"a second after is not", ukcore.Text("2024-06-07 00:00:01"), "2024-06-06T23:00:01Z"},
		{"an hour that comes twice is a date", ukcore.Text("2024-10-27 01:30"), "2024-10-27T00:00:00Z"},
		{"an hour that never was", ukcore.Text("2024-03-31 01:30"), bad},
		{"not known", ukcore.Value{}, "1900-01-01T00:00:00Z"},
		{"blank", ukcore.Text("  "), "1900-01-01T00:00:00Z"},
		{"a date of zero", ukcore.Date(at(1899, 12, 30, 0, 0)), "1900-01-01T00:00:00Z"},
		{"the first day", ukcore.Text("1900-01-01"), "1900-01-01T00:00:00Z"},
		{"the last year", ukcore.Text("2200-12-31"), "2200-12-31T00:00:00Z"},
		{"beyond it", ukcore.Date(at(2201, 1, 1, 0, 0)), bad},
		{"beyond it as an instant", ukcore.Instant(at(9999, 12, 31, 0, 0)), bad},
		{"a year", ukcore.Text("2024"), bad},
		{"a month", ukcore.Text("2024-06"), bad},
		{"no such day", ukcore.Text("2023-02-29"), bad},
		{"words", ukcore.Text("yesterday"), bad},
		{"a truth value", ukcore.Bool(true), bad},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, fault := readRow(map[int]ukcore.Value{effectiveColumn: tc.value})
			switch {
			case tc.want == bad && !strings.HasPrefix(fault, "effective_date must hold"):
				t.Errorf("fault %q, want one of effective_date", fault)
			case tc.want != bad && (fault != "" || !d.Effective.Equal(utc(tc.want))):
				t.Errorf("effective %v, %q, want %v", d.Effective, fault, tc.want)
			}
			recorded, fault := readRow(map[int]ukcore.Value{recordedColumn: tc.value})
			switch unknown := strings.HasPrefix(tc.want, "1900") && tc.name != "the first day"; {
			case tc.want == bad && !strings.HasPrefix(fault, "recorded_date must hold"):
				t.Errorf("fault %q, want one of recorded_date", fault)
			case unknown && !recorded.Recorded.IsZero():
				t.Errorf("recorded %v, want nothing", recorded.Recorded)
			case tc.want != bad && !unknown && !recorded.Recorded.Equal(utc(tc.want)):
				t.Errorf("recorded %v, want %v", recorded.Recorded, tc.want)
			}
		})
	}
}

func TestDirectiveRows(t *testing.T) {
	code := func(code, system string) map[int]ukcore.Value {
		return map[int]ukcore.Value{kindColumn: {}, codeColumn: ukcore.Text(code), systemColumn: ukcore.Text(system)}
	}
	with := func(pairs ...any) map[int]ukcore.Value {
		m := map[int]ukcore.Value{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(int)] = ukcore.Text(pairs[i+1].(string))
		}
		return m
	}
	is := func(kind care.DirectiveKind) func(care.Directive) bool {
		return func(d care.Directive) bool { return d.Kind == kind && d.Code == care.Coding{} }
	}
	coded := func(system, code string) func(care.Directive) bool {
		return func(d care.Directive) bool { return d.Kind == 0 && d.Code == care.Coding{System: system, Code: code} }
	}
	for _, tc := range []struct {
		name   string
		change map[int]ukcore.Value
		fault  string // beginning
		check  func(d care.Directive) bool
	}{
		{"a dissent", nil, "", is(care.Dissent)},
		{"a consent", with(kindColumn, " consent "), "", is(care.ConsentGiven)},
		{"a restriction", with(kindColumn, "RESTRICTION"), "", is(care.Restriction)},
		{"a lifting", with(kindColumn, "Unrestricted"), "", is(care.Unrestricted)},
		{"the number", nil, "", func(d care.Directive) bool { return d.NHSNumber == nhs(firstNumber) }},
		{"a printed number", with(subjectColumn, " 999 000 0034"), "", func(d care.Directive) bool { return d.NHSNumber == nhs(secondNumber) }},
		{"a number of a number column", map[int]ukcore.Value{subjectColumn: ukcore.Integer(9990000034)}, "",
			func(d care.Directive) bool { return d.NHSNumber == nhs(secondNumber) }},
		{"no number", with(subjectColumn, ""), "nhs_number must hold", nil},
		{"a wrong number", with(subjectColumn, "9990000035"), "nhs_number must hold", nil},
		{"an unreadable number", map[int]ukcore.Value{subjectColumn: unreadable}, "nhs_number must hold", nil},
		{"an unknown word", with(kindColumn, "YES"), "directive must hold", nil},
		{"a truth value", map[int]ukcore.Value{kindColumn: ukcore.Bool(true)}, "directive must hold", nil},
		{"SNOMED", code("416409005", "snomed"), "", coded("http://snomed.info/sct", "416409005")},
		{"SNOMED by URI", code("416409005", "http://snomed.info/sct"), "", coded("http://snomed.info/sct", "416409005")},
		{"SNOMED as a number", map[int]ukcore.Value{kindColumn: {}, codeColumn: ukcore.Integer(416409005), systemColumn: ukcore.Text("SNOMED")}, "",
			coded("http://snomed.info/sct", "416409005")},
		{"READ2", code(" 93C1. ", "read2"), "", coded("http://read.info/readv2", "93C1.")},
		{"READV2", code("93C1.", "READV2"), "", coded("http://read.info/readv2", "93C1.")},
		{"CTV3", code("XaKRw", "CTV3"), "", coded("http://read.info/ctv3", "XaKRw")},
		{"a code of no system", code("93C1.", ""), "code_system must hold", nil},
		{"a code of an unknown system", code("93C1.", "READ3"), "code_system must hold", nil},
		{"a long system", code("93C1.", "urn:"+strings.Repeat("x", maxSystem)), "code_system must hold", nil},
		{"a long code", code(strings.Repeat("9", maxCode+1), "SNOMED"), "code must hold", nil},
		{"the longest code", code(strings.Repeat("9", maxCode), "SNOMED"), "", coded("http://snomed.info/sct", strings.Repeat("9", maxCode))},
		{"a code of a float", map[int]ukcore.Value{kindColumn: {}, codeColumn: unreadable, systemColumn: ukcore.Text("SNOMED")}, "code must hold", nil},
		{"neither", code("", "SNOMED"), "code must hold", nil},
		{"both", with(codeColumn, "93C1.", systemColumn, "READ2"), "code must hold nothing", nil},
		{"a system beside a word", with(systemColumn, "READ2"), "", is(care.Dissent)},
		{"by", with(byColumn, " Dr A\tB\n"), "", func(d care.Directive) bool { return d.By == "Dr A B" }},
		{"by nobody", nil, "", func(d care.Directive) bool { return d.By == "" }},
		{"by a long name", with(byColumn, strings.Repeat("é", 200)), "", func(d care.Directive) bool { return d.By == strings.Repeat("é", maxBy/2) }},
		{"by a long name between letters", with(byColumn, "x"+strings.Repeat("é", 200)), "",
			func(d care.Directive) bool { return d.By == "x"+strings.Repeat("é", maxBy/2-1) }},
		{"by damaged bytes", with(byColumn, "a\xffb"), "recorded_by must hold", nil},
		{"organisations", with(organisationsColumn, "rwh  E82001 RWH"), "",
			func(d care.Directive) bool {
				return slices.Equal(d.Scope.Organisations, []care.ODSCode{"RWH", "E82001"})
			}},
		{"an organisation with a comma", with(organisationsColumn, "RWH, E82001"), "organisations must hold", nil},
		{"too many organisations", with(organisationsColumn, many(maxTargets+1)), "organisations must hold", nil},
		{"as many as may be", with(organisationsColumn, many(maxTargets)), "", func(d care.Directive) bool { return len(d.Scope.Organisations) == maxTargets }},
		{"sections", with(sectionsColumn, "MEDICATIONS care-plans"), "",
			func(d care.Directive) bool { return d.Scope.Sections == care.SetOf(care.Medications, care.CarePlans) }},
		{"an unknown section", with(sectionsColumn, "MEDICATIONS HOROSCOPE"), "sections must hold", nil},
		{"both scopes", with(sectionsColumn, "MEDICATIONS", organisationsColumn, "RWH"), "sections must hold nothing", nil},
		{"a scoped consent", with(kindColumn, "CONSENT", organisationsColumn, "RWH"), "", is(care.ConsentGiven)},
		{"a scoped restriction", with(kindColumn, "RESTRICTION", organisationsColumn, "RWH"), "directive must hold", nil},
		{"a scoped lifting", with(kindColumn, "UNRESTRICTED", sectionsColumn, "ALLERGIES"), "directive must hold", nil},
		{"a scoped code", map[int]ukcore.Value{kindColumn: {}, codeColumn: ukcore.Text("9NdH."), systemColumn: ukcore.Text("READ2"),
			organisationsColumn: ukcore.Text("RWH")}, "", coded("http://read.info/readv2", "9NdH.")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, fault := readRow(tc.change)
			switch {
			case tc.fault != "" && !strings.HasPrefix(fault, tc.fault):
				t.Errorf("fault %q, want %q", fault, tc.fault)
			case tc.fault == "" && (fault != "" || !tc.check(d)):
				t.Errorf("directive %+v, fault %q", d, fault)
			}
		})
	}
}

// many returns that many codes of organisations.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "X%05d ", i)
	}
	return b.String()
}
