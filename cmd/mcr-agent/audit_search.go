package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"iter"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/audit/index"
	reports "github.com/mycarerecord/edge-agent/agent/audit/report"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// auditSearch finds entries of the journal.
type auditSearch struct {
	siteFlag
	numberFlag
	User         string `placeholder:"ID" help:"Id of the user who asked, or the account of whoever did something at the site."`
	Organisation string `placeholder:"ODS" help:"ODS code of the organisation that the user works for."`
	Role         string `placeholder:"CODE" help:"The user's role code or role profile."`
	Broker       string `placeholder:"NAME" help:"Name of the broker, as in the site's configuration."`
	From         string `placeholder:"DATE" help:"First day, YYYY-MM-DD in local time, or a time with its offset."`
	To           string `placeholder:"DATE" help:"Last day, included, or a time with its offset."`
	Entries      string `placeholder:"A-B" help:"Numbers of entries: 100-200, 100- or 100."`
	Outcome      string `placeholder:"CODE" help:"OK, or why the request was refused, such as NO_PATIENT_CONSENT or RESTRICTED."`
	Section      string `placeholder:"NAME" help:"A section that was asked for, such as MEDICATIONS."`
	Kind         string `placeholder:"KIND" help:"Kind of entry, such as RELEASE_REFUSED or CONFIG_APPLIED."`
	Format       string `enum:"table,ndjson,csv" default:"table" help:"table, ndjson (whole entries, with the patient) or csv."`
	Limit        int    `placeholder:"N" help:"Show the newest N that fit, newest first. All, oldest first, unless given."`
}

// Help shows examples.
func (auditSearch) Help() string {
	return `All filters that are given must fit; the case of letters does not matter. It works whether or not the agent runs, and without a network. That you searched is written to the journal before anything is shown. What could not be searched is stated at the end, on standard error.

Examples:
  mcr-agent audit search --nhs-number-file -                     reads the NHS number from standard input
  mcr-agent audit search --user 555000111222 --from 2026-11-01 --to 2026-11-30
  mcr-agent audit search --outcome NO_PATIENT_CONSENT --organisation E82001 --limit 20
  mcr-agent audit search --entries 1000-2000 --format ndjson`
}

// Run finds entries.
func (c auditSearch) Run(s *streams) error {
	q, err := c.query(s)
	if err != nil {
		return err
	}
	journal, err := openJournal(c.siteFlag, s)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	note := care.Event{Kind: care.JournalSearched, Query: q.String(), From: q.FirstEntry, To: q.LastEntry}
	if !q.Patient.IsZero() {
		note.Request = &care.Request{Subject: care.Subject{NHSNumber: q.Patient}}
	}
	if err := journal.Note(ctx, note); err != nil {
		return err
	}
	q.Progress = func(done, total int64) {
		fmt.Fprintf(s.err, "Reading what is not in the search index: %d of %d MiB\n", done>>20, total>>20)
	}
	x := index.New(index.Options{Folder: journal.Folder, Archive: journal.Archive, Key: journal.IndexKey, Box: journal.Box})
	lines, gaps := x.Search(ctx, q)
	n, err := entryWriters[c.Format](s, lines)
	if err != nil {
		return err
	}
	tellCover(s, n, q.Limit, gaps())
	return nil
}

// query returns what is asked for.
func (c auditSearch) query(s *streams) (q index.Query, err error) {
	q = index.Query{User: c.User, Organisation: c.Organisation, Role: c.Role, Broker: c.Broker, Outcome: c.Outcome, Section: c.Section,
		Kind: c.Kind, Limit: c.Limit, Newest: c.Limit > 0}
	if c.Limit < 0 {
		return q, keyError(care.BadRequest, "LIMIT", "--limit is below 0", nil)
	}
	if c.given() {
		if q.Patient, err = c.read(s); err != nil {
			return q, err
		}
	}
	if c.Section != "" {
		section, ok := care.ParseSection(c.Section)
		if !ok {
			return q, keyError(care.BadRequest, "SECTION", "--section is not the name of a section; names are those of the configuration, such as MEDICATIONS", nil)
		}
		q.Section = section.String()
	}
	if c.From != "" {
		q.From, err = reportDate("--from", c.From, 0)
	}
	if c.To != "" && err == nil {
		q.To, err = reportDate("--to", c.To, 1)
	}
	if err != nil {
		return q, err
	}
	if !q.To.IsZero() && !q.From.Before(q.To) {
		return q, keyError(care.BadRequest, "PERIOD", "the period ends before it begins", nil)
	}
	q.FirstEntry, q.LastEntry, err = entryRange(c.Entries)
	return q, err
}

// entryRange reads "A-B", "A-" or "A"; 0 stands for no limit.
func entryRange(text string) (first, last uint64, err error) {
	if text == "" {
		return 0, 0, nil
	}
	from, to, isRange := strings.Cut(text, "-")
	first, err = strconv.ParseUint(from, 10, 63)
	switch {
	case err != nil || first == 0:
	case !isRange:
		return first, first, nil
	case to == "":
		return first, 0, nil
	default:
		if last, err = strconv.ParseUint(to, 10, 63); err == nil && first <= last {
			return first, last, nil
		}
	}
	return 0, 0, keyError(care.BadRequest, "ENTRIES", "--entries is not a range of entry numbers; write 100-200, 100- or 100", err)
}

// entryWriters write entries in each form and return how many there were.
var entryWriters = map[string]func(*streams, iter.Seq2[audit.Line, error]) (int, error){
	"table": tableOf, "ndjson": ndjsonOf, "csv": csvOf,
}

// tableRows is how many rows are aligned at a time: memory stays small.
const tableRows = 1000

func tableOf(s *streams, lines iter.Seq2[audit.Line, error]) (n int, err error) {
	out := bufio.NewWriter(s.out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for line, err := range lines {
		if err != nil {
			return n, err
		}
		if n == 0 {
			fmt.Fprintln(table, "ENTRY\tTIME\tEVENT\tANSWER\tPATIENT\tWHO\tROLE\tORGANISATION\tWHY")
		}
		n++
		r := rowOf(&line)
		cells := []string{r.entry, localOffset(r.time), r.kind, r.answer, r.patient, r.who, r.role, r.organisation, r.why}
		for i := range cells {
			cells[i] = printable(cells[i])
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
		if n%tableRows == 0 {
			if err := table.Flush(); err != nil {
				return n, err
			}
		}
	}
	if err := table.Flush(); err != nil {
		return n, err
	}
	return n, out.Flush()
}

func ndjsonOf(s *streams, lines iter.Seq2[audit.Line, error]) (n int, err error) {
	out := bufio.NewWriter(s.out)
	for line, err := range lines {
		if err != nil {
			return n, err
		}
		text, err := revealed(&line)
		if err != nil {
			return n, err
		}
		n++
		if _, err := out.Write(append(text, '\n')); err != nil {
			return n, err
		}
	}
	return n, out.Flush()
}

// csvOf writes RFC 4180 with a header.
func csvOf(s *streams, lines iter.Seq2[audit.Line, error]) (n int, err error) {
	out := csv.NewWriter(s.out)
	out.UseCRLF = true
	err = out.Write([]string{"entry", "time", "event", "answer", "true_reason", "nhs_number", "user_id", "user_name", "role_code", "organisation",
		"organisation_name", "broker", "purpose", "permission", "reason", "sections", "actor"})
	for line, lineErr := range lines {
		if err = cmp.Or(err, lineErr); err != nil {
			return n, err
		}
		n++
		r := rowOf(&line)
		cells := []string{r.entry, localOffset(r.time), r.kind, line.Refusal, line.TrueReason, r.patient, line.UserID, line.UserName, line.RoleCode,
			string(line.Organisation), line.OrganisationName, line.Broker, line.Purpose, line.Permission, line.Reason, strings.Join(line.Sections, " "), line.Actor}
		for i := range cells {
			cells[i] = reports.Cell(printable(cells[i]))
		}
		err = out.Write(cells)
	}
	out.Flush()
	return n, cmp.Or(err, out.Error())
}

// row is what people see of an entry.
type row struct {
	entry, kind, answer, patient, who, role, organisation, why string
	time                                                       time.Time
}

func rowOf(l *audit.Line) row {
	r := row{entry: strconv.FormatUint(l.Sequence, 10), time: l.Time, kind: string(l.Kind), answer: l.Refusal, patient: l.NHSNumber.Reveal(),
		who: cmp.Or(l.UserName, l.UserID, l.Actor, l.Broker), role: cmp.Or(l.RoleName, l.RoleCode),
		organisation: cmp.Or(l.OrganisationName, string(l.Organisation)), why: l.Purpose}
	if !l.Occurred.IsZero() {
		r.time = l.Occurred
	}
	if r.patient == "" && len(l.Patient.Box) > 0 {
		r.patient = "sealed" // under another key, or damaged
	}
	if r.answer == "" && (l.Kind == care.ReleaseDecided || l.Kind == care.ReleaseEnded) {
		r.answer = care.OK.String()
	}
	if l.TrueReason != "" {
		r.answer = strings.TrimSpace(r.answer + because(l.TrueReason))
	}
	if l.Kind == care.ReleaseEnded && l.Refusal == "" {
		r.answer += ", " + sent(l)
	}
	return r
}

// localOffset shows a time as the site's clock had it, with its offset.
func localOffset(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 -07:00") }

// gapWords say why entries could not be searched.
var gapWords = map[string]string{
	index.GapArchived: "in the archive, which is not at hand; see journal.archive_folder in agent.yaml",
	index.GapPruned:   "deleted at the end of the time for which the site keeps them",
	index.GapMissing:  "not in the journal's folder, and no entry says why; look at mcr-agent audit verify",
	index.GapDamaged:  "damaged; look at mcr-agent audit verify",
	index.GapSealed:   "of a patient who cannot be told: sealed under another site key, or damaged",
}

// tellCover says how many entries were found and what was not searched. It goes
// to standard error, so that what is written to a file is entries alone.
func tellCover(s *streams, n, limit int, gaps []index.Gap) {
	end := "."
	if limit > 0 && n == limit {
		end = ", the newest; older ones were not looked for."
	}
	fit := " fit"
	if n == 1 {
		fit = " fits"
	}
	fmt.Fprintln(s.err, care.Count(n, "entry")+fit+end)
	for _, g := range gaps {
		text := fmt.Sprintf("Not searched: %s, from %d to %d: ", care.Count(g.Entries, "entry"), g.From, g.To)
		if g.Reason == index.GapSealed {
			text = fmt.Sprintf("Not known to fit or not: up to %s, from %d to %d: ", care.Count(g.Entries, "entry"), g.From, g.To)
		}
		fmt.Fprintln(s.err, text+gapWords[g.Reason]+".")
	}
}
