package link

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// TCP keepalive finds peers that are gone without a word before gRPC's own
// pings run, that is during the handshake.
const (
	probeAfter    = 30 * time.Second
	probeInterval = 10 * time.Second
	probes        = 3
)

// listener accepts connections up to its limits.
type listener struct {
	net.Listener
	limits Limits

	mu   sync.Mutex
	open int
	from map[netip.Addr]int // open connections by source; no zeros
}

// Listen opens a TCP port. A connection beyond the limits is accepted and
// closed at once, so that the peer learns of it and none waits in a queue.
// Listen fails with care.BadRequest when the limits are faulty, or the address
// is not this machine's or is in use.
func Listen(address string, limits Limits) (net.Listener, error) {
	if problems := limits.Check(); len(problems) > 0 {
		return nil, &care.Error{Kind: care.BadRequest, Op: "link.Listen", Reason: "LIMITS",
			Detail: problems[0].Path + ": " + problems[0].Detail}
	}
	config := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: probeAfter, Interval: probeInterval, Count: probes}}
	inner, err := config.Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, &care.Error{Kind: care.BadRequest, Op: "link.Listen", Reason: "ADDRESS", Err: err,
			Detail: "cannot listen on " + address + "; check that it is this machine's, that no other program uses the port and that this account may"}
	}
	return newListener(inner, limits), nil
}

func newListener(inner net.Listener, limits Limits) *listener {
	return &listener{Listener: inner, limits: limits, from: make(map[netip.Addr]int)}
}

// Accept returns the next connection that is within the limits.
func (l *listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		source := sourceOf(conn.RemoteAddr())
		if l.enter(source) {
			return &counted{Conn: conn, leave: sync.OnceFunc(func() { l.leave(source) })}, nil
		}
		abort(conn)
	}
}

func (l *listener) enter(source netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.limits.Connections || l.from[source] >= l.limits.ConnectionsPerAddress {
		return false
	}
	l.open++
	l.from[source]++
	return true
}

func (l *listener) leave(source netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.from[source]--; l.from[source] == 0 {
		delete(l.from, source)
	}
}

// sourceOf returns what counts as one source: an IPv4 address, or the network
// of an IPv6 address, since one machine has 2^64 addresses there.
func sourceOf(address net.Addr) netip.Addr {
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	source := tcp.AddrPort().Addr().Unmap().WithZone("")
	if source.Is6() {
		network, _ := source.Prefix(64) // fails for no valid address
		return network.Addr()
	}
	return source
}

// abort closes a connection with a reset: one that waits for the peer to agree
// to its end would be held, at the peer's choice, by the operating system.
func abort(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// counted is an accepted connection. It is counted until it is closed.
type counted struct {
	net.Conn
	leave func()
}

// Close closes the connection and makes room for another.
func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
