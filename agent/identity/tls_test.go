package identity

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity/throwaway"
)

// meet lets a client and the Keeper's server shake hands and exchange one byte
// each way. It returns what the server and the client made of it.
func meet(t *testing.T, k *Keeper, client *tls.Config) (state tls.ConnectionState, serverErr, clientErr error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	done := make(chan error, 1)
	go func() {
		conn, err := tls.Dial("tcp", listener.Addr().String(), client)
		if err == nil {
			defer conn.Close()
			_, err = conn.Write([]byte{1})
		}
		if err == nil {
			_, err = io.ReadFull(conn, make([]byte, 1))
		}
		done <- err
	}()
	raw, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	conn := tls.Server(raw, k.ServerTLS())
	if _, serverErr = io.ReadFull(conn, make([]byte, 1)); serverErr == nil {
		_, serverErr = conn.Write([]byte{2})
	}
	if serverErr != nil {
		raw.Close()
	}
	return conn.ConnectionState(), serverErr, <-done
}

func TestServerTLSChoosesTheProtocol(t *testing.T) {
	s := newSite(t)
	k, broker := s.load(Options{}), s.broker()
	for name, test := range map[string]struct {
		change func(c *tls.Config)
		ok     bool
	}{
		"TLS 1.3":          {func(*tls.Config) {}, true},
		"TLS 1.2 with GCM": {func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, true},
		"TLS 1.2 with ChaCha": {func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}
		}, false},
		"TLS 1.2 with CBC": {func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		}, false},
		"TLS 1.1":         {func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, false},
		"another ALPN":    {func(c *tls.Config) { c.NextProtos = []string{"h3"} }, false},
		"no certificate":  {func(c *tls.Config) { c.Certificates = nil }, false},
		"other authority": {func(c *tls.Config) { c.Certificates = stranger(s) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			client := s.region.ClientTLS(broker, "agent.example")
			test.change(client)
			state, serverErr, clientErr := meet(t, k, client)
			if ok := serverErr == nil && clientErr == nil; ok != test.ok {
				t.Fatalf("server: %v, client: %v, want success: %v", serverErr, clientErr, test.ok)
			}
			if test.ok && state.NegotiatedProtocol != "h2" {
				t.Errorf("negotiated %q", state.NegotiatedProtocol)
			}
		})
	}
}

// stranger is a certificate that says the right things with the wrong
// signature.
func stranger(s *site) []tls.Certificate {
	return []tls.Certificate{s.issue(newRegion(s.t), throwaway.Leaf{URI: brokerURI, Client: true}).TLS}
}

// TestServerTLSRefusesWhoIdentifyRefuses checks that a denied or unknown
// certificate does not even get a connection.
func TestServerTLSRefusesWhoIdentifyRefuses(t *testing.T) {
	s := newSite(t)
	k, broker := s.load(Options{}), s.broker()
	unknown := s.issue(s.region, throwaway.Leaf{URI: "urn:example:other", Client: true})
	_, err, _ := meet(t, k, s.region.ClientTLS(unknown, "agent.example"))
	wantReason(t, err, care.Unauthenticated, ReasonUnknownPeer)
	s.write("denied.txt", []byte(Fingerprint(broker.TLS.Leaf)))
	k.Rescan()
	_, err, _ = meet(t, k, s.region.ClientTLS(broker, "agent.example"))
	wantReason(t, err, care.Unauthenticated, ReasonRevoked)
}

func TestServerTLSUsesItsClock(t *testing.T) {
	s := newSite(t)
	k, broker := s.load(Options{}), s.broker()
	s.ahead.Store(int64(25 * time.Hour))
	_, err, _ := meet(t, k, s.region.ClientTLS(broker, "agent.example"))
	if _, expired := errors.AsType[*tls.CertificateVerificationError](err); !expired {
		t.Errorf("got %v, want the handshake to refuse the expired certificate", err)
	}
}

func TestServerTLSRenewsAndNeverResumes(t *testing.T) {
	s := newSite(t)
	k := s.load(Options{})
	client := s.region.ClientTLS(s.broker(), "agent.example")
	client.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	var shown string
	client.VerifyConnection = func(state tls.ConnectionState) error {
		shown = state.PeerCertificates[0].Subject.CommonName
		return nil
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client.MaxVersion = version
		for _, name := range []string{"agent-2", "agent-3"} {
			s.renew(name)
			k.Rescan()
			state, serverErr, clientErr := meet(t, k, client)
			if serverErr != nil || clientErr != nil || state.DidResume || shown != name {
				t.Errorf("server: %v, client: %v, resumed: %v, shown %q, want %q", serverErr, clientErr, state.DidResume, shown, name)
			}
		}
	}
}
