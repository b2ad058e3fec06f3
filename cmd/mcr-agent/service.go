package main

import (
	"context"
	"fmt"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/kardianos/service"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
)

// serviceConfig describes the system service.
func serviceConfig(configPath string) *service.Config {
	return &service.Config{
		Name:        "mcr-agent",
		DisplayName: "My Care Record edge agent",
		Description: "Shows one patient's record, read-only, to those who may see it, and writes down each time it does.",
		Arguments:   []string{"run", "--config", configPath},
		Option: service.KeyValue{
			"OnFailure": "restart", "OnFailureDelayDuration": "5s", "OnFailureResetPeriod": 86400, // Windows
			"Restart": "always", "LimitNOFILE": 8192, // systemd
		},
	}
}

// program is the agent as the service manager sees it.
type program struct {
	site   *config.Site
	config string // path of agent.yaml
	log    hclog.Logger
	stop   context.CancelFunc
	done   chan error
}

// Start opens the agent and serves in the background.
func (p *program) Start(service.Service) error {
	ctx, stop := context.WithCancel(context.Background())
	a, err := newAgent(ctx, p.site, p.config, p.log)
	if err != nil {
		stop()
		return err
	}
	p.stop, p.done = stop, make(chan error, 1)
	go func() {
		err := a.Run(ctx)
		if err != nil && ctx.Err() == nil {
			// The service manager restarts what ends with an error; a service
			// that stays up without an agent would help nobody.
			p.log.Error("the agent failed", "error", err)
			os.Exit(exitFailed)
		}
		p.done <- err
	}()
	return nil
}

// Stop ends the agent and waits for it.
func (p *program) Stop(service.Service) error {
	p.stop()
	return <-p.done
}

func runAsService(site *config.Site, configPath string, log hclog.Logger) error {
	s, err := service.New(&program{site: site, config: configPath, log: log}, serviceConfig(configPath))
	if err != nil {
		return err
	}
	return s.Run()
}

// serviceCommand controls the system service.
type serviceCommand struct {
	siteFlag
	Action string `arg:"" enum:"install,uninstall,start,stop,restart,status" help:"install, uninstall, start, stop, restart or status."`
}

// Help shows examples.
func (serviceCommand) Help() string {
	return `Needs administrator rights. The configuration is checked before the service is installed.

Examples:
  mcr-agent service install --config /etc/mcr-agent/agent.yaml
  mcr-agent service start
  mcr-agent service status`
}

// Run controls the service.
func (c serviceCommand) Run(s *streams) error {
	if c.Action == "install" {
		if _, err := c.load(); err != nil {
			return err
		}
	}
	svc, err := service.New(&program{}, serviceConfig(c.Config))
	if err != nil {
		return err
	}
	if c.Action != "status" {
		if err := service.Control(svc, c.Action); err != nil {
			return keyError(care.Internal, "SERVICE", c.Action+" failed; are you an administrator, and is the service installed? The service manager says: "+err.Error(), err)
		}
		return nil
	}
	status, err := svc.Status()
	if err != nil {
		return keyError(care.Internal, "SERVICE", "the service manager cannot say; is the service installed (mcr-agent service install)? It says: "+err.Error(), err)
	}
	fmt.Fprintln(s.out, map[service.Status]string{service.StatusRunning: "running", service.StatusStopped: "stopped"}[status])
	return nil
}
