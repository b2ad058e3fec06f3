package sql

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the documents that are made of the code")

const columnsPage = "../../packaging/doc/sql-consent-columns.md"

// TestDirectiveColumnsDocument holds that the page for database people is what
// the code reads.
func TestDirectiveColumnsDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString(columnsIntroduction)
	for _, c := range directiveTable {
		fmt.Fprintf(&b, "| `%s` | %s |\n", c.name, c.doc)
	}
	if *update {
		if err := os.WriteFile(columnsPage, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(columnsPage)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ReplaceAll(string(have), "\r\n", "\n") != b.String() {
		t.Error("the page is out of date: run go generate ./connectors/sql")
	}
}

const columnsIntroduction = `# Columns of consent_query and patient_consent_query

For the person who looks after the site's database. This file is generated from
the code; do not edit it. How the queries are configured is in
[sql-source.md](sql-source.md).

Each row is one statement of one patient. Give every statement that the source
holds, superseded ones too: the agent finds out which one counts. A column with
a name that is not listed here is refused. A row that does not fit makes the
whole reading fail, with the query, the number of the row and the column in the
agent's log and status, and never with the value: a source that cannot be read
whole is not a source in which nobody has dissented.

* **Dates.** A date alone, and a time of exactly midnight, mean that day. A
  dissent or restriction then counts from the day's end and a consent or lifting
  from its beginning, so that of two on one day the one that withholds wins.
  Times without an offset are local time in the source's ` + "`time_zone`" + `. A year
  or a month alone is refused: give its last day for a dissent, its first for a
  consent.
* **Undated rows** count from 1900-01-01: a dissent without a date is in force
  until a dated consent, and a consent without a date lifts no dissent that has
  one, nor one without. Dates before 1900, with which many systems say that they
  have none, are taken so too.
* **Dates ahead.** A dissent that is dated ahead withholds at once, and no
  consent of an earlier date lifts it; correct a slip in the source. A consent
  counts when its day has come.

| column | meaning |
|---|---|
`
