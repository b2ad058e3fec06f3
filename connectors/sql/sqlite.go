package sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	sqlitedriver "modernc.org/sqlite"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

var sqlite = dialect{
	product: "SQLite",
	lexis:   lexis{backtick: true, bracket: true, bind: questionMark},
	version: "SELECT sqlite_version()",
	connect: connectSQLite,
	// The driver ignores ReadOnly; the connection itself is read-only.
	begin: func(ctx context.Context, db *sql.DB) (*sql.Tx, error) { return db.BeginTx(ctx, nil) },
	rights: func(_ context.Context, _ *sql.Tx, s *Settings) ([]string, error) {
		return writableFile(s.File), nil
	},
	fault:    faultSQLite,
	outdated: neverOutdated,
	arg:      asText,
	value:    valueSQLite,
	vague:    map[string]bool{"DATETIME": true, "TIMESTAMP": true},
	why:      "the driver loses the zone and precision of such a column; select it as an expression, such as date || ''",
}

func connectSQLite(s *Settings, _ access) (driver.Connector, error) {
	c, err := sqlitedriver.NewConnector(urlSQLite(s))
	if err != nil {
		return nil, &care.Error{Kind: care.BadRequest, Op: Name, Reason: "SETTINGS", Err: err,
			Detail: "the driver refuses the path of the database"}
	}
	return c, nil
}

// urlSQLite opens the file twice guarded: read-only in the file system, and
// closed to writing statements. What the path holds is escaped.
func urlSQLite(s *Settings) string {
	path := filepath.ToSlash(s.File)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // Windows: /C:/...
	}
	wait := fmt.Sprintf("busy_timeout(%d)", s.StatementTimeout.Milliseconds())
	query := url.Values{"mode": {"ro"}, "_query_only": {"1"}, "_pragma": {wait, "trusted_schema(0)"}}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

// writableFile says whether the agent's account could write to the file. It
// opens the file for writing where its mode allows that, and writes nothing.
func writableFile(path string) []string {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o222 == 0 {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	_ = f.Close() // nothing was written
	return []string{"writing to the file of the database"}
}

// faultSQLite reads primary result codes (SQLite, result and error codes).
func faultSQLite(err error) (fault, bool) {
	e, ok := errors.AsType[*sqlitedriver.Error](err)
	if !ok {
		return fault{}, false
	}
	code := errorNumber(e.Code())
	switch e.Code() & 0xff {
	case 5, 6, 9: // busy, locked, interrupted
		return fault{reasonTimeout, code}, true
	case 3, 23: // permission
		return fault{reasonLogin, code}, true
	case 10, 11, 14, 26: // I/O error, damaged, cannot be opened, no database
		return fault{reasonDown, code}, true
	}
	return fault{reasonQuery, code}, true
}

// valueSQLite takes a time, which the driver makes of texts in DATE columns,
// for the date it was; one with a time of day was something else.
func valueSQLite(v any, columnType string) ukcore.Value {
	t, ok := v.(time.Time)
	switch {
	case !ok:
		return valueOf(nil)(v, columnType)
	case columnType == "DATE" && t.Equal(t.Truncate(24*time.Hour)):
		return ukcore.Date(t)
	}
	return unreadable
}
