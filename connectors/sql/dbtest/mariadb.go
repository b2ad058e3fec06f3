//go:build unix

package dbtest

import (
	"database/sql"
	"io"
	"log"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// StartMariaDB starts a MariaDB server with more arguments of its command
// line. Its administrator is root, over the socket of the server only.
func StartMariaDB(t testing.TB, args ...string) *Server {
	t.Helper()
	s := newServer(t, "mysql")
	s.open = s.openMariaDB
	s.stop = syscall.SIGTERM
	data := filepath.Join(s.Dir, "data")
	s.run(t, program(t, "mariadb-install-db", "mysql_install_db"), "--no-defaults", "--datadir="+data,
		"--auth-root-authentication-method=normal", "--skip-test-db")
	s.start(t, "ready for connections", program(t, "mariadbd", "/usr/sbin/mariadbd", "mysqld", "/usr/sbin/mysqld"),
		append([]string{"--no-defaults", "--datadir=" + data, "--socket=" + s.socket(), "--bind-address=" + s.Host,
			"--port=" + strconv.Itoa(s.Port), "--pid-file=" + filepath.Join(s.Dir, "pid"), "--skip-name-resolve",
			"--innodb-flush-log-at-trx-commit=0", "--character-set-server=utf8mb4"}, args...)...)
	return s
}

func (s *Server) socket() string { return filepath.Join(s.Dir, "socket") }

func (s *Server) openMariaDB(database string) (*sql.DB, error) {
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr, c.DBName = "root", "unix", s.socket(), database
	c.Logger = log.New(io.Discard, "", 0)
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}
