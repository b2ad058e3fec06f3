package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit/index"
	reports "github.com/mycarerecord/edge-agent/agent/audit/report"
	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// auditReport answers "who has looked at my record?".
type auditReport struct {
	siteFlag
	numberFlag
	From   string `placeholder:"DATE" help:"First day, YYYY-MM-DD in local time, or a time with its offset. From the beginning, unless given."`
	To     string `placeholder:"DATE" help:"Last day, included, or a time with its offset. Until now, unless given."`
	For    string `enum:"patient,guardian" default:"patient" help:"For whom: patient, or guardian. Only the guardian's version tells of restrictions and of the site's own reasons."`
	Format string `enum:",html,csv,json,fhir" default:"" placeholder:"FORMAT" help:"html, csv, json or fhir. As the name of the file says, unless given."`
	Out    string `required:"" placeholder:"FILE" type:"path" help:"New file for the report, for your account only. A file that is there is never overwritten."`
}

// Help shows examples.
func (auditReport) Help() string {
	return `Says in plain English who asked for a patient's record, when, why, on what permission, and which parts were shown. What the journal no longer holds is stated. That a report is made is journalled first.

Give a patient the version for patients, which is the default: the guardian's tells whether the patient is restricted, and must not be handed on.

Examples:
  mcr-agent audit report --out report.html                      asks for the NHS number
  mcr-agent audit report --nhs-number-file - --from 2026-01-01 --to 2026-03-31 --out report.csv
  mcr-agent audit report --for guardian --format fhir --out report.json`
}

// reportWriters are the forms of a report by their names.
var reportWriters = map[string]func(*reports.Report, io.Writer) error{
	"html": (*reports.Report).WriteHTML, "csv": (*reports.Report).WriteCSV, "json": (*reports.Report).WriteJSON, "fhir": (*reports.Report).WriteFHIR,
}

// Run makes the report.
func (c auditReport) Run(s *streams) error {
	format, err := c.format()
	if err != nil {
		return err
	}
	now := time.Now()
	about := reports.About{Audience: reports.Audience(c.For), Made: now, MadeBy: account(), Zone: time.Local}
	if about.From, about.To, err = c.period(now); err != nil {
		return err
	}
	if about.Patient, err = c.read(s); err != nil {
		return err
	}
	files, err := openJournal(c.siteFlag, s)
	if err != nil {
		return err
	}
	made, err := makeReport(files, about, c.query(format))
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := reportWriters[format](made, &out); err != nil {
		return err
	}
	if err := writeNew(c.Out, out.Bytes()); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s tells of %s and %s, from %s of the journal.\n", c.Out,
		care.Count(len(made.Accesses), "access"), care.Count(len(made.Events), "other event"), care.Count(made.Entries, "entry"))
	if len(made.Gaps) > 0 {
		fmt.Fprintln(s.out, "Parts of the journal are not covered; the report says which.")
	}
	return nil
}

// makeReport journals that a report is made, and then makes it.
func makeReport(files *journalFiles, about reports.About, query string) (*reports.Report, error) {
	ctx := context.Background()
	request := &care.Request{Subject: care.Subject{NHSNumber: about.Patient}}
	err := files.Note(ctx, care.Event{Kind: care.JournalSearched, Query: query, Request: request})
	if err != nil {
		return nil, err
	}
	about.Site = reports.Site{Code: files.Site.Organisation.ODSCode, Name: files.Site.Organisation.Name}
	if about.Journal, err = newestHead(files); err != nil {
		files.streams.warn(fmt.Errorf("the report has no fingerprint of the journal: %w", err))
	}
	lines, gaps := index.New(index.Options{Folder: files.Folder, Archive: files.Archive, Key: files.IndexKey, Box: files.Box}).
		Search(ctx, entriesFor(&about))
	made, err := reports.Build(about, lines)
	if err != nil {
		return nil, err
	}
	for _, g := range gaps() {
		made.Gaps = append(made.Gaps, reports.Gap{First: g.From, Last: g.To, Count: g.Entries, Why: g.Reason})
	}
	return made, nil
}

// entriesFor asks for the entries that a report is made from.
func entriesFor(about *reports.About) index.Query {
	q := index.Query{Patient: about.Patient, To: about.To.Add(reports.Margin)}
	if !about.From.IsZero() {
		q.From = about.From.Add(-reports.Margin)
	}
	return q
}

// newestHead reads the newest signed head of the journal.
func newestHead(files *journalFiles) (reports.Journal, error) {
	note, err := os.ReadFile(filepath.Join(files.Folder, "checkpoint"))
	if err != nil {
		return reports.Journal{}, keyError(care.AuditUnavailable, "HEAD", "the journal has no readable checkpoint file", err)
	}
	head, _, err := tree.ParseHead(note, files.VerifierKeys...)
	return reports.Journal{Origin: head.Origin, Size: head.Size, Root: head.Root}, err
}

// format returns the form that is asked for.
func (c auditReport) format() (string, error) {
	if c.Format != "" {
		return c.Format, nil
	}
	ending := strings.ToLower(strings.TrimPrefix(filepath.Ext(c.Out), "."))
	if ending == "fhir" || reportWriters[ending] == nil {
		return "", keyError(care.BadRequest, "FORMAT", "the name of --out does not say which form is meant; end it in .html, .csv or .json, or give --format", nil)
	}
	return ending, nil
}

// query says what was asked, without the patient.
func (c auditReport) query(format string) string {
	text := "report as " + format + " for " + c.For
	if c.From != "" {
		text += " from " + c.From
	}
	if c.To != "" {
		text += " to " + c.To
	}
	return text
}

// period returns the first moment of the report and the first one after it.
func (c auditReport) period(now time.Time) (from, to time.Time, err error) {
	to = now
	if c.From != "" {
		if from, err = reportDate("--from", c.From, 0); err != nil {
			return from, to, err
		}
	}
	if c.To != "" {
		if to, err = reportDate("--to", c.To, 1); err != nil {
			return from, to, err
		}
	}
	if !from.Before(to) {
		return from, to, keyError(care.BadRequest, "PERIOD", "the period ends before it begins", nil)
	}
	return from, to, nil
}

// reportDate reads a local day, to which days are added, or an instant.
func reportDate(flag, text string, days int) (time.Time, error) {
	d, err := care.ParseDateTime(text, time.Local)
	if err != nil || d.Precision < care.ToDay {
		return time.Time{}, keyError(care.BadRequest, "DATE", flag+" is not a date; write YYYY-MM-DD", err)
	}
	if d.Precision == care.ToInstant {
		return d.Time, nil
	}
	y, m, day := d.Time.Date()
	return time.Date(y, m, day+days, 0, 0, 0, 0, time.Local), nil
}

// account returns the name of the account that runs the command.
func account() string {
	u, err := user.Current()
	if err != nil {
		return "an unknown account"
	}
	return u.Username
}
