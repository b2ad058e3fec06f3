package sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strconv"
	"strings"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

var sqlServer = dialect{
	product: "SQL Server",
	lexis:   lexis{bracket: true, bind: func(n int) string { return "@p" + strconv.Itoa(n) }},
	version: "SELECT CAST(SERVERPROPERTY('ProductVersion') AS varchar(40))",
	connect: connectSQLServer,
	// The server has no read-only transactions; a snapshot shows one moment
	// and takes no locks.
	begin: func(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
		return db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSnapshot})
	},
	rights: func(ctx context.Context, tx *sql.Tx, _ *Settings) ([]string, error) {
		return listed(ctx, tx, sqlServerRights)
	},
	fault:    faultSQLServer,
	outdated: neverOutdated,
	// As nvarchar, the driver's default, a key would not use the index of a
	// varchar column.
	arg:   func(text string) any { return mssql.VarChar(text) },
	value: valueSQLServer,
}

func connectSQLServer(s *Settings, a access) (driver.Connector, error) {
	c, err := configSQLServer(s, a)
	if err != nil {
		return nil, &care.Error{Kind: care.Internal, Op: Name, Err: err, Detail: "the template of the connection is not valid"}
	}
	connector := mssql.NewConnectorConfig(c)
	connector.SessionInitSQL = "SET LOCK_TIMEOUT " + strconv.FormatInt(s.StatementTimeout.Milliseconds(), 10)
	return connector, nil
}

// configSQLServer fills the driver's own configuration. ReadOnlyIntent sends
// the session to a readable secondary where there is one.
func configSQLServer(s *Settings, a access) (msdsn.Config, error) {
	c, err := msdsn.Parse("sqlserver://127.0.0.1?protocol=tcp&encrypt=disable")
	if err != nil {
		return c, err
	}
	c.Host, c.Port, c.Instance, c.Database = s.Host, uint64(s.port(1433)), "", s.Database
	c.User, c.Password, c.AppName = s.User, a.password, "mcr-agent"
	c.ReadOnlyIntent, c.NoTraceID = true, true
	c.DialTimeout, c.LogFlags = s.StatementTimeout, 0
	c.Encryption, c.TLSConfig = msdsn.EncryptionDisabled, nil
	if a.tls != nil {
		c.Encryption, c.TLSConfig = msdsn.EncryptionRequired, a.tls.Clone()
		c.TLSConfig.DynamicRecordSizingDisabled = true // the server wants whole packets
		c.HostInCertificateProvided = true
	}
	return c, nil
}

// sqlServerRights names every effective right beyond connecting, seeing and
// selecting, of the server, the database and its tables and views.
const sqlServerRights = `
SELECT TOP 3 permission_name + ' on the server' FROM sys.fn_my_permissions(NULL, 'SERVER')
WHERE permission_name NOT LIKE 'VIEW %' AND permission_name NOT IN ('CONNECT SQL')
UNION ALL
SELECT TOP 3 permission_name + ' in the database' FROM sys.fn_my_permissions(NULL, 'DATABASE')
WHERE permission_name NOT LIKE 'VIEW %' AND permission_name NOT IN ('CONNECT', 'SELECT', 'SHOWPLAN')
UNION ALL
SELECT TOP 3 'INSERT, UPDATE, DELETE or ALTER in ' + SCHEMA_NAME(o.schema_id) + '.' + o.name
FROM sys.objects AS o CROSS APPLY (SELECT QUOTENAME(SCHEMA_NAME(o.schema_id)) + '.' + QUOTENAME(o.name) AS name) AS q
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 AND 1 IN (
	HAS_PERMS_BY_NAME(q.name, 'OBJECT', 'INSERT'), HAS_PERMS_BY_NAME(q.name, 'OBJECT', 'UPDATE'),
	HAS_PERMS_BY_NAME(q.name, 'OBJECT', 'DELETE'), HAS_PERMS_BY_NAME(q.name, 'OBJECT', 'ALTER'))`

func faultSQLServer(err error) (fault, bool) {
	e, ok := errors.AsType[mssql.Error](err)
	if !ok {
		return fault{}, false
	}
	code := errorNumber(e.Number)
	switch e.Number {
	case 1222, 3617: // lock wait, cancelled
		return fault{reasonTimeout, code}, true
	case 4060, 18401, 18450, 18452, 18456, 18470, 18487, 18488: // database, login
		return fault{reasonLogin, code}, true
	case 596, 6005, 10928, 10929, 40197, 40501, 40613, 49918: // killed, shutdown, no resources
		return fault{reasonDown, code}, true
	}
	return fault{reasonQuery, code}, true
}

var timesSQLServer = valueOf(map[string]ukcore.ValueKind{"DATE": ukcore.DateValue, "DATETIME": ukcore.LocalValue,
	"DATETIME2": ukcore.LocalValue, "SMALLDATETIME": ukcore.LocalValue, "DATETIMEOFFSET": ukcore.InstantValue})

// valueSQLServer writes the bytes of a UNIQUEIDENTIFIER as the server does.
func valueSQLServer(v any, columnType string) ukcore.Value {
	b, ok := v.([]byte)
	if !ok || columnType != "UNIQUEIDENTIFIER" {
		return timesSQLServer(v, columnType)
	}
	var id mssql.UniqueIdentifier
	if err := id.Scan(b); err != nil {
		return unreadable
	}
	return ukcore.Text(strings.ToUpper(id.String()))
}
