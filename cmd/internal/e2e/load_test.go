//go:build e2e

package e2e

import (
	"database/sql"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/connectors/sql/dbtest"
)

// The logins of a site's database.
const (
	reader   = "mcr_reader" // may SELECT from the views
	writer   = "mcr_writer" // may change a table as well
	password = "not a secret, but \"odd\""
)

// database is a database of a real server with the tables and views of a site.
type database struct {
	*dbtest.Server
	dialect
	name string
}

// dialect is what differs between the servers.
type dialect struct {
	driver  string // as agent.yaml names it
	text    string // type of a column of text
	key     string // how much of such a column an index holds
	options string // after CREATE TABLE
	mark    func(n int) string
	logins  []string
	sleep   string // condition that takes ten minutes
	million string // rows n = 1 to 1 000 000
	pids    func(t testing.TB, s *dbtest.Server) []int
	crash   string // name of the signal
}

var postgres = dialect{
	driver: "postgres", text: "text",
	mark: func(n int) string { return "$" + strconv.Itoa(n) },
	logins: []string{"CREATE ROLE " + reader + " LOGIN PASSWORD '" + password + "'",
		"CREATE ROLE " + writer + " LOGIN PASSWORD '" + password + "'"},
	sleep:   "CAST(pg_sleep(600) AS text) = ''",
	million: "generate_series(1, 1000000) AS n",
	pids:    postgresPIDs,
}

var mariadb = dialect{
	driver: "mysql", text: "text", key: "(64)", options: " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
	mark: func(int) string { return "?" },
	logins: []string{"CREATE USER " + reader + " IDENTIFIED BY '" + password + "'",
		"CREATE USER " + writer + " IDENTIFIED BY '" + password + "'"},
	sleep:   "SLEEP(600) = 1",
	million: "(SELECT seq AS n FROM seq_1_to_1000000) AS series",
	pids:    mariadbPIDs,
}

// servers are the two servers of a test.
func servers(t *testing.T, run func(t *testing.T, d *database)) {
	t.Run("PostgreSQL", func(t *testing.T) { run(t, startPostgres(t)) })
	t.Run("MariaDB", func(t *testing.T) { run(t, startMariaDB(t)) })
}

func startPostgres(t testing.TB) *database {
	t.Helper()
	// Every statement goes to the server's log: it proves what the agent sent.
	return prepare(t, dbtest.StartPostgres(t), postgres)
}

func startMariaDB(t testing.TB) *database {
	t.Helper()
	return prepare(t, dbtest.StartMariaDB(t), mariadb)
}

func prepare(t testing.TB, s *dbtest.Server, d dialect) *database {
	t.Helper()
	db := &database{Server: s, dialect: d, name: s.NewDatabase(t)}
	s.Exec(t, "", d.logins...)
	return db
}

// exec runs statements as the server's administrator.
func (d *database) exec(t testing.TB, statements ...string) {
	t.Helper()
	d.Exec(t, d.name, statements...)
}

// load creates the tables of a site, fills them, and creates the views.
func (d *database) load(t testing.TB, all tables) {
	t.Helper()
	db := d.Admin(t, d.name)
	defer db.Close()
	for _, tab := range all {
		d.create(t, db, tab)
	}
	numbers := &table{name: "nhs_numbers", columns: []string{"patient", "nhs_number"}}
	for _, p := range all.patients(t) {
		numbers.rows = append(numbers.rows, []string{p.id, p.number})
	}
	d.create(t, db, numbers)
	views, err := os.ReadFile("testdata/views.sql")
	if err != nil {
		t.Fatal(err)
	}
	for statement := range strings.SplitSeq(withoutComments(string(views)), ";") {
		if statement = strings.TrimSpace(statement); statement != "" {
			d.exec(t, statement)
		}
	}
	for _, v := range viewNames(string(views)) {
		d.grant(t, v)
	}
}

// grant lets both logins read a view, and nothing else.
func (d *database) grant(t testing.TB, view string) {
	t.Helper()
	d.exec(t, "GRANT SELECT ON "+view+" TO "+reader, "GRANT SELECT ON "+view+" TO "+writer)
}

// replace puts another query in the place of a view.
func (d *database) replace(t testing.TB, view, query string) {
	t.Helper()
	d.exec(t, "DROP VIEW "+view, "CREATE VIEW "+view+" AS "+query)
	d.grant(t, view)
}

func withoutComments(text string) string {
	return regexp.MustCompile(`(?m)^--.*$`).ReplaceAllString(text, "")
}

func viewNames(text string) (names []string) {
	for _, m := range regexp.MustCompile(`CREATE VIEW (\w+)`).FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}

// indexed are the columns by which tables are searched.
var indexed = []string{"id", "patient", "encounter", "nhs_number"}

// create creates a table and fills it.
func (d *database) create(t testing.TB, db *sql.DB, tab *table) {
	t.Helper()
	columns := []string{"row_id integer PRIMARY KEY"}
	for _, c := range tab.columns {
		columns = append(columns, c+" "+d.text)
	}
	statements := []string{"CREATE TABLE " + tab.name + " (" + strings.Join(columns, ", ") + ")" + d.options}
	for _, c := range indexed {
		if slices.Contains(tab.columns, c) {
			statements = append(statements, "CREATE INDEX "+tab.name+"_"+c+" ON "+tab.name+" ("+c+d.key+")")
		}
	}
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%v: %s", err, s)
		}
	}
	first := 1
	for chunk := range slices.Chunk(tab.rows, 200) {
		d.insert(t, db, tab, first, chunk)
		first += len(chunk)
	}
}

// insert inserts rows, numbered from first. An empty field is NULL, as it is
// for the COPY of PostgreSQL.
func (d *database) insert(t testing.TB, db *sql.DB, tab *table, first int, rows [][]string) {
	t.Helper()
	var places []string
	var values []any
	for i, row := range rows {
		marks := []string{decimal(first + i)}
		for _, v := range row {
			if v == "" {
				marks = append(marks, "NULL")
				continue
			}
			values = append(values, v)
			marks = append(marks, d.mark(len(values)))
		}
		places = append(places, "("+strings.Join(marks, ", ")+")")
	}
	statement := "INSERT INTO " + tab.name + " (row_id, " + strings.Join(tab.columns, ", ") + ") VALUES " + strings.Join(places, ", ")
	if _, err := db.ExecContext(t.Context(), statement, values...); err != nil {
		t.Fatalf("%s: %v", tab.name, err)
	}
}

// contents counts the rows of every table and adds up their keys: what a write
// would change.
func (d *database) contents(t testing.TB, all tables) map[string][2]int64 {
	t.Helper()
	db := d.Admin(t, d.name)
	defer db.Close()
	found := map[string][2]int64{}
	for name := range all {
		var count, sum int64
		err := db.QueryRowContext(t.Context(), "SELECT count(*), COALESCE(sum(row_id), 0) FROM "+name).Scan(&count, &sum)
		if err != nil {
			t.Fatal(err)
		}
		found[name] = [2]int64{count, sum}
	}
	return found
}

func decimal(n int) string { return strconv.Itoa(n) }
