//go:build unix

package dbtest

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startLimit is how long a server may take to start. It asserts nothing about
// speed; it ends a test whose server does not start at all.
const startLimit = 2 * time.Minute

// Server is a running database server. It is stopped when the test ends.
type Server struct {
	Host string // 127.0.0.1
	Port int
	Dir  string // of data and sockets

	open    func(database string) (*sql.DB, error)
	account *syscall.SysProcAttr // what the server runs as
	stop    syscall.Signal       // ends the server without waiting for its clients
	next    int
}

// Exec runs statements in a database as its administrator.
func (s *Server) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	db := s.Admin(t, database)
	defer db.Close()
	for _, st := range statements {
		if _, err := db.ExecContext(t.Context(), st); err != nil {
			t.Fatalf("%v: %s", err, st)
		}
	}
}

// Admin opens a database as its administrator. The caller closes it.
func (s *Server) Admin(t testing.TB, database string) *sql.DB {
	t.Helper()
	db, err := s.open(database)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// NewDatabase creates an empty database and returns its name.
func (s *Server) NewDatabase(t testing.TB) string {
	t.Helper()
	s.next++
	name := "world" + strconv.Itoa(s.next)
	s.Exec(t, "", "CREATE DATABASE "+name)
	return name
}

// Await runs a query of one number as administrator until the number is above
// zero, and then closes the channel.
func (s *Server) Await(t testing.TB, query string) <-chan struct{} {
	t.Helper()
	ctx, db, done := t.Context(), s.Admin(t, ""), make(chan struct{})
	go func() {
		defer db.Close()
		for n := 0; ctx.Err() == nil; {
			if err := db.QueryRowContext(ctx, query).Scan(&n); err == nil && n > 0 {
				close(done)
				return
			}
		}
	}()
	return done
}

// PasswordFile writes a password to a file that only its owner may read.
func PasswordFile(t testing.TB, password string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// newServer makes the directory of a server that runs under an account, when
// the test runs as root, or as the test itself.
func newServer(t testing.TB, account string) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "mcr-dbtest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Server{Host: "127.0.0.1", Port: freePort(t), Dir: dir, account: &syscall.SysProcAttr{Setpgid: true}}
	if os.Getuid() == 0 {
		s.become(t, account)
	}
	return s
}

func (s *Server) become(t testing.TB, account string) {
	t.Helper()
	uid, gid := ids(t, account)
	s.account.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	own(t, account, s.Dir)
}

// own gives files to an account, when the test runs as root.
func own(t testing.TB, account string, paths ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	uid, gid := ids(t, account)
	for _, path := range paths {
		if err := os.Chown(path, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
}

func ids(t testing.TB, account string) (uid, gid int) {
	t.Helper()
	u, err := user.Lookup(account)
	if err != nil {
		t.Fatalf("tests run as root need the account %q for the server: %v", account, err)
	}
	uid, uidErr := strconv.Atoi(u.Uid)
	gid, gidErr := strconv.Atoi(u.Gid)
	if uidErr != nil || gidErr != nil {
		t.Fatalf("the account %q has no numeric ids", account)
	}
	return uid, gid
}

// freePort returns a port that was free a moment ago.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// program finds one of the programs, by name or by path.
func program(t testing.TB, candidates ...string) string {
	t.Helper()
	for _, c := range candidates {
		if path, err := exec.LookPath(c); err == nil {
			return path
		}
	}
	t.Fatalf("none of these programs is on this machine: %s; install the database server, or test without the build tag e2e",
		strings.Join(candidates, ", "))
	return ""
}

// run runs a program to its end as the server's account.
func (s *Server) run(t testing.TB, path string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.SysProcAttr, cmd.Dir = s.account, s.Dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", path, err, out)
	}
}

// start starts the server and waits until it prints that it is ready. It is
// stopped before the test's directory is removed.
func (s *Server) start(t testing.TB, ready, path string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.SysProcAttr, cmd.Dir = s.account, s.Dir
	cmd.Cancel = func() error { return cmd.Process.Signal(s.stop) }
	cmd.WaitDelay = 20 * time.Second
	output, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found, ended := make(chan struct{}), make(chan string, 1)
	go func() { ended <- follow(bufio.NewScanner(output), ready, found) }()
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was told to end
	})
	select {
	case <-found:
	case log := <-ended:
		t.Fatalf("%s ended before it was ready:\n%s", path, log)
	case <-time.After(startLimit):
		t.Fatalf("%s does not start", path)
	}
}

// follow reads the output to its end, closes found at the ready line, and
// returns the last lines.
func follow(lines *bufio.Scanner, ready string, found chan struct{}) string {
	var tail []string
	for seen := false; lines.Scan(); {
		if tail = append(tail, lines.Text()); len(tail) > 50 {
			tail = tail[1:]
		}
		if !seen && strings.Contains(lines.Text(), ready) {
			seen = true
			close(found)
		}
	}
	return fmt.Sprint(strings.Join(tail, "\n"))
}
