package main

import (
	"context"

	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/cmd/internal/view"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// locate is the command "locate".
type locate struct {
	sectionFlags
	formatFlag
	askingFlags
	regionFlags
}

// formatFlag is the form of an answer that is one message.
type formatFlag struct {
	Format string `enum:"text,json" default:"text" group:"What" help:"text: for reading. json: the message as it came."`
}

// Help returns the examples.
func (*locate) Help() string {
	return `Exit code 5 means that the site serves no such patient.

Example:

    mcrctl locate --region ./region --as gp.yaml --permission ASKED --family-name Example --birth-date 1950-03-01 < number.txt`
}

// Run asks and shows the answer.
func (c *locate) Run(p *program) error {
	asked, err := c.context(p)
	if err != nil {
		return err
	}
	request := &edgev1.LocatePatientRequest{Context: asked, Sections: c.sections()}
	return c.call(func(ctx context.Context, client *edge.Client) error {
		found, err := client.Locate(ctx, request)
		if err != nil {
			return err
		}
		if c.Format == "json" {
			return view.Message(p.stdout, found)
		}
		view.Located(p.stdout, asked, found)
		return nil
	})
}
