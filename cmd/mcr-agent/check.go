package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/mycarerecord/edge-agent/agent"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/connectors/all"
)

// checkCommand checks a configuration.
type checkCommand struct {
	siteFlag
	Example string `placeholder:"KIND" help:"Print a commented example for a kind of organisation instead, such as gp-practice or hospital."`
}

// Help shows examples.
func (checkCommand) Help() string {
	return `Reads agent.yaml and looks at the files and folders it names (certificates, keys, passwords, the list of consent codes, the watched folder, the program for alerts, the state folder), and shows every fault with file, line, column and what was expected. Nothing is started, made or called. Run it as the agent's account: what that may not read is a fault.

Examples:
  mcr-agent check
  mcr-agent check --config ./agent.yaml
  mcr-agent check --example gp-practice > agent.yaml`
}

// Run checks the configuration.
func (c checkCommand) Run(s *streams) error {
	if c.Example != "" {
		return c.example(s)
	}
	site, err := c.load()
	if err != nil {
		return err
	}
	if problems := agent.Check(context.Background(), site, openSource(all.Registry())); len(problems) > 0 {
		return problems
	}
	fmt.Fprintf(s.out, "%s is sound. Site %s, %s, %s, fingerprint %s.\n", c.Config, site.Organisation.ODSCode,
		care.Count(len(site.Sources), "source"), care.Count(len(site.Brokers), "broker"), site.Fingerprint()[:12])
	if !site.Sharing.Enabled {
		fmt.Fprintln(s.out, "Sharing is switched off: every request will be refused until sharing.enabled is true.")
	}
	return nil
}

func (c checkCommand) example(s *streams) error {
	text := config.Example(config.OrganisationKind(c.Example))
	if text == nil {
		fmt.Fprintf(s.err, "mcr-agent: there is no kind %q; there are: %s\n", c.Example, strings.Join(config.OrganisationKind("").Values(), ", "))
		return exitError(exitUsage)
	}
	_, err := s.out.Write(text)
	return err
}
