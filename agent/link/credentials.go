package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity"
)

// stallLimit is how long a peer may take over one write of at most 64 KiB.
const stallLimit = 30 * time.Second

// Credentials are TLS credentials for gRPC that write a reply of several TLS
// records in one piece. They serve both ends of a connection.
type Credentials struct {
	// OnRefused, when set, is told of every handshake that a server refuses:
	// gRPC itself tells nobody. It is called from many goroutines. The error
	// is an Unauthenticated one with a reason of identity, or HANDSHAKE. Peers
	// that leave without a word, as probes of the port do, are not reported.
	OnRefused func(peer net.Addr, err error)

	// OnOpened, when set, is told of every connection that a server accepts. It
	// is called from many goroutines, and what it returns is called once when
	// the connection has ended.
	OnOpened func(peer net.Addr, state *tls.ConnectionState) (closed func())

	config  *tls.Config
	buffers *sync.Pool
	stall   time.Duration
}

var _ credentials.TransportCredentials = (*Credentials)(nil)

// NewCredentials returns credentials with the given settings, which have to
// offer the protocol "h2". They are copied.
func NewCredentials(config *tls.Config) *Credentials {
	return &Credentials{config: config.Clone(), buffers: newBuffers(), stall: stallLimit}
}

// ServerHandshake makes a connection of an accepted one. Its time is bounded by
// the deadline of raw, which gRPC sets.
func (c *Credentials) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	under := newGather(raw, c.buffers, c.stall)
	done, info, err := handshake(context.Background(), tls.Server(under, c.config), under)
	if err != nil && !errors.Is(err, io.EOF) && c.OnRefused != nil {
		c.OnRefused(raw.RemoteAddr(), explain(err))
	}
	if err != nil {
		return nil, nil, err
	}
	if c.OnOpened != nil {
		done.ended = c.OnOpened(raw.RemoteAddr(), &info.State)
	}
	return done, info, nil
}

// ClientHandshake makes a connection of a dialled one. The authority's host is
// the name expected of the server unless the settings hold one.
func (c *Credentials) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	config := c.config.Clone()
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(authority)
		if err != nil {
			host = authority
		}
		config.ServerName = host
	}
	under := newGather(raw, c.buffers, c.stall)
	done, info, err := handshake(ctx, tls.Client(under, config), under)
	if err != nil {
		return nil, nil, err
	}
	return done, info, nil
}

// handshake shakes hands and describes the result to gRPC. On failure the
// transport is closed.
func handshake(ctx context.Context, secure *tls.Conn, under *gather) (*conn, credentials.TLSInfo, error) {
	err := secure.HandshakeContext(ctx)
	state := secure.ConnectionState()
	if err == nil && state.NegotiatedProtocol != "h2" {
		err = errProtocol
	}
	if err != nil {
		_ = secure.Close()
		return nil, credentials.TLSInfo{}, err
	}
	info := credentials.TLSInfo{State: state}
	info.SecurityLevel = credentials.PrivacyAndIntegrity
	return &conn{Conn: secure, under: under}, info, nil
}

var errProtocol = errors.New("the peers have not agreed on HTTP/2")

// Info describes the credentials.
func (c *Credentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

// Clone returns independent credentials with the same settings. The pool of
// buffers is shared.
func (c *Credentials) Clone() credentials.TransportCredentials {
	return &Credentials{OnRefused: c.OnRefused, OnOpened: c.OnOpened, config: c.config.Clone(), buffers: c.buffers, stall: c.stall}
}

// OverrideServerName sets the name that ClientHandshake expects of the server.
// It must not be called once the credentials are in use.
func (c *Credentials) OverrideServerName(name string) error {
	c.config.ServerName = name
	return nil
}

// ConnectionState returns the TLS state of the connection that a call came
// over, for identity.Keeper.Identify, or nil when it did not come over TLS.
func ConnectionState(ctx context.Context) *tls.ConnectionState {
	if p, ok := peer.FromContext(ctx); ok {
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			return &info.State
		}
	}
	return nil
}

// explain makes an error with a stable reason of what stopped a handshake.
func explain(err error) error {
	if refused, ok := errors.AsType[*care.Error](err); ok {
		return refused
	}
	reason, detail := "HANDSHAKE", "the TLS handshake failed; the peer has to speak TLS 1.2 or 1.3 with HTTP/2 and show its certificate"
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		reason, detail = identity.ReasonExpired, "the peer's certificate, or one above it, is not valid at this time"
	} else if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		reason, detail = identity.ReasonUntrusted, "the peer's certificate does not lead to a broker root of this site"
	}
	return &care.Error{Kind: care.Unauthenticated, Op: "link.Handshake", Reason: reason, Detail: detail, Err: err}
}
