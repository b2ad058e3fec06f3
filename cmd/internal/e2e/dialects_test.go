//go:build e2e

package e2e

import (
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/mycarerecord/edge-agent/connectors/sql/dbtest"
)

// dialect is what differs between the servers.
type dialect struct {
	product    string // as files of the tests name it
	driver     string // as agent.yaml names it
	text       string // type of a column of text
	key        string // how much of such a column an index holds
	options    string // after CREATE TABLE
	mark       func(n int) string
	logins     []string
	words      *strings.Replacer // what faults are written in
	million    string            // rows n = 1 to 1 000 000
	pids       func(t testing.TB, s *dbtest.Server) []int
	statements string         // query of what the agent's logins sent
	kill       syscall.Signal // ends the server without a word to its clients
}

var postgres = dialect{
	product: "postgresql", driver: "postgres", text: "text",
	mark: func(n int) string { return "$" + strconv.Itoa(n) },
	logins: []string{"CREATE ROLE " + reader + " LOGIN PASSWORD '" + password + "'",
		"CREATE ROLE " + writer + " LOGIN PASSWORD '" + password + "'"},
	words: strings.NewReplacer("SLEEP", "CAST(pg_sleep(600) AS text) = 'never'", "DAMAGED", `'\x436166e9'::bytea`,
		"BYTES(", "convert_to(", " ENCODING)", ", 'UTF8')"),
	million:    "generate_series(1, 1000000) AS n",
	pids:       postgresPIDs,
	kill:       syscall.SIGQUIT,
	statements: "SELECT query FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname LIKE 'mcr%'",
}

var mariadb = dialect{
	product: "mariadb", driver: "mysql", text: "text", key: "(64)", options: " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
	mark: func(int) string { return "?" },
	logins: []string{"CREATE USER " + reader + " IDENTIFIED BY '" + password + "'",
		"CREATE USER " + writer + " IDENTIFIED BY '" + password + "'"},
	words: strings.NewReplacer("SLEEP", "SLEEP(600) = 2", "DAMAGED", "CAST(0x436166E9 AS BINARY)",
		"BYTES(", "BINARY (", " ENCODING)", ")"),
	million:    "(SELECT seq AS n FROM seq_1_to_1000000) AS series",
	pids:       mariadbPIDs,
	kill:       syscall.SIGKILL,
	statements: "SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log WHERE user_host LIKE 'mcr%' AND command_type IN ('Query', 'Execute')",
}

// servers runs a test against each server. Both keep a list of what they are
// asked: it proves what the agent sends.
func servers(t *testing.T, run func(t *testing.T, d *database)) {
	t.Run("PostgreSQL", func(t *testing.T) { run(t, startPostgres(t)) })
	t.Run("MariaDB", func(t *testing.T) { run(t, startMariaDB(t)) })
}

func startPostgres(t testing.TB) *database {
	t.Helper()
	d := prepare(t, dbtest.StartPostgres(t, "-c", "shared_preload_libraries=pg_stat_statements"), postgres)
	d.exec(t, "CREATE EXTENSION pg_stat_statements")
	return d
}

func startMariaDB(t testing.TB) *database {
	t.Helper()
	return prepare(t, dbtest.StartMariaDB(t, "--log-output=TABLE", "--general-log=1"), mariadb)
}

func prepare(t testing.TB, s *dbtest.Server, d dialect) *database {
	t.Helper()
	db := &database{Server: s, dialect: d, name: s.NewDatabase(t), owner: t}
	s.Exec(t, "", d.logins...)
	return db
}
