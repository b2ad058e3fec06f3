package alerts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// notice is what the site's program reads from its standard input, as one line
// of JSON. It names no patient and no user. A program must pass over fields that
// it does not know.
type notice struct {
	Reference uint64       `json:"reference"` // number of the first alert that is new
	Kind      string       `json:"kind"`      // of that alert
	Time      time.Time    `json:"time"`      // when it happened, UTC, to the second
	Site      care.ODSCode `json:"site"`
	New       int          `json:"new"`  // alerts since the last notice that was taken, this one included
	Open      int          `json:"open"` // alerts that nobody has dealt with
}

// lastWait is how long a program that was ended may take to go.
const lastWait = 5 * time.Second

// execute runs the site's program and succeeds if it ends with exit code 0 in
// time. What it prints is not kept. If it has to be ended, so are, but for
// Windows, the programs that it has started.
func (n *Notifier) execute(ctx context.Context, m notice) error {
	line, err := json.Marshal(m)
	if err != nil {
		return commandFailed("the notice cannot be written", err)
	}
	if err := CheckCommand(n.o.Command[0]); err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, n.o.Timeout)
	defer stop()
	program := exec.CommandContext(ctx, n.o.Command[0], n.o.Command[1:]...)
	program.Dir, program.Env = filepath.Dir(n.o.Command[0]), environment()
	program.Stdin, program.WaitDelay = bytes.NewReader(append(line, '\n')), lastWait
	endWhole(program)
	err = program.Run()
	exit, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return commandFailed("the program of alerts.command did not end within "+n.o.Timeout.String()+" and was ended", err)
	case ended:
		return commandFailed("the program of alerts.command ended with exit code "+strconv.Itoa(exit.ExitCode()), err)
	}
	return commandFailed("the program of alerts.command could not be run; check its path and rights", err)
}

// CheckCommand says why a site's program would not be run, or nil.
func CheckCommand(path string) error {
	if err := trusted(path); err != nil {
		return commandFailed("the program of alerts.command is not there, is no file, or can be changed by accounts other than its owner's; "+
			"check its path and rights", err)
	}
	return nil
}

func commandFailed(detail string, err error) error {
	return &care.Error{Kind: care.Internal, Op: "alerts.Run", Reason: "COMMAND", Detail: detail, Err: err}
}
