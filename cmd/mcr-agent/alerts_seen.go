package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/alerts"
	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// maxSeenNote bounds what is written down of how alerts were dealt with, in
// bytes.
const maxSeenNote = 1024

// alertsSeen writes down that alerts were dealt with.
type alertsSeen struct {
	siteFlag
	Numbers []string `arg:"" help:"Numbers of alerts, or ranges such as 100-250."`
	Note    string   `placeholder:"TEXT" help:"What was done. It is not sealed: name no patient."`
}

// Help shows examples.
func (alertsSeen) Help() string {
	return `That you dealt with them is an entry of the journal, with your account; it cannot be taken back. Of a range, all alerts that are open are meant. An alert that was dealt with before stays as it is, and it is told who did so.

Examples:
  mcr-agent alerts seen 1234 --note "spoke to the user; a real emergency"
  mcr-agent alerts seen 1234 1240 1300-1350`
}

// Run writes it down.
func (c alertsSeen) Run(s *streams) error {
	if len(c.Note) > maxSeenNote || namesPatient(c.Note) {
		return keyError(care.BadRequest, "NOTE", "--note is longer than 1024 bytes, or holds an NHS number: it is not sealed", nil)
	}
	journal, err := openJournal(c.siteFlag, s)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	open, err := alerts.List(ctx, journal.alertFiles(), false)
	if err != nil {
		return err
	}
	chosen, err := choose(open, c.Numbers)
	if err != nil {
		return err
	}
	for _, number := range chosen.notOpen {
		alert, _, err := alerts.Find(ctx, journal.alertFiles(), number)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "Alert %d was dealt with before, %s. Nothing is written about it again.\n", number, stateOf(&alert))
	}
	if chosen.count == 0 {
		return nil
	}
	if err := c.note(ctx, s, chosen.ranges); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Written down as dealt with: %s. Still open: %d.\n", care.Count(chosen.count, "alert"), len(open)-chosen.count)
	return nil
}

// note has the running agent, or this command if none runs, write it down.
func (c alertsSeen) note(ctx context.Context, s *streams, ranges [][2]uint64) error {
	line, err := c.open(s)
	if err != nil {
		return err
	}
	defer line.close()
	for _, r := range ranges {
		reply, err := line.audit.NoteUse(ctx, &edgev1.NoteUseRequest{Use: edgev1.JournalUse_JOURNAL_USE_ALERT_SEEN, From: r[0], To: r[1], Finding: c.Note})
		if err != nil {
			return refusedBy(err)
		}
		if reply.GetNoted().GetSequence() == 0 {
			return &care.Error{Kind: care.AuditUnavailable, Op: ownOp, Detail: "the journal cannot be written at present, so it is not certain that this is kept; " +
				"try again when mcr-agent status shows that it can be"}
		}
	}
	return nil
}

// choice is which alerts are meant.
type choice struct {
	ranges  [][2]uint64 // that hold all open alerts that are meant and no other
	count   int         // how many there are
	notOpen []uint64    // numbers, named singly, of no open alert
}

// choose returns which open alerts are named. A range without any is an error.
func choose(open []alerts.Alert, named []string) (c choice, err error) {
	chosen := make([]bool, len(open))
	for _, text := range named {
		first, last, err := entryRange(text)
		if err != nil || last == 0 {
			return c, keyError(care.BadRequest, "ALERTS", strconv.Quote(text)+" is not the number of an alert; write 12, or 12-40 for a range", err)
		}
		some := false
		for i := range open {
			if n := open[i].Number; first <= n && n <= last {
				chosen[i], some = true, true
			}
		}
		switch {
		case some:
		case first == last:
			c.notOpen = append(c.notOpen, first)
		default:
			return c, keyError(care.RecordNotFound, "NO_ALERT", strconv.Quote(text)+" names no open alert; see alerts list", nil)
		}
	}
	for i := range open {
		switch {
		case !chosen[i]:
			continue
		case i > 0 && chosen[i-1]:
			c.ranges[len(c.ranges)-1][1] = open[i].Number
		default:
			c.ranges = append(c.ranges, [2]uint64{open[i].Number, open[i].Number})
		}
		c.count++
	}
	return c, nil
}

// tenDigits fits whatever may be an NHS number.
var tenDigits = regexp.MustCompile(`\d(?:[ -]?\d){9}`)

// namesPatient reports whether a text holds an NHS number.
func namesPatient(text string) bool {
	return slices.ContainsFunc(tenDigits.FindAllString(text, -1), func(digits string) bool {
		_, err := care.ParseNHSNumber(strings.ReplaceAll(digits, "-", ""))
		return err == nil
	})
}
