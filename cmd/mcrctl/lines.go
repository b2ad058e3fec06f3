package main

import (
	"bufio"
	"context"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/cmd/internal/view"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// lines writes a record's resources one on a line, as they come: it holds none
// of them, however large the record is.
func (p *program) lines(ctx context.Context, client *edge.Client, request *edgev1.GetRecordRequest) error {
	out := bufio.NewWriter(p.stdout)
	record := &edge.Record{}
	var damaged []string
	verdict, err := client.VisitRecord(ctx, request, edge.Visitor{
		Opening: func(o *edgev1.Opening) error { record.Opening = o; return nil },
		Record: func(r *edgev1.Record) error {
			if why := edge.CheckResource(r); why != "" {
				damaged = append(damaged, care.Section(r.GetSection()).String()+": "+why)
			}
			_, err := view.Line(out, r)
			return err
		},
		Outcome: func(o *edgev1.SectionOutcome) error {
			record.Sections = append(record.Sections, edge.Section{Section: care.Section(o.GetSection()), Outcome: o})
			return nil
		},
	})
	if flushed := out.Flush(); flushed != nil {
		return flushed
	}
	record.Verdict = verdict
	record.Faults = append(record.Faults, damaged...)
	record.Whole = verdict.Whole && len(damaged) == 0
	if err == nil || brokenOff(record.Opening != nil, err) {
		return p.judge(true, record, err)
	}
	if record.Opening != nil { // refused on the way: what stands on stdout may not be used
		_ = p.judge(true, record, nil)
	}
	return err
}
