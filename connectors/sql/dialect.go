package sql

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"strconv"

	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// The values of Settings.Driver.
const (
	driverPostgres  = "postgres"
	driverMySQL     = "mysql"
	driverSQLite    = "sqlite"
	driverSQLServer = "sqlserver"
	driverOracle    = "oracle"
)

// dialects are the servers that can be read. The table does not change.
var dialects = map[string]*dialect{
	driverPostgres:  &postgres,
	driverMySQL:     &mySQL,
	driverSQLite:    &sqlite,
	driverSQLServer: &sqlServer,
	driverOracle:    &oracle,
}

// dialect is what differs from server to server. A dialect does not change.
type dialect struct {
	product string // name people know
	lexis   lexis
	version string // SELECT of the server's version

	// connect returns what opens connections. It uses no network.
	connect func(s *Settings, a access) (driver.Connector, error)

	// begin starts a transaction that cannot write, where the server knows
	// such a thing, and that shows one moment.
	begin func(ctx context.Context, db *sql.DB) (*sql.Tx, error)

	// rights returns what the login could write, in words; nothing when it
	// can only read. What cannot be seen counts as writable.
	rights func(ctx context.Context, tx *sql.Tx, s *Settings) ([]string, error)

	// fault says what an error of the driver means; ok is false when the error
	// is not one that the server sent.
	fault func(err error) (f fault, ok bool)

	// outdated reports whether a query failed because a table or view was
	// changed after the driver had kept its plan. anew are arguments that make
	// the driver plan it again.
	outdated func(err error) bool
	anew     []any

	// arg gives a parameter the type by which the server can use its indexes.
	arg func(text string) any

	// value turns a driver's value of a column type into a neutral one.
	value func(v any, columnType string) ukcore.Value

	// vague are column types whose values the driver changes in a way that
	// cannot be undone; why says what to do.
	vague map[string]bool
	why   string
}

// access is what a connection needs beside the settings.
type access struct {
	password string
	tls      *tls.Config // nil when TLS is off
}

// fault is what went wrong at the server: a stable reason and the server's own
// code, never its words, which can quote data.
type fault struct {
	reason string
	code   string
}

// The reasons of faults.
const (
	reasonDown    = "DOWN"    // the server cannot be reached or went away
	reasonTimeout = "TIMEOUT" // it took too long
	reasonLogin   = "LOGIN"   // it refused the login
	reasonTLS     = "TLS"     // its certificate is not trusted
	reasonQuery   = "QUERY"   // it refused a query
)

// asText is for servers that compare texts with any column.
func asText(text string) any { return text }

// neverOutdated is for drivers that keep no plans.
func neverOutdated(error) bool { return false }

// readOnlySnapshot begins a read-only transaction for servers that know it.
func readOnlySnapshot(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
	return db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
}

// questionMark is the bind parameter of MySQL and SQLite.
func questionMark(int) string { return "?" }

// listed runs a query whose rows each name one right to write.
func listed(ctx context.Context, tx *sql.Tx, query string) ([]string, error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var right string
		if err := rows.Scan(&right); err != nil {
			return nil, err
		}
		list = append(list, right)
	}
	return list, rows.Err()
}

// errorNumber writes a server's error number.
func errorNumber[N ~int | ~int32 | ~uint16](n N) string { return "error " + strconv.Itoa(int(n)) }
