package alerts

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// asProgram is the argument by which the test's own binary is the site's
// program. What it does stands after it.
const asProgram = "be-the-sites-program"

// program writes what it was given into a file and ends with an exit code:
// <file> <exit code> [more arguments]. With "hang" for an exit code it starts
// itself once more, which holds the file open as long as it lives, and waits.
func program(args []string) int {
	file, end := args[0], args[1]
	if end == "hang" {
		child := exec.Command(os.Args[0], asProgram, file, "wait")
		if err := child.Start(); err != nil {
			return 9
		}
		_ = child.Wait()
		return 0
	}
	if end == "wait" {
		if err := os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
			return 9
		}
		time.Sleep(time.Hour) // until it is ended
	}
	input, err := io.ReadAll(os.Stdin)
	dir, derr := os.Getwd()
	environ := os.Environ()
	slices.Sort(environ)
	text := fmt.Sprintf("%s%q\n%q\n%s\n", input, args[2:], environ, dir)
	if err != nil || derr != nil || os.WriteFile(file, []byte(text), 0o600) != nil {
		return 9
	}
	code, _ := strconv.Atoi(end)
	return code
}

// self returns a Notifier whose command is the test's own binary.
func self(t *testing.T, timeout time.Duration, args ...string) *Notifier {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program.exe")
	text := must(os.ReadFile(must(os.Executable())))
	if err := os.WriteFile(path, text, 0o755); err != nil {
		t.Fatal(err)
	}
	return must(New(Options{Command: append([]string{path, asProgram}, args...), Timeout: timeout}))
}

var someNotice = notice{Reference: 12, Kind: BreakGlass, Time: time.Date(2026, 11, 22, 14, 3, 7, 0, time.UTC), Site: "Y99901", New: 2, Open: 5}

func TestProgramGetsTheNoticeAlone(t *testing.T) {
	t.Setenv("SECRET", "canary")
	file := filepath.Join(t.TempDir(), "got")
	n := self(t, time.Minute, file, "0", "$HOME; rm *", "")
	if err := n.execute(t.Context(), someNotice); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(must(os.ReadFile(file))), "\n")
	if want := `{"reference":12,"kind":"BREAK_GLASS","time":"2026-11-22T14:03:07Z","site":"Y99901","new":2,"open":5}`; lines[0] != want {
		t.Errorf("its input is %s, want %s", lines[0], want)
	}
	if want := `["$HOME; rm *" ""]`; lines[1] != want {
		t.Errorf("its arguments are %s, want %s", lines[1], want)
	}
	if strings.Contains(lines[2], "SECRET") || !strings.Contains(lines[2], "PATH=") || strings.Count(lines[2], "=") > 6 {
		t.Errorf("its environment is %s", lines[2])
	}
	if want := must(filepath.EvalSymlinks(filepath.Dir(n.o.Command[0]))); lines[3] != want {
		t.Errorf("it runs in %s, want %s", lines[3], want)
	}
}

func TestProgramFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "got")
	for name, c := range map[string]struct {
		n    *Notifier
		want string // in the detail
	}{
		"with an exit code": {self(t, time.Minute, file, "3"), "exit code 3"},
		"in being there":    {must(New(Options{Command: []string{filepath.Join(t.TempDir(), "none")}})), "is not there"},
		"in being a file":   {must(New(Options{Command: []string{t.TempDir()}})), "is no file"},
	} {
		err := c.n.execute(t.Context(), someNotice)
		if care.ReasonOf(err) != "COMMAND" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("it fails %s: %v", name, err)
		}
	}
	for _, command := range []string{"tell", "./tell", "bin/tell"} {
		if _, err := New(Options{Command: []string{command}}); care.KindOf(err) != care.BadRequest {
			t.Errorf("the command %s is taken: %v", command, err)
		}
	}
}
