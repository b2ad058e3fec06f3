package identity

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity/throwaway"
)

const brokerURI = "urn:example:region:broker"

// site is an agent's folder of certificates in a throw-away region, with a
// clock that tests move.
type site struct {
	t      testing.TB
	dir    string
	region *throwaway.Region
	files  Files
	ahead  atomic.Int64 // how far the site's clock is ahead, in nanoseconds
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), region: newRegion(t)}
	s.files = Files{
		Certificate: s.path("agent.pem"),
		Key:         s.path("agent.key"),
		BrokerRoots: []string{s.path("root.pem")},
		Denied:      s.path("denied.txt"),
	}
	s.renew("agent-1")
	s.write("root.pem", s.region.RootPEM())
	s.write("denied.txt", nil)
	return s
}

func newRegion(t testing.TB) *throwaway.Region {
	t.Helper()
	region, err := throwaway.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return region
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// write replaces a file of the site.
func (s *site) write(name string, data []byte) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), data, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// renew gives the agent a new certificate and key.
func (s *site) renew(name string) throwaway.Certificate {
	s.t.Helper()
	c := s.issue(s.region, throwaway.Leaf{Name: name, DNS: []string{"agent.example"}, Server: true})
	if _, _, err := c.WriteFiles(s.dir, "agent"); err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *site) issue(region *throwaway.Region, leaf throwaway.Leaf) throwaway.Certificate {
	s.t.Helper()
	c, err := region.Issue(leaf)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// broker issues the certificate of the site's one broker.
func (s *site) broker() throwaway.Certificate {
	s.t.Helper()
	return s.issue(s.region, throwaway.Leaf{Name: "broker", URI: brokerURI, Client: true})
}

func brokerPeer() Peer { return Peer{Name: "Region", URI: brokerURI, Roles: RoleRecords | RoleStatus} }

func (s *site) load(options Options) *Keeper {
	s.t.Helper()
	options.Now = s.now
	k, err := Load(s.files, []Peer{brokerPeer()}, options)
	if err != nil {
		s.t.Fatal(err)
	}
	return k
}

// connected is the state of a connection on which the peer has shown c.
func connected(t testing.TB, c throwaway.Certificate) *tls.ConnectionState {
	t.Helper()
	state := &tls.ConnectionState{HandshakeComplete: true}
	for _, der := range c.TLS.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		state.PeerCertificates = append(state.PeerCertificates, cert)
	}
	return state
}

// wantReason checks that err is of the kind, has the reason and quotes none of
// the secrets.
func wantReason(t testing.TB, err error, kind care.Kind, reason string, secrets ...string) {
	t.Helper()
	if care.KindOf(err) != kind || care.ReasonOf(err) != reason {
		t.Errorf("got %v, want %v (%s)", err, kind, reason)
	}
	for _, secret := range secrets {
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q quotes %q", err, secret)
		}
	}
}
