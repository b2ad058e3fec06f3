package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/mycarerecord/edge-agent/agent"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// local is the site's own line to its agent: the running one over its socket,
// or, when none runs, one that is opened for this command alone.
type local struct {
	connection *grpc.ClientConn
	consent    edgev1.ConsentServiceClient
	audit      edgev1.AuditServiceClient
	stop       func() error
	alone      bool // no agent runs
}

// open reaches the site's agent.
func (f siteFlag) open(s *streams) (*local, error) {
	site, err := f.load()
	if err != nil {
		return nil, err
	}
	if line, err := running(site); line != nil || err != nil {
		return line, err
	}
	fmt.Fprintln(s.err, "The agent is not running; its stores are opened for this command.")
	a, err := agent.NewDesk(context.Background(), f.deskOptions(site, s))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.RunDesk(ctx) }()
	l, err := dialLocal(agent.SocketPath(site), func() error { cancel(); return <-done })
	if err != nil {
		return nil, err
	}
	l.alone = true
	return l, nil
}

// running reaches the site's agent if it runs, and returns nil if not.
func running(site *config.Site) (*local, error) {
	socket := agent.SocketPath(site)
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, nil
	}
	return dialLocal(socket, conn.Close)
}

// deskOptions are those of an agent that is opened for one command.
func (f siteFlag) deskOptions(site *config.Site, s *streams) agent.Options {
	return agent.Options{Site: site, Version: version(), Log: logger("warn", s.err), CheckConsent: checkInChild(f.Config)}
}

func dialLocal(socket string, stop func() error) (*local, error) {
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	return &local{connection: conn, consent: edgev1.NewConsentServiceClient(conn), audit: edgev1.NewAuditServiceClient(conn), stop: stop}, nil
}

func (l *local) close() {
	if err := errors.Join(l.connection.Close(), l.stop()); err != nil {
		fmt.Fprintln(os.Stderr, "mcr-agent: "+care.Plain(err))
	}
}

// refusedError is what the agent refused, in its own words.
type refusedError struct{ text string }

func (e *refusedError) Error() string { return e.text }

// refusedBy turns a status into the refusal it carries.
func refusedBy(err error) error {
	if err == nil {
		return nil
	}
	st := status.Convert(err)
	for _, d := range st.Details() {
		if r, ok := d.(*edgev1.Refusal); ok {
			return &refusedError{fmt.Sprintf("%s%s: %s", r.GetCode(), because(r.GetReason()), r.GetDetail())}
		}
	}
	return fmt.Errorf("the agent did not answer as expected (%s)", st.Code())
}
