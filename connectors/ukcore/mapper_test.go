package ukcore

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mycarerecord/edge-agent/agent/care"
)

func london(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// mapperFor binds a section to columns, given as one text.
func mapperFor(t testing.TB, s care.Section, columns string) *Mapper {
	t.Helper()
	l, ok := LayoutOf(s)
	if !ok {
		t.Fatalf("no layout of %v", s)
	}
	b, problems := l.Bind(strings.Fields(columns))
	if problems != nil {
		t.Fatalf("%v: %v", s, problems)
	}
	return b.Mapper(testEncoder(), london(t))
}

// values makes a row of texts; "-" is null.
func values(cells ...string) []Value {
	list := make([]Value, len(cells))
	for i, c := range cells {
		if c != "-" {
			list[i] = Text(c)
		}
	}
	return list
}

// drain gives rows to a mapper and returns copies of what comes out.
func drain(t testing.TB, m *Mapper, rows ...[]Value) (records []care.Record, errs []error) {
	t.Helper()
	keep := func(r *care.Record, err error) {
		if err != nil {
			errs = append(errs, err)
		}
		if r != nil {
			c := *r
			c.Resource, c.Codes, c.Links = slices.Clone(r.Resource), slices.Clone(r.Codes), slices.Clone(r.Links)
			records = append(records, c)
		}
	}
	for _, row := range rows {
		keep(m.Row(row))
	}
	for r, err := range m.Held() {
		keep(r, err)
	}
	return records, errs
}

// sample returns a cell that suits a column, with something in every column.
func sample(c Column, n int) Value {
	switch {
	case len(c.Allowed) > 0:
		return Text(c.Allowed[n%len(c.Allowed)])
	case strings.HasSuffix(c.Name, "_code_system"):
		return Text("SNOMED")
	case strings.HasSuffix(c.Name, "id_system"):
		return Text("GMC")
	case c.Name == "nhs_number":
		return Text("999 000 0018")
	case strings.HasSuffix(c.Name, "organisation_code"), c.Name == "recipient_code", c.Name == "dispenser_code", c.Name == "gp_practice_code":
		return Text("rtest")
	case c.Name == "code_system":
		return Text("snomed")
	case c.Name == "entries":
		return Text("problem:1; observation:2")
	case c.Name == "size":
		return Integer(1234)
	}
	switch c.Type {
	case CodeColumn:
		return Integer(int64(1000 + n))
	case DateTimeColumn:
		return Instant(time.Date(2024, 5, 1, 9, n%60, 0, 0, time.UTC))
	case DateColumn:
		return Date(time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC))
	case NumberColumn:
		return Decimal("1.50")
	case BoolColumn:
		return Bool(false)
	case IntegerColumn:
		return Integer(int64(n % 9))
	}
	return Bytes([]byte("text of " + c.Name))
}

// everyColumn maps, for each kind of a layout, some rows with all columns.
func everyColumn(t *testing.T, s care.Section) (resources [][]byte) {
	l, _ := LayoutOf(s)
	columns := l.Columns()
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	b, problems := l.Bind(names)
	if problems != nil {
		t.Fatalf("%v: %v", s, problems)
	}
	m := b.Mapper(testEncoder(), london(t))
	var rows [][]Value
	for _, k := range l.Kinds {
		for n := range 5 {
			if s == care.Demographics && n > 0 {
				break
			}
			rows = append(rows, sampleRow(columns, k, n))
		}
	}
	records, errs := drain(t, m, rows...)
	for _, err := range errs {
		t.Errorf("%v: %v", s, err)
	}
	for _, r := range records {
		if err := checkJSON(r.Resource); err != nil {
			t.Errorf("%v: %v", s, err)
		}
		resources = append(resources, r.Resource)
	}
	if end := m.End(); end.Read != len(records) || end.State != care.Complete {
		t.Errorf("%v: end %+v after %d records", s, end, len(records))
	}
	return resources
}

// sampleRow fills the columns of one kind.
func sampleRow(columns []Column, k Kind, n int) []Value {
	row := make([]Value, len(columns))
	for i, c := range columns {
		own := find(k.Columns, c.Name)
		switch {
		case c.Name == RecordType:
			row[i] = Text(strings.ToUpper(k.Name))
		case c.Name == "id":
			row[i] = Text(k.Name + strconv.Itoa(n))
		case own != nil && !incompatible(c.Name, n):
			row[i] = sample(*own, n)
		}
	}
	return row
}

// incompatible says which cells a source would not fill together.
func incompatible(column string, n int) bool {
	return column == "value_absent_reason" || (column == "effective_precision" || column == "consultation_section") && n > 0
}

func TestEveryColumnOfEveryLayout(t *testing.T) {
	var resources [][]byte
	for s := range care.AllSections.All() {
		resources = append(resources, everyColumn(t, s)...)
	}
	publish(t, "mapped", resources)
}

func TestLayoutsAreDocumented(t *testing.T) {
	for s := range care.AllSections.All() {
		l, _ := LayoutOf(s)
		if l.Section != s {
			t.Errorf("the layout of %v says %v", s, l.Section)
		}
		for _, k := range l.Kinds {
			seen := map[string]bool{}
			for _, c := range k.Columns {
				if seen[c.Name] {
					t.Errorf("%v %s: column %s is there twice", s, k.Name, c.Name)
				}
				seen[c.Name] = true
				if c.Doc == "" || !strings.HasSuffix(c.Doc, ".") || c.Type.String() == "Unknown" || strings.ToLower(c.Name) != c.Name {
					t.Errorf("%v %s: column %q is not documented well: %q", s, k.Name, c.Name, c.Doc)
				}
			}
		}
	}
	if _, ok := LayoutOf(0); ok {
		t.Error("what is no section has a layout")
	}
}

func TestBindProblems(t *testing.T) {
	many := strings.Repeat("x ", 300)
	for _, c := range []struct {
		section care.Section
		columns string
		want    string
	}{
		{care.Allergies, "ID Code CODE_SYSTEM", ""},
		{care.Allergies, "code", "id"},
		{care.Allergies, "id code colour", "colour"},
		{care.Allergies, "id code ID", "id"},
		{care.Alerts, "id code", "status"},
		{care.Medications, "id code code_system", "record_type"},
		{care.Medications, "id record_type", ""},
		{care.Problems, many, "PROBLEMS"},
	} {
		l, _ := LayoutOf(c.section)
		b, problems := l.Bind(strings.Fields(c.columns))
		var paths []string
		for _, p := range problems {
			paths = append(paths, p.Path)
		}
		if got := strings.Join(paths, " "); got != c.want || (b == nil) != (c.want != "") {
			t.Errorf("%v %.40q: problems %q, want %q", c.section, c.columns, got, c.want)
		}
	}
}

func TestMapperFaultsNameRowAndColumn(t *testing.T) {
	const columns = "record_type id effective code code_system value value_comparator organisation_code status confidential author_id author_id_system"
	good := values("result", "77", "2024-05-01", "1", "SNOMED", "7.1", "<", "RTEST", "final", "n", "1", "GMC")
	for column, bad := range map[string]Value{
		"record_type": Text("Secret"), "effective": Text("Secret"), "code_system": Text("Secret"), "value": Text("Secret"),
		"value_comparator": Text("Secret"), "organisation_code": Text("Secret code"), "status": Text("Secret"), "confidential": Text("Secret"),
		"author_id_system": Text("Secret"), "code": Text("Secret\xff"), "id": {},
	} {
		m := mapperFor(t, care.Investigations, columns)
		row := append([]Value{}, good...)
		for i, name := range strings.Fields(columns) {
			if name == column {
				row[i] = bad
			}
		}
		r, err := m.Row(row)
		if r != nil || care.ReasonOf(err) != RowUnmappable || care.KindOf(err) != care.SourceUnavailable {
			t.Errorf("%s: record %v, error %v", column, r, err)
			continue
		}
		if text := err.Error(); !strings.Contains(text, "column "+column+" ") || strings.Contains(text, "Secret") || column != "id" && !strings.Contains(text, `"77"`) {
			t.Errorf("%s: the error says %s", column, text)
		}
		if end := m.End(); end.State != care.Unavailable || end.Failed != 1 || end.Read != 1 || end.Reason != RowUnmappable || end.Detail == "" {
			t.Errorf("%s: end %+v", column, end)
		}
	}
}

func TestReportsListTheirResults(t *testing.T) {
	m := mapperFor(t, care.Investigations, "record_type id code_text report_id group_id category report_category")
	records, errs := drain(t, m,
		values("result", "r1", "Hb", "rep", "g", "laboratory", "-"),
		values("report", "rep", "FBC report", "-", "-", "-", "LAB"),
		values("group", "g", "FBC", "rep", "-", "laboratory", "-"),
		values("result", "r2", "CRP", "rep", "-", "laboratory", "-"),
		values("result", "r3", "Orphan", "other", "-", "laboratory", "-"))
	if errs != nil {
		t.Fatal(errs)
	}
	var got []string
	for _, r := range records {
		got = append(got, r.ID)
	}
	if diff := cmp.Diff([]string{"gp.result.r1", "gp.result.r2", "gp.result.r3", "gp.report.rep", "gp.result.g"}, got); diff != "" {
		t.Fatal(diff)
	}
	report, group := string(records[3].Resource), string(records[4].Resource)
	if !strings.Contains(report, `"result":[{"reference":"Observation/gp.result.g"},{"reference":"Observation/gp.result.r2"}]`) {
		t.Errorf("the report does not list its group and result: %s", report)
	}
	if !strings.Contains(group, `"hasMember":[{"reference":"Observation/gp.result.r1"}]`) || !strings.Contains(group, `"text":"FBC"`) {
		t.Errorf("the group does not list its result: %s", group)
	}
	if diff := cmp.Diff([]string{"gp.result.g", "gp.result.r2"}, records[3].Links); diff != "" {
		t.Error(diff)
	}
	if end := m.End(); end.Read != 5 || end.State != care.Complete {
		t.Errorf("end %+v", end)
	}
}

func TestHeldRowsKeepTheirCodes(t *testing.T) {
	m := mapperFor(t, care.Investigations, "record_type id code code_system")
	records, errs := drain(t, m, values("report", "1", "111", "SNOMED"), values("report", "2", "222", "SNOMED"), values("result", "3", "333", "SNOMED"))
	if errs != nil || len(records) != 3 {
		t.Fatal(records, errs)
	}
	for i, want := range []string{"333", "111", "222"} {
		if !strings.Contains(string(records[i].Resource), `"code":"`+want+`"`) {
			t.Errorf("record %d lacks code %s: %s", i, want, records[i].Resource)
		}
	}
}

func TestHeadingsBecomeNotesInOrder(t *testing.T) {
	m := mapperFor(t, care.Consultations, "record_type id consultation_id position heading_code heading_code_system heading_text body notes_status confidential entries")
	records, errs := drain(t, m,
		values("heading", "h2", "c1", "10", "111", "SNOMED", "Plan", "Rest", "final", "-", "-"),
		values("consultation", "c1", "-", "-", "-", "-", "-", "-", "-", "-", "-"),
		values("heading", "h1", "c1", "2", "222", "SNOMED", "History", "Cough", "final", "y", "problem:9"),
		values("heading", "h3", "c2", "1", "333", "SNOMED", "Other", "Text", "final", "-", "-"))
	if errs != nil || len(records) != 3 {
		t.Fatal(records, errs)
	}
	notes := string(records[1].Resource)
	history, plan := strings.Index(notes, `"code":"222"`), strings.Index(notes, `"code":"111"`)
	if history < 0 || plan < history || records[1].ID != "gp.notes.c1" {
		t.Errorf("the headings are not in order: %s", notes)
	}
	if records[1].Confidentiality != care.Restricted || records[2].Confidentiality != care.Normal {
		t.Error("one confidential heading must withhold the notes that hold it, and no others")
	}
	if !slices.Contains(records[1].Links, "gp.problem.9") || !slices.Contains(records[1].Links, "gp.consultation.c1") {
		t.Errorf("links %v", records[1].Links)
	}
	if end := m.End(); end.Read != 3 {
		t.Errorf("end %+v, want one for each record", end)
	}
	if _, err := m.Row(values("heading", "h4", "-", "1", "-", "-", "Lost", "Text", "final", "-", "-")); care.ReasonOf(err) != RowUnmappable {
		t.Errorf("a heading of no consultation: %v", err)
	}
}

func TestTranslatedCodesKeepTheOriginal(t *testing.T) {
	m := mapperFor(t, care.Problems, "id code code_system original_code original_code_system original_code_display")
	r, err := m.Row(values("1", "195967001", "snomed", "H33..", "ReadV2", "Asthma"))
	if err != nil {
		t.Fatal(err)
	}
	want := []care.Coding{{System: snomed, Code: "195967001"}, {System: "http://read.info/readv2", Code: "H33..", Display: "Asthma"}}
	if diff := cmp.Diff(want, r.Codes); diff != "" {
		t.Error(diff)
	}
	if _, err := m.Row(values("2", "-", "-", "-", "-", "Asthma")); err == nil || !strings.Contains(err.Error(), "column code ") {
		t.Errorf("a display without a code: %v", err)
	}
}

func TestEndOfSections(t *testing.T) {
	const columns = "id code code_system clinical_status deleted"
	nothing := values("1", noKnownAllergies, "SNOMED", "-", "-")
	nuts := values("2", "91934008", "SNOMED", "-", "-")
	for _, c := range []struct {
		name string
		rows [][]Value
		want care.End
	}{
		{"no rows", nil, care.End{State: care.Empty}},
		{"nil known", [][]Value{nothing}, care.End{State: care.NilKnown, Read: 1}},
		{"nil known and an allergy", [][]Value{nothing, nuts}, care.End{State: care.Complete, Read: 2}},
		{"nil known no longer", [][]Value{values("1", noKnownAllergies, "SNOMED", "resolved", "-")}, care.End{State: care.Complete, Read: 1}},
		{"only deleted rows", [][]Value{values("1", "-", "-", "-", "true")}, care.End{State: care.Empty}},
	} {
		m := mapperFor(t, care.Allergies, columns)
		if _, errs := drain(t, m, c.rows...); errs != nil {
			t.Errorf("%s: %v", c.name, errs)
		}
		c.want.Section = care.Allergies
		if diff := cmp.Diff(c.want, m.End()); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func TestRowsOfTheWrongWidth(t *testing.T) {
	m := mapperFor(t, care.Problems, "id code_text")
	for _, row := range [][]Value{nil, values("1"), values("1", "2", "3")} {
		if _, err := m.Row(row); care.ReasonOf(err) != RowUnmappable {
			t.Errorf("%d values for 2 columns: %v", len(row), err)
		}
	}
}

func TestSecondPatientRowFails(t *testing.T) {
	m := mapperFor(t, care.Demographics, "id family_name")
	records, errs := drain(t, m, values("p1", "Test"), values("p1", "Tset"))
	if len(records) != 1 || len(errs) != 1 || care.ReasonOf(errs[0]) != RowUnmappable || strings.Contains(errs[0].Error(), "p1") {
		t.Errorf("%d records, errors %v", len(records), errs)
	}
}

func TestRequiredWithoutColumn(t *testing.T) {
	m := mapperFor(t, care.Medications, "record_type id code_text")
	_, err := m.Row(values("request", "1", "Aspirin"))
	if err == nil || !strings.Contains(err.Error(), "column intent ") {
		t.Errorf("a request without the column intent: %v", err)
	}
}

func TestBindingIsShared(t *testing.T) {
	l, _ := LayoutOf(care.Observations)
	b, problems := l.Bind([]string{"id", "code_text", "value"})
	if problems != nil {
		t.Fatal(problems)
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			m := b.Mapper(NewEncoder(origin, care.NewPrivate(fmt.Sprint("p", g))), time.UTC)
			for n := range 50 {
				want := fmt.Sprintf("Test %d of %d", n, g)
				if r, err := m.Row(values("1", want, "1")); err != nil || !strings.Contains(string(r.Resource), want) {
					t.Errorf("goroutine %d, row %d: %v", g, n, err)
				}
			}
		})
	}
	wg.Wait()
}
