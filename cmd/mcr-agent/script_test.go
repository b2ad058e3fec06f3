package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mycarerecord/edge-agent/agent/identity/throwaway"
)

// readme is read before the scripts go to folders of their own.
var readme string

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mcr-agent": main})
}

// TestScripts runs the command line as people do.
func TestScripts(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme = string(text)
	testscript.Run(t, testscript.Params{Dir: "testdata", Cmds: map[string]func(*testscript.TestScript, bool, []string){"expand": expand, "damage": damage, "await": await, "until": until, "code": code, "documented": documented}, Setup: func(env *testscript.Env) error {
		// The local socket's path must be short, so the state is not in $WORK.
		state, err := os.MkdirTemp("", "mcr")
		if err != nil {
			return err
		}
		env.Defer(func() { _ = os.RemoveAll(state) })
		env.Setenv("STATE", state)
		address, err := freePort("127.0.0.1:0")
		if err != nil {
			return err
		}
		env.Setenv("ADDRESS", address)
		return certificates(env.WorkDir)
	}})
}

// certificates issues those that the scripts' agent.yaml names.
func certificates(folder string) error {
	ca, err := throwaway.New(time.Now())
	if err != nil {
		return err
	}
	issued, err := ca.Issue(throwaway.Leaf{Name: "agent", DNS: []string{"localhost"}, Server: true})
	if err != nil {
		return err
	}
	if _, _, err := issued.WriteFiles(folder, "agent"); err != nil {
		return err
	}
	return ca.WriteRoot(filepath.Join(folder, "ca.pem"))
}

// code runs a command that ends with an exit code: code 4 mcr-agent ...
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N PROGRAM ARGUMENT...")
	}
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](ts.Exec(args[1], args[2:]...)); ok {
		got = exit.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// documented checks that everything in a state folder is in the README's table,
// where NAME, TIME and NUMBER stand for what differs.
func documented(ts *testscript.TestScript, _ bool, folders []string) {
	_, table, _ := strings.Cut(readme, "| file in the state folder |")
	table, _, _ = strings.Cut(table, "\n\n")
	var patterns []string
	for _, row := range strings.Split(table, "\n")[2:] {
		names := strings.Split(strings.Split(row, "|")[1], "`")
		for i := 1; i < len(names); i += 2 {
			patterns = append(patterns, strings.NewReplacer("NAME", "*", "TIME", "*", "NUMBER", "*", "/", "").Replace(names[i]))
		}
	}
	for _, folder := range folders {
		entries, err := os.ReadDir(ts.MkAbs(folder))
		ts.Check(err)
		for _, e := range entries {
			if !slices.ContainsFunc(patterns, func(p string) bool { fits, _ := filepath.Match(p, e.Name()); return fits }) {
				ts.Fatalf("%s is not in the README's table of the state folder: %q", e.Name(), patterns)
			}
		}
	}
}

// expand replaces the variables in files by their values.
func expand(ts *testscript.TestScript, _ bool, files []string) {
	for _, name := range files {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// damage changes files as a broken disk would: a bit in each stretch of 64 bytes
// of their second half.
func damage(ts *testscript.TestScript, _ bool, files []string) {
	for _, name := range files {
		content := []byte(ts.ReadFile(name))
		for i := len(content) / 2; i < len(content); i += 64 {
			content[i] ^= 1
		}
		ts.Check(os.WriteFile(ts.MkAbs(name), content, 0o600))
	}
}

// until runs a command until what it prints holds a text.
func until(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...)
		if strings.Contains(ts.ReadFile("stdout"), args[0]) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("it does not print %q: %v", args[0], err)
		}
	}
}

// await waits until files are there.
func await(ts *testscript.TestScript, _ bool, files []string) {
	for _, name := range files {
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(ts.MkAbs(name)); err == nil {
				break
			} else if time.Now().After(deadline) {
				ts.Fatalf("%s did not come: %v", name, err)
			}
		}
	}
}
