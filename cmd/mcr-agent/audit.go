package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// auditCommand reads the journal. It works whether or not the agent runs.
type auditCommand struct {
	Tail    auditTail    `cmd:"" help:"Show the newest entries, a line each."`
	Show    auditShow    `cmd:"" help:"Show entries in full."`
	Search  auditSearch  `cmd:"" help:"Look for entries by patient, user, organisation, time and more."`
	Report  auditReport  `cmd:"" help:"Say who has looked at a patient's record."`
	Verify  auditVerify  `cmd:"" help:"Check that no entry was changed, removed or added."`
	Export  auditExport  `cmd:"" help:"Copy entries out, with the proof that they are the journal's."`
	Archive auditArchive `cmd:"" help:"Move closed segments to the archive folder."`
	Renew   auditRenew   `cmd:"" help:"Begin a new journal after entries of the old one were lost."`
}

// auditTail shows the newest entries.
type auditTail struct {
	siteFlag
	Number int  `short:"n" default:"20" help:"How many entries."`
	Follow bool `short:"f" help:"Go on with new entries as they come, until Ctrl-C."`
}

// Help shows examples.
func (auditTail) Help() string {
	return `Shows number, local time, what happened, who asked, from where, and how it was answered. Patients are not named; use audit show for a whole entry.

Examples:
  mcr-agent audit tail
  mcr-agent audit tail -n 100 -f`
}

// Run shows the newest entries.
func (c auditTail) Run(s *streams) error {
	journal, err := openJournal(c.siteFlag, s)
	if err != nil {
		return err
	}
	if err := journal.Note(context.Background(), care.Event{Kind: care.JournalSearched, Query: "the newest entries, without patients"}); err != nil {
		return err
	}
	folder := journal.Folder
	last, err := newest(audit.Read(folder, 1, 0), max(c.Number, 1))
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ENTRY\tTIME\tEVENT\tANSWER\tWHO\tORGANISATION\tWHY")
	next := uint64(1)
	for _, line := range last {
		printEntry(table, &line)
		next = line.Sequence + 1
	}
	if err := table.Flush(); err != nil || !c.Follow {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	for line, err := range audit.Follow(ctx, folder, next) {
		if err != nil {
			return err
		}
		printEntry(table, &line)
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// newest returns the last n entries.
func newest(lines iter.Seq2[audit.Line, error], n int) ([]audit.Line, error) {
	ring := make([]audit.Line, 0, n)
	for line, err := range lines {
		if err != nil {
			return nil, err
		}
		if len(ring) == n {
			copy(ring, ring[1:])
			ring = ring[:n-1]
		}
		ring = append(ring, line)
	}
	return ring, nil
}

func printEntry(out *tabwriter.Writer, l *audit.Line) {
	who, why := l.UserName, l.Purpose
	if who == "" {
		who = l.Actor
	}
	if l.Broker != "" && who == "" {
		who = l.Broker
	}
	answer := l.Refusal
	if answer == "" && l.Interaction != "" {
		answer = "OK"
	}
	if l.TrueReason != "" {
		answer = strings.TrimSpace(answer + because(l.TrueReason))
	}
	if l.Kind == care.ReleaseEnded && l.Refusal == "" {
		answer = "OK, " + sent(l)
	}
	fmt.Fprintf(out, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Sequence, l.Time.Local().Format("2006-01-02 15:04:05 MST"), l.Kind,
		answer, printable(who), printable(string(l.Organisation)), why)
}

// sent says what left, and of how many sections not everything did.
func sent(l *audit.Line) string {
	text := care.Count(l.Records, "record") + " sent"
	lacking := 0
	for _, o := range l.Outcomes {
		switch o.State {
		case care.Unavailable.String(), care.Truncated.String(), care.InTransit.String():
			lacking++
		}
	}
	if lacking > 0 {
		text += ", " + care.Count(lacking, "section") + " not whole"
	}
	return text
}

// printable takes from a text what could steer a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, s)
}

// auditShow shows entries in full.
type auditShow struct {
	siteFlag
	From uint64 `arg:"" help:"Number of the entry."`
	To   uint64 `arg:"" optional:"" help:"Number of the last entry, for a range."`
	Raw  bool   `help:"Print the lines as they stand in the journal, one each."`
}

// Help shows examples.
func (auditShow) Help() string {
	return `Shows whole entries, with the patient's NHS number. That you looked is written to the journal. With --raw what names the patient stays sealed.

Examples:
  mcr-agent audit show 42
  mcr-agent audit show 42 57 --raw`
}

// Run shows entries in full.
func (c auditShow) Run(s *streams) error {
	if c.From == 0 {
		return keyError(care.BadRequest, "ENTRIES", "the numbers of entries begin at 1; mcr-agent audit tail shows the newest", nil)
	}
	journal, err := openJournal(c.siteFlag, s)
	if err != nil {
		return err
	}
	to := max(c.To, c.From)
	if err := journal.Note(context.Background(), care.Event{Kind: care.JournalSearched, Query: "whole entries", From: c.From, To: to}); err != nil {
		return err
	}
	shown := 0
	for line, err := range audit.Read(journal.Folder, c.From, to) {
		if err != nil {
			return err
		}
		shown++
		if err := c.show(s, journal.Box, &line); err != nil {
			return err
		}
	}
	if shown == 0 {
		which := strconv.FormatUint(c.From, 10)
		if to > c.From {
			which = fmt.Sprintf("from %d to %d", c.From, to)
		}
		return &care.Error{Kind: care.RecordNotFound, Op: ownOp, Detail: "the journal has no entry " + which + "; mcr-agent audit tail shows the newest"}
	}
	return nil
}

// show prints one entry. An entry whose patient cannot be revealed is shown
// sealed, with the reason.
func (c auditShow) show(s *streams, box *audit.Box, line *audit.Line) error {
	if c.Raw {
		_, err := fmt.Fprintf(s.out, "%s\n", line.Raw)
		return err
	}
	if err := box.Reveal(line); err != nil {
		s.warn(err)
	}
	whole, err := revealed(line)
	if err != nil {
		return err
	}
	text := bytes.NewBuffer(nil)
	if err := json.Indent(text, whole, "", "  "); err != nil {
		return &care.Error{Kind: care.AuditUnavailable, Op: ownOp, Reason: "DAMAGED", Detail: fmt.Sprintf("entry %d is not JSON", line.Sequence)}
	}
	_, err = fmt.Fprintln(s.out, text)
	return err
}

// localTime is how times are shown to people at the site.
func localTime(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04:05 MST")
}
