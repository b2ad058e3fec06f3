package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc/status"

	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/cmd/internal/view"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// recordGet is the command "record get".
type recordGet struct {
	sectionFlags
	From   string `placeholder:"DATE" group:"What" help:"Leave out what certainly lies before this date, YYYY-MM-DD. Undated entries stay in."`
	To     string `placeholder:"DATE" group:"What" help:"Leave out what certainly lies after this date."`
	Format string `enum:"text,ndjson,bundle,json" default:"text" group:"What" help:"text: for reading. ndjson: one FHIR resource on a line. bundle: a FHIR R4 Bundle with a List for each section. json: everything, in one object."`
	askingFlags
	regionFlags
}

// Help returns the examples.
func (*recordGet) Help() string {
	return `Every section that was asked for is shown with how it ended: an empty section is never shown like one that could not be read. With ndjson, bundle and json what is not whole stands on stderr as well.

Examples:

    mcrctl record get --region ./region --as gp.yaml --permission ASKED --family-name Example --birth-date 1950-03-01 < number.txt

    mcrctl record get --region ./region --as gp.yaml --permission ASKED --section allergies --section medications --format ndjson --nhs-number-file number.txt --family-name Example --birth-date 1950-03-01

    mcrctl record get --region ./region --as night.yaml --purpose BTG --permission NOT_ASKED --alert-reason EMERGENCY --reason "unconscious, brought in alone" --nhs-number-file number.txt --family-name Example --birth-date 1950`
}

// Run reads and shows the record.
func (c *recordGet) Run(p *program) error {
	asked, err := c.context(p)
	if err != nil {
		return err
	}
	request := &edgev1.GetRecordRequest{Context: asked, Sections: c.sections(), FromDate: c.From, ToDate: c.To}
	return c.call(func(ctx context.Context, client *edge.Client) error {
		if c.Format == "ndjson" {
			return p.lines(ctx, client, request)
		}
		record, err := client.GetRecord(ctx, request)
		if err != nil && !brokenOff(record.Opening != nil, err) {
			return err
		}
		if err := c.show(p, asked, record); err != nil {
			return err
		}
		return p.judge(c.Format != "text", record, err)
	})
}

// brokenOff reports whether an answer had begun when its connection failed.
// What came is then worth showing. It is not after a refusal, after which
// nothing may be shown, and not after a failure on this side.
func brokenOff(begun bool, err error) bool {
	_, remote := status.FromError(err)
	_, refused := edge.RefusalOf(err)
	return err != nil && begun && remote && !refused
}

func (c *recordGet) show(p *program, asked *edgev1.Context, record *edge.Record) error {
	switch c.Format {
	case "json":
		return view.JSON(p.stdout, record)
	case "bundle":
		return view.Bundle(p.stdout, record)
	}
	return view.Text(p.stdout, asked, record)
}

// judge tells on stderr what is not whole and why the call broke off, and
// returns the exit code of it. Aloud says that the output itself does not.
func (p *program) judge(aloud bool, record *edge.Record, broken error) error {
	if broken != nil {
		fmt.Fprintf(p.stderr, "BROKEN OFF: %s\n", view.Clean(status.Convert(broken).Message()))
	}
	if aloud {
		for _, line := range view.NotWhole(record.Reasons()) {
			fmt.Fprintln(p.stderr, line)
		}
		for i := range record.Sections {
			p.tellSection(&record.Sections[i])
		}
	}
	if !record.Whole {
		return exit(exitNotWhole)
	}
	return nil
}

// tellSection tells of a section that is not all that the site holds.
func (p *program) tellSection(s *edge.Section) {
	if state := s.State(); !state.Whole() {
		fmt.Fprintln(p.stderr, s.Section.String()+": "+view.Outcome(s))
	}
}
