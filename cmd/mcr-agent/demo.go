package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mycarerecord/edge-agent/agent"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/lifecycle"
)

// demoCommand shows the whole thing on one machine.
type demoCommand struct {
	Once   bool   `help:"End after the walk instead of serving on."`
	JSON   bool   `name:"json" help:"With --once: print one JSON object with what really happened at each step."`
	Listen string `default:"127.0.0.1:0" help:"Address to listen on. Keep it on this machine."`
}

// Help shows examples.
func (demoCommand) Help() string {
	return `Makes a throw-away region (certificates for an agent and a broker) and a made-up GP practice of 300 patients in a temporary folder, runs the agent as it is, and asks it as a broker would: an emergency, a patient who opted out, a restricted patient, a wrong date of birth, a source that stops halfway. Then it shows what the journal says of it, goes on serving, and prints a line to try yourself. Nothing is left behind when it ends.

Examples:
  mcr-agent demo
  mcr-agent demo --once
  mcr-agent demo --once --json`
}

// Run shows the whole thing.
func (c demoCommand) Run(s *streams) error {
	if c.JSON && !c.Once {
		return keyError(care.BadRequest, "FLAGS", "--json needs --once", nil)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	folder, err := os.MkdirTemp("", "mcr-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	d, err := newDemonstration(ctx, folder, c.Listen)
	if err != nil {
		return err
	}
	d.out = s.out
	if c.JSON {
		d.out = nil
	}
	return c.walk(ctx, s, d)
}

// walk runs the agent and, beside it, the walk through what matters.
func (c demoCommand) walk(ctx context.Context, s *streams, d *demonstration) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	return lifecycle.Run(ctx, d.agent.Run, func(ctx context.Context) error {
		defer d.client.Close()
		defer stop()
		if err := d.walk(ctx); err != nil {
			return err
		}
		switch {
		case c.JSON:
			report, err := d.report()
			if err != nil {
				return err
			}
			return json.NewEncoder(s.out).Encode(report)
		case c.Once:
			return nil
		}
		d.farewell()
		<-ctx.Done()
		return nil
	})
}

// farewell says how to go on.
func (d *demonstration) farewell() {
	m := d.emergency
	d.say("")
	d.say("The agent goes on serving on %s until Ctrl-C. In another terminal, try:", d.region.Address)
	d.say("")
	d.say("  go run ./cmd/mcrctl record get --region %s \\", d.folder)
	d.say("    --nhs-number %s --family-name %q --birth-date %s \\", m.NHSNumber.Reveal(), m.Family, m.BirthDate)
	d.say("    --user-id demo --user-name \"Dr Demo\" --role-code R0260 --organisation RWH --organisation-name \"A hospital\" \\")
	d.say("    --purpose ETREAT --permission EMERGENCY")
	d.say("")
	d.say("Its journal is in %s; read it with:", agent.JournalFolder(d.site))
	d.say("")
	d.say("  go run ./cmd/mcr-agent audit tail --config %s", d.configPath)
}

// say prints a line of the walk.
func (d *demonstration) say(format string, args ...any) {
	if d.out != nil {
		fmt.Fprintf(d.out, format+"\n", args...)
	}
}
