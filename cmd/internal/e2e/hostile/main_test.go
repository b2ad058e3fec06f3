//go:build e2e

package hostile

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// program and region are the paths of mcr-agent and mcrctl that TestMain builds.
var program, region string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	folder, err := os.MkdirTemp("", "mcr-hostile-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	// Another account than this one runs the program in one test.
	if err := os.Chmod(folder, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	program, region = filepath.Join(folder, "mcr-agent"), filepath.Join(folder, "mcrctl")
	if err := build(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build builds the programs as they are released, into a folder.
func build(folder string, flags ...string) error {
	words := append([]string{"build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-tags", "grpcnotrace", "-o", folder + string(filepath.Separator)}, flags...)
	cmd := exec.Command("go", append(words, module+"/cmd/mcr-agent", module+"/cmd/mcrctl")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the programs cannot be built: %w\n%s", err, out)
	}
	return nil
}

const module = "github.com/mycarerecord/edge-agent"

// must ends the test on an error that has nothing to do with what it tests.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
