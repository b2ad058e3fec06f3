//go:build e2e

package hostile

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/memory"
)

// The large patient has a record of about a megabyte and a document of 15 MiB,
// which is about the most that the kind "sql" serves. The synthetic practice
// has nobody like that, so these sites read an SQLite file.
const (
	largeRecords  = 1500
	largeBytes    = 1 << 20 // of resources; the record has somewhat more
	largeDocument = 15 << 20
	documentKey   = "large-document"
)

// large returns the large patient.
func large() memory.Member {
	number, _ := care.ParseNHSNumber("9990000018")
	return memory.Member{NHSNumber: number, Family: "Large", Given: "Patient", BirthDate: care.Day(1960, time.June, 1), Gender: "female"}
}

const largeSource = `  - name: clinical
    kind: sql
    settings:
      driver: sqlite
      file: %s
      patient_query: SELECT * FROM patient WHERE nhs_number = :nhs_number
      queries:
        OBSERVATIONS: SELECT id, effective, code_text, value_text, status, note FROM observation WHERE patient = :local_id
        DOCUMENTS: SELECT id, effective, title, content_type FROM document WHERE patient = :local_id
      document_query: SELECT content_type, title, content FROM content WHERE patient = :local_id AND id = :document_id
`

// largeSite makes a site that serves the large patient.
func largeSite(t testing.TB) *site {
	t.Helper()
	file := filepath.Join(shortDir(t), "clinical.db")
	db, err := sql.Open("sqlite", file)
	must(t, err)
	for _, statement := range []string{
		`CREATE TABLE patient (local_id TEXT, nhs_number TEXT, nhs_number_status TEXT, family_name TEXT, given_names TEXT,
			birth_date TEXT, gender TEXT, active INTEGER, test_patient INTEGER, restricted INTEGER, dissent INTEGER)`,
		`INSERT INTO patient VALUES ('1', '9990000018', '01', 'Large', 'Patient', '1960-06-01', 'female', 1, 0, 0, 0)`,
		`CREATE TABLE observation (patient TEXT, id TEXT, effective TEXT, code_text TEXT, value_text TEXT, status TEXT, note TEXT)`,
		`CREATE TABLE document (patient TEXT, id TEXT, effective TEXT, title TEXT, content_type TEXT)`,
		`INSERT INTO document VALUES ('1', '` + documentKey + `', '2020-01-01', 'Large document', 'application/octet-stream')`,
		`CREATE TABLE content (patient TEXT, id TEXT, content_type TEXT, title TEXT, content BLOB)`,
	} {
		_, err := db.Exec(statement)
		must(t, err)
	}
	_, err = db.Exec(`INSERT INTO content VALUES ('1', ?, 'application/octet-stream', 'Large document', ?)`, documentKey, make([]byte, largeDocument))
	must(t, err)
	fillObservations(t, db)
	must(t, db.Close())
	must(t, os.Chmod(file, 0o400)) // a file that the agent could write to is refused
	return siteWith(t, shortDir(t), fmt.Sprintf(largeSource, file))
}

// fillObservations writes the rows of the large record.
func fillObservations(t testing.TB, db *sql.DB) {
	t.Helper()
	tx, err := db.Begin()
	must(t, err)
	for i := range largeRecords {
		_, err := tx.Exec(`INSERT INTO observation VALUES ('1', ?, '2020-01-01', 'Body weight', '71.4 kg', 'final', ?)`,
			fmt.Sprintf("o%05d", i), strings.Repeat("Measured at home. ", 20))
		must(t, err)
	}
	must(t, tx.Commit())
}
