package main

import (
	"context"
	"net"

	"github.com/mycarerecord/edge-agent/agent"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/cmd/internal/view"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// statusCommand tells how the running agent is.
type statusCommand struct {
	siteFlag
	JSON bool `help:"Print it as JSON."`
}

// Help shows examples.
func (statusCommand) Help() string {
	return `Tells whether the running agent releases records, if not, why, and what somebody should look at: sources, certificates, consent flags, budgets, alerts. No patient and no user is named. The region sees the same with mcrctl status.

Exit codes: 0 it releases, 4 it releases nothing, 1 it is not running.

Examples:
  mcr-agent status
  mcr-agent status --json`
}

// Run asks the running agent.
func (c statusCommand) Run(s *streams) error {
	site, err := c.load()
	if err != nil {
		return err
	}
	socket := agent.SocketPath(site)
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return keyError(care.SourceUnavailable, "NOT_RUNNING", "the agent is not running, or this account may not reach it; start it with mcr-agent service start", err)
	}
	line, err := dialLocal(socket, conn.Close)
	if err != nil {
		return err
	}
	defer line.close()
	status, err := edgev1.NewStatusServiceClient(line.connection).GetStatus(context.Background(), &edgev1.GetStatusRequest{})
	if err != nil {
		return refusedBy(err)
	}
	if c.JSON {
		err = view.Message(s.out, status)
	} else {
		view.Status(s.out, status)
	}
	if err == nil && !status.GetReleasing() {
		return exitError(exitRefused)
	}
	return err
}
