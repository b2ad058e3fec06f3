//go:build e2e

package hostile

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity/throwaway"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// badCaller is one peer who must not get past the handshake.
type badCaller struct {
	name   string
	reason string      // of the journal entry; empty when the peer says nothing worth an entry
	alert  string      // what TLS tells the peer, or part of it
	config *tls.Config // nil for a peer that speaks no TLS
	says   string      // what that peer says instead
}

// badCallers are peers that must be turned away.
func (s *site) badCallers(t testing.TB) []badCaller {
	other, err := throwaway.New(time.Now())
	must(t, err)
	below, err := other.Intermediate("Records broker authority")
	must(t, err)
	good := throwaway.Leaf{Name: "broker", URI: recordsURI, Client: true}
	with := func(change func(*throwaway.Leaf)) *tls.Config {
		leaf := good
		change(&leaf)
		return s.region.ClientTLS(s.issue(t, leaf), "localhost")
	}
	foreign := func(r *throwaway.Region) *tls.Config {
		c, err := r.Issue(good)
		must(t, err)
		return s.region.ClientTLS(c, "localhost")
	}
	plain := func(change func(*tls.Config)) *tls.Config {
		config := s.region.ClientTLS(s.issue(t, good), "localhost")
		change(config)
		return config
	}
	now := time.Now()
	return []badCaller{
		{"no certificate", "HANDSHAKE", "certificate required", plain(func(c *tls.Config) { c.Certificates = nil }), ""},
		{"the right name from another authority", "UNTRUSTED", "unknown certificate authority", foreign(other), ""},
		{"the right name from an authority below another", "UNTRUSTED", "unknown certificate authority", foreign(below), ""},
		{"expired", "EXPIRED", "expired certificate", with(func(l *throwaway.Leaf) { l.NotBefore, l.NotAfter = now.Add(-2*time.Hour), now.Add(-time.Hour) }), ""},
		{"not valid yet", "EXPIRED", "expired certificate", with(func(l *throwaway.Leaf) { l.NotBefore = now.Add(time.Hour) }), ""},
		{"an unknown name", "UNKNOWN_PEER", "bad certificate", with(func(l *throwaway.Leaf) { l.URI = "urn:mcr:test:somebody" }), ""},
		{"the right name as common name only", "UNKNOWN_PEER", "bad certificate", with(func(l *throwaway.Leaf) { l.Name, l.URI = recordsURI, "" }), ""},
		{"a server's certificate", "UNTRUSTED", "bad certificate", with(func(l *throwaway.Leaf) { l.Client, l.Server = false, true }), ""},
		{"a wildcard beside the right name", "WILDCARD", "bad certificate", with(func(l *throwaway.Leaf) { l.DNS = []string{"*.example"} }), ""},
		{"TLS 1.1", "HANDSHAKE", "protocol version", plain(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 }), ""},
		{"TLS 1.2 with CBC", "HANDSHAKE", "handshake failure", plain(func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		}), ""},
		{"HTTP/1.1", "HANDSHAKE", "no application protocol", plain(func(c *tls.Config) { c.NextProtos = []string{"spdy/3"} }), ""},
		{"plain-text gRPC", "HANDSHAKE", "", nil, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
		{"plain-text HTTP", "HANDSHAKE", "", nil, "GET /" + "9990001014 HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		{"noise", "HANDSHAKE", "", nil, string(bytes.Repeat([]byte{0x16, 0x03, 0x01, 0xff, 0xff, 'Q', 'a', 'n', 'a', 'r', 'y'}, 2000))},
	}
}

// refused connects as the peer would and returns an error when it is not
// turned away, or not as expected.
func (b *badCaller) refused(ctx context.Context, address string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	end, _ := ctx.Deadline()
	_ = conn.SetDeadline(end)
	if b.config == nil {
		_, _ = io.WriteString(conn, b.says)
		return endsSilently(conn)
	}
	secure := tls.Client(conn, b.config)
	if err = secure.HandshakeContext(ctx); err == nil {
		// With TLS 1.3 the client is done before the server has judged it.
		_, err = io.ReadFull(secure, make([]byte, 100))
	}
	if err == nil || !strings.Contains(err.Error(), b.alert) {
		return fmt.Errorf("got %v, want the alert %q", err, b.alert)
	}
	return nil
}

// endsSilently returns an error unless the agent closes the connection with at
// most a TLS alert or its HTTP/2 settings, that is nothing of a record.
func endsSilently(conn net.Conn) error {
	said, err := io.ReadAll(io.LimitReader(conn, 1<<10))
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("the connection was left open")
	}
	if len(said) > 64 {
		return fmt.Errorf("the agent said %d bytes to a peer that it does not know", len(said))
	}
	return nil
}

// TestBadCallers has each bad peer try once, over gRPC too, and wants it
// turned away, the reason in the journal, and a broker in order still served.
func TestBadCallers(t *testing.T) {
	s := newSite(t)
	agent := s.start(t)
	s.fill(t)
	good := s.as(t, recordsURI)
	patient := member(t, memory.CastEmergency)
	secrets := practiceSecrets(wholeRecord(t, good, patient))
	wanted := map[turnedAway]int{}
	for _, bad := range s.badCallers(t) {
		wanted[turnedAway{care.Unauthenticated.String(), bad.reason}]++
		t.Run(bad.name, func(t *testing.T) {
			if err := bad.refused(within(t), s.address); err != nil {
				t.Error(err)
			}
			if bad.config != nil && bad.config.MaxVersion == 0 && bad.config.NextProtos[0] == "h2" {
				bad.refusedOverGRPC(t, s)
			}
			wholeRecord(t, good, patient)
		})
	}
	s.countTurnedAway(t, wanted)
	agent.alive()
	agent.stop()
	secrets.absent(t, "the log", agent.text())
	secrets.absentFromJournal(t, s)
}

// refusedOverGRPC asks for a record as the peer. There is no connection, and
// so no refusal of the agent's: the code is that of gRPC.
func (b *badCaller) refusedOverGRPC(t *testing.T, s *site) {
	t.Helper()
	conn, err := grpc.NewClient(s.address, grpc.WithTransportCredentials(credentials.NewTLS(b.config)))
	must(t, err)
	client := edge.NewClient(conn)
	defer client.Close()
	_, err = client.GetRecord(within(t), &edgev1.GetRecordRequest{Context: asking(member(t, memory.CastEmergency))})
	if _, refused := edge.RefusalOf(err); status.Code(err) != codes.Unavailable || refused {
		t.Errorf("over gRPC: %v, want no connection", err)
	}
}

// TestTwoBrokers has each of two brokers make every call and wants only those
// of its own roles answered.
func TestTwoBrokers(t *testing.T) {
	s := newSite(t)
	s.start(t)
	s.fill(t)
	patient := member(t, memory.CastEmergency)
	calls := map[string]func(context.Context, *edge.Client) error{
		"records": func(ctx context.Context, c *edge.Client) error {
			_, err := c.Locate(ctx, &edgev1.LocatePatientRequest{Context: asking(patient)})
			return err
		},
		"consent": func(ctx context.Context, c *edge.Client) error { _, err := c.ConsentState(ctx); return err },
		"status":  func(ctx context.Context, c *edge.Client) error { _, err := c.Status(ctx); return err },
		"audit": func(ctx context.Context, c *edge.Client) error {
			_, err := edgev1.NewAuditServiceClient(c.Conn()).GetJournalHead(ctx, &edgev1.GetJournalHeadRequest{})
			return err
		},
		"config": func(ctx context.Context, c *edge.Client) error {
			_, err := edgev1.NewConfigServiceClient(c.Conn()).GetConfiguration(ctx, &edgev1.GetConfigurationRequest{})
			return err
		},
	}
	for uri, may := range map[string]string{recordsURI: "records", officeURI: "consent status audit config"} {
		client := s.as(t, uri)
		for role, call := range calls {
			want := codes.PermissionDenied
			if strings.Contains(may, role) {
				want = codes.OK
			}
			if err := call(within(t), client); status.Code(err) != want {
				t.Errorf("%s asks for %s: %v, want %v", uri, role, err, want)
			}
		}
	}
}
