package link

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity"
	"github.com/mycarerecord/edge-agent/agent/identity/throwaway"
)

// agent is a gRPC server as brokers meet it: it identifies the caller of every
// call and serves the health check.
type agent struct {
	address string
	region  *throwaway.Region
	keeper  *identity.Keeper
	ahead   atomic.Int64 // how far its clock is ahead, in nanoseconds
	refused chan error   // handshakes that were refused
}

func startAgent(t *testing.T, limits Limits) *agent {
	t.Helper()
	a := &agent{region: newEnds(t).region, refused: make(chan error, 100)}
	a.keeper = a.identity(t)
	creds := NewCredentials(a.keeper.ServerTLS())
	creds.OnRefused = func(_ net.Addr, err error) { a.refused <- err }
	server := grpc.NewServer(append(ServerOptions(limits), grpc.Creds(creds), grpc.UnaryInterceptor(a.intercept))...)
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	l, err := Listen("127.0.0.1:0", limits)
	if err != nil {
		t.Fatal(err)
	}
	a.address = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return a
}

func (a *agent) identity(t *testing.T) *identity.Keeper {
	t.Helper()
	dir := t.TempDir()
	certificate, key, err := issue(t, a.region, throwaway.Leaf{DNS: []string{"agent.example"}, Server: true}).WriteFiles(dir, "agent")
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "root.pem")
	if err := a.region.WriteRoot(root); err != nil {
		t.Fatal(err)
	}
	keeper, err := identity.Load(
		identity.Files{Certificate: certificate, Key: key, BrokerRoots: []string{root}},
		[]identity.Peer{{Name: "Region", URI: brokerURI, Roles: identity.RoleStatus}},
		identity.Options{Now: func() time.Time { return time.Now().Add(time.Duration(a.ahead.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	return keeper
}

func (a *agent) intercept(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if _, err := a.keeper.Identify(ConnectionState(ctx)); err != nil {
		return nil, status.Error(codes.Unauthenticated, care.ReasonOf(err))
	}
	return handler(ctx, request)
}

// broker returns the settings of the site's broker.
func (a *agent) broker(t *testing.T) *tls.Config {
	t.Helper()
	return a.region.ClientTLS(issue(t, a.region, throwaway.Leaf{URI: brokerURI, Client: true}), "agent.example")
}

// dial returns a client; it connects with the first call.
func (a *agent) dial(t *testing.T, creds credentials.TransportCredentials) grpc_health_v1.HealthClient {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+a.address, grpc.WithTransportCredentials(creds), grpc.WithNoProxy())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return grpc_health_v1.NewHealthClient(conn)
}

func check(t *testing.T, client grpc_health_v1.HealthClient) error {
	_, err := client.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	return err
}

func TestWhoGetsAConnection(t *testing.T) {
	a := startAgent(t, DefaultLimits())
	stranger := newEnds(t).region
	for name, test := range map[string]struct {
		change func(c *tls.Config)
		reason string // that the agent reports; empty where the broker is served
	}{
		"TLS 1.3":         {func(*tls.Config) {}, ""},
		"TLS 1.2":         {func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, ""},
		"TLS 1.1":         {func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 }, "HANDSHAKE"},
		"no certificate":  {func(c *tls.Config) { c.Certificates = nil }, "HANDSHAKE"},
		"other authority": {func(c *tls.Config) { *c = *withLeaf(t, c, stranger, throwaway.Leaf{URI: brokerURI, Client: true}) }, "UNTRUSTED"},
		"expired": {func(c *tls.Config) {
			*c = *withLeaf(t, c, a.region, throwaway.Leaf{URI: brokerURI, Client: true, NotAfter: time.Now().Add(-time.Minute)})
		}, "EXPIRED"},
		"server's certificate": {func(c *tls.Config) {
			*c = *withLeaf(t, c, a.region, throwaway.Leaf{URI: brokerURI, Server: true})
		}, "UNTRUSTED"},
		"unknown name": {func(c *tls.Config) {
			*c = *withLeaf(t, c, a.region, throwaway.Leaf{Name: "Region", URI: "urn:example:other", Client: true})
		}, "UNKNOWN_PEER"},
	} {
		t.Run(name, func(t *testing.T) {
			config := a.broker(t)
			test.change(config)
			err := check(t, a.dial(t, credentials.NewTLS(config)))
			if test.reason == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if status.Code(err) != codes.Unavailable {
				t.Errorf("got %v, want no connection", err)
			}
			wantRefusal(t, a, test.reason)
		})
	}
}

// withLeaf returns the settings with another certificate.
func withLeaf(t *testing.T, c *tls.Config, region *throwaway.Region, leaf throwaway.Leaf) *tls.Config {
	t.Helper()
	c = c.Clone()
	c.Certificates = []tls.Certificate{issue(t, region, leaf).TLS}
	return c
}

func wantRefusal(t *testing.T, a *agent, reason string) {
	t.Helper()
	if err := <-a.refused; care.KindOf(err) != care.Unauthenticated || care.ReasonOf(err) != reason {
		t.Errorf("reported %v, want %s", err, reason)
	}
}

func TestPlainTextIsRefused(t *testing.T) {
	a := startAgent(t, DefaultLimits())
	if err := check(t, a.dial(t, insecure.NewCredentials())); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v, want no connection", err)
	}
	wantRefusal(t, a, "HANDSHAKE")
}

// TestHTTP2HasToBeAgreedOn uses plain TLS: a gRPC client always offers h2.
func TestHTTP2HasToBeAgreedOn(t *testing.T) {
	a := startAgent(t, DefaultLimits())
	for _, offered := range [][]string{nil, {"http/1.1"}} {
		config := a.broker(t)
		config.NextProtos = offered
		conn, err := tls.Dial("tcp", a.address, config)
		if err == nil {
			_, err = conn.Read(make([]byte, 1))
			conn.Close()
		}
		if err == nil {
			t.Errorf("offering %v: served", offered)
		}
		wantRefusal(t, a, "HANDSHAKE")
	}
}

// TestALiveConnectionOutlivesNoCertificate is the reason for identifying every
// call: TLS itself never looks again.
func TestALiveConnectionOutlivesNoCertificate(t *testing.T) {
	a := startAgent(t, DefaultLimits())
	client := a.dial(t, credentials.NewTLS(a.broker(t)))
	if err := check(t, client); err != nil {
		t.Fatal(err)
	}
	a.ahead.Store(int64(25 * time.Hour))
	err := check(t, client)
	if status.Code(err) != codes.Unauthenticated || status.Convert(err).Message() != identity.ReasonExpired {
		t.Errorf("got %v, want EXPIRED on the same connection", err)
	}
}

func TestAPeerThatNeverShakesHandsIsCut(t *testing.T) {
	limits := DefaultLimits()
	limits.Handshake = 50 * time.Millisecond
	a := startAgent(t, limits)
	conn, err := net.Dial("tcp", a.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the agent spoke first")
	}
	wantRefusal(t, a, "HANDSHAKE")
}

func TestRequestsAreBounded(t *testing.T) {
	a := startAgent(t, DefaultLimits())
	client := a.dial(t, credentials.NewTLS(a.broker(t)))
	large := func(n int) *grpc_health_v1.HealthCheckRequest {
		return &grpc_health_v1.HealthCheckRequest{Service: strings.Repeat("s", n)}
	}
	if _, err := client.Check(t.Context(), large(maxReceiveBytes-10)); status.Code(err) != codes.NotFound {
		t.Errorf("a request within the limit: %v, want it served", err)
	}
	if _, err := client.Check(t.Context(), large(maxReceiveBytes)); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a request over the limit: %v", err)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x", strings.Repeat("h", maxHeaderBytes))
	if _, err := client.Check(ctx, large(0)); err == nil {
		t.Error("headers over the limit are accepted")
	}
	if err := check(t, client); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestSettingsAnnounceTheLimits reads the server's first frame (RFC 9113
// section 6.5): gRPC enforces what it announces there.
func TestSettingsAnnounceTheLimits(t *testing.T) {
	limits := DefaultLimits()
	limits.Streams = 7
	a := startAgent(t, limits)
	conn, err := tls.Dial("tcp", a.address, a.broker(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	header := make([]byte, 9)
	if _, err := io.ReadFull(conn, header); err != nil {
		t.Fatal(err)
	}
	payload := make([]byte, int(header[1])<<8|int(header[2]))
	if _, err := io.ReadFull(conn, payload); err != nil || header[3] != 4 {
		t.Fatalf("frame of type %d, %v, want settings", header[3], err)
	}
	got := map[uint16]uint32{}
	for ; len(payload) >= 6; payload = payload[6:] {
		got[binary.BigEndian.Uint16(payload)] = binary.BigEndian.Uint32(payload[2:])
	}
	for id, want := range map[uint16]uint32{3: 7, 4: streamWindow, 6: maxHeaderBytes} {
		if got[id] != want {
			t.Errorf("setting %d is %d, want %d", id, got[id], want)
		}
	}
}

func TestProbesOfThePortAreNotReported(t *testing.T) {
	a, b := net.Pipe()
	b.Close()
	creds := NewCredentials(newEnds(t).server)
	creds.OnRefused = func(_ net.Addr, err error) { t.Errorf("reported %v", err) }
	if _, _, err := creds.ServerHandshake(a); err != io.EOF { // gRPC compares it so
		t.Errorf("got %v, want io.EOF itself", err)
	}
}

// TestBothEnds has Credentials at the client's end too, under a name that has
// to be the server's.
func TestBothEnds(t *testing.T) {
	a := startAgent(t, DefaultLimits())
	config := a.broker(t)
	config.ServerName = ""
	creds := NewCredentials(config)
	if err := check(t, a.dial(t, creds)); status.Code(err) != codes.Unavailable {
		t.Errorf("by its address: %v, want the server's name to be checked", err)
	}
	named := creds.Clone()
	if err := named.(*Credentials).OverrideServerName("agent.example"); err != nil {
		t.Fatal(err)
	}
	if err := check(t, a.dial(t, named)); err != nil {
		t.Errorf("by its name: %v", err)
	}
	if creds.config.ServerName != "" || config.ServerName != "" {
		t.Error("the clone shares its settings")
	}
	if got := named.Info().SecurityProtocol; got != "tls" {
		t.Errorf("protocol %q", got)
	}
}

func TestHandshakeDescribesTheConnection(t *testing.T) {
	e := newEnds(t)
	raw, dialled := loopback(t)
	client := tls.Client(dialled, e.client)
	done := make(chan error, 1)
	go func() { done <- client.Handshake() }()
	_, info, err := NewCredentials(e.server).ServerHandshake(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := credentials.CheckSecurityLevel(info, credentials.PrivacyAndIntegrity); err != nil {
		t.Error(err)
	}
	got, ok := info.(credentials.TLSInfo)
	if !ok || got.SecurityLevel != credentials.PrivacyAndIntegrity || got.State.PeerCertificates[0].URIs[0].String() != brokerURI {
		t.Errorf("described as %+v", info)
	}
	if ConnectionState(t.Context()) != nil {
		t.Error("a call from nowhere has a connection")
	}
}
