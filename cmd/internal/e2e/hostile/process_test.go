//go:build e2e

package hostile

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// running is an agent's process.
type running struct {
	t       testing.TB
	cmd     *exec.Cmd
	started chan struct{} // closed when the log says so
	ended   chan struct{} // closed when the process is gone and the log is whole

	mu  sync.Mutex
	log bytes.Buffer // what it wrote to standard error
}

// testNumber is an NHS number of the range that no person has: those of all
// patients here.
var testNumber = regexp.MustCompile(`\b999[ -]?\d{3}[ -]?\d{4}\b`)

// start runs the agent and waits until it serves, with the flags of the region
// if there are any. It is killed when the test ends. The words of wrap, if any, come before the program's own.
func (s *site) start(t testing.TB, wrap ...string) *running {
	t.Helper()
	r := s.launch(t, wrap...)
	select {
	case <-r.started:
	case <-r.ended:
		t.Fatalf("the agent ended with code %d:\n%s", r.code(), r.text())
	case <-time.After(time.Minute):
		t.Fatalf("the agent has not started:\n%s", r.text())
	}
	if s.filled {
		s.fill(t)
	}
	return r
}

// launch runs the agent and waits for nothing.
func (s *site) launch(t testing.TB, wrap ...string) *running {
	t.Helper()
	words := append(wrap, cmp.Or(s.program, program), "run", "--config", s.config)
	return launch(t, exec.Command(words[0], words[1:]...))
}

func launch(t testing.TB, cmd *exec.Cmd) *running {
	t.Helper()
	read, write, err := os.Pipe()
	must(t, err)
	r := &running{t: t, cmd: cmd, started: make(chan struct{}), ended: make(chan struct{})}
	cmd.Stderr, cmd.Stdout = write, write
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GOTRACEBACK=all"}
	must(t, cmd.Start())
	must(t, write.Close())
	go r.follow(read)
	t.Cleanup(func() {
		r.kill()
		if testNumber.MatchString(r.text()) {
			t.Error("the agent's log holds an NHS number")
		}
	})
	return r
}

// follow keeps the log until the last holder of the pipe is gone.
func (r *running) follow(read *os.File) {
	started := sync.OnceFunc(func() { close(r.started) })
	lines := bufio.NewReader(read)
	for {
		line, err := lines.ReadString('\n')
		r.mu.Lock()
		r.log.WriteString(line)
		r.mu.Unlock()
		if strings.Contains(line, `"agent started"`) {
			started()
		}
		if err != nil {
			break
		}
	}
	_ = read.Close()
	_ = r.cmd.Wait()
	close(r.ended)
}

// text returns the log so far.
func (r *running) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// code returns the exit code of a process that has ended.
func (r *running) code() int { return r.cmd.ProcessState.ExitCode() }

// kill ends the process as a power cut ends a program, and waits.
func (r *running) kill() {
	_ = r.cmd.Process.Kill()
	<-r.ended
}

// stop ends the agent as a service manager does, and wants it to end well.
func (r *running) stop() {
	r.t.Helper()
	r.end(0)
}

// end ends the agent as a service manager does, and wants the exit code.
func (r *running) end(want int) {
	r.t.Helper()
	must(r.t, r.cmd.Process.Signal(syscall.SIGTERM))
	if code := r.wait(); code != want {
		r.t.Errorf("the agent ended with code %d when it was told to stop, want %d:\n%s", code, want, r.text())
	}
}

// wait returns the exit code once the process is gone.
func (r *running) wait() int {
	r.t.Helper()
	select {
	case <-r.ended:
		return r.code()
	case <-time.After(30 * time.Second):
		r.t.Fatalf("the agent has not ended:\n%s", r.text())
		return 0
	}
}

// alive fails the test when the agent is gone.
func (r *running) alive() {
	r.t.Helper()
	select {
	case <-r.ended:
		r.t.Fatalf("the agent is gone, code %d:\n%s", r.code(), r.text())
	default:
	}
}

// usage is what a process takes of the machine.
type usage struct {
	resident int64 // bytes
	files    int   // open file descriptors
	threads  int
}

// usage asks the kernel what the agent takes.
func (r *running) usage() usage {
	r.t.Helper()
	proc := filepath.Join("/proc", strconv.Itoa(r.cmd.Process.Pid))
	statm, err := os.ReadFile(filepath.Join(proc, "statm"))
	must(r.t, err)
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	must(r.t, err)
	files, err := os.ReadDir(filepath.Join(proc, "fd"))
	must(r.t, err)
	threads, err := os.ReadDir(filepath.Join(proc, "task"))
	must(r.t, err)
	return usage{pages * int64(os.Getpagesize()), len(files), len(threads)}
}

// goroutines ends the agent with SIGQUIT and counts the goroutines that the Go
// runtime then lists. /proc knows threads only.
func (r *running) goroutines() int {
	r.t.Helper()
	must(r.t, r.cmd.Process.Signal(syscall.SIGQUIT))
	r.wait()
	_, dump, found := strings.Cut(r.text(), "SIGQUIT: quit")
	if !found {
		r.t.Fatalf("the agent has left no list of its goroutines:\n%s", r.text())
	}
	return strings.Count(dump, "\ngoroutine ")
}

// command runs another command of the program, as a person at the site does,
// and returns what it printed and its exit code.
func (s *site) command(t testing.TB, words ...string) (string, int) {
	t.Helper()
	return output(t, exec.Command(program, append(words, "--config", s.config)...))
}

// output runs a command to its end and returns what it printed and its exit
// code.
func output(t testing.TB, cmd *exec.Cmd) (string, int) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// eventually tries until done reports true.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("in twenty seconds it has not come to this: %s", what)
}
