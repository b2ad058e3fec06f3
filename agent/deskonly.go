package agent

import (
	"context"
	"errors"
	"math"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"

	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/lifecycle"
)

// NewDesk opens only what people at the site need to hand in and look at
// consent flags while no agent runs: the stores and the local socket. No
// certificate, source or port is needed; what sources have said is there as it
// was at their last reading. Run it with RunDesk.
func NewDesk(ctx context.Context, o Options) (_ *Agent, err error) {
	a := &Agent{deskOnly: true, site: o.Site, version: o.Version, started: time.Now(), log: o.Log, health: health.NewServer()}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	if err = a.openStores(ctx, o.CheckConsent); err != nil {
		return nil, err
	}
	if a.siteListener, err = listenSocket(SocketPath(a.site)); err != nil {
		return nil, err
	}
	settings := a.settings()
	settings.Operation = closed{}
	a.siteServer = siteServer(settings)
	return a, nil
}

// RunDesk serves the local socket until ctx ends, and closes everything.
func (a *Agent) RunDesk(ctx context.Context) error {
	return errors.Join(lifecycle.Run(ctx, a.serve(a.siteServer, a.siteListener)), a.close())
}

// siteServer serves people at the site, who are not counted: an import hands
// in thousands of statements.
func siteServer(settings broker.Settings) *grpc.Server {
	settings.PerMinute = math.MaxInt32
	return broker.NewSiteServer(settings, grpc.Creds(siteCredentials{}))
}

// closed is the health of an agent that does not run.
type closed struct{}

// Status says that nothing is released.
func (closed) Status() broker.Status {
	return broker.Status{Attention: []string{"The agent is not running."}}
}
