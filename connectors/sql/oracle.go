package sql

import (
	"context"
	"database/sql"
	"strconv"

	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// The driver is in builds with the tag "oracle" only: its tables of character
// sets are as large as the rest of the agent.
var oracle = dialect{
	product: "Oracle Database",
	lexis:   lexis{bind: func(n int) string { return ":" + strconv.Itoa(n) }},
	version: "SELECT version FROM product_component_version WHERE ROWNUM = 1",
	connect: connectOracle,
	begin:   beginOracle,
	rights: func(ctx context.Context, tx *sql.Tx, _ *Settings) ([]string, error) {
		return listed(ctx, tx, oracleRights)
	},
	fault:    faultOracle,
	outdated: neverOutdated,
	arg:      asText,
	value: valueOf(map[string]ukcore.ValueKind{"DATE": ukcore.LocalValue, "TimeStampDTY": ukcore.LocalValue,
		"TIMESTAMP": ukcore.LocalValue, "TimeStampTZ_DTY": ukcore.InstantValue, "TimeStampTZ": ukcore.InstantValue,
		"TimeStampLTZ_DTY": ukcore.InstantValue, "TimeStampeLTZ": ukcore.InstantValue}),
}

// readOnlyOracle must be the first statement of a transaction, which then
// shows one moment and refuses to write.
const readOnlyOracle = "SET TRANSACTION READ ONLY"

func beginOracle(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, readOnlyOracle); err != nil {
		_ = tx.Rollback() // the first error is the one that counts
		return nil, err
	}
	return tx, nil
}

// oracleRights names every right of the login and its roles beyond connecting
// and reading, and every table it owns.
const oracleRights = `
SELECT privilege FROM session_privs
WHERE privilege NOT IN ('CREATE SESSION', 'SELECT ANY TABLE', 'READ ANY TABLE', 'SELECT ANY DICTIONARY') AND ROWNUM <= 3
UNION ALL
SELECT privilege || ' on ' || table_name FROM user_tab_privs
WHERE grantee = USER AND privilege NOT IN ('SELECT', 'READ') AND ROWNUM <= 3
UNION ALL
SELECT privilege || ' on ' || table_name FROM user_col_privs WHERE grantee = USER AND ROWNUM <= 3
UNION ALL
SELECT privilege || ' on ' || table_name || ' by a role' FROM role_tab_privs
WHERE privilege NOT IN ('SELECT', 'READ') AND ROWNUM <= 3
UNION ALL
SELECT 'the table ' || table_name || ', which it owns' FROM user_tables WHERE ROWNUM <= 3`
