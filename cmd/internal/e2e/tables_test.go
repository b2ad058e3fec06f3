//go:build e2e

package e2e

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// table is one CSV file: what the site's database has as one table.
type table struct {
	name    string
	columns []string // in lower case
	rows    [][]string
}

// tables are the tables of one site, by name.
type tables map[string]*table

// folder returns the folder of the Synthea export. Without it the tests of its
// patients would prove nothing, so they fail.
func folder(t testing.TB) string {
	t.Helper()
	root := os.Getenv("MCR_SHARED")
	if root == "" {
		t.Fatal("the environment variable MCR_SHARED is not set; it must name the folder that holds data/csv-synthea")
	}
	path := filepath.Join(root, "data", "csv-synthea")
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		t.Fatalf("MCR_SHARED names a folder without data/csv-synthea: %s is not there", path)
	}
	return path
}

// readTables reads all CSV files of a folder.
func readTables(t testing.TB, folder string) tables {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.csv"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s holds no CSV file (%v)", folder, err)
	}
	all := tables{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".csv")
		all[name] = parseTable(t, name, string(text))
	}
	return all
}

// parseTable reads one CSV text. Every row gets its number as the key that a
// record system would have.
func parseTable(t testing.TB, name, text string) *table {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("%s.csv: %v", name, err)
	}
	tab := &table{name: name}
	for _, column := range rows[0] {
		tab.columns = append(tab.columns, strings.ToLower(column))
	}
	tab.rows = rows[1:]
	return tab
}

// at returns the position of a column.
func (tab *table) at(t testing.TB, column string) int {
	t.Helper()
	i := slices.Index(tab.columns, column)
	if i < 0 {
		t.Fatalf("%s.csv has no column %s", tab.name, column)
	}
	return i
}

// of returns the rows of one patient as maps.
func (all tables) of(t testing.TB, name, patient string) []map[string]string {
	t.Helper()
	tab := all[name]
	if tab == nil {
		t.Fatalf("there is no %s.csv", name)
	}
	column := "patient"
	if name == "patients" {
		column = "id"
	}
	var list []map[string]string
	for _, row := range tab.rows {
		if patient == "" || row[tab.at(t, column)] == patient {
			list = append(list, named(tab.columns, row))
		}
	}
	return list
}

func named(columns, row []string) map[string]string {
	m := make(map[string]string, len(row))
	for i, column := range columns {
		m[column] = row[i]
	}
	return m
}

// patient is one patient of a site, as a doctor elsewhere knows them.
type patient struct {
	id, number, family, given, born string
}

// patients returns all patients in the order of their keys. Each gets the next
// number of the range that is never issued to a person.
func (all tables) patients(t testing.TB) []patient {
	t.Helper()
	var list []patient
	for _, p := range all.of(t, "patients", "") {
		list = append(list, patient{id: p["id"], family: p["last"], given: p["first"], born: p["birthdate"]})
	}
	slices.SortFunc(list, func(a, b patient) int { return strings.Compare(a.id, b.id) })
	next := 999_100_000
	for i := range list {
		list[i].number, next = testNumber(next)
	}
	return list
}

// testNumber returns the first NHS number whose nine first digits are n or
// more, and where to go on.
func testNumber(n int) (number string, next int) {
	for ; ; n++ {
		sum, rest := 0, n
		for weight := 2; weight <= 10; weight++ {
			sum, rest = sum+rest%10*weight, rest/10
		}
		if check := (11 - sum%11) % 11; check < 10 {
			return decimal(n) + decimal(check), n + 1
		}
	}
}

// TestNumbersAreValid holds the numbers of the tests against the agent's own
// rule.
func TestNumbersAreValid(t *testing.T) {
	next := 999_100_000
	for range 50 {
		var text string
		text, next = testNumber(next)
		if n, err := care.ParseNHSNumber(text); err != nil || !n.IsTest() {
			t.Errorf("%s: test number %v, %v", text, n.IsTest(), err)
		}
	}
}
