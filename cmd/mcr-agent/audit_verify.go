package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit/verify"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// maxHeadFile is how many bytes of a file with a signed head are read: more
// than a head can have.
const maxHeadFile = 16<<10 + 1

// auditVerify verifies the journal.
type auditVerify struct {
	siteFlag
	Head []string `placeholder:"FILE" type:"path" help:"Signed head that was kept elsewhere, by a broker say. May be given more than once."`
	JSON bool     `help:"Print the result as JSON."`
}

// Help shows examples.
func (auditVerify) Help() string {
	return `Checks every line, the order of entries, the hash tree, signed heads and countersignatures, names each entry that is wrong or missing, and says what cannot be known. It may be used while the agent runs. The result is journalled first.

A head that was kept where the site's people cannot reach it shows that the journal was not made anew: ask the broker for the one that it countersigned last.

Exit codes: 0 nothing is wrong, 4 something is, 1 it could not be verified.

Examples:
  mcr-agent audit verify
  mcr-agent audit verify --head from-the-broker.note --json`
}

// Run verifies the journal and shows the result.
func (c auditVerify) Run(s *streams) error {
	journal, err := openJournal(c.siteFlag, s)
	if err != nil {
		return err
	}
	options := verify.Options{Folder: journal.Folder, Archive: journal.Archive, Keys: journal.VerifierKeys, Progress: progressOn(s.err)}
	for _, path := range c.Head {
		head, err := readHead(path)
		if err != nil {
			return err
		}
		options.Heads = append(options.Heads, head)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	report, err := verify.Check(ctx, options)
	if err != nil {
		return err
	}
	event := care.Event{Kind: care.IntegrityChecked, From: min(1, report.Entries), To: report.Entries, Detail: inShort(&report), Alert: !report.Fine()}
	if err := journal.Note(ctx, event); err != nil {
		s.warn(fmt.Errorf("the result could not be journalled: %w", err))
	}
	return c.show(s.out, &report)
}

// show prints the result.
func (c auditVerify) show(out io.Writer, r *verify.Report) error {
	if c.JSON {
		text, err := json.MarshalIndent(r, "", "  ")
		if err == nil {
			_, err = fmt.Fprintf(out, "%s\n", text)
		}
		if err != nil {
			return err
		}
	} else if err := r.Write(out); err != nil {
		return err
	}
	if !r.Fine() {
		return exitError(exitRefused)
	}
	return nil
}

// inShort is what the journal says of a verification.
func inShort(r *verify.Report) string {
	if r.Fine() {
		return fmt.Sprintf("nothing is wrong; signed up to entry %d, countersigned up to %d", r.Signed, r.Anchored)
	}
	var codes []string
	for _, f := range r.Findings[:min(len(r.Findings), 10)] {
		codes = append(codes, fmt.Sprintf("%s %d-%d", f.Code, f.From, f.To))
	}
	return fmt.Sprintf("%s: %s", care.Count(len(r.Findings)+r.More, "finding"), strings.Join(codes, ", "))
}

// readHead reads a file with a signed head.
func readHead(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &care.Error{Kind: care.BadRequest, Op: ownOp, Detail: "the head " + filepath.Base(path) + " cannot be read", Err: err}
	}
	defer func() { _ = f.Close() }() // only read from
	return io.ReadAll(io.LimitReader(f, maxHeadFile))
}

// progressOn tells how far a verification is: on one line of a terminal, or a
// line every five seconds.
func progressOn(out io.Writer) func(done, total int64) {
	every, begin, end := 5*time.Second, "", "\n"
	f, isFile := out.(*os.File)
	if isFile {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			every, begin, end = 200*time.Millisecond, "\r", ""
		}
	}
	last, shown := time.Now(), false
	return func(done, total int64) {
		over := done == total && shown && end == ""
		if time.Since(last) < every && !over {
			return
		}
		last, shown = time.Now(), true
		fmt.Fprintf(out, "%sVerified %d of %d MiB%s", begin, done>>20, total>>20, end)
		if over {
			fmt.Fprintln(out)
		}
	}
}
