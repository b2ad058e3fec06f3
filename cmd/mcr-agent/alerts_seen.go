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
	return `That you dealt with them is an entry of the journal, with your account; it cannot be taken back. Of a range, all alerts that are open are meant.

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
	ranges, count, err := seenRanges(open, c.Numbers)
	if err != nil {
		return err
	}
	if err := c.note(ctx, s, ranges); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%d alerts were dealt with; %d are still open.\n", count, len(open)-count)
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
			return &care.Error{Kind: care.AuditUnavailable, Op: "mcr-agent", Detail: "the journal cannot be written at present, so it is not certain that this is kept; " +
				"try again when mcrctl status shows that it can be"}
		}
	}
	return nil
}

// seenRanges returns the open alerts that are named, as ranges that hold no
// other open alert, and how many there are. A number that is not that of an
// open alert is an error, as is a range without any.
func seenRanges(open []alerts.Alert, named []string) (ranges [][2]uint64, count int, err error) {
	chosen := make([]bool, len(open))
	for _, text := range named {
		first, last, err := entryRange(text)
		if err != nil || last == 0 {
			return nil, 0, keyError(care.BadRequest, "ALERTS", strconv.Quote(text)+" is not the number of an alert; write 12, or 12-40 for a range", err)
		}
		some := false
		for i := range open {
			if n := open[i].Number; first <= n && n <= last {
				chosen[i], some = true, true
			}
		}
		if !some {
			return nil, 0, keyError(care.RecordNotFound, "NO_ALERT", strconv.Quote(text)+" names no open alert; see alerts list", nil)
		}
	}
	for i := range open {
		switch {
		case !chosen[i]:
			continue
		case i > 0 && chosen[i-1]:
			ranges[len(ranges)-1][1] = open[i].Number
		default:
			ranges = append(ranges, [2]uint64{open[i].Number, open[i].Number})
		}
		count++
	}
	return ranges, count, nil
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
