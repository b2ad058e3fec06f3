//go:build e2e

package e2e

import (
	"database/sql"
	"maps"
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
	name  string
	owner testing.TB        // test that the server belongs to
	views map[string]string // what was loaded, by name
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
	d.views = map[string]string{}
	for _, v := range viewsOfSite(t) {
		d.views[v.name] = v.query
		d.exec(t, "CREATE VIEW "+v.name+" AS "+v.query)
		d.grant(t, v.name)
	}
}

// view is one view of the site.
type view struct{ name, query string }

// viewsOfSite reads testdata/views.sql.
func viewsOfSite(t testing.TB) (list []view) {
	t.Helper()
	text, err := os.ReadFile("testdata/views.sql")
	if err != nil {
		t.Fatal(err)
	}
	bare := regexp.MustCompile(`(?m)^--.*$`).ReplaceAllString(string(text), "")
	for statement := range strings.SplitSeq(bare, ";") {
		head, query, found := strings.Cut(statement, " AS\n")
		if name, ok := strings.CutPrefix(strings.TrimSpace(head), "CREATE VIEW "); found && ok {
			list = append(list, view{name, query})
		}
	}
	return list
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

// breaks puts another query in the place of a view. The function returned
// puts the old one back.
func (d *database) breaks(t testing.TB, view, query string) (mend func()) {
	t.Helper()
	d.replace(t, view, query)
	return func() { d.replace(t, view, d.views[view]) }
}

// edit breaks a view by replacing a part of its query.
func (d *database) edit(t testing.TB, view, part, by string) (mend func()) {
	t.Helper()
	query := strings.Replace(d.views[view], part, by, 1)
	if query == d.views[view] {
		t.Fatalf("the view %s has no %q", view, part)
	}
	return d.breaks(t, view, query)
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

// wantNothingWritten checks that the tables are as they were, and that every
// statement that the agent's logins sent is one that reads.
func wantNothingWritten(t *testing.T, d *database, all tables, before map[string][2]int64) {
	t.Helper()
	if after := d.contents(t, all); !maps.Equal(before, after) {
		t.Errorf("the tables changed: %v, before %v", after, before)
	}
	statements := d.sent(t)
	selects := 0
	for _, s := range statements {
		word, _, _ := strings.Cut(strings.ToUpper(strings.TrimLeft(s, " \t\r\n(")), " ")
		switch word {
		case "SELECT":
			selects++
		case "WITH", "BEGIN", "START", "ROLLBACK", "SET", "SHOW", "DEALLOCATE", "--", "":
		default:
			t.Errorf("the agent sent a statement that begins with %q", word)
		}
	}
	if selects < len(sections()) {
		t.Errorf("the server saw %d SELECTs of the agent; its log is not to be relied on", selects)
	}
}

// sent returns the statements that the agent's logins have sent to the server.
func (d *database) sent(t *testing.T) (list []string) {
	t.Helper()
	db := d.Admin(t, d.name)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), d.statements)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}
