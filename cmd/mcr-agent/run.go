package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"github.com/kardianos/service"

	"github.com/mycarerecord/edge-agent/agent"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/connectors"
	"github.com/mycarerecord/edge-agent/connectors/all"
)

// runCommand runs the agent.
type runCommand struct{ siteFlag }

// Help shows examples.
func (runCommand) Help() string {
	return `The agent runs until it is told to stop (Ctrl-C, SIGTERM, or the service manager). Its own log goes to standard error as JSON.

Examples:
  mcr-agent run                                  with the file that the installer placed
  mcr-agent run --config /srv/mcr/agent.yaml     with another one`
}

// Run runs the agent.
func (c runCommand) Run(s *streams) error {
	site, err := c.load()
	if err != nil {
		c.noteRefused(s)
		return err
	}
	log := logger(string(site.Log.Level), s.err)
	if !service.Interactive() {
		return runAsService(site, c.Config, log)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a, err := newAgent(ctx, site, c.Config, log)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// noteRefused has the journal tell that agent.yaml was refused, if the file says
// without doubt where that is. Whether it can or not, the person has to see the
// faults of the file, so a failure is logged only.
func (c runCommand) noteRefused(s *streams) {
	path, err := c.path()
	if err != nil {
		return // which load has said
	}
	site, faults := config.Refused(path, all.Registry())
	if site == nil {
		return
	}
	log := logger("warn", s.err)
	if err := agent.NoteRefused(context.Background(), site, faults, log); err != nil {
		log.Warn("that agent.yaml was refused is not in the journal", "error", err)
	}
}

func newAgent(ctx context.Context, site *config.Site, configPath string, log hclog.Logger) (*agent.Agent, error) {
	return agent.New(ctx, agent.Options{Site: site, OpenSource: openSource(all.Registry()), Version: version(), Log: log,
		CheckConsent: checkInChild(configPath)})
}

// openSource opens sources with the connectors of this build.
func openSource(registry *connectors.Registry) agent.OpenSource {
	return func(ctx context.Context, s config.Source, log hclog.Logger) (care.Connector, error) {
		deps := connectors.Deps{Origin: s.Origin, Sections: s.Sections, Log: log, Now: now}
		return registry.Open(ctx, s.Kind, deps, s.Settings)
	}
}
