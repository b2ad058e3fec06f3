//go:build unix

package dbtest

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// PostgresAdmin is the administrator of servers that StartPostgres starts.
const (
	PostgresAdmin         = "postgres"
	PostgresAdminPassword = "admin-of-a-test"
)

// StartPostgres starts a PostgreSQL server with more arguments of its command
// line, such as -c ssl=on.
func StartPostgres(t testing.TB, args ...string) *Server {
	t.Helper()
	s := newServer(t, "postgres")
	s.open = s.openPostgres
	s.stop = syscall.SIGINT
	data, secret := filepath.Join(s.Dir, "data"), filepath.Join(s.Dir, "secret")
	if err := os.WriteFile(secret, []byte(PostgresAdminPassword), 0o644); err != nil {
		t.Fatal(err)
	}
	s.run(t, postgresProgram(t, "initdb"), "-D", data, "-U", PostgresAdmin, "--auth=scram-sha-256", "--pwfile="+secret,
		"--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions")
	s.start(t, "database system is ready to accept connections", postgresProgram(t, "postgres"), append([]string{"-D", data,
		"-c", "listen_addresses=" + s.Host, "-c", "port=" + strconv.Itoa(s.Port), "-c", "unix_socket_directories=" + s.Dir,
		"-c", "fsync=off", "-c", "logging_collector=off"}, args...)...)
	return s
}

// postgresProgram finds a program in the path or where Debian puts it.
func postgresProgram(t testing.TB, name string) string {
	t.Helper()
	candidates := []string{name}
	for _, version := range []string{"18", "17", "16", "15", "14", "13"} {
		candidates = append(candidates, "/usr/lib/postgresql/"+version+"/bin/"+name)
	}
	return program(t, candidates...)
}

func (s *Server) openPostgres(database string) (*sql.DB, error) {
	if database == "" {
		database = PostgresAdmin
	}
	c, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d user=%s dbname=%s sslmode=prefer", s.Host, s.Port, PostgresAdmin, database))
	if err != nil {
		return nil, err
	}
	c.Password = PostgresAdminPassword
	return stdlib.OpenDB(*c), nil
}
