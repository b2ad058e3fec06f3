package sql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

func TestValues(t *testing.T) {
	moment := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	day := time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name string
		d    *dialect
		v    any
		typ  string
		want ukcore.Value
	}{
		{"null", &postgres, nil, "TEXT", ukcore.Value{}},
		{"text", &postgres, "a", "TEXT", ukcore.Text("a")},
		{"bytes", &mySQL, []byte("a"), "VARCHAR", ukcore.Bytes([]byte("a"))},
		{"whole number", &postgres, int64(7), "INT8", ukcore.Integer(7)},
		{"large whole number", &mySQL, uint64(math.MaxUint64), "UNSIGNED BIGINT", ukcore.Decimal("18446744073709551615")},
		{"truth", &postgres, true, "BOOL", ukcore.Bool(true)},
		{"double", &postgres, 7.1, "FLOAT8", ukcore.Decimal("7.1")},
		{"single", &mySQL, float32(7.1), "FLOAT", ukcore.Decimal("7.1")},
		{"not a number", &postgres, math.NaN(), "FLOAT8", unreadable},
		{"infinite", &postgres, math.Inf(1), "FLOAT8", unreadable},
		{"date", &postgres, day, "DATE", ukcore.Date(day)},
		{"local time", &postgres, moment, "TIMESTAMP", ukcore.Local(moment)},
		{"instant", &postgres, moment, "TIMESTAMPTZ", ukcore.Instant(moment)},
		{"time of an unknown type", &postgres, moment, "TIMETZ", unreadable},
		{"something else", &postgres, struct{}{}, "TEXT", unreadable},
		{"timestamp of MySQL", &mySQL, []byte("2024-05-06 07:08:09"), "TIMESTAMP", ukcore.Text("2024-05-06 07:08:09Z")},
		{"datetime of MySQL", &mySQL, []byte("2024-05-06 07:08:09"), "DATETIME", ukcore.Bytes([]byte("2024-05-06 07:08:09"))},
		{"bit", &mySQL, []byte{1}, "BIT", ukcore.Bool(true)},
		{"bits", &mySQL, []byte{1, 0}, "BIT", unreadable},
		{"date of SQLite", &sqlite, day, "DATE", ukcore.Date(day)},
		{"date with a time of SQLite", &sqlite, moment, "DATE", unreadable},
		{"time of SQLite", &sqlite, moment, "DATETIME", unreadable},
		{"datetime2", &sqlServer, moment, "DATETIME2", ukcore.Local(moment)},
		{"datetimeoffset", &sqlServer, moment, "DATETIMEOFFSET", ukcore.Instant(moment)},
		{"time of SQL Server", &sqlServer, moment, "TIME", unreadable},
		{"uniqueidentifier", &sqlServer, []byte{0x67, 0x45, 0x23, 0x01, 0xab, 0x89, 0xef, 0xcd, 1, 2, 3, 4, 5, 6, 7, 8}, "UNIQUEIDENTIFIER",
			ukcore.Text("01234567-89AB-CDEF-0102-030405060708")},
		{"date of Oracle", &oracle, moment, "DATE", ukcore.Local(moment)},
		{"timestamp with zone of Oracle", &oracle, moment, "TimeStampTZ_DTY", ukcore.Instant(moment)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.d.value(tc.v, tc.typ)); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGrants(t *testing.T) {
	for line, want := range map[string]string{
		"GRANT USAGE ON *.* TO `r`@`%` IDENTIFIED BY PASSWORD '*CANARY'":  "",
		"GRANT SELECT ON `epr`.* TO `r`@`%`":                              "",
		"GRANT SELECT, SHOW VIEW ON `epr`.* TO `r`@`%`":                   "",
		"GRANT SELECT (`a ON b`, `c`), SHOW VIEW ON `epr`.`t` TO `r`@`%`": "",
		"GRANT SELECT, INSERT ON `epr`.* TO `r`@`%`":                      "INSERT",
		"GRANT SELECT (`a`), UPDATE (`b`, `c`) ON `epr`.`t` TO `r`@`%`":   "UPDATE",
		"GRANT ALL PRIVILEGES ON *.* TO `r`@`%` WITH GRANT OPTION":        "ALL PRIVILEGES",
		"GRANT SELECT ON `epr`.* TO `r`@`%` WITH GRANT OPTION":            "GRANT OPTION",
		"GRANT CREATE TEMPORARY TABLES ON `epr`.* TO `r`@`%`":             "CREATE TEMPORARY TABLES",
		"GRANT EXECUTE ON PROCEDURE `epr`.`p` TO `r`@`%`":                 "EXECUTE",
		"GRANT `writers` TO `r`@`%`":                                      "a role, whose rights are not shown; grant SELECT to the login itself",
		"GRANT SUPER_CANARY'1' ON *.* TO `r`@`%`":                         "a right that is not understood",
		"GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION":   "PROXY",
		"SET DEFAULT ROLE `writers` FOR `r`@`%`":                          "a right that is not understood",
		"GRANT SELECT ON `epr`.*":                                         "a right that is not understood",
		"GRANT SELECT ON `epr`.` TO x`":                                   "a right that is not understood",
		"GRANT SELECT ON `a WITH GRANT OPTION`.* TO `r`@`%`":              "",
		"":               "a right that is not understood",
		"GRANT  ON  TO ": "a right that is not understood",
	} {
		if got := writableGrant(line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

func FuzzGrants(f *testing.F) {
	f.Add("GRANT SELECT (`a`), UPDATE (`b`, `c`) ON `epr`.`t` TO `r`@`%` IDENTIFIED BY PASSWORD '*X'")
	f.Fuzz(func(t *testing.T, line string) {
		if writableGrant(line) != "" {
			return
		}
		upper := strings.ToUpper(line)
		if !strings.Contains(upper, "SELECT") && !strings.Contains(upper, "USAGE") && !strings.Contains(upper, "SHOW ") {
			t.Errorf("%q is taken for harmless", line)
		}
	})
}

func TestExplain(t *testing.T) {
	canary := "canary 9990000026"
	source := func(d *dialect) *source {
		return &source{plan: &plan{dialect: d}, origin: &care.Origin{Source: "epr"}}
	}
	for _, tc := range []struct {
		name   string
		d      *dialect
		err    error
		reason string
		code   string
	}{
		{"cancelled by the server", &postgres, &pgconn.PgError{Code: "57014", Message: canary}, reasonTimeout, "SQLSTATE 57014"},
		{"password", &postgres, &pgconn.PgError{Code: "28P01", Message: canary}, reasonLogin, "SQLSTATE 28P01"},
		{"shutdown", &postgres, &pgconn.PgError{Code: "57P01", Message: canary}, reasonDown, "SQLSTATE 57P01"},
		{"no table", &postgres, fmt.Errorf("x: %w", &pgconn.PgError{Code: "42P01", Message: canary, Detail: canary}), reasonQuery, "SQLSTATE 42P01"},
		{"MariaDB timeout", &mySQL, &mysqldriver.MySQLError{Number: 1969, Message: canary}, reasonTimeout, "error 1969"},
		{"MySQL timeout", &mySQL, &mysqldriver.MySQLError{Number: 3024, Message: canary}, reasonTimeout, "error 3024"},
		{"MySQL login", &mySQL, &mysqldriver.MySQLError{Number: 1045, Message: canary}, reasonLogin, "error 1045"},
		{"MySQL table", &mySQL, &mysqldriver.MySQLError{Number: 1146, Message: canary}, reasonQuery, "error 1146"},
		{"MySQL connection", &mySQL, mysqldriver.ErrInvalidConn, reasonDown, ""},
		{"SQL Server login", &sqlServer, mssql.Error{Number: 18456, Message: canary}, reasonLogin, "error 18456"},
		{"SQL Server table", &sqlServer, mssql.Error{Number: 208, Message: canary}, reasonQuery, "error 208"},
		{"SQL Server lock", &sqlServer, mssql.Error{Number: 1222, Message: canary}, reasonTimeout, "error 1222"},
		{"network", &postgres, io.ErrUnexpectedEOF, reasonDown, ""},
		{"bad connection", &postgres, driver.ErrBadConn, reasonDown, ""},
		{"anything", &postgres, errors.New(canary), reasonDown, ""},
		{"our own limit", &postgres, errSlow, reasonTimeout, ""},
		{"a driver's deadline", &postgres, context.DeadlineExceeded, reasonTimeout, ""},
		{"certificate", &postgres, fmt.Errorf("x: %w", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), reasonTLS, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := source(tc.d).explain(t.Context(), tc.err)
			wantReason(t, e, care.SourceUnavailable, tc.reason)
			if !strings.Contains(e.Error(), tc.code) || strings.Contains(e.Error(), "canary") || e.Err == nil {
				t.Errorf("error %q, want %q and no canary", e, tc.code)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantReason(t, source(&postgres).explain(ctx, &pgconn.PgError{Code: "57014"}), care.Cancelled, "")
	ctx, cancel = context.WithTimeout(t.Context(), -1)
	defer cancel()
	wantReason(t, source(&postgres).explain(ctx, io.EOF), care.SourceUnavailable, reasonTimeout)
}

// hostile is settings in which every text would break out of a connection
// string.
func hostile(driver string) *Settings {
	s := defaults()
	s.Driver, s.Host, s.Port = driver, "db.example host=evil;server=evil", 1234
	s.Database, s.User = "d?sslmode=disable&x=y;database=master /@", "u:p@evil/x;user id=sa' host=evil"
	return s
}

func TestConnectionOfPostgres(t *testing.T) {
	t.Setenv("PGHOST", "evil.example")
	t.Setenv("PGPASSWORD", "evil")
	t.Setenv("PGOPTIONS", "-c default_transaction_read_only=off")
	s := hostile(driverPostgres)
	config := &tls.Config{ServerName: "x"}
	got, err := configPostgres(s, access{password: "p' host=evil", tls: config})
	if err != nil {
		t.Fatal(err)
	}
	if got.Host != s.Host || got.Port != 1234 || got.Database != s.Database || got.User != s.User || got.Password != "p' host=evil" ||
		got.TLSConfig != config || len(got.Fallbacks) > 0 {
		t.Errorf("config %+v", got)
	}
	if got.RuntimeParams["default_transaction_read_only"] != "on" || got.RuntimeParams["statement_timeout"] != "5000" || got.RuntimeParams["options"] != "" {
		t.Errorf("parameters %v", got.RuntimeParams)
	}
}

func TestConnectionOfMySQL(t *testing.T) {
	s := hostile(driverMySQL)
	config := &tls.Config{ServerName: "x"}
	got := configMySQL(s, access{password: "p@tcp(evil)/", tls: config})
	if got.User != s.User || got.Passwd != "p@tcp(evil)/" || got.DBName != s.Database || got.TLS != config ||
		got.Addr != s.Host+":1234" || got.Net != "tcp" {
		t.Errorf("config %+v", got)
	}
	if got.MultiStatements || got.InterpolateParams || got.AllowAllFiles || got.AllowCleartextPasswords || got.AllowFallbackToPlaintext || got.AllowOldPasswords {
		t.Errorf("config %+v allows too much", got)
	}
	s.StatementTimeout = 3 * time.Second
	if got := configMySQL(s, access{}); got.ReadTimeout != 6*time.Second || got.WriteTimeout != got.ReadTimeout {
		t.Errorf("it waits for a server that stands still for %v and %v", got.ReadTimeout, got.WriteTimeout)
	}
	s.Host = "/run/mysqld/mysqld.sock"
	if got := configMySQL(s, access{}); got.Net != "unix" || got.Addr != s.Host {
		t.Errorf("socket: %s %s", got.Net, got.Addr)
	}
}

func TestConnectionOfSQLite(t *testing.T) {
	s := defaults()
	s.File = "/data/a?mode=rwc&_query_only=0#x%3f.db"
	want := "file:///data/a%3Fmode=rwc&_query_only=0%23x%253f.db?_pragma=busy_timeout%285000%29&_pragma=trusted_schema%280%29&_query_only=1&mode=ro"
	if got := urlSQLite(s); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The tests of SQL Server and Oracle cover the texts and the configuration
// only: there is no server to run them against.
func TestConnectionOfSQLServer(t *testing.T) {
	s := hostile(driverSQLServer)
	got, err := configSQLServer(s, access{password: "p;encrypt=disable", tls: &tls.Config{ServerName: "x"}})
	if err != nil {
		t.Fatal(err)
	}
	if got.Host != s.Host || got.Port != 1234 || got.Database != s.Database || got.User != s.User || got.Password != "p;encrypt=disable" {
		t.Errorf("config %+v", got)
	}
	if got.Encryption != msdsn.EncryptionRequired || got.TLSConfig.ServerName != "x" || got.TLSConfig.InsecureSkipVerify || got.TrustServerCertificate || !got.ReadOnlyIntent {
		t.Errorf("config %+v does not verify the server", got)
	}
	if got, err = configSQLServer(s, access{}); err != nil || got.Encryption != msdsn.EncryptionDisabled {
		t.Errorf("TLS off: %v, %v", got.Encryption, err)
	}
	c, err := connectSQLServer(s, access{})
	if err != nil || c.(*mssql.Connector).SessionInitSQL != "SET LOCK_TIMEOUT 5000" {
		t.Errorf("connector %v, %v", c, err)
	}
}

func TestRightsQueriesOnlyRead(t *testing.T) {
	for name, query := range map[string]string{"SQL Server": sqlServerRights, "Oracle": oracleRights, "PostgreSQL": postgresRights} {
		text := strings.ToUpper(strings.TrimSpace(query))
		if !strings.HasPrefix(text, "SELECT") && !strings.HasPrefix(text, "WITH") || strings.Contains(text, ";") {
			t.Errorf("%s: not one SELECT", name)
		}
	}
}
