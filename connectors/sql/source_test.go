package sql

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors"
)

// fetched is what one Fetch of the first patient gave, for tests that look at
// the ends.
func fetched(t testing.TB, c care.Connector, sections care.SectionSet) (map[care.Section]care.End, error) {
	t.Helper()
	p, err := c.Identify(t.Context(), nhs(firstNumber))
	if err != nil {
		return nil, err
	}
	return ends(t, c, care.Query{Patient: p, Sections: sections, MaxRows: 100})
}

func ends(t testing.TB, c care.Connector, q care.Query) (map[care.Section]care.End, error) {
	t.Helper()
	found := map[care.Section]care.End{}
	for item, err := range c.Fetch(t.Context(), q) {
		if err != nil {
			return found, err
		}
		if item.End != nil {
			found[item.End.Section] = *item.End
		}
	}
	return found, nil
}

// identifyRow identifies a patient whose row is sound but for one column.
func identifyRow(t *testing.T, w world, column, value string) (care.Patient, error) {
	t.Helper()
	return identifyRows(t, w, map[string]string{column: value})
}

// identifyRows identifies a patient of whom there are rows, each of which is
// sound but for some columns.
func identifyRows(t *testing.T, w world, others ...map[string]string) (care.Patient, error) {
	t.Helper()
	good := map[string]string{"local_id": "'77'", "nhs_number": "'999 000 0026'", "nhs_number_status": "'01'", "family_name": "' Smith '",
		"given_names": "'Ada  May'", "birth_date": "'1950-01'", "gender": "1", "active": "1", "test_patient": "0", "restricted": "'N'",
		"dissent": "'no'", "old_family_names": "'Jones; Brown'"}
	var rows []string
	for _, other := range others {
		var list []string
		for _, name := range patientColumns {
			v, there := other[name]
			if !there {
				v = good[name]
			}
			if v != "" {
				list = append(list, v+" AS "+name)
			}
		}
		rows = append(rows, "SELECT "+strings.Join(list, ", ")+" WHERE :nhs_number <> ''")
	}
	s := withQueries(w.settings())
	s.PatientQuery = strings.Join(rows, " UNION ALL ")
	return openedUntilEnd(t, s).Identify(t.Context(), nhs(firstNumber))
}

func TestPatientRow(t *testing.T) {
	w := filled(t, newSQLite)
	t.Run("good", func(t *testing.T) {
		p, err := identifyRow(t, w, "", "")
		if err != nil {
			t.Fatal(err)
		}
		if p.LocalID.Reveal() != "77" || !p.Verified || !p.Active || p.Test || p.Restricted || p.Dissent || p.Gender != "male" ||
			p.BirthDate.String() != "1950-01" || len(p.Names) != 3 || p.Names[0].Family.Reveal() != "Smith" ||
			len(p.Names[0].Given) != 2 || p.Names[2].Family.Reveal() != "Brown" || p.Names[2].Use != "old" {
			t.Errorf("patient %+v", p)
		}
	})
	for _, tc := range []struct {
		column, value, reason string
		check                 func(p care.Patient) bool
	}{
		{"nhs_number_status", "'02'", "", func(p care.Patient) bool { return !p.Verified }},
		{"nhs_number_status", "NULL", "", func(p care.Patient) bool { return !p.Verified }},
		{"nhs_number_status", "1", "", func(p care.Patient) bool { return p.Verified }},
		{"restricted", "'Y'", "", func(p care.Patient) bool { return p.Restricted }},
		{"dissent", "1", "", func(p care.Patient) bool { return p.Dissent }},
		{"active", "'false'", "", func(p care.Patient) bool { return !p.Active }},
		{"test_patient", "'T'", "", func(p care.Patient) bool { return p.Test }},
		{"old_family_names", "", "", func(p care.Patient) bool { return len(p.Names) == 1 }},
		{"given_names", "NULL", "", func(p care.Patient) bool { return len(p.Names[0].Given) == 0 }},
		{"birth_date", "'1950-02-03 00:00:00'", "", func(p care.Patient) bool { return p.BirthDate.String() == "1950-02-03" }},
		{"local_id", "NULL", reasonRow, nil},
		{"local_id", "' '", reasonRow, nil},
		{"nhs_number", "NULL", reasonRow, nil},
		{"nhs_number", "'9990000027'", reasonRow, nil},
		{"nhs_number", "'" + secondNumber + "'", reasonStranger, nil},
		{"family_name", "NULL", reasonRow, nil},
		{"birth_date", "NULL", reasonRow, nil},
		{"birth_date", "'1950-13-01'", reasonRow, nil},
		{"birth_date", "'1950-01-01 10:00:00'", reasonRow, nil},
		{"birth_date", "2.5", reasonRow, nil},
		{"gender", "'robot'", reasonRow, nil},
		{"active", "NULL", reasonRow, nil},
		{"restricted", "NULL", reasonRow, nil},
		{"dissent", "'perhaps'", reasonRow, nil},
		{"dissent", "2", reasonRow, nil},
		{"dissent", "", reasonColumns, nil},
	} {
		t.Run(tc.column+" "+tc.value, func(t *testing.T) {
			p, err := identifyRow(t, w, tc.column, tc.value)
			if tc.reason != "" {
				wantReason(t, err, care.SourceUnavailable, tc.reason)
				if !p.LocalID.IsZero() && err == nil {
					t.Error("a patient came back")
				}
			} else if err != nil || !tc.check(p) {
				t.Errorf("patient %+v, %v", p, err)
			}
		})
	}
}

// TestRestrictedRowCounts marks a patient restricted in a row that cannot be
// mapped, and in the second of two: that the patient is not to be found must not
// hang on the rest.
func TestRestrictedRowCounts(t *testing.T) {
	w := filled(t, newSQLite)
	sound, restricted := map[string]string{}, map[string]string{"restricted": "'Y'"}
	stranger := map[string]string{"restricted": "'Y'", "nhs_number": "'" + secondNumber + "'"}
	for name, tc := range map[string]struct {
		rows   []map[string]string
		reason string
	}{
		"a row without a date of birth":      {[]map[string]string{{"restricted": "'Y'", "birth_date": "NULL"}}, ""},
		"a row without a key":                {[]map[string]string{{"restricted": "'Y'", "local_id": "NULL"}}, ""},
		"the first of two":                   {[]map[string]string{restricted, sound}, ""},
		"the second of two":                  {[]map[string]string{sound, restricted}, ""},
		"the last of three":                  {[]map[string]string{sound, sound, restricted}, ""},
		"somebody else's row":                {[]map[string]string{stranger}, reasonStranger},
		"somebody else's row beside a sound": {[]map[string]string{sound, stranger}, reasonAmbiguous},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := identifyRows(t, w, tc.rows...)
			if tc.reason != "" {
				wantReason(t, err, care.SourceUnavailable, tc.reason)
			} else if err != nil || !p.Restricted || p.NHSNumber != nhs(firstNumber) {
				t.Errorf("patient %+v, %v", p, err)
			}
		})
	}
}

// TestRightsAreLookedUpAgain lets the file become writable while it is served.
func TestRightsAreLookedUpAgain(t *testing.T) {
	w := filled(t, newSQLite).(*sqliteWorld)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	deps := testDeps()
	deps.Now = func() time.Time { return now }
	c, err := connectors.New(Kind()).Open(t.Context(), Name, deps, withQueries(w.settings()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	identify := func() error {
		_, err := c.Identify(t.Context(), nhs(firstNumber))
		return err
	}
	if err := identify(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(w.path, 0o644); err != nil {
		t.Fatal(err)
	}
	now = now.Add(rightsAge - time.Second)
	if err := identify(); err != nil {
		t.Errorf("within the ten minutes: %v", err)
	}
	now = now.Add(2 * time.Second)
	wantReason(t, identify(), care.SourceUnavailable, reasonWritable)
	now = now.Add(-time.Hour) // a clock that goes back proves nothing
	wantReason(t, identify(), care.SourceUnavailable, reasonWritable)
}

func TestWritableFile(t *testing.T) {
	w := newSQLite(t).(*sqliteWorld)
	w.exec(t, people()...)
	s := withQueries(w.settings())
	_, err := openedUntilEnd(t, s).Probe(t.Context())
	wantReason(t, err, care.SourceUnavailable, reasonWritable)
	_, err = ends(t, openedUntilEnd(t, s), care.Query{Patient: care.Patient{LocalID: care.NewPrivate("1001")}, Sections: care.AllSections})
	wantReason(t, err, care.SourceUnavailable, reasonWritable)
	s.AllowWritableLogin = true
	c := openedUntilEnd(t, s)
	if r, err := c.Probe(t.Context()); err != nil || !r.Writable || !strings.Contains(r.Detail, "SQLite 3") {
		t.Errorf("Probe = %+v, %v", r, err)
	}
	for _, text := range []string{"DELETE FROM entries RETURNING id", "DROP TABLE files", "CREATE TABLE more (id)", "PRAGMA query_only = 0; DELETE FROM entries"} {
		c.(*source).plan.sections[care.Problems] = statement{text: text}
		if got, err := fetched(t, c, care.SetOf(care.Problems)); err != nil || got[care.Problems].State != care.Unavailable {
			t.Errorf("%s: ends as %+v, %v", text, got[care.Problems], err)
		}
	}
	delete(s.Queries, "PROBLEMS")
	if got, err := fetched(t, openedUntilEnd(t, withQueries(s)), care.SetOf(care.Problems)); err != nil || got[care.Problems].Read != 3 {
		t.Errorf("afterwards: %+v, %v", got[care.Problems], err)
	}
}

func TestProbeFindsFaultyQueries(t *testing.T) {
	w := filled(t, newSQLite, "CREATE VIEW dated AS SELECT * FROM entries", "CREATE TABLE moments (id text, effective DATETIME, patient text)")
	for _, tc := range []struct {
		name   string
		change func(s *Settings)
		reason string
		text   string // in the error
	}{
		{"sound", func(*Settings) {}, "", ""},
		{"no table", func(s *Settings) { s.Queries["PROBLEMS"] = "SELECT id FROM nothing WHERE a = :local_id" }, reasonQuery, "queries.PROBLEMS"},
		{"misspelt column", func(s *Settings) {
			s.Queries["PROBLEMS"] = "SELECT id, effective AS efective FROM entries WHERE patient = :local_id"
		}, reasonColumns, "efective"},
		{"missing column", func(s *Settings) {
			s.Queries["APPOINTMENTS"] = "SELECT id FROM entries WHERE patient = :local_id"
		}, reasonColumns, "status"},
		{"column of which the driver loses the zone", func(s *Settings) {
			s.Queries["PROBLEMS"] = "SELECT id, effective FROM moments WHERE patient = :local_id"
		}, reasonColumns, "effective"},
		{"patient column", func(s *Settings) {
			s.PatientQuery = strings.Replace(patientQuery, "dissent", "dissent AS opted_out", 1)
		}, reasonColumns, "dissent"},
		{"document column", func(s *Settings) {
			s.DocumentQuery = strings.Replace(s.DocumentQuery, "title", "'x' AS name", 1)
		}, reasonColumns, "document_query"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := withQueries(w.settings())
			tc.change(s)
			_, err := openedUntilEnd(t, s).Probe(t.Context())
			if tc.reason == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantReason(t, err, care.SourceUnavailable, tc.reason)
			if err != nil && !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error %q does not name %s", err, tc.text)
			}
		})
	}
}

func TestSectionsTheSiteSwitchedOffAreNotServed(t *testing.T) {
	deps := testDeps()
	deps.Sections = care.SetOf(care.Problems)
	c, err := connectors.New(Kind()).Open(t.Context(), Name, deps, withQueries(filled(t, newSQLite).settings()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := fetched(t, c, care.SetOf(care.Problems, care.Allergies))
	if err != nil || got[care.Problems].Read != 3 || got[care.Allergies].State != care.NotSupported {
		t.Errorf("ends %+v, %v", got, err)
	}
	if d := c.Describe(); d.Sections != care.SetOf(care.Problems) || d.Documents {
		t.Errorf("Describe = %+v", d)
	}
	_, err = c.(care.DocumentReader).Document(t.Context(), care.Patient{}, "x")
	wantReason(t, err, care.Unsupported, "")
}

func TestEndsOfSections(t *testing.T) {
	w := filled(t, newSQLite,
		insertEntry("1001", "alerts", "gone", "2024", "deleted", ""),
		insertEntry("1001", "alerts", "x1", "2024-03", "", ""), insertEntry("1001", "alerts", "x2", "", "", ""),
		insertEntry("1001", "alerts", "x3", "2023", "", ""), insertEntry("1001", "alerts", "x4", "2022", "", ""))
	alerts := "SELECT id, effective, code, code_system, code_text, 'active' AS status FROM entries WHERE patient = :local_id AND section = 'alerts' "
	for _, tc := range []struct {
		name, query string
		section     care.Section
		limit       int
		want        care.End
	}{
		{"cut", alerts + "AND id <> 'gone' ORDER BY id", care.Alerts, 3,
			care.End{State: care.Truncated, Read: 3, Limit: 3, Boundary: care.DateTime{Time: time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC), Precision: care.ToYear}}},
		{"cut in another order", alerts + "AND id <> 'gone' ORDER BY id DESC", care.Alerts, 3, care.End{State: care.Truncated, Read: 3, Limit: 3}},
		{"deleted rows", strings.Replace(alerts, "SELECT id", "SELECT (record_type = 'deleted') AS deleted, id", 1), care.Alerts, 100,
			care.End{State: care.Complete, Read: 4}},
		{"only deleted rows", strings.Replace(alerts, "SELECT id", "SELECT 1 AS deleted, id", 1), care.Alerts, 100, care.End{State: care.Empty}},
		{"no known allergies", "SELECT 'n' AS id, '716186003' AS code, 'snomed' AS code_system WHERE :local_id <> ''", care.Allergies, 100,
			care.End{State: care.NilKnown, Read: 1}},
		{"no limit given", alerts, care.Alerts, 0, care.End{State: care.Complete, Read: 5}},
		{"too many allergies", "SELECT id, code_text FROM entries WHERE patient = :local_id", care.Allergies, 2,
			care.End{State: care.Unavailable, Reason: reasonLimit, Limit: 2}},
		{"a missing column", "SELECT id, code_text FROM entries WHERE patient = :local_id", care.Alerts, 100,
			care.End{State: care.Unavailable, Reason: reasonColumns}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := withQueries(w.settings())
			s.Queries[tc.section.String()] = tc.query
			c := openedUntilEnd(t, s)
			p, err := c.Identify(t.Context(), nhs(firstNumber))
			if err != nil {
				t.Fatal(err)
			}
			got, err := ends(t, c, care.Query{Patient: p, Sections: care.SetOf(tc.section), MaxRows: tc.limit})
			end := got[tc.section]
			if err != nil || end.State != tc.want.State || end.Read != tc.want.Read || end.Limit != tc.want.Limit ||
				end.Reason != tc.want.Reason || end.Boundary.String() != tc.want.Boundary.String() {
				t.Errorf("end %+v, %v, want %+v", end, err, tc.want)
			}
		})
	}
}

// TestErrorBetweenRows lets the server fail after the first rows were sent.
func TestErrorBetweenRows(t *testing.T) {
	w := filled(t, newSQLite)
	s := withQueries(w.settings())
	s.Queries["PROBLEMS"] = "SELECT id, CASE id WHEN 'p02' THEN json(id) ELSE code_text END AS code_text FROM entries " +
		"WHERE patient = :local_id AND section = 'problems'"
	got, err := fetched(t, openedUntilEnd(t, s), care.SetOf(care.Problems, care.Allergies, care.Appointments))
	if err != nil {
		t.Fatal(err)
	}
	if end := got[care.Problems]; end.State != care.Unavailable || end.Reason != reasonQuery || end.Read != 2 {
		t.Errorf("problems end as %+v, want UNAVAILABLE after 2", end)
	}
	if got[care.Allergies].State != care.Complete || got[care.Appointments].State != care.Complete {
		t.Errorf("the others end as %+v", got)
	}
}

func TestRowOfAnotherPatient(t *testing.T) {
	s := withQueries(filled(t, newSQLite).settings())
	s.Queries["DEMOGRAPHICS"] = "SELECT local_id AS id, nhs_number, family_name FROM patients WHERE :local_id <> '' ORDER BY id"
	delete(s.Queries, "demographics")
	got, err := fetched(t, openedUntilEnd(t, s), care.SetOf(care.Demographics, care.Problems))
	wantReason(t, err, care.SourceUnavailable, reasonStranger)
	if len(got) > 0 {
		t.Errorf("sections ended all the same: %+v", got)
	}
}

func TestDocument(t *testing.T) {
	w := filled(t, newSQLite, insertEntry("1001", "documents", "lost", "2023", "", ""),
		insertEntry("1001", "documents", "twice", "2022", "", ""),
		"INSERT INTO files VALUES ('1001', 'twice', 'text/plain', 'a', 'b'), ('1001', 'twice', 'text/plain', 'a', 'b')",
		insertEntry("1001", "documents", "untyped", "2021", "", ""), "INSERT INTO files VALUES ('1001', 'untyped', NULL, 'a', 'b')")
	c := openedUntilEnd(t, withQueries(w.settings()))
	first, err := c.Identify(t.Context(), nhs(firstNumber))
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Identify(t.Context(), nhs(secondNumber))
	if err != nil {
		t.Fatal(err)
	}
	r := c.(care.DocumentReader)
	d, err := r.Document(t.Context(), first, "epr.document.d0")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(d.Body)
	if err != nil || string(body) != "words of 1001" || d.Size != int64(len(body)) || d.ContentType != "text/plain" || d.Title != "Letter" || d.Origin == nil {
		t.Errorf("document %+v with %q, %v", d, body, err)
	}
	if err := d.Body.Close(); err != nil {
		t.Error(err)
	}
	for _, tc := range []struct {
		name, id, reason string
		patient          care.Patient
		kind             care.Kind
	}{
		{"of another patient", "epr.document.d0", "", second, care.RecordNotFound},
		{"of nobody", "epr.document.none", "", first, care.RecordNotFound},
		{"an id of SQL", "epr.document.d0' OR '1'='1", "", first, care.RecordNotFound},
		{"listed without content", "epr.document.lost", "", first, care.RecordNotFound},
		{"two rows", "epr.document.twice", reasonAmbiguous, first, care.SourceUnavailable},
		{"no type", "epr.document.untyped", reasonRow, first, care.SourceUnavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := r.Document(t.Context(), tc.patient, tc.id)
			wantReason(t, err, tc.kind, tc.reason)
		})
	}
}
