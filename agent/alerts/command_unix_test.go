//go:build unix

package alerts

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// awaitGone waits until a process of another's is no more, or is only waiting to
// be reaped.
func awaitGone(t *testing.T, pid string) {
	t.Helper()
	id := must(strconv.Atoi(pid))
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if syscall.Kill(id, 0) != nil {
			return
		}
		out, err := exec.Command("ps", "-o", "stat=", "-p", pid).Output()
		if err != nil || strings.HasPrefix(strings.TrimSpace(string(out)), "Z") {
			return
		}
	}
	t.Error("what the program started lives on")
}

// Whoever may change the program acts as the agent's account.
func TestProgramThatOthersMayChange(t *testing.T) {
	for mode, ok := range map[os.FileMode]bool{0o755: true, 0o700: true, 0o775: false, 0o757: false, 0o777: false} {
		n := self(t, time.Minute, t.TempDir()+"/got", "0")
		if err := os.Chmod(n.o.Command[0], mode); err != nil {
			t.Fatal(err)
		}
		if err := n.execute(t.Context(), someNotice); (err == nil) != ok {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
}

// TestProgramThatHangs ends it with all that it has started, when its time is
// over or the agent stops.
func TestProgramThatHangs(t *testing.T) {
	for name, c := range map[string]struct {
		timeout time.Duration
		stop    bool
	}{"for too long": {2 * time.Second, false}, "while the agent stops": {time.Hour, true}} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "child")
			n := self(t, c.timeout, file, "hang")
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			done := make(chan error, 1)
			go func() { done <- n.execute(ctx, someNotice) }()
			child := awaitFile(t, file)
			if c.stop {
				stop()
			}
			select {
			case err := <-done:
				if care.ReasonOf(err) != "COMMAND" || !strings.Contains(err.Error(), "was ended") {
					t.Errorf("error is %v", err)
				}
			case <-time.After(time.Minute):
				t.Fatal("it was not ended")
			}
			awaitGone(t, child)
		})
	}
}

// awaitFile waits until another process has written a file.
func awaitFile(t *testing.T, path string) string {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(path); err == nil && len(text) > 0 {
			return string(text)
		}
	}
	t.Fatal("the file never came")
	return ""
}
