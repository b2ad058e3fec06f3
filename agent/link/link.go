// Package link is how a broker's connection comes to be: a listener that
// bounds how many there are, TLS credentials that write a reply in one piece,
// and the limits of the gRPC server on top.
//
// A connection is a net.Conn, wherever it comes from. This build listens; one
// that dials out would hand the same credentials to the same server.
package link

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Limits bound what peers can make the agent hold. Every field must be more
// than zero; see Check.
type Limits struct {
	Connections           int           // open at once; further ones are closed at once
	ConnectionsPerAddress int           // of them, from one IPv4 address or one IPv6 network of 64 bits
	Streams               uint32        // calls at once on one connection
	Handshake             time.Duration // from accepting a connection to the end of the HTTP/2 handshake
}

// DefaultLimits returns limits that fit a small machine and one region.
func DefaultLimits() Limits {
	return Limits{Connections: 64, ConnectionsPerAddress: 16, Streams: 64, Handshake: 10 * time.Second}
}

// Check returns every fault in the limits. Problem paths are relative to them.
func (l Limits) Check() []care.Problem {
	var problems []care.Problem
	for _, f := range []struct {
		bad          bool
		path, detail string
	}{
		{l.Connections < 1, "connections", "at least 1 is needed"},
		{l.ConnectionsPerAddress < 1, "connections_per_address", "at least 1 is needed"},
		// To gRPC, no streams would mean any number of them.
		{l.Streams < 1 || l.Streams > maxStreams, "streams", "between 1 and 1000 is needed"},
		{l.Handshake <= 0, "handshake", "a time of more than 0 is needed"},
	} {
		if f.bad {
			problems = append(problems, care.Problem{Path: f.path, Detail: f.detail})
		}
	}
	return problems
}

const maxStreams = 1000

// Limits that are the same everywhere. Requests are small, replies are cut into
// messages far below the limit.
const (
	maxReceiveBytes  = 256 << 10
	maxSendBytes     = 4 << 20
	maxHeaderBytes   = 16 << 10
	streamWindow     = 256 << 10 // one whole request
	connectionWindow = 1 << 20   // unread bytes of all requests of a connection
	writeBuffer      = 64 << 10  // four TLS records; more gains nothing
	readBuffer       = 8 << 10   // held for as long as a connection is open
	streamWorkers    = 64        // a new goroutine per call would grow its stack anew each time
)

// ServerOptions returns the options of a gRPC server for brokers, all but its
// credentials and services.
//
// gRPC's own defaults suit a data centre: any number of streams, headers of
// 16 MiB, two minutes for a handshake, connections without end. The windows
// are fixed because one that grows by itself lets a peer fill 16 MiB of
// memory; they bound what brokers send, not what they read.
func ServerOptions(l Limits) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxReceiveBytes),
		grpc.MaxSendMsgSize(maxSendBytes),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.MaxConcurrentStreams(l.Streams),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connectionWindow),
		grpc.ConnectionTimeout(l.Handshake),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle:     5 * time.Minute,
			MaxConnectionAge:      15 * time.Minute, // certificates are looked at anew
			MaxConnectionAgeGrace: 30 * time.Second,
			Time:                  20 * time.Second,
			Timeout:               10 * time.Second,
		}),
		// Brokers hold connections open through firewalls that forget them;
		// gRPC would otherwise end those that ping more often than every
		// five minutes.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 15 * time.Second, PermitWithoutStream: true}),
		grpc.WriteBufferSize(writeBuffer),
		grpc.ReadBufferSize(readBuffer),
		grpc.NumStreamWorkers(streamWorkers),
		// Stop returns when no handler runs any more, so that the stores can
		// be closed after it.
		grpc.WaitForHandlers(true),
	}
}
