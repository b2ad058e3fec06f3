package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/grpc"

	reports "github.com/mycarerecord/edge-agent/agent/audit/report"
	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// consentList lists the site's own statements.
type consentList struct {
	siteFlag
	After  uint64 `placeholder:"ENTRY" help:"Only statements that the journal tells of after this entry."`
	Format string `enum:"table,csv,json" default:"table" help:"table, csv or json. A csv file can be handed in again with consent import."`
}

// Help shows examples.
func (consentList) Help() string {
	return `Lists what was recorded at this site, by commands and files, oldest first: every statement that the journal holds, also those that a later one took the place of. It names patients. That you listed them is journalled.

If entries of the journal are gone, what is left is listed and the exit code is 4.

Examples:
  mcr-agent consent list
  mcr-agent consent list --format csv > our-statements.csv`
}

// Run lists them.
func (c consentList) Run(s *streams) error {
	site, err := c.open(s)
	if err != nil {
		return err
	}
	defer site.close()
	stream, err := site.consent.ListSiteDirectives(context.Background(), &edgev1.ListSiteDirectivesRequest{After: c.After})
	if err != nil {
		return refusedBy(err)
	}
	out := bufio.NewWriter(s.out)
	n, err := listWriters[c.Format](out, received(stream))
	if err := cmp.Or(err, out.Flush()); err != nil {
		return err
	}
	fmt.Fprintln(s.err, care.Count(n, "statement")+".")
	return nil
}

// received yields what a stream brings. An error is the last thing yielded.
func received(stream grpc.ServerStreamingClient[edgev1.ListSiteDirectivesResponse]) iter.Seq2[*edgev1.Directive, error] {
	return func(yield func(*edgev1.Directive, error) bool) {
		for {
			reply, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, refusedBy(err))
				return
			}
			for _, d := range reply.GetDirectives() {
				if !yield(d, nil) {
					return
				}
			}
		}
	}
}

// listWriters write statements in each form and return how many there were. What
// came before an error is written all the same.
var listWriters = map[string]func(io.Writer, iter.Seq2[*edgev1.Directive, error]) (int, error){
	"table": directiveTable, "csv": directiveCSV, "json": directiveJSON,
}

func directiveTable(out io.Writer, all iter.Seq2[*edgev1.Directive, error]) (n int, err error) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for d, err := range all {
		if err != nil {
			return n, cmp.Or(table.Flush(), err)
		}
		if n == 0 {
			fmt.Fprintln(table, "PATIENT\tSTATEMENT\tABOUT\tFROM\tRECORDED\tBY")
		}
		n++
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", d.GetNhsNumber(), care.DirectiveKind(d.GetKind()), printable(scopeOf(d)),
			localTime(d.GetEffective().AsTime()), localTime(d.GetRecorded().AsTime()), printable(d.GetRecordedBy()))
		if n%tableRows == 0 {
			if err := table.Flush(); err != nil {
				return n, err
			}
		}
	}
	return n, table.Flush()
}

// listHeader is that of the files that consent import reads.
var listHeader = strings.Split("nhs_number,directive,effective,by,recorded,organisations,sections,code_system,code", ",")

func directiveCSV(out io.Writer, all iter.Seq2[*edgev1.Directive, error]) (n int, err error) {
	table := csv.NewWriter(out)
	err = table.Write(listHeader)
	for d, lineErr := range all {
		if err = cmp.Or(err, lineErr); err != nil {
			break
		}
		n++
		l := listedOf(d)
		cells := []string{l.NHSNumber, l.Directive, l.Effective, l.By, l.Recorded, strings.Join(l.Organisations, " "), strings.Join(l.Sections, " "), l.CodeSystem, l.Code}
		for i := range cells {
			cells[i] = reports.Cell(printable(cells[i]))
		}
		err = table.Write(cells)
	}
	table.Flush()
	return n, cmp.Or(err, table.Error())
}

func directiveJSON(out io.Writer, all iter.Seq2[*edgev1.Directive, error]) (n int, err error) {
	before := "["
	for d, lineErr := range all {
		if err = lineErr; err != nil {
			break
		}
		text, err := json.Marshal(listedOf(d))
		if err != nil {
			return n, err
		}
		n++
		if _, err := fmt.Fprintf(out, "%s\n%s", before, text); err != nil {
			return n, err
		}
		before = ","
	}
	if n == 0 {
		_, werr := fmt.Fprintln(out, "[]")
		return n, cmp.Or(err, werr)
	}
	_, werr := fmt.Fprintln(out, "\n]")
	return n, cmp.Or(err, werr)
}

// listed is a statement as it is listed. Times are UTC.
type listed struct {
	NHSNumber     string   `json:"nhs_number"`
	Directive     string   `json:"directive"`
	Effective     string   `json:"effective"`
	By            string   `json:"by"`
	Recorded      string   `json:"recorded,omitempty"`
	Organisations []string `json:"organisations,omitempty"`
	Sections      []string `json:"sections,omitempty"`
	CodeSystem    string   `json:"code_system,omitempty"`
	Code          string   `json:"code,omitempty"`
}

// instant is how times are listed: RFC 3339 with milliseconds.
const instant = "2006-01-02T15:04:05.000Z07:00"

func listedOf(d *edgev1.Directive) listed {
	l := listed{NHSNumber: d.GetNhsNumber(), Directive: care.DirectiveKind(d.GetKind()).String(), Effective: d.GetEffective().AsTime().Format(instant),
		By: d.GetRecordedBy(), Organisations: d.GetOrganisations(), CodeSystem: d.GetCodeSystem(), Code: d.GetCode()}
	if d.GetRecorded() != nil {
		l.Recorded = d.GetRecorded().AsTime().In(time.UTC).Format(instant)
	}
	for _, section := range d.GetSections() {
		l.Sections = append(l.Sections, care.Section(section).String())
	}
	return l
}
