package sql

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors"
	"github.com/mycarerecord/edge-agent/connectors/connectortest"
)

// world is an empty database of its own with a login that may only read.
type world interface {
	// exec runs statements as the database's owner.
	exec(t testing.TB, statements ...string)
	// settings are those of the read-only login, without queries.
	settings() *Settings
	// seal ends the set-up: the login may SELECT everything that is there.
	seal(t testing.TB)
	// endless is the FROM clause of a SELECT that never ends, and asked waits
	// until the server runs it.
	endless() string
	asked(t testing.TB) <-chan struct{}
}

// schema is the tables of a small record system, in SQL that every server
// understands. Dates are texts of any precision, as many systems keep them.
var schema = []string{
	`CREATE TABLE patients (local_id varchar(20), nhs_number varchar(20), nhs_number_status varchar(2), family_name varchar(50),
		given_names varchar(50), birth_date varchar(10), gender varchar(10), active integer, test_patient integer,
		restricted integer, dissent integer)`,
	`CREATE TABLE entries (patient varchar(20), section varchar(20), id varchar(20), effective varchar(30), code varchar(20),
		code_system varchar(20), code_text varchar(50), record_type varchar(20), parent varchar(20))`,
	`CREATE TABLE said (nhs_number varchar(20), code varchar(20), code_system varchar(30), directive varchar(20), effective_date varchar(30),
		recorded_date varchar(30), recorded_by varchar(100), organisations varchar(1000), sections varchar(1000))`,
	`CREATE TABLE files (patient varchar(20), id varchar(20), content_type varchar(50), title varchar(50), content varchar(1000))`,
}

const (
	firstNumber  = "9990000026"
	secondNumber = "9990000034"
	absentNumber = "9990000042"
	firstFamily  = "Featherstonehaugh"
	secondFamily = "O'Cholmondeley" // the quote is part of the test
)

func insertPatient(id, number, family string) string {
	return fmt.Sprintf("INSERT INTO patients VALUES ('%s', '%s', '01', '%s', 'Ada May', '1950-01-02', 'female', 1, 0, 0, 0)",
		id, number, strings.ReplaceAll(family, "'", "''"))
}

func insertEntry(patient, section, id, effective, kind, parent string) string {
	return fmt.Sprintf("INSERT INTO entries VALUES ('%s', '%s', '%s', '%s', '91936005', 'snomed', 'Kept words', '%s', '%s')",
		patient, section, id, effective, kind, parent)
}

// people fills the tables with two patients.
func people() []string {
	all := append([]string{}, schema...)
	for i, p := range []struct{ id, number, family string }{{"1001", firstNumber, firstFamily}, {"1002", secondNumber, secondFamily}} {
		all = append(all, insertPatient(p.id, p.number, p.family))
		for n := range 3 {
			date := fmt.Sprintf("%d", 2024-n)
			all = append(all,
				insertEntry(p.id, "allergies", fmt.Sprintf("a%d%d", i, n), date, "", ""),
				insertEntry(p.id, "problems", fmt.Sprintf("p%d%d", i, n), date+"-05", "", ""),
				insertEntry(p.id, "results", fmt.Sprintf("r%d%d", i, n), date+"-05-06", "result", fmt.Sprintf("rep%d", i)))
		}
		all = append(all,
			insertEntry(p.id, "appointments", fmt.Sprintf("ap%d", i), "2026-12-01 09:30", "", ""),
			insertEntry(p.id, "results", fmt.Sprintf("rep%d", i), "2020-01-01", "report", ""),
			insertEntry(p.id, "results", fmt.Sprintf("old%d", i), "2019-01-01", "report", ""),
			insertEntry(p.id, "documents", fmt.Sprintf("d%d", i), "2024-01-01", "", ""),
			fmt.Sprintf("INSERT INTO files VALUES ('%s', 'd%d', 'text/plain', 'Letter', 'words of %s')", p.id, i, p.id))
	}
	return append(all, "INSERT INTO said VALUES "+
		"('"+firstNumber+"', '93C1.', 'READ2', NULL, '2024-05-06', '2024-05-06 10:40', 'O''Clerk', NULL, NULL), "+
		"('"+firstNumber+"', NULL, NULL, 'CONSENT', '2025-01-02 09:30', NULL, '', '', 'MEDICATIONS allergies'), "+
		"('"+secondNumber+"', '416409005', 'snomed', NULL, NULL, NULL, NULL, 'RWH E82001', NULL)")
}

const consentColumns = "nhs_number, code, code_system, directive, effective_date, recorded_date, recorded_by, organisations, sections"

// wantedDirectives is what people have said.
var wantedDirectives = map[string][]care.Directive{
	firstNumber: {
		{Code: care.Coding{System: "http://read.info/readv2", Code: "93C1."}, Effective: time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC),
			Recorded: time.Date(2024, 5, 6, 9, 40, 0, 0, time.UTC), By: "O'Clerk"},
		{Kind: care.ConsentGiven, Effective: time.Date(2025, 1, 2, 9, 30, 0, 0, time.UTC),
			Scope: care.Scope{Sections: care.SetOf(care.Medications, care.Allergies)}},
	},
	secondNumber: {
		{Code: care.Coding{System: "http://snomed.info/sct", Code: "416409005"}, Effective: time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC),
			Scope: care.Scope{Organisations: []care.ODSCode{"RWH", "E82001"}}},
	},
}

const patientQuery = `SELECT local_id, nhs_number, nhs_number_status, family_name, given_names, birth_date, gender,
	active, test_patient, restricted, dissent FROM patients WHERE nhs_number = :nhs_number`

func entriesQuery(section, columns string) string {
	return "SELECT id, effective, " + columns + " FROM entries WHERE patient = :local_id AND section = '" + section + "' ORDER BY effective DESC"
}

// withQueries completes settings with the queries of the schema.
func withQueries(s *Settings) *Settings {
	const code = "code, code_system, code_text"
	s.PatientQuery = patientQuery
	s.Queries = map[string]string{
		"demographics":   `SELECT local_id AS id, nhs_number, nhs_number_status, family_name, birth_date, gender FROM patients WHERE local_id = :local_id`,
		"ALLERGIES":      entriesQuery("allergies", code),
		"PROBLEMS":       entriesQuery("problems", code),
		"INVESTIGATIONS": entriesQuery("results", code+", record_type, parent AS report_id"),
		"APPOINTMENTS":   entriesQuery("appointments", "'booked' AS status"),
		"DOCUMENTS":      entriesQuery("documents", "'current' AS status, 'text/plain' AS content_type"),
		"ALERTS":         entriesQuery("alerts", code+", 'active' AS status"),
	}
	s.DocumentQuery = "SELECT content_type, title, content FROM files WHERE patient = :local_id AND id = :document_id"
	s.ConsentQuery = "SELECT " + consentColumns + " FROM said ORDER BY effective_date"
	s.PatientConsentQuery = "SELECT " + consentColumns + " FROM said WHERE nhs_number = :nhs_number"
	return s
}

var wanted = map[care.Section]connectortest.Want{
	care.Demographics:   {State: care.Complete, Records: 1},
	care.Allergies:      {State: care.Complete, Records: 3},
	care.Problems:       {State: care.Complete, Records: 3},
	care.Investigations: {State: care.Complete, Records: 5},
	care.Appointments:   {State: care.Complete, Records: 1},
	care.Documents:      {State: care.Complete, Records: 1},
}

func nhs(text string) care.NHSNumber {
	n, err := care.ParseNHSNumber(text)
	if err != nil {
		panic(err)
	}
	return n
}

func testDeps() connectors.Deps {
	return connectors.Deps{Origin: care.Origin{Source: "epr", System: "Test EPR", Organisation: "RWH", OrganisationName: "Test Trust"},
		Sections: care.AllSections, Log: hclog.NewNullLogger(), Now: time.Now}
}

// opened opens a connector through the registry, as the agent does.
func opened(t testing.TB, s *Settings) care.Connector {
	t.Helper()
	c, err := connectors.New(Kind()).Open(t.Context(), Name, testDeps(), s)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return c
}

// openedUntilEnd closes the connector when the test ends.
func openedUntilEnd(t testing.TB, s *Settings) care.Connector {
	t.Helper()
	c := opened(t, s)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// filled returns a sealed world with the two patients and more statements.
func filled(t testing.TB, create func(testing.TB) world, more ...string) world {
	t.Helper()
	w := create(t)
	w.exec(t, people()...)
	w.exec(t, more...)
	w.seal(t)
	return w
}

// conformance runs the suite against the databases that create makes.
func conformance(t *testing.T, create func(testing.TB) world) {
	main := filled(t, create)
	connectortest.Run(t, connectortest.Harness{
		Open: func(t testing.TB) care.Connector { return opened(t, withQueries(main.settings())) },
		Patients: []connectortest.Patient{
			{NHSNumber: nhs(firstNumber), Family: firstFamily, Sections: wanted, Directives: wantedDirectives[firstNumber]},
			{NHSNumber: nhs(secondNumber), Family: secondFamily, Sections: wanted, Directives: wantedDirectives[secondNumber]},
		},
		Absent:  nhs(absentNumber),
		Secrets: []string{"Ada May", "1950-01-02", "Kept words", "words of 1001", "Clerk", "A GUESS"},
		Faults:  sqlFaults(main, create),
	})
}

func sqlFaults(main world, create func(testing.TB) world) connectortest.Faults {
	return connectortest.Faults{
		Down: func(t testing.TB) care.Connector {
			s := withQueries(main.settings())
			s.Port, s.Database = 1, "nowhere"
			if s.Driver == driverSQLite {
				s.Port, s.Database, s.File = 0, "", filepath.Join(t.TempDir(), "nowhere.db")
			}
			return opened(t, s)
		},
		Hang: func(t testing.TB) (care.Connector, <-chan struct{}) {
			s := withQueries(main.settings())
			s.StatementTimeout = time.Minute
			s.PatientQuery = strings.Replace(patientQuery, "FROM patients", main.endless()+" JOIN patients ON 1 = 1", 1)
			s.ConsentQuery = strings.Replace(s.ConsentQuery, "FROM said", main.endless()+" JOIN said ON 1 = 1", 1)
			s.PatientConsentQuery = strings.Replace(s.PatientConsentQuery, "FROM said", main.endless()+" JOIN said ON 1 = 1", 1)
			s.Queries["ALLERGIES"] = strings.Replace(s.Queries["ALLERGIES"], "FROM entries", main.endless()+" JOIN entries ON 1 = 1", 1)
			return opened(t, s), main.asked(t)
		},
		Ambiguous: func(t testing.TB) (care.Connector, care.NHSNumber) {
			w := filled(t, create, insertPatient("1003", firstNumber, "Marjoribanks"))
			return opened(t, withQueries(w.settings())), nhs(firstNumber)
		},
		Stranger: func(t testing.TB) (care.Connector, care.NHSNumber) {
			s := withQueries(main.settings())
			s.PatientQuery = strings.Replace(patientQuery, "nhs_number = :", "local_id = '1002' AND nhs_number <> :", 1)
			return opened(t, s), nhs(firstNumber)
		},
		Unmappable: func(t testing.TB) (care.Connector, care.NHSNumber, care.Section) {
			w := filled(t, create, insertEntry("1001", "problems", "bad", "2023-02-30", "", ""))
			return opened(t, withQueries(w.settings())), nhs(firstNumber), care.Problems
		},
		Broken: func(t testing.TB) (care.Connector, care.NHSNumber, care.Section) {
			s := withQueries(main.settings())
			s.Queries["PROBLEMS"] = "SELECT id FROM view_that_was_dropped WHERE patient = :local_id"
			return opened(t, s), nhs(firstNumber), care.Problems
		},
		Unreadable: func(t testing.TB) care.Connector {
			w := filled(t, create, "INSERT INTO said (nhs_number, directive, effective_date) VALUES ('"+firstNumber+"', 'A GUESS', '2026-01-01')")
			return opened(t, withQueries(w.settings()))
		},
	}
}

// sqliteWorld is a file.
type sqliteWorld struct{ path string }

func newSQLite(t testing.TB) world {
	return &sqliteWorld{path: filepath.Join(t.TempDir(), "a record #1?.db")}
}

func (w *sqliteWorld) exec(t testing.TB, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", strings.NewReplacer("?", "%3f", "#", "%23").Replace("file:"+w.path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, st := range statements {
		if _, err := db.ExecContext(t.Context(), st); err != nil {
			t.Fatalf("%v: %s", err, st)
		}
	}
}

func (w *sqliteWorld) settings() *Settings {
	s := defaults()
	s.Driver, s.File = driverSQLite, w.path
	return s
}

func (w *sqliteWorld) seal(t testing.TB) {
	t.Helper()
	if err := os.Chmod(w.path, 0o444); err != nil {
		t.Fatal(err)
	}
}

func (w *sqliteWorld) endless() string {
	return "FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0) AS never"
}

// asked cannot look into the library; the suite's check holds either way.
func (w *sqliteWorld) asked(testing.TB) <-chan struct{} {
	asked := make(chan struct{})
	close(asked)
	return asked
}

func TestConformanceSQLite(t *testing.T) { conformance(t, newSQLite) }
