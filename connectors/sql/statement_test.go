package sql

import (
	"database/sql"
	"slices"
	"strings"
	"testing"
)

func TestStatementsThatOnlyRead(t *testing.T) {
	for _, tc := range []struct {
		name, driver, text, want string
		params                   []string
	}{
		{"plain", driverPostgres, "SELECT a FROM t WHERE n = :nhs_number", "SELECT a FROM t WHERE n = $1", []string{"nhs_number"}},
		{"twice", driverPostgres, "SELECT a FROM t WHERE n=:nhs_number OR m=:local_id OR k=:nhs_number",
			"SELECT a FROM t WHERE n=$1 OR m=$2 OR k=$3", []string{"nhs_number", "local_id", "nhs_number"}},
		{"question marks", driverMySQL, "select a from t where n = :nhs_number", "select a from t where n = ?", []string{"nhs_number"}},
		{"named", driverSQLServer, "SELECT a FROM t WHERE n = :nhs_number", "SELECT a FROM t WHERE n = @p1", []string{"nhs_number"}},
		{"numbered", driverOracle, "SELECT a FROM t WHERE n = :nhs_number", "SELECT a FROM t WHERE n = :1", []string{"nhs_number"}},
		{"common table expression", driverSQLite, "WITH x AS (SELECT 1) SELECT * FROM x", "WITH x AS (SELECT 1) SELECT * FROM x", nil},
		{"semicolon and space after", driverMySQL, "SELECT 1 ; \n -- done\n", "SELECT 1", nil},
		{"comments go", driverMySQL, "-- why\nSELECT /* what */ a FROM t -- :nhs_number ; DROP", "SELECT a FROM t", nil},
		{"keywords in literals", driverPostgres, "SELECT 'DELETE; -- /* :x ?' AS a", "SELECT 'DELETE; -- /* :x ?' AS a", nil},
		{"doubled quotes", driverPostgres, "SELECT 'it''s' AS \"a\"\"b\"", "SELECT 'it''s' AS \"a\"\"b\"", nil},
		{"keywords as quoted names", driverPostgres, `SELECT "set", t."update" FROM t`, `SELECT "set", t."update" FROM t`, nil},
		{"backticks", driverMySQL, "SELECT `set` FROM t", "SELECT `set` FROM t", nil},
		{"brackets", driverSQLServer, "SELECT [set] FROM [my table]", "SELECT [set] FROM [my table]", nil},
		{"cast", driverPostgres, "SELECT a::text FROM t", "SELECT a::text FROM t", nil},
		{"numbers", driverPostgres, "SELECT 1, 1.5, .5, 1e5, 1.5E-3", "SELECT 1, 1.5, .5, 1e5, 1.5E-3", nil},
		{"functions", driverMySQL, "SELECT REPLACE(a, 'x', ''), CONCAT(b), COALESCE(c, 1) FROM t", "SELECT REPLACE(a, 'x', ''), CONCAT(b), COALESCE(c, 1) FROM t", nil},
		{"names that contain keywords", driverPostgres, "SELECT last_update, settings, into_x FROM updates", "SELECT last_update, settings, into_x FROM updates", nil},
		{"a column named like a function family", driverPostgres, "SELECT pg_count, sp_code FROM lo_values", "SELECT pg_count, sp_code FROM lo_values", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			st, err := parseStatement(tc.text, dialects[tc.driver].lexis, paramNumber, paramLocalID)
			if err != nil {
				t.Fatal(err)
			}
			if st.text != tc.want || !slices.Equal(st.params, tc.params) {
				t.Errorf("got %q with %q, want %q with %q", st.text, st.params, tc.want, tc.params)
			}
		})
	}
}

// refused is what no dialect may let through.
var refused = []string{
	"", " ", ";", "-- nothing", "INSERT INTO t VALUES (1)", "(SELECT 1)", "EXPLAIN SELECT 1", "VALUES (1)", "TABLE t",
	"SELECT 1; SELECT 2", "SELECT 1;;", "SELECT 1; DROP TABLE t", "SELECT 1 ; -- x\n DELETE FROM t",
	"SELECT a INTO b FROM t", "SELECT a FROM t INTO OUTFILE '/tmp/x'", "SELECT a INTO DUMPFILE '/tmp/x' FROM t", "SELECT 1into t",
	"SELECT 1.into t", "SELECT 1e5into t", "SELECT 0x41", "SELECT 1e", "SELECT 'a'into t",
	"SELECT a FROM t FOR UPDATE", "SELECT a FROM t FOR SHARE", "SELECT a FROM t FOR NO KEY UPDATE", "SELECT a FROM t LOCK IN SHARE MODE",
	"SELECT a FROM t WITH (UPDLOCK)", "SELECT a FROM t WITH (TABLOCKX)",
	"WITH x AS (DELETE FROM t RETURNING a) SELECT a FROM x", "WITH x AS (SELECT 1) INSERT INTO t SELECT 1", "WITH x AS (SELECT 1) UPDATE t SET a = 1",
	"WITH x AS (SELECT 1) MERGE INTO t", "WITH FUNCTION f RETURN NUMBER IS BEGIN DELETE FROM t; END; SELECT f FROM dual",
	"SELECT 1 DROP TABLE t", "SELECT 1 EXEC xp_cmdshell 'dir'", "SELECT 1 EXECUTE sp_who", "SELECT 1 TRUNCATE TABLE t", "SELECT 1 SHUTDOWN",
	"SELECT 1 WAITFOR DELAY '0:0:9'", "SELECT 1 DECLARE @x int", "SELECT 1 SET x = 1", "SELECT 1 USE master", "SELECT 1 CALL p()",
	"SELECT pg_read_file('/etc/passwd')", "SELECT pg_sleep(9)", `SELECT "pg_read_file"('/x')`, `SELECT " pg_sleep"(1)`, "SELECT PG_SLEEP (9)",
	"SELECT pg_catalog.pg_sleep(9)", "SELECT pg_sleep/**/(9)", "SELECT lo_import('/etc/passwd')", "SELECT * FROM dblink('x', 'y')",
	"SELECT dblink_exec('x')", "SELECT set_config('a', 'b', false)", "SELECT nextval('s')", "SELECT setval('s', 1)",
	"SELECT query_to_xml('delete', true, true, '')", "SELECT load_extension('x')", "SELECT LOAD_FILE('/etc/passwd')", "SELECT BENCHMARK(1, 1)",
	"SELECT SLEEP(9)", "SELECT GET_LOCK('a', 1)", "SELECT * FROM OPENROWSET('x')", "SELECT * FROM OPENQUERY(s, 'x')",
	"SELECT UTL_HTTP.REQUEST('x') FROM dual", "SELECT dbms_pipe.receive_message('a', 9) FROM dual", "SELECT utl_inaddr.get_host_name FROM dual", "SELECT sys.dbms_random.value FROM dual", "SELECT pg_catalog . \"lo_import\" ('x')",
	"SELECT HTTPURITYPE('x') FROM dual",
	"SELECT * FROM pragma_query_only(0)", "SELECT writefile('/tmp/x', 'y')",
	"SELECT $$a$$", "SELECT $1", "SELECT ?", "SELECT @x", "SELECT @@version", "SELECT a#b", "SELECT {fn now()}", "SELECT a := 1", "SELECT a:b",
	`SELECT 'a\'`, `SELECT '\'; DROP TABLE t; --'`, `SELECT E'a\'b'`, "SELECT E'a'", "SELECT N'a'", "SELECT q'[a]'", "SELECT 'a' 'b", "SELECT \"a",
	"SELECT /*! 1 */ 2", "SELECT /*!50000 1 */ 2", "SELECT /*M! 1 */ 2", "SELECT /*+ SET_VAR(x=1) */ 2", "SELECT /* a /* b */ c */ 1",
	"SELECT /* open", "SELECT 1 --2\n", "SELECT a\x00b", "SELECT 'a\x00b'", "SELECT 'a\x08'", "SELECT é", "SELECT \u00a01", "SELECT [a]]b]",
	"SELECT (1", "SELECT 1)", "SELECT :unknown", "SELECT :nhs_number2", "SELECT :NHS_NUMBER", "SELECT \\g",
	"SELECT " + strings.Repeat("(", maxNesting+1) + strings.Repeat(")", maxNesting+1),
	"SELECT '" + strings.Repeat("a", maxStatement) + "'",
}

func TestStatementsThatAreRefused(t *testing.T) {
	for name, d := range dialects {
		for _, text := range refused {
			if st, err := parseStatement(text, d.lexis, paramNumber); err == nil {
				t.Errorf("%s accepts %.60q as %.60q", name, text, st.text)
			}
		}
	}
}

func TestQuotesOfOtherDialectsAreRefused(t *testing.T) {
	for driver, texts := range map[string][]string{
		driverPostgres:  {"SELECT `a`", "SELECT [a]"},
		driverMySQL:     {"SELECT [a]", "SELECT a::text"},
		driverSQLite:    {"SELECT a::text"},
		driverSQLServer: {"SELECT `a`", "SELECT a::text"},
		driverOracle:    {"SELECT `a`", "SELECT [a]", "SELECT a::text"},
	} {
		for _, text := range texts {
			if _, err := parseStatement(text, dialects[driver].lexis); err == nil {
				t.Errorf("%s accepts %q", driver, text)
			}
		}
	}
}

func TestFaultsSayWhere(t *testing.T) {
	_, err := parseStatement("SELECT a,\n  b\n  FROM t FOR UPDATE", postgres.lexis)
	if want := "line 3, column 14: UPDATE is not allowed"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

// FuzzStatement lets SQLite judge what the reader of SQL accepts, on a
// database that can be written to: after any accepted statement nothing may
// have changed.
func FuzzStatement(f *testing.F) {
	for _, text := range refused {
		f.Add(text)
	}
	f.Add("SELECT a, 'x''y', \"b\", `c`, [d] FROM t WHERE a = :nhs_number -- end\n;")
	f.Add("WITH x(a) AS (SELECT 1 UNION ALL SELECT a FROM t) SELECT replace(a, 'b', 'c') FROM x /* y */")
	db, err := sql.Open("sqlite", "file:fuzz?mode=memory")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE t (a TEXT, b TEXT)"); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, d := range dialects {
			st, err := parseStatement(text, d.lexis, paramNumber)
			if err != nil {
				continue
			}
			if first := strings.ToUpper(st.text); !strings.HasPrefix(first, "SELECT") && !strings.HasPrefix(first, "WITH") {
				t.Fatalf("%s sends %q", name, st.text)
			}
			if name != driverSQLite || strings.Contains(strings.ToUpper(text), "RECURSIVE") {
				continue
			}
			again := strings.ReplaceAll(text, ":"+paramNumber, "NULL")
			if st, err = parseStatement(again, d.lexis, paramNumber); err == nil {
				runFuzzed(t, db, st.text)
			}
		}
	})
}

// runFuzzed runs a statement and checks that it changed nothing.
func runFuzzed(t *testing.T, db *sql.DB, text string) {
	if rows, err := db.QueryContext(t.Context(), text); err == nil {
		for n := 0; n < 100 && rows.Next(); n++ {
		}
		_ = rows.Close()
	}
	var changes, schema int
	if err := db.QueryRow("SELECT total_changes(), (SELECT count(*) FROM sqlite_master)").Scan(&changes, &schema); err != nil {
		t.Fatal(err)
	}
	if changes != 0 || schema != 1 {
		t.Fatalf("%q changed the database: %d changes, %d tables", text, changes, schema)
	}
}
