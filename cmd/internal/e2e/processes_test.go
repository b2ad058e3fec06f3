//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/connectors/sql/dbtest"
)

// postgresPIDs returns the processes of a PostgreSQL server, the first one
// first: it has one for each session.
func postgresPIDs(t testing.TB, s *dbtest.Server) []int {
	t.Helper()
	pids := []int{pidOf(t, filepath.Join(s.Dir, "data", "postmaster.pid"))}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		// pid (name) state parent ...; the name may hold anything.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if fields[1] == strconv.Itoa(pids[0]) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// mariadbPIDs returns the one process of a MariaDB server.
func mariadbPIDs(t testing.TB, s *dbtest.Server) []int {
	t.Helper()
	return []int{pidOf(t, filepath.Join(s.Dir, "pid"))}
}

// pidOf reads the first line of a server's pid file.
func pidOf(t testing.TB, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// freeze stops all processes of the server where they are: connections stay
// open and nothing answers. The function returned lets them go on.
func (d *database) freeze(t testing.TB) (thaw func()) {
	t.Helper()
	pids := d.pids(t, d.Server)
	signal := func(s syscall.Signal) {
		for _, pid := range pids {
			_ = syscall.Kill(pid, s) // a session may have ended meanwhile
		}
	}
	signal(syscall.SIGSTOP)
	d.owner.Cleanup(func() { signal(syscall.SIGCONT) }) // the server cannot be stopped otherwise
	return func() { signal(syscall.SIGCONT) }
}

// crash ends the server at once, as a power cut does for its clients. The
// function returned starts it again with the arguments it had.
func (d *database) crash(t testing.TB) (restart func()) {
	t.Helper()
	pid := d.pids(t, d.Server)[0]
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(d.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, d.kill); err != nil {
		t.Fatal(err)
	}
	args := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
	return func() { d.again(t, args, info.Sys().(*syscall.Stat_t)) }
}

// again starts a server that has crashed, under the account that owns its data.
// It tries until one stays up: PostgreSQL ends at once while a session of the
// server that crashed is still there.
func (d *database) again(t testing.TB, args []string, owner *syscall.Stat_t) {
	t.Helper()
	db := d.Admin(t, d.name)
	defer db.Close()
	for late := time.Now().Add(programLimit); ; {
		ended := d.startAgain(t, args, owner)
		for running := true; running; {
			err := db.PingContext(t.Context())
			if err == nil {
				return
			}
			if time.Now().After(late) {
				t.Fatalf("the server does not start again: %v", err)
			}
			select {
			case <-ended:
				running = false
			default:
			}
		}
	}
}

// startAgain starts the server's process and returns a channel that is closed
// once that has ended.
func (d *database) startAgain(t testing.TB, args []string, owner *syscall.Stat_t) (ended <-chan struct{}) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = d.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait() // however it ends
		close(done)
	}()
	d.owner.Cleanup(func() {
		_ = cmd.Process.Signal(d.kill) // it may have ended by itself
		<-done
	})
	return done
}
