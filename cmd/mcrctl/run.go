package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
	"google.golang.org/grpc/status"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/completion"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/cmd/internal/view"
)

// Exit codes. They are part of what mcrctl promises: a number is never given
// another meaning.
const (
	exitWhole       = 0
	exitUsage       = 1
	exitRefused     = 2
	exitNotWhole    = 3
	exitUnreachable = 4
	exitNotFound    = 5
	exitHistory     = 6
	exitNotReleased = 7
)

const description = `Read patients' records from an edge agent, fill its consent flags, and see how it is.

Exit codes:

    0  done; an answer is whole
    1  wrong usage, or something on this machine
    2  the agent refused: REFUSED, the code, and what to do are on stderr
    3  answered, but not whole: something is unavailable, cut short, in
       transit, missing, or does not add up; what it is stands in the output
    4  the agent cannot be reached, or one end does not accept the other
    5  the agent serves no such patient
    6  a journal is not as it was: entries were changed, removed or replaced;
       or a site's consent flags were put back from the past
    7  done, but the site releases nothing at present: its consent flags are
       in doubt, or, after status, for what stands there under ATTENTION

Every flag can be given by an environment variable: MCRCTL_ and its name, such as MCRCTL_REGION for --region.

Command lines and environments can be seen by other users of a machine. Give an NHS number by stdin or --nhs-number-file where that matters.`

// grammar is the command line.
type grammar struct {
	Record struct {
		Get recordGet `cmd:"" help:"Read sections of a patient's record."`
	} `cmd:"" help:"A patient's record."`
	Document struct {
		Get documentGet `cmd:"" help:"Read one document that the record names."`
	} `cmd:"" help:"Documents of a record."`
	Locate  locate `cmd:"" help:"Ask whether the site serves a patient, without reading the record."`
	Consent struct {
		Push    consentPush    `cmd:"" help:"Replace the region's consent flags at the site by those of a file."`
		Update  consentUpdate  `cmd:"" help:"Push what a file of flags says beyond the one that was pushed before."`
		Beat    consentBeat    `cmd:"" help:"Say that nothing has changed, and vouch for the agent."`
		State   consentState   `cmd:"" help:"Tell what the site's cache of consent flags holds, in numbers."`
		Collect consentCollect `cmd:"" help:"Collect what was stated at the site."`
		Key     consentKey     `cmd:"" help:"Make the key by which a region signs its pushes."`
	} `cmd:"" help:"Consent flags."`
	Audit struct {
		Verify  auditVerify  `cmd:"" help:"Check a file that mcr-agent audit export wrote, with public keys only."`
		Witness auditWitness `cmd:"" help:"Check that an agent's journal still holds all it held before, and countersign it."`
	} `cmd:"" help:"An agent's journal."`
	Status     statusGet          `cmd:"" help:"Tell how an agent and everything it depends on are."`
	Version    version            `cmd:"" help:"Tell the version of mcrctl."`
	Completion completion.Command `cmd:"" help:"Write a completion script for a shell."`
}

// program is what a command works with.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// exit is the error of a command that has told everything itself.
type exit int

// Error returns the exit code in words.
func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// run is the program without its process: it returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{stdin, stdout, stderr}
	helped := false
	parser, err := kong.New(&grammar{}, kong.Name("mcrctl"), kong.Description(description), kong.DefaultEnvars("MCRCTL"),
		kong.Writers(stdout, stderr), kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}))
	if err != nil {
		return p.failed(err)
	}
	command, err := parser.Parse(args)
	if helped {
		return exitWhole
	}
	if err != nil {
		fmt.Fprintln(stderr, "mcrctl: "+view.Clean(err.Error())+"; see mcrctl --help")
		return exitUsage
	}
	command.BindTo(stdout, (*io.Writer)(nil))
	return p.failed(command.Run(p))
}

// failed tells why a command failed and returns the exit code of that.
func (p *program) failed(err error) int {
	if err == nil {
		return exitWhole
	}
	if code, told := errors.AsType[exit](err); told {
		return int(code)
	}
	if _, refused := edge.RefusalOf(err); refused {
		return p.refused(err)
	}
	if st, remote := status.FromError(err); remote {
		fmt.Fprintf(p.stderr, "CANNOT REACH THE AGENT: %s: %s\n", st.Code(), view.Clean(st.Message()))
		return exitUnreachable
	}
	fmt.Fprintln(p.stderr, "mcrctl: "+view.Clean(care.Plain(err)))
	return exitUsage
}

// hints say what to do about refusals whose reason is seldom what it seems.
var hints = map[string]string{
	"OLD": "mcrctl consent state tells the sequence and the time that the site was told last; a beat counts as telling. If these flags are right as of a later time, say so with --as-of.",
}

// refused tells of a refusal.
func (p *program) refused(err error) int {
	refusal, _ := edge.RefusalOf(err)
	text := "REFUSED " + refusal.GetCode() + ": " + refusal.GetDetail()
	if refusal.GetReason() != "" {
		text += " (" + refusal.GetReason() + ")"
	}
	fmt.Fprintln(p.stderr, view.Clean(text))
	if refusal.GetRequestId() != "" {
		fmt.Fprintln(p.stderr, "  request "+view.Clean(refusal.GetRequestId()))
	}
	if n := refusal.GetJournalSequence(); n > 0 {
		fmt.Fprintf(p.stderr, "  the site wrote this down as journal entry %d\n", n)
	}
	if hint := hints[refusal.GetReason()]; hint != "" {
		fmt.Fprintln(p.stderr, "  "+hint)
	}
	switch kind, _ := care.ParseKind(refusal.GetCode()); kind {
	case care.PatientNotFound:
		return exitNotFound
	case care.Unauthenticated:
		return exitUnreachable
	}
	return exitRefused
}
