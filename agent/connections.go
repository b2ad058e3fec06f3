package agent

import (
	"crypto/tls"
	"net"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// connected writes down that a broker connected, and later that it left. A peer
// that proved who it is but is no broker of this site is written down as well:
// its calls are refused one by one.
func (a *Agent) connected(peer net.Addr, state *tls.ConnectionState) (closed func()) {
	caller, err := a.keeper.Identify(state)
	e := a.event(care.ConnectionOpened)
	e.Broker, e.Peer, e.Actor, e.Detail = &caller.Broker, peer.String(), "", ""
	e.Refusal, e.TrueReason = care.KindOf(err), care.ReasonOf(err)
	a.journal.AppendLazily(e)
	opened := time.Now()
	return func() {
		e.Kind, e.Duration = care.ConnectionClosed, time.Since(opened)
		a.journal.AppendLazily(e)
	}
}

// outbound writes down that a connection of the agent's own was made or lost,
// or could not be made.
func (a *Agent) outbound(to, peer string, opened bool, err error) {
	e := a.event(care.ConnectionClosed)
	if opened {
		e.Kind = care.ConnectionOpened
	}
	e.Outbound, e.Peer, e.Detail = true, peer, to
	e.Refusal, e.TrueReason = care.KindOf(err), care.ReasonOf(err)
	a.journal.AppendLazily(e)
}
