package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"

	"github.com/mycarerecord/edge-agent/agent"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/agent/consent"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	"github.com/mycarerecord/edge-agent/agent/consent/vault"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// consentVerify checks the store.
type consentVerify struct{ siteFlag }

// Help shows examples.
func (consentVerify) Help() string {
	return `Reads every entry and checks that it is as it was written. While the agent runs it does so itself, and goes on answering; if it finds damage it releases nothing any more. While it does not run the file is checked where it lies and left as it is.

Exit codes: 0 nothing is wrong, 4 something is, 1 it could not be checked.

Examples:
  mcr-agent consent verify`
}

// Run checks the store.
func (c consentVerify) Run(s *streams) error {
	site, err := c.load()
	if err != nil {
		return err
	}
	socket := agent.SocketPath(site)
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return c.file(s, site)
	}
	line, err := dialLocal(socket, conn.Close)
	if err != nil {
		return err
	}
	defer line.close()
	if _, err := line.consent.VerifyConsent(context.Background(), &edgev1.VerifyConsentRequest{}); err != nil {
		return refusedBy(err)
	}
	fmt.Fprintln(s.out, "Every entry of the consent store is as it was written.")
	return nil
}

// file checks the file of an agent that does not run.
func (c consentVerify) file(s *streams, site *config.Site) error {
	result, code := checkFile(site)
	if code == exitDamaged {
		fmt.Fprintln(s.err, "mcr-agent: the consent store is damaged: "+result.Detail)
		return exitError(exitRefused)
	}
	switch {
	case code != exitOK:
		return keyError(care.ConsentUnavailable, result.Reason, result.Detail, nil)
	case result.Absent:
		fmt.Fprintln(s.out, "There is no consent store yet: the agent has not run here.")
	default:
		fmt.Fprintf(s.out, "Every entry of the consent store is as it was written: %s, %d bytes.\n", care.Count(result.Entries, "entry"), result.Bytes)
	}
	return nil
}

// consentCheckStore checks the store for the agent, which starts this as a
// process of its own: a file that crashes whoever reads it does not crash the
// agent.
type consentCheckStore struct {
	Site string `required:"" type:"path" help:"The site's agent.yaml."`
}

// Help says how it answers.
func (consentCheckStore) Help() string {
	return `Prints one line of JSON. Exit codes: 0 the store is sound or there is none, 10 damaged, 11 another process has it open, 12 the site key cannot be had, 1 it could not be checked. Nothing is changed.`
}

// Exit codes of check-store.
const (
	exitDamaged = 10
	exitLocked  = 11
	exitNoKey   = 12
)

// checkResult is what check-store prints.
type checkResult struct {
	Sound   bool   `json:"sound"`
	Absent  bool   `json:"absent,omitempty"` // no store was ever made here
	Reason  string `json:"reason,omitempty"`
	Detail  string `json:"detail,omitempty"`
	Entries uint64 `json:"entries"`
	Bytes   int64  `json:"bytes"`
}

// Run checks the store.
func (c consentCheckStore) Run(s *streams) error {
	site, err := siteFlag{Config: c.Site}.load()
	if err != nil {
		return err
	}
	result, code := checkFile(site)
	if err := json.NewEncoder(s.out).Encode(&result); err != nil {
		return err
	}
	if code != exitOK {
		return exitError(code)
	}
	return nil
}

// checkFile checks the file of a site's consent store.
func checkFile(site *config.Site) (checkResult, int) {
	path := agent.ConsentPath(site)
	if !vault.Exists(path) {
		return checkResult{Sound: true, Absent: true}, exitOK
	}
	key, err := sitekey.Open(agent.KeySource(site))
	if err != nil {
		return resultOf(err), exitNoKey
	}
	report, err := consent.CheckFile(context.Background(), path, key)
	if err == nil {
		return checkResult{Sound: true, Entries: report.Entries, Bytes: int64(report.Bytes)}, exitOK
	}
	code, known := map[string]int{rule.ReasonDamaged: exitDamaged, "LOCKED": exitLocked}[care.ReasonOf(err)]
	if !known {
		code = exitFailed
	}
	return resultOf(err), code
}

// resultOf is the result of a check that found or met an error.
func resultOf(err error) checkResult {
	if e, ours := errors.AsType[*care.Error](err); ours {
		return checkResult{Reason: cmp.Or(e.Reason, e.Kind.String()), Detail: e.Detail}
	}
	return checkResult{Reason: care.Internal.String(), Detail: "the check failed"}
}

// maxCheckOutput is how much of what the check writes is kept, in bytes.
const maxCheckOutput = 64 << 10

// checkInChild returns a check of a site's consent store in a process of its
// own. A check that crashes has found damage; one that was ended from outside,
// or could not begin, has found nothing.
func checkInChild(configPath string) func(context.Context) error {
	return func(ctx context.Context) error {
		program, err := os.Executable()
		if err != nil {
			return &care.Error{Kind: care.Internal, Op: "consent.check", Reason: "CHILD", Detail: "the agent's own program cannot be found", Err: err}
		}
		var out, complaint bytes.Buffer
		child := exec.CommandContext(ctx, program, "consent", "check-store", "--site", configPath)
		child.Args[0] = "mcr-agent" // whatever its file is called
		child.Stdout, child.Stderr = &limited{&out, maxCheckOutput}, &limited{&complaint, maxCheckOutput}
		err = child.Run()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return verdictOf(child.ProcessState, err, out.Bytes(), complaint.Bytes())
	}
}

// verdictOf says what a check in another process has found.
func verdictOf(state *os.ProcessState, err error, out, complaint []byte) error {
	if err == nil {
		return nil
	}
	fail := func(reason, detail string) error {
		return &care.Error{Kind: care.ConsentUnavailable, Op: "consent.check", Reason: reason, Detail: detail, Err: err}
	}
	if crashed(state, complaint) {
		return fail(rule.ReasonDamaged, "reading the consent store crashed the process that checked it")
	}
	var result checkResult
	if state == nil || json.Unmarshal(out, &result) != nil {
		return fail("CHILD", "the consent store could not be checked: the check could not begin or was ended from outside")
	}
	switch state.ExitCode() {
	case exitDamaged:
		return fail(rule.ReasonDamaged, result.Detail)
	case exitLocked:
		return fail("LOCKED", result.Detail)
	}
	return fail(cmp.Or(result.Reason, "CHILD"), cmp.Or(result.Detail, "the consent store could not be checked"))
}

// crashed reports whether a process was ended by a fault of its own: one that
// the runtime reports, or a signal that memory and files raise.
func crashed(state *os.ProcessState, complaint []byte) bool {
	if bytes.Contains(complaint, []byte("\ngoroutine ")) {
		return true
	}
	if state == nil {
		return false
	}
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && (status.Signal() == syscall.SIGBUS || status.Signal() == syscall.SIGSEGV || status.Signal() == syscall.SIGABRT)
}

// limited passes on the first n bytes and takes the rest without a word.
type limited struct {
	to io.Writer
	n  int
}

// Write writes what there is room for.
func (l *limited) Write(p []byte) (int, error) {
	keep := p[:min(len(p), l.n)]
	l.n -= len(keep)
	if _, err := l.to.Write(keep); err != nil {
		return 0, err
	}
	return len(p), nil
}
