package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestScripts runs testdata/script. The command
//
//	mcrctl CODE [<FILE] ARGUMENT...
//
// runs the program in this process, with a file as stdin, and fails unless its
// exit code is CODE. $REGION is the folder of a fake agent; what it answers
// depends on the patient's family name, see scenarios_test.go.
func TestScripts(t *testing.T) {
	agent := startAgent(t)
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("REGION", agent.Dir)
			env.Setenv("ADDRESS", agent.Region.Address)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"mcrctl": script},
	})
}

// script is the command mcrctl of the scripts.
func script(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: mcrctl CODE [<FILE] ARGUMENT...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	args = args[1:]
	stdin := ""
	if len(args) > 0 && strings.HasPrefix(args[0], "<") {
		stdin = ts.ReadFile(args[0][1:])
		args = args[1:]
	}
	if got := run(args, strings.NewReader(stdin), ts.Stdout(), ts.Stderr()); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// TestHelp checks that every command's help has an example and that help is
// no error.
func TestHelp(t *testing.T) {
	for _, command := range []string{"record get", "document get", "locate", "consent push", "consent update", "consent beat", "consent state", "consent collect", "consent key", "status", "audit verify", "audit witness", "version", "completion"} {
		var out, errs bytes.Buffer
		code := run(append(strings.Fields(command), "--help"), strings.NewReader(""), &out, &errs)
		if code != exitWhole || !strings.Contains(out.String(), "Example") || !strings.Contains(out.String(), "    mcrctl "+strings.Fields(command)[0]) && command != "completion" || errs.Len() > 0 {
			t.Errorf("%s: exit code %d, stderr %q, help:\n%s", command, code, errs.String(), out.String())
		}
	}
	var out bytes.Buffer
	if code := run([]string{"--help"}, nil, &out, io.Discard); code != exitWhole || !strings.Contains(out.String(), "3  answered, but not whole") || !strings.Contains(out.String(), "7  done, but the site releases nothing") {
		t.Errorf("exit code %d, help:\n%s", code, out.String())
	}
}

// TestEnvironment checks that flags can be given by the environment.
func TestEnvironment(t *testing.T) {
	agent := startAgent(t)
	t.Setenv("MCRCTL_REGION", agent.Dir)
	t.Setenv("MCRCTL_FORMAT", "json")
	var out, errs bytes.Buffer
	if code := run([]string{"status"}, nil, &out, &errs); code != exitNotReleased || !strings.HasPrefix(out.String(), "{") {
		t.Errorf("exit code %d, %s%s", code, errs.String(), out.String())
	}
}

// TestCompletionScripts holds the scripts to golden files: they are made from
// the grammar, so that a changed flag is seen here.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "powershell", "fish"} {
		var out bytes.Buffer
		if code := run([]string{"completion", shell}, nil, &out, io.Discard); code != exitWhole {
			t.Fatalf("%s: exit code %d", shell, code)
		}
		path := filepath.Join("testdata", "completion."+shell)
		if *update {
			if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(path); err != nil || !bytes.Equal(want, out.Bytes()) {
			t.Errorf("%s differs (err %v)", path, err)
		}
	}
}

// broken is a writer that fails, as a full disk or a closed pipe does.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no room") }

// TestOutputFails checks that an answer that could not be written is not
// called whole.
func TestOutputFails(t *testing.T) {
	agent := startAgent(t)
	for _, format := range []string{"text", "ndjson", "bundle", "json"} {
		var errs bytes.Buffer
		args := append(strings.Fields("record get --permission ASKED --nhs-number 9990000018 --family-name whole --section allergies --region "+agent.Dir), "--format", format)
		if code := run(args, nil, broken{}, &errs); code != exitUsage || !strings.Contains(errs.String(), "no room") {
			t.Errorf("%s: exit code %d, %s", format, code, errs.String())
		}
	}
}

// TestDocumentOutputFails checks the same of a document: that it could not be
// written here is not the agent's fault.
func TestDocumentOutputFails(t *testing.T) {
	agent := startAgent(t)
	var errs bytes.Buffer
	args := strings.Fields("document get letter --out - --permission ASKED --nhs-number 9990000018 --region " + agent.Dir)
	if code := run(args, nil, broken{}, &errs); code != exitUsage || errs.String() != "mcrctl: no room\n" {
		t.Errorf("exit code %d, %s", code, errs.String())
	}
}

// TestSaved checks that a file gets its name only when it is whole, and that
// none is replaced.
func TestSaved(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "letter")
	write := func(text string, err error) func(io.Writer) error {
		return func(w io.Writer) error { _, _ = fmt.Fprint(w, text); return err }
	}
	failed := errors.New("failed")
	if err := saved(path, write("half", failed)); !errors.Is(err, failed) {
		t.Errorf("err %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := saved(path, write("whole", nil)); err != nil {
		t.Error(err)
	}
	if err := saved(path, write("other", nil)); err == nil {
		t.Error("a file was replaced")
	}
	if text, err := os.ReadFile(path); string(text) != "whole" || err != nil {
		t.Errorf("%q, err %v", text, err)
	}
	if err := saved(filepath.Join(dir, "none", "letter"), write("", nil)); err == nil {
		t.Error("a folder was made")
	}
}
