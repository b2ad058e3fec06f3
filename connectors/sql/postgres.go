package sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

var postgres = dialect{
	product: "PostgreSQL",
	lexis:   lexis{cast: true, bind: func(n int) string { return "$" + strconv.Itoa(n) }},
	version: "SELECT current_setting('server_version')",
	connect: connectPostgres,
	begin:   readOnlySnapshot,
	rights: func(ctx context.Context, tx *sql.Tx, _ *Settings) ([]string, error) {
		return listed(ctx, tx, postgresRights)
	},
	fault:    faultPostgres,
	outdated: outdatedPostgres,
	anew:     []any{pgx.QueryExecModeDescribeExec},
	arg:      asText,
	value: valueOf(map[string]ukcore.ValueKind{
		"DATE": ukcore.DateValue, "TIMESTAMP": ukcore.LocalValue, "TIMESTAMPTZ": ukcore.InstantValue}),
}

func connectPostgres(s *Settings, a access) (driver.Connector, error) {
	c, err := configPostgres(s, a)
	if err != nil {
		return nil, err
	}
	return stdlib.GetConnector(*c, stdlib.OptionAfterConnect(watchClient)), nil
}

// watchClient lets the server look once a second whether the agent is still
// there. The driver's request to cancel is lost when it arrives before the
// query begins; the query would then run to its time limit for nobody. Servers
// before version 14, and those on Windows, refuse: they are left to that limit.
func watchClient(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "SET client_connection_check_interval = 1000")
	if _, ok := errors.AsType[*pgconn.PgError](err); ok {
		return nil
	}
	return err
}

// configPostgres fills the driver's own configuration, field by field: no
// setting becomes part of a connection string. The template's values are
// overwritten, the environment's too.
func configPostgres(s *Settings, a access) (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig("host=127.0.0.1 port=5432 user=none dbname=none sslmode=disable")
	if err != nil {
		return nil, &care.Error{Kind: care.BadRequest, Op: Name, Reason: "ENVIRONMENT", Err: err,
			Detail: "an environment variable of PostgreSQL (PG...) is not valid; remove it from the service"}
	}
	c.Host, c.Port, c.Database = s.Host, uint16(s.port(5432)), s.Database
	c.User, c.Password, c.TLSConfig = s.User, a.password, a.tls
	c.Fallbacks, c.ValidateConnect, c.AfterConnect = nil, nil, nil
	c.ConnectTimeout = s.StatementTimeout
	limit := strconv.FormatInt(s.StatementTimeout.Milliseconds(), 10)
	c.RuntimeParams = map[string]string{
		"application_name":                    "mcr-agent",
		"client_encoding":                     "UTF8",
		"default_transaction_read_only":       "on",
		"idle_in_transaction_session_timeout": strconv.FormatInt(2*time.Minute.Milliseconds(), 10),
		"lock_timeout":                        limit,
		"standard_conforming_strings":         "on",
		"statement_timeout":                   limit,
	}
	return c, nil
}

// postgresRights names what the login, or a role it can take on, could write.
// Owners and superusers have every right of a table. Temporary tables and the
// server's own schemas do not count.
const postgresRights = `
WITH mine AS (
	SELECT oid, rolname, rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication AS power
	FROM pg_catalog.pg_roles WHERE pg_catalog.pg_has_role(current_user, oid, 'MEMBER')
), places AS (
	SELECT oid, nspname FROM pg_catalog.pg_namespace
	WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname NOT LIKE 'pg\_toast%' AND nspname NOT LIKE 'pg\_temp%'
)
(SELECT 'the role ' || rolname FROM mine
	WHERE power OR rolname IN ('pg_write_all_data', 'pg_write_server_files', 'pg_execute_server_program', 'pg_maintain') LIMIT 3)
UNION ALL
(SELECT 'CREATE in the database' FROM mine
	WHERE pg_catalog.has_database_privilege(mine.oid, pg_catalog.current_database(), 'CREATE') LIMIT 1)
UNION ALL
(SELECT 'CREATE in the schema ' || nspname FROM places, mine
	WHERE pg_catalog.has_schema_privilege(mine.oid, places.oid, 'CREATE') LIMIT 3)
UNION ALL
(SELECT 'INSERT, UPDATE or DELETE in ' || nspname || '.' || relname
	FROM mine, pg_catalog.pg_class c JOIN places ON places.oid = c.relnamespace
	WHERE CASE
		WHEN c.relowner = mine.oid THEN true
		WHEN c.relkind = 'S' THEN pg_catalog.has_sequence_privilege(mine.oid, c.oid, 'USAGE,UPDATE')
		WHEN c.relkind IN ('r', 'p', 'v', 'f', 'm') THEN
			pg_catalog.has_table_privilege(mine.oid, c.oid, 'INSERT,UPDATE,DELETE,TRUNCATE,TRIGGER')
			OR pg_catalog.has_any_column_privilege(mine.oid, c.oid, 'INSERT,UPDATE')
		ELSE false END
	LIMIT 3)`

// faultPostgres reads SQLSTATE classes (PostgreSQL, appendix A).
func faultPostgres(err error) (fault, bool) {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return fault{}, false
	}
	code := "SQLSTATE " + e.Code
	switch {
	case e.Code == "57014" || e.Code == "55P03" || e.Code == "25P03":
		return fault{reasonTimeout, code}, true
	case strings.HasPrefix(e.Code, "28") || e.Code == "3D000":
		return fault{reasonLogin, code}, true
	case strings.HasPrefix(e.Code, "08") || strings.HasPrefix(e.Code, "57P") || strings.HasPrefix(e.Code, "53"):
		return fault{reasonDown, code}, true
	}
	return fault{reasonQuery, code}, true
}

// outdatedPostgres knows the two errors of a statement that the driver has
// prepared before a column changed its type: the result has other types
// (feature_not_supported, raised by RevalidateCachedQuery), or the type of a
// parameter, fixed by then, has no operator with the column's any more
// (undefined_function).
func outdatedPostgres(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "0A000" && e.Routine == "RevalidateCachedQuery" || e.Code == "42883")
}
