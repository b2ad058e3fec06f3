package main

import (
	"context"

	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/cmd/internal/view"
)

// statusGet is the command "status".
type statusGet struct {
	formatFlag
	regionFlags
}

// Help returns the examples.
func (*statusGet) Help() string {
	return `The answer names no patient. The exit code is 7 while the agent releases nothing; ATTENTION says why.

Examples:

    mcrctl status --region ./region

    mcrctl status --agent agent.example.nhs.uk:8443 --ca ca.pem --certificate broker.crt --key broker.key --format json`
}

// Run asks and shows the answer.
func (c *statusGet) Run(p *program) error {
	return c.call(func(ctx context.Context, client *edge.Client) error {
		st, err := client.Status(ctx)
		if err != nil {
			return err
		}
		if c.Format == "json" {
			err = view.Message(p.stdout, st)
		} else {
			view.Status(p.stdout, st)
		}
		if err == nil && !st.GetReleasing() {
			return exit(exitNotReleased)
		}
		return err
	})
}
