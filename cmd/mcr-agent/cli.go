package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/alecthomas/kong"
	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/cmd/internal/completion"
	"github.com/mycarerecord/edge-agent/connectors/all"
)

// Exit codes. Scripts rely on them.
const (
	exitOK      = 0
	exitFailed  = 1 // it could not be done
	exitUsage   = 2 // wrong command, argument or flag, or what cannot be a number, a date or a name
	exitFaulty  = 3 // the configuration has faults
	exitRefused = 4 // the agent refused, or would: the same handed in again is refused again
)

// cli is the command line.
type cli struct {
	Run        runCommand         `cmd:"" help:"Run the agent, in the foreground or as a service."`
	Check      checkCommand       `cmd:"" help:"Check agent.yaml and the files it names, and show every fault at once."`
	Status     statusCommand      `cmd:"" help:"Tell how the running agent and everything it depends on are."`
	Consent    consentCommand     `cmd:"" help:"Look at and change this site's consent flags."`
	Audit      auditCommand       `cmd:"" help:"Read the journal."`
	Alerts     alertsCommand      `cmd:"" help:"The privacy officer's queue: what somebody is to look at."`
	Key        keyCommand         `cmd:"" help:"Look after the site's secret key."`
	Demo       demoCommand        `cmd:"" help:"Show the whole thing on this machine, with made-up patients and no set-up."`
	Service    serviceCommand     `cmd:"" help:"Install, start and stop the system service."`
	Completion completion.Command `cmd:"" help:"Write a completion script for a shell."`
	Version    versionCommand     `cmd:"" help:"Print the version."`
}

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run runs one command line and returns the exit code.
func run(args []string, in io.Reader, out, err io.Writer) int {
	s := &streams{in, out, err}
	var commands cli
	exited := -1
	parser := kong.Must(&commands,
		kong.Name("mcr-agent"),
		kong.Description("The My Care Record edge agent: shows one patient's record, read-only, to those who may see it, and writes down each time it does.\n\n"+
			"Exit codes: 0 done, 1 failed, 2 wrong usage (also a number, date or name that is none), 3 faults in the configuration, 4 refused by the agent, or by the check of a file that was to be handed in."),
		kong.Writers(out, err),
		kong.Exit(func(code int) { exited = code }),
		kong.Vars{"config": defaultConfig()},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if len(args) == 0 {
		args = []string{"--help"}
	}
	ctx, perr := parser.Parse(args)
	if exited >= 0 { // help was asked for and shown
		return exited
	}
	if perr != nil {
		fmt.Fprintf(err, "mcr-agent: %v\nTry mcr-agent --help.\n", perr)
		return exitUsage
	}
	ctx.BindTo(out, (*io.Writer)(nil))
	return s.exitCode(ctx.Run(s))
}

// exitCode shows an error and returns its exit code.
func (s *streams) exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if code, ok := errors.AsType[exitError](err); ok {
		return int(code)
	}
	s.warn(err)
	if _, ok := errors.AsType[config.Problems](err); ok {
		return exitFaulty
	}
	if _, ok := errors.AsType[*refusedError](err); ok {
		return exitRefused
	}
	if e, ok := errors.AsType[*care.Error](err); ok && e.Kind == care.BadRequest && e.Op == ownOp || care.KindOf(err) == care.InvalidNHSNumber {
		return exitUsage
	}
	return exitFailed
}

// warn shows an error on standard error.
func (s *streams) warn(err error) { fmt.Fprintln(s.err, "mcr-agent: "+care.Plain(err)) }

// ownOp is the Op of errors that a command itself has found, such as a date
// that is none.
const ownOp = "mcr-agent"

// exitError ends a command whose output has said everything already.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// siteFlag is the flag of the commands that need agent.yaml.
type siteFlag struct {
	Config string `short:"c" help:"The site's file." default:"${config}" env:"MCR_AGENT_CONFIG" type:"path"`
}

func (f siteFlag) load() (*config.Site, error) {
	path, err := f.path()
	if err != nil {
		return nil, err
	}
	return config.Load(path, all.Registry())
}

func (f siteFlag) path() (string, error) {
	path, err := filepath.Abs(f.Config)
	if err != nil {
		return "", &care.Error{Kind: care.BadRequest, Op: ownOp, Detail: "the path of agent.yaml cannot be read"}
	}
	return path, nil
}

// logger returns the agent's own log: JSON lines that never hold patient data.
func logger(level string, out io.Writer) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: "mcr-agent", Level: hclog.LevelFromString(level), Output: out, JSONFormat: true})
}
