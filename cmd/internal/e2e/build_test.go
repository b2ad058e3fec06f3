//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// programLimit ends a program that does not end by itself. It asserts nothing
// about speed.
const programLimit = 2 * time.Minute

// programs are the built programs.
type programs struct{ agent, ctl string }

// built builds the programs once for all tests, as they are released: without
// cgo.
var built = sync.OnceValues(func() (programs, error) {
	dir, err := os.MkdirTemp("", "mcr-e2e-")
	if err != nil {
		return programs{}, err
	}
	cmd := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "../../mcr-agent", "../../mcrctl")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return programs{}, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return programs{filepath.Join(dir, "mcr-agent"), filepath.Join(dir, "mcrctl")}, nil
})

// TestMain builds the programs before the first test and removes them after
// the last.
func TestMain(m *testing.M) {
	p, err := built()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(filepath.Dir(p.agent))
	os.Exit(code)
}

func builtPrograms(t testing.TB) programs {
	t.Helper()
	p, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// finished is a program that has ended.
type finished struct {
	code           int
	stdout, stderr string
}

// execute runs a program to its end.
func execute(t testing.TB, stdin, path string, args ...string) finished {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), programLimit)
	defer stop()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s %s: %v", path, args[0], err)
	}
	return finished{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}
