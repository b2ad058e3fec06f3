package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mycarerecord/edge-agent/agent/alerts"
	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// alertsCommand is the queue of the site's privacy officer. It works whether or
// not the agent runs.
type alertsCommand struct {
	List alertsList `cmd:"" help:"List the alerts that wait to be dealt with."`
	Show alertsShow `cmd:"" help:"Show one alert: who, when, why, and whose record."`
	Seen alertsSeen `cmd:"" help:"Write down that alerts were dealt with."`
}

// alertFiles are those of the journal's alerts.
func (j *journalFiles) alertFiles() alerts.Files {
	return alerts.Files{Folder: j.Folder, Archive: j.Archive, State: filepath.Join(j.Site.StateFolder, alerts.FileName), Key: j.IndexKey}
}

// alertsList lists alerts.
type alertsList struct {
	siteFlag
	All    bool   `help:"List those that were dealt with, too."`
	Format string `enum:"table,json" default:"table" help:"table or json."`
}

// Help shows examples.
func (alertsList) Help() string {
	return `Oldest first. The list names no patient and no user; see alerts show. The number is the entry's in the journal. With --all the whole journal is read, which takes some seconds per million entries.

Examples:
  mcr-agent alerts list
  mcr-agent alerts list --all --format json`
}

// Run lists alerts.
func (c alertsList) Run(s *streams) error {
	journal, err := openJournal(c.siteFlag, s)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	all, err := alerts.List(ctx, journal.alertFiles(), c.All)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return alertsJSON(s, all)
	}
	return alertsTable(s, all)
}

// alertsTable writes a line for each alert.
func alertsTable(s *streams, all []alerts.Alert) error {
	if len(all) == 0 {
		fmt.Fprintln(s.out, "There are no alerts.")
		return nil
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ALERT\tTIME\tKIND\tSTATE")
	for i := range all {
		a := &all[i]
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\n", a.Number, localTime(a.Time), printable(a.Kind), stateOf(a))
	}
	return table.Flush()
}

// stateOf says how an alert was dealt with.
func stateOf(a *alerts.Alert) string {
	if a.Open() {
		return "open"
	}
	text := fmt.Sprintf("seen by %s on %s, entry %d", printable(cmp.Or(a.Seen.By, "somebody")), localTime(a.Seen.Time), a.Seen.Number)
	if a.Seen.Note != "" {
		text += ": " + printable(a.Seen.Note)
	}
	return text
}

// alertJSON is one alert for programs.
type alertJSON struct {
	Reference uint64    `json:"reference"`
	Time      time.Time `json:"time"`
	Kind      string    `json:"kind"`
	Open      bool      `json:"open"`
	Seen      *seenJSON `json:"seen,omitempty"`
}

type seenJSON struct {
	Entry uint64    `json:"entry"`
	Time  time.Time `json:"time"`
	By    string    `json:"by"`
	Note  string    `json:"note,omitempty"`
}

// alertsJSON writes alerts as one list.
func alertsJSON(s *streams, all []alerts.Alert) error {
	list := make([]alertJSON, 0, len(all))
	for i := range all {
		a := &all[i]
		m := alertJSON{Reference: a.Number, Time: a.Time, Kind: a.Kind, Open: a.Open()}
		if !a.Open() {
			m.Seen = &seenJSON{a.Seen.Number, a.Seen.Time, a.Seen.By, a.Seen.Note}
		}
		list = append(list, m)
	}
	text, err := json.MarshalIndent(list, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(s.out, "%s\n", text)
	}
	return err
}

// alertsShow shows one alert.
type alertsShow struct {
	siteFlag
	Number uint64 `arg:"" help:"Number of the alert."`
}

// Help shows examples.
func (alertsShow) Help() string {
	return `Names the patient and the user. That you looked is written to the journal first. Everything that the entry holds is in audit show.

Examples:
  mcr-agent alerts show 1234`
}

// Run shows one alert.
func (c alertsShow) Run(s *streams) error {
	journal, err := openJournal(c.siteFlag, s)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := journal.Note(ctx, care.Event{Kind: care.JournalSearched, Query: "a privacy alert", From: c.Number, To: c.Number}); err != nil {
		return err
	}
	alert, entry, err := alerts.Find(ctx, journal.alertFiles(), c.Number)
	if err != nil {
		return err
	}
	if err := journal.Box.Reveal(&entry); err != nil {
		s.warn(err)
	}
	return showAlert(s, &alert, &entry)
}

// showAlert writes what an alert is about, a line for each thing that it has.
func showAlert(s *streams, a *alerts.Alert, l *audit.Line) error {
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"Alert", fmt.Sprintf("%d, %s, %s", a.Number, a.Kind, stateOf(a))},
		{"When", localTime(a.Time)},
		{"Who", words(l.UserName, l.UserID)},
		{"Role", words(l.RoleName, l.RoleCode)},
		{"Organisation", words(l.OrganisationName, string(l.Organisation))},
		{"Broker", l.Broker},
		{"Done by", l.Actor},
		{"Patient", patientOf(l)},
		{"Asked for", words(l.Interaction, strings.Join(l.Sections, ", "))},
		{"Document", l.DocumentID},
		{"Purpose", l.Purpose},
		{"Permission", l.Permission},
		{"Reason", l.AlertReason},
		{"As typed", l.Reason},
		{"Refused", words(l.Refusal, l.TrueReason)},
		{"Detail", l.Detail},
	} {
		if row[1] != "" {
			fmt.Fprintf(table, "%s\t%s\n", row[0], printable(row[1]))
		}
	}
	return table.Flush()
}

// words returns a text with another one in brackets, if there is one.
func words(text, more string) string {
	switch {
	case text == "":
		return more
	case more == "":
		return text
	}
	return text + " (" + more + ")"
}

// patientOf returns the NHS number of an entry, if it names a patient.
func patientOf(l *audit.Line) string {
	switch {
	case len(l.Patient.Box) == 0:
		return ""
	case l.NHSNumber.IsZero():
		return "sealed"
	}
	return "NHS number " + l.NHSNumber.Reveal()
}
