// Package agent puts the edge agent together: it opens the stores, builds the
// site from its configuration, and runs everything until it is told to stop.
// It decides nothing itself.
//
// The parts, and which of them may know which, are in the README; the path of
// a request is broker, gate, records, connector.
package agent

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"

	"github.com/mycarerecord/edge-agent/agent/alerts"
	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/audit/forward"
	"github.com/mycarerecord/edge-agent/agent/broker"
	"github.com/mycarerecord/edge-agent/agent/budget"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/agent/consent"
	"github.com/mycarerecord/edge-agent/agent/gate"
	"github.com/mycarerecord/edge-agent/agent/identity"
	"github.com/mycarerecord/edge-agent/agent/lifecycle"
	"github.com/mycarerecord/edge-agent/agent/link"
)

// Options are what an agent needs from the program around it.
type Options struct {
	Site       *config.Site
	OpenSource OpenSource
	Version    string
	Log        hclog.Logger

	// CheckConsent checks the consent store in another process before it is
	// opened. If nil, it is checked in this one.
	CheckConsent func(ctx context.Context) error
}

// OpenSource opens one configured source. It must not need the source to be
// up.
type OpenSource func(ctx context.Context, source config.Source, log hclog.Logger) (care.Connector, error)

// Agent is one site's agent. Make it with New, then call Run once.
type Agent struct {
	site    *config.Site
	version string
	started time.Time
	log     hclog.Logger

	keys      JournalKeys
	journal   *audit.Journal
	tail      tail // of the journal when it was opened
	forwarder *forward.Forwarder
	unsound   atomic.Bool // the journal was verified and is not as it was written
	consent   *consent.Store
	deskOnly  bool // opened by NewDesk: no source is open
	keeper    *identity.Keeper
	sources   []*source
	health    *health.Server
	door      *broker.Doorman
	changed   chan struct{} // holds a token when a source or the consent store has changed
	gate      *gate.Gate
	budget    *budget.Keeper
	notifier  *alerts.Notifier
	readings  []*flagsWatch // of sources that hold patients' choices
	restore   restorer

	listener, siteListener net.Listener
	server, siteServer     *grpc.Server
}

// Files of the state folder.
const (
	journalFolder = "journal"
	ConsentFile   = "consent.db"
	KeyFile       = "site.key"
	socketFile    = "agent.sock"
)

// JournalFolder returns the folder of a site's journal.
func JournalFolder(site *config.Site) string { return filepath.Join(site.StateFolder, journalFolder) }

// SocketPath returns the socket on which people at the site reach the agent.
func SocketPath(site *config.Site) string { return filepath.Join(site.StateFolder, socketFile) }

// openStores opens the journal, whose lock keeps a second agent out of the
// state folder, and the consent store, which the journal vouches for.
func (a *Agent) openStores(ctx context.Context, check func(context.Context) error) error {
	folder := a.site.StateFolder
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return &care.Error{Kind: care.Internal, Op: "agent", Reason: "STATE_FOLDER",
			Detail: "the state folder " + folder + " cannot be made; check its path and who may write there", Err: err}
	}
	if info, err := os.Stat(folder); err == nil && !ownedHere(info) {
		return &care.Error{Kind: care.Internal, Op: "agent", Reason: "STATE_FOLDER",
			Detail: "the state folder " + folder + " belongs to another account, which could not go on with what this one writes; run this as that account, such as with sudo -u"}
	}
	key, err := openKey(a.site)
	if err != nil {
		return err
	}
	if a.keys, err = JournalKeysOf(a.site, key); err != nil {
		return err
	}
	if a.journal, err = audit.Open(JournalFolder(a.site), a.journalOptions(a.keys)); err != nil {
		return err
	}
	a.door = broker.NewDoorman(a.journal, a.log.Named("broker"))
	if a.tail, err = a.readTail(); err != nil {
		return err
	}
	return a.openConsent(ctx, key, check)
}

// New opens everything the agent needs, up to the port it listens on. After an
// error nothing is left open.
func New(ctx context.Context, o Options) (_ *Agent, err error) {
	a := &Agent{site: o.Site, version: o.Version, started: time.Now(), log: o.Log, health: health.NewServer(), changed: make(chan struct{}, 1), restore: restorer{missed: make(chan struct{}, 1)}}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	if err = a.openSources(ctx, o.OpenSource); err != nil {
		return nil, err
	}
	if err = a.openStores(ctx, o.CheckConsent); err != nil {
		return nil, err
	}
	if err = a.consultSources(); err != nil {
		return nil, err
	}
	peers, err := peersOf(o.Site)
	if err != nil {
		return nil, err
	}
	if a.keeper, err = identity.Load(filesOf(o.Site), peers, identity.Options{OnChange: a.identityChanged}); err != nil {
		return nil, err
	}
	if a.forwarder, err = a.newForwarder(); err != nil {
		return nil, err
	}
	a.budget = a.newBudget()
	if a.notifier, err = a.newNotifier(); err != nil {
		return nil, err
	}
	a.gate = a.newGate()
	return a, a.listen()
}

// listen opens the port for brokers and the socket for people at the site.
func (a *Agent) listen() (err error) {
	limits := limitsOf(a.site)
	if a.listener, err = link.Listen(a.site.Listen.Address, limits); err != nil {
		return err
	}
	if a.siteListener, err = listenSocket(SocketPath(a.site)); err != nil {
		return err
	}
	settings := a.settings()
	credentials := link.NewCredentials(a.keeper.ServerTLS())
	credentials.OnRefused = func(_ net.Addr, err error) { a.door.TurnAway(care.Broker{}, "TLS handshake", err) }
	credentials.OnOpened = a.connected
	a.server = broker.NewServer(settings, a.keeper, append(link.ServerOptions(limits), grpc.Creds(credentials))...)
	a.siteServer = siteServer(settings)
	return nil
}

// Address returns the address brokers connect to.
func (a *Agent) Address() net.Addr { return a.listener.Addr() }

// Run serves until ctx ends or something the agent cannot do without fails,
// and closes everything. Call it once.
func (a *Agent) Run(ctx context.Context) error {
	collectLess()
	a.noteConfig()
	started := a.event(care.AgentStarted)
	started.ConsentEpoch = a.consent.Committed()
	_ = a.journal.Append(started).Wait(ctx) // where it cannot be written nothing is released, and the status says so
	a.log.Info("agent started", "version", a.version, "site", a.site.Organisation.ODSCode, "address", a.listener.Addr().String(),
		"config", a.site.Fingerprint()[:12])
	err := lifecycle.Run(ctx,
		a.serve(a.server, a.listener),
		a.serve(a.siteServer, a.siteListener),
		a.keeper.Run,
		a.watchSources,
		a.keepConsent,
		a.watchDirectives,
		a.watchInbox,
		a.notifier.Run,
		a.watchHealth,
		a.keepIndex,
		a.verifyJournal,
		a.pruneJournal,
		a.forwarder.Run,
	)
	stopped := a.event(care.AgentStopped)
	if err != nil {
		stopped.Detail = "the agent failed; its log says why"
	}
	a.journal.Append(stopped)
	a.log.Info("agent stopped", "failed", err != nil)
	return errors.Join(err, a.close())
}

func (a *Agent) event(kind care.EventKind) care.Event {
	return care.Event{Kind: kind, Actor: "agent", Detail: "version " + a.version, ConfigHash: a.site.Fingerprint()}
}

// stopTime is how long answers under way may take when the agent stops. It is
// less than service managers wait.
const stopTime = 8 * time.Second

// serve runs a server until ctx ends; then answers under way get some time,
// and what is left is cut off.
func (a *Agent) serve(server *grpc.Server, listener net.Listener) lifecycle.Task {
	return func(ctx context.Context) error {
		stopped := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			defer close(stopped)
			hard := time.AfterFunc(stopTime, server.Stop)
			defer hard.Stop()
			server.GracefulStop()
		})
		err := server.Serve(listener)
		if !stop() {
			<-stopped
			return nil
		}
		return err
	}
}

// close closes what is open, in the reverse order of opening.
func (a *Agent) close() error {
	var errs []error
	for _, l := range []net.Listener{a.siteListener, a.listener} {
		if l != nil {
			if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	for _, s := range a.sources {
		errs = append(errs, s.connector.Close())
	}
	if a.consent != nil {
		errs = append(errs, a.consent.Close())
	}
	if a.door != nil {
		a.door.Close()
	}
	if a.journal != nil {
		errs = append(errs, a.journal.Close())
	}
	return errors.Join(errs...)
}
