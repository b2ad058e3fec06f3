//go:build e2e && unix

package sql

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/sql/dbtest"
)

// The logins of a world: a reader of its own, and a writer who may do all.
const (
	writerName = "writer"
	password   = "it's a \"test\" \\ password@/:?"
)

// serverWorld is a database of a real server.
type serverWorld struct {
	server   *dbtest.Server
	database string
	driver   string
	reader   string   // login that may only SELECT
	grants   []string // to the reader, when all tables are there
	secret   string   // file with the password of both logins
	sleep    string   // SELECT that sleeps ten minutes
	running  string   // counts the connections in which the endless query runs
}

func (w *serverWorld) exec(t testing.TB, statements ...string) {
	t.Helper()
	w.server.Exec(t, w.database, statements...)
}

func (w *serverWorld) settings() *Settings { return w.login(w.reader) }

// login returns settings for a login.
func (w *serverWorld) login(user string) *Settings {
	s := defaults()
	s.Driver, s.Host, s.Port, s.Database = w.driver, w.server.Host, w.server.Port, w.database
	s.User, s.PasswordFile, s.TLS = user, w.secret, tlsOff
	return s
}

func (w *serverWorld) seal(t testing.TB) {
	t.Helper()
	w.exec(t, "CREATE VIEW never AS "+w.sleep)
	w.exec(t, w.grants...)
}

func (w *serverWorld) endless() string { return "FROM never" }

func (w *serverWorld) asked(t testing.TB) <-chan struct{} { return w.server.Await(t, w.running) }

// startPostgres starts a server with the two logins and returns what makes
// worlds of it.
func startPostgres(t testing.TB, args ...string) func(testing.TB) world {
	server := dbtest.StartPostgres(t, args...)
	secret := dbtest.PasswordFile(t, password)
	const quoted = "'it''s a \"test\" \\ password@/:?'"
	server.Exec(t, "", "CREATE ROLE "+writerName+" LOGIN SUPERUSER PASSWORD "+quoted)
	return func(t testing.TB) world {
		db := server.NewDatabase(t)
		reader := "reader_" + db
		server.Exec(t, db, "CREATE ROLE "+reader+" LOGIN PASSWORD "+quoted, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
		return &serverWorld{server: server, database: db, driver: driverPostgres, secret: secret, reader: reader,
			grants: []string{"GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + reader},
			sleep:  "SELECT CAST(pg_sleep(600) AS text) AS i",
			running: fmt.Sprintf(`SELECT count(*) FROM pg_stat_activity WHERE usename = '%s'
				AND state = 'active' AND query LIKE '%%never%%'`, reader)}
	}
}

// startMariaDB does the same for MariaDB.
func startMariaDB(t testing.TB) func(testing.TB) world {
	server := dbtest.StartMariaDB(t)
	secret := dbtest.PasswordFile(t, password)
	const quoted = "'it''s a \"test\" \\\\ password@/:?'"
	server.Exec(t, "", "CREATE USER "+writerName+" IDENTIFIED BY "+quoted, "GRANT ALL PRIVILEGES ON *.* TO "+writerName)
	return func(t testing.TB) world {
		db := server.NewDatabase(t)
		reader := "reader_" + db
		server.Exec(t, db, "CREATE USER "+reader+" IDENTIFIED BY "+quoted)
		return &serverWorld{server: server, database: db, driver: driverMySQL, secret: secret, reader: reader,
			grants: []string{"GRANT SELECT, SHOW VIEW ON " + db + ".* TO " + reader},
			sleep:  "SELECT SLEEP(600) AS i",
			running: fmt.Sprintf(`SELECT count(*) FROM information_schema.processlist WHERE user = '%s'
				AND info LIKE '%%never%%'`, reader)}
	}
}

// serverTests run against every server.
var serverTests = []struct {
	name string
	run  func(t *testing.T, create func(testing.TB) world)
}{
	{"conformance", conformance},
	{"a login that can write is refused", loginThatCanWriteIsRefused},
	{"a login with one right to write is refused", loginWithOneRightIsRefused},
	{"a writable login is served when the site insists", writableLoginIsServed},
	{"nothing is written with all rights", nothingIsWritten},
	{"a slow section is unavailable and the others are not", slowSection},
	{"a fetch shows one moment", oneMoment},
	{"the connection is killed during a fetch", killedDuringFetch},
	{"wrong password", wrongPassword},
	{"types of columns", columnTypes},
	{"a query that was given up ends at the server", givenUp},
	{"types of columns change", typesChange},
	{"types of columns of directives", typesOfDirectives},
	{"a whole reading has its own time", wholeReadingHasItsOwnTime},
	{"a whole reading that was given up ends at the server", wholeReadingGivenUp},
}

func TestPostgres(t *testing.T) { onServer(t, startPostgres(t)) }

func TestMariaDB(t *testing.T) { onServer(t, startMariaDB(t)) }

func onServer(t *testing.T, create func(testing.TB) world) {
	for _, test := range serverTests {
		t.Run(test.name, func(t *testing.T) { test.run(t, create) })
	}
}

// loginThatCanWriteIsRefused also proves that no patient is looked for
// before: the patient query would fail in another way.
func loginThatCanWriteIsRefused(t *testing.T, create func(testing.TB) world) {
	w := filled(t, create).(*serverWorld)
	s := withQueries(w.login(writerName))
	s.PatientQuery = "SELECT nonsense FROM nothing WHERE 1 = :nhs_number"
	c := openedUntilEnd(t, s)
	_, err := c.Identify(t.Context(), nhs(firstNumber))
	wantReason(t, err, care.SourceUnavailable, reasonWritable)
	_, err = ends(t, c, care.Query{Sections: care.AllSections})
	wantReason(t, err, care.SourceUnavailable, reasonWritable)
	_, err = c.Probe(t.Context())
	wantReason(t, err, care.SourceUnavailable, reasonWritable)
}

// oneRight are rights to write, each to be granted alone. READER and DATABASE
// stand for names.
var oneRight = map[string][]string{
	driverPostgres: {"GRANT INSERT ON patients TO READER", "GRANT UPDATE (dissent) ON patients TO READER",
		"GRANT DELETE ON patients TO READER", "GRANT TRUNCATE ON patients TO READER", "GRANT CREATE ON SCHEMA public TO READER",
		"GRANT CREATE ON DATABASE DATABASE TO READER", "ALTER TABLE files OWNER TO READER", "GRANT pg_write_all_data TO READER",
		"GRANT writer TO READER", "ALTER ROLE READER NOINHERIT; GRANT writer TO READER", "ALTER ROLE READER CREATEROLE",
		"CREATE SEQUENCE numbers; GRANT USAGE ON SEQUENCE numbers TO READER"},
	driverMySQL: {"GRANT INSERT ON DATABASE.patients TO READER", "GRANT UPDATE (dissent) ON DATABASE.patients TO READER",
		"GRANT DELETE ON DATABASE.* TO READER", "GRANT CREATE ON DATABASE.* TO READER", "GRANT FILE ON *.* TO READER",
		"GRANT SELECT ON DATABASE.files TO READER WITH GRANT OPTION", "CREATE ROLE DATABASE_r; GRANT DATABASE_r TO READER"},
}

func loginWithOneRightIsRefused(t *testing.T, create func(testing.TB) world) {
	for _, right := range oneRight[create(t).(*serverWorld).driver] {
		t.Run(right, func(t *testing.T) {
			w := filled(t, create).(*serverWorld)
			if _, err := openedUntilEnd(t, withQueries(w.settings())).Identify(t.Context(), nhs(firstNumber)); err != nil {
				t.Fatalf("before the right was granted: %v", err)
			}
			grant := strings.NewReplacer("READER", w.reader, " DATABASE DATABASE", " DATABASE "+w.database, "DATABASE", w.database).Replace(right)
			w.exec(t, strings.Split(grant, "; ")...)
			_, err := openedUntilEnd(t, withQueries(w.settings())).Identify(t.Context(), nhs(firstNumber))
			wantReason(t, err, care.SourceUnavailable, reasonWritable)
		})
	}
}

// writes change the database in one way each; sneaky is a function that
// does so behind a SELECT. Those of the first list have a parameter.
var writes = map[string]struct {
	sneaky        string
	with, without []string
}{
	driverPostgres: {
		sneaky: "CREATE FUNCTION sneaky() RETURNS text LANGUAGE sql AS 'INSERT INTO entries (id) VALUES (''x'') RETURNING id'",
		with: []string{"DELETE FROM entries WHERE $1 <> '' RETURNING id", "INSERT INTO entries (id) VALUES ($1) RETURNING id",
			"UPDATE entries SET code = $1 RETURNING id", "SELECT sneaky() AS id WHERE $1 <> ''",
			"WITH gone AS (DELETE FROM entries RETURNING id) SELECT id FROM gone WHERE $1 <> ''"},
		without: []string{"DROP TABLE files", "TRUNCATE entries", "CREATE TABLE more (id text)"},
	},
	driverMySQL: {
		sneaky: "CREATE FUNCTION sneaky() RETURNS varchar(10) BEGIN INSERT INTO entries (id) VALUES ('x'); RETURN 'x'; END",
		with: []string{"DELETE FROM entries WHERE ? <> ''", "INSERT INTO entries (id) VALUES (?)", "UPDATE entries SET code = ?",
			"SELECT sneaky() AS id FROM patients WHERE ? <> ''"},
		without: []string{"DROP TABLE files", "TRUNCATE entries", "CREATE TABLE more (id text)"},
	},
}

// nothingIsWritten takes away every belt but the read-only transaction: the
// login may do all, and the statements did not pass the reader of SQL.
func nothingIsWritten(t *testing.T, create func(testing.TB) world) {
	w := filled(t, create, writes[create(t).(*serverWorld).driver].sneaky).(*serverWorld)
	before := w.count(t)
	try := func(text string, params ...string) {
		s := withQueries(w.login(writerName))
		s.AllowWritableLogin = true
		c := openedUntilEnd(t, s)
		c.(*source).plan.sections[care.Problems] = statement{text: text, params: params}
		got, err := fetched(t, c, care.SetOf(care.Problems, care.Allergies))
		if err != nil || got[care.Problems].State != care.Unavailable || got[care.Problems].Reason != reasonQuery {
			t.Errorf("%s: ends as %v, %v", text, got[care.Problems], err)
		}
		if got[care.Allergies].State != care.Complete {
			t.Errorf("%s: the allergies end as %v", text, got[care.Allergies])
		}
		if after := w.count(t); after != before {
			t.Fatalf("%s changed the database: %s, before %s", text, after, before)
		}
	}
	for _, text := range writes[w.driver].with {
		try(text, paramLocalID)
	}
	for _, text := range writes[w.driver].without {
		try(text)
	}
}

// count describes the contents of the tables.
func (w *serverWorld) count(t testing.TB) string {
	t.Helper()
	db := w.server.Admin(t, w.database)
	defer db.Close()
	var entries, codes, files int
	err := db.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM entries), (SELECT count(DISTINCT code) FROM entries),
		(SELECT count(*) FROM files)`).Scan(&entries, &codes, &files)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d entries, %d codes, %d files", entries, codes, files)
}

func writableLoginIsServed(t *testing.T, create func(testing.TB) world) {
	s := withQueries(filled(t, create).(*serverWorld).login(writerName))
	s.AllowWritableLogin = true
	c := openedUntilEnd(t, s)
	if r, err := c.Probe(t.Context()); err != nil || !r.Writable {
		t.Errorf("Probe = %+v, %v; want Writable", r, err)
	}
	if got, err := fetched(t, c, care.SetOf(care.Problems)); err != nil || got[care.Problems].State != care.Complete {
		t.Errorf("Fetch ends as %v, %v", got, err)
	}
}

func slowSection(t *testing.T, create func(testing.TB) world) {
	s := withQueries(filled(t, create).settings())
	s.StatementTimeout = 300 * time.Millisecond
	s.Queries["ALLERGIES"] = "SELECT id FROM never JOIN entries ON 1 = 1 WHERE patient = :local_id"
	got, err := fetched(t, openedUntilEnd(t, s), care.SetOf(care.Demographics, care.Allergies, care.Problems))
	if err != nil || got[care.Allergies].State != care.Unavailable || got[care.Allergies].Reason != reasonTimeout {
		t.Errorf("the slow section ends as %+v, %v", got[care.Allergies], err)
	}
	if got[care.Problems].State != care.Complete {
		t.Errorf("the section after it ends as %+v", got[care.Problems])
	}
}

// oneMoment changes the record while it is read.
func oneMoment(t *testing.T, create func(testing.TB) world) {
	w := filled(t, create)
	c := openedUntilEnd(t, withQueries(w.settings()))
	p, err := c.Identify(t.Context(), nhs(firstNumber))
	if err != nil {
		t.Fatal(err)
	}
	got := map[care.Section]care.End{}
	for item, err := range c.Fetch(t.Context(), care.Query{Patient: p, Sections: care.SetOf(care.Demographics, care.Problems), MaxRows: 100}) {
		if err != nil {
			t.Fatal(err)
		}
		if item.End != nil {
			got[item.End.Section] = *item.End
		}
		if item.Record != nil && item.Record.Section == care.Demographics {
			w.exec(t, "DELETE FROM entries")
		}
	}
	if got[care.Problems].Read != 3 {
		t.Errorf("problems that were deleted meanwhile: %+v, want the 3 of the moment the fetch began", got[care.Problems])
	}
}

// killedDuringFetch ends the session at the server while a record is in hand.
func killedDuringFetch(t *testing.T, create func(testing.TB) world) {
	w := filled(t, create).(*serverWorld)
	kill := map[string]string{
		driverPostgres: "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '" + w.reader + "'",
		driverMySQL:    "KILL USER " + w.reader,
	}
	c := openedUntilEnd(t, withQueries(w.settings()))
	p, err := c.Identify(t.Context(), nhs(firstNumber))
	if err != nil {
		t.Fatal(err)
	}
	var last error
	for item, err := range c.Fetch(t.Context(), care.Query{Patient: p, Sections: care.AllSections, MaxRows: 100}) {
		last = err
		if item.Record != nil && item.Record.Section == care.Demographics {
			w.exec(t, kill[w.driver])
		}
	}
	wantReason(t, last, care.SourceUnavailable, reasonDown)
	if got, err := fetched(t, c, care.AllSections); err != nil || got[care.Problems].State != care.Complete {
		t.Errorf("afterwards: %v, %v", got[care.Problems], err)
	}
}

func wrongPassword(t *testing.T, create func(testing.TB) world) {
	s := withQueries(filled(t, create).settings())
	s.PasswordFile = dbtest.PasswordFile(t, "wrong")
	_, err := openedUntilEnd(t, s).Identify(t.Context(), nhs(firstNumber))
	wantReason(t, err, care.SourceUnavailable, reasonLogin)
}

// typed is one row of each server's own types, all of one moment, and what
// becomes of them.
var typed = map[string][]string{
	driverPostgres: {
		"CREATE TABLE typed (id uuid, patient bigint, effective timestamptz, recorded_at timestamp, value numeric(10,3), confidential boolean, code bigint)",
		"INSERT INTO typed VALUES ('0190a1b2-0000-7000-8000-000000000001', 1001, '2024-07-01 10:00:00+02', '2024-07-01 09:00:00', 7.100, false, 271649006)",
	},
	driverMySQL: {
		"SET time_zone = '+02:00'",
		"CREATE TABLE typed (id char(36), patient bigint, effective timestamp, recorded_at datetime, value decimal(10,3), confidential bit(1), code bigint)",
		"INSERT INTO typed VALUES ('0190a1b2-0000-7000-8000-000000000001', 1001, FROM_UNIXTIME(1719820800), '2024-07-01 09:00:00', 7.100, 0, 271649006)",
	},
}

// columnTypes checks instants, times without a zone, numbers with their digits
// and keys that are numbers.
func columnTypes(t *testing.T, create func(testing.TB) world) {
	w := filled(t, create, typed[create(t).(*serverWorld).driver]...)
	s := withQueries(w.settings())
	s.Queries["OBSERVATIONS"] = "SELECT id, effective, recorded_at, value, confidential, code, 'snomed' AS code_system FROM typed WHERE patient = :local_id"
	c := openedUntilEnd(t, s)
	p, err := c.Identify(t.Context(), nhs(firstNumber))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for item, err := range c.Fetch(t.Context(), care.Query{Patient: p, Sections: care.SetOf(care.Observations), MaxRows: 10}) {
		switch {
		case err != nil:
			t.Fatal(err)
		case item.End != nil && item.End.State != care.Complete:
			t.Errorf("end %+v", *item.End)
		case item.Record != nil:
			n++
			r := item.Record
			at := time.Date(2024, 7, 1, 8, 0, 0, 0, time.UTC)
			if !r.Effective.Time.Equal(at) || !r.Recorded.Time.Equal(at) || r.Confidentiality != care.Normal || r.Codes[0].Code != "271649006" {
				t.Errorf("record %+v, times want %v", r, at)
			}
			if !strings.Contains(string(r.Resource), `"value":7.100`) {
				t.Errorf("the number lost its digits: %s", r.Resource)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d records, want 1", n)
	}
}

// TestPostgresOverTLS connects to a server with a certificate of a private
// authority: trusted when that is configured, refused when it is not.
func TestPostgresOverTLS(t *testing.T) {
	ca, certificate, key := dbtest.Certificates(t)
	w := filled(t, startPostgres(t, "-c", "ssl=on", "-c", "ssl_cert_file="+certificate, "-c", "ssl_key_file="+key))
	for _, tc := range []struct{ name, ca, host, reason string }{
		{"trusted", ca, "127.0.0.1", ""},
		{"unknown authority", "", "127.0.0.1", reasonTLS},
		{"other name", ca, "localhost", reasonTLS},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := withQueries(w.settings())
			s.TLS, s.CAFile, s.Host = tlsVerify, tc.ca, tc.host
			_, err := openedUntilEnd(t, s).Identify(t.Context(), nhs(firstNumber))
			if tc.reason != "" {
				wantReason(t, err, care.SourceUnavailable, tc.reason)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}
