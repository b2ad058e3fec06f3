package identity

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity/throwaway"
)

func TestIdentifyJudgesCertificates(t *testing.T) {
	s := newSite(t)
	k := s.load(Options{})
	host := Peer{Name: "Host", DNS: "broker.example", Roles: RoleRecords}
	if err := k.SetPeers([]Peer{brokerPeer(), host}); err != nil {
		t.Fatal(err)
	}
	now := s.now()
	for name, test := range map[string]struct {
		leaf   throwaway.Leaf
		peer   string // who it is, or
		reason string // why it is nobody
	}{
		"by URI":              {throwaway.Leaf{URI: brokerURI, Client: true}, "Region", ""},
		"by host":             {throwaway.Leaf{DNS: []string{"broker.example"}, Client: true}, "Host", ""},
		"by host in capitals": {throwaway.Leaf{DNS: []string{"Broker.Example"}, Client: true}, "Host", ""},
		"second host":         {throwaway.Leaf{DNS: []string{"other.example", "broker.example"}, Client: true}, "Host", ""},
		"client and server":   {throwaway.Leaf{URI: brokerURI, Client: true, Server: true}, "Region", ""},
		"name only":           {throwaway.Leaf{Name: "broker.example", Client: true}, "", ReasonUnknownPeer},
		"host below":          {throwaway.Leaf{DNS: []string{"a.broker.example"}, Client: true}, "", ReasonUnknownPeer},
		"host above":          {throwaway.Leaf{DNS: []string{"example"}, Client: true}, "", ReasonUnknownPeer},
		"URI in capitals":     {throwaway.Leaf{URI: strings.ToUpper(brokerURI), Client: true}, "", ReasonUnknownPeer},
		"longer URI":          {throwaway.Leaf{URI: brokerURI + "/x", Client: true}, "", ReasonUnknownPeer},
		"host as URI":         {throwaway.Leaf{URI: "https://broker.example", Client: true}, "", ReasonUnknownPeer},
		"wildcard":            {throwaway.Leaf{DNS: []string{"*.example"}, Client: true}, "", ReasonWildcard},
		"wildcard beside":     {throwaway.Leaf{URI: brokerURI, DNS: []string{"*.example"}, Client: true}, "", ReasonWildcard},
		"two peers":           {throwaway.Leaf{URI: brokerURI, DNS: []string{"broker.example"}, Client: true}, "", ReasonAmbiguous},
		"server only":         {throwaway.Leaf{URI: brokerURI, Server: true}, "", ReasonWrongUsage},
		"no usage":            {throwaway.Leaf{URI: brokerURI}, "", ReasonWrongUsage},
		"expired":             {throwaway.Leaf{URI: brokerURI, Client: true, NotAfter: now.Add(-time.Minute)}, "", ReasonExpired},
		"not yet valid":       {throwaway.Leaf{URI: brokerURI, Client: true, NotBefore: now.Add(time.Hour)}, "", ReasonNotYetValid},
	} {
		t.Run(name, func(t *testing.T) {
			c := s.issue(s.region, test.leaf)
			caller, err := k.Identify(connected(t, c))
			if test.reason != "" {
				wantReason(t, err, care.Unauthenticated, test.reason, "example")
				if caller.Peer.Roles != 0 || caller.Broker != (care.Broker{}) {
					t.Errorf("a refused caller is %+v", caller)
				}
				return
			}
			if err != nil || caller.Peer.Name != test.peer {
				t.Errorf("got %q, %v, want %q", caller.Peer.Name, err, test.peer)
			}
			if want := (care.Broker{Name: test.peer, Certificate: Fingerprint(c.TLS.Leaf)}); caller.Broker != want {
				t.Errorf("broker %+v, want %+v", caller.Broker, want)
			}
		})
	}
}

func TestIdentifyNeedsACertificate(t *testing.T) {
	k := newSite(t).load(Options{})
	for _, state := range []*tls.ConnectionState{nil, {}} {
		_, err := k.Identify(state)
		wantReason(t, err, care.Unauthenticated, ReasonNoCertificate)
	}
}

func TestIdentifyRefusesOtherAuthorities(t *testing.T) {
	s := newSite(t)
	k := s.load(Options{})
	leaf := throwaway.Leaf{URI: brokerURI, Client: true}
	_, err := k.Identify(connected(t, s.issue(newRegion(t), leaf)))
	wantReason(t, err, care.Unauthenticated, ReasonUntrusted)

	below, err := s.region.Intermediate("issuing")
	if err != nil {
		t.Fatal(err)
	}
	whole := connected(t, s.issue(below, leaf))
	_, err = k.Identify(&tls.ConnectionState{PeerCertificates: whole.PeerCertificates[:1]})
	wantReason(t, err, care.Unauthenticated, ReasonUntrusted)
	if _, err := k.Identify(whole); err != nil {
		t.Errorf("after a try without its intermediate the same leaf is refused: %v", err)
	}
	authority := *below.Authority()
	authority.URIs, authority.ExtKeyUsage = whole.PeerCertificates[0].URIs, whole.PeerCertificates[0].ExtKeyUsage
	_, err = k.Identify(&tls.ConnectionState{PeerCertificates: []*x509.Certificate{&authority}})
	wantReason(t, err, care.Unauthenticated, ReasonWrongUsage)
}

// TestAuthoritiesExpireToo has a leaf that outlives its root.
func TestAuthoritiesExpireToo(t *testing.T) {
	s := newSite(t)
	k := s.load(Options{})
	state := connected(t, s.issue(s.region, throwaway.Leaf{URI: brokerURI, Client: true, NotAfter: s.now().AddDate(20, 0, 0)}))
	if _, err := k.Identify(state); err != nil {
		t.Fatal(err)
	}
	s.ahead.Store(int64(11 * 366 * 24 * time.Hour))
	_, err := k.Identify(state)
	wantReason(t, err, care.Unauthenticated, ReasonUntrusted)
}

func TestIdentifyInsistsOnTheIssuer(t *testing.T) {
	s := newSite(t)
	k := s.load(Options{})
	below, err := s.region.Intermediate("issuing")
	if err != nil {
		t.Fatal(err)
	}
	pinned := brokerPeer()
	pinned.IssuerSHA256 = Fingerprint(below.Authority())
	if err := k.SetPeers([]Peer{pinned}); err != nil {
		t.Fatal(err)
	}
	leaf := throwaway.Leaf{URI: brokerURI, Client: true}
	if _, err := k.Identify(connected(t, s.issue(below, leaf))); err != nil {
		t.Errorf("from the pinned issuer: %v", err)
	}
	_, err = k.Identify(connected(t, s.issue(s.region, leaf)))
	wantReason(t, err, care.Unauthenticated, ReasonUnknownPeer)
}

// TestIdentifyLooksAgain changes one thing under a live connection that was
// fine a moment ago.
func TestIdentifyLooksAgain(t *testing.T) {
	below := func(s *site) *throwaway.Region {
		r, err := s.region.Intermediate("issuing")
		if err != nil {
			s.t.Fatal(err)
		}
		return r
	}
	for name, test := range map[string]struct {
		change func(s *site, k *Keeper, leaf, issuer *x509.Certificate)
		reason string
	}{
		"nothing": {func(*site, *Keeper, *x509.Certificate, *x509.Certificate) {}, ""},
		"it expires": {func(s *site, _ *Keeper, _, _ *x509.Certificate) {
			s.ahead.Store(int64(24*time.Hour + time.Second))
		}, ReasonExpired},
		"the clock goes back": {func(s *site, _ *Keeper, _, _ *x509.Certificate) {
			s.ahead.Store(int64(-2 * time.Hour))
		}, ReasonNotYetValid},
		"its serial is denied": {func(s *site, k *Keeper, leaf, _ *x509.Certificate) {
			s.write("denied.txt", fmt.Appendf(nil, "00%X", leaf.SerialNumber))
			k.Rescan()
		}, ReasonRevoked},
		"its fingerprint is denied": {func(s *site, k *Keeper, leaf, _ *x509.Certificate) {
			s.write("denied.txt", []byte(Fingerprint(leaf)))
			k.Rescan()
		}, ReasonRevoked},
		"its issuer is denied": {func(s *site, k *Keeper, _, issuer *x509.Certificate) {
			s.write("denied.txt", []byte(Fingerprint(issuer)))
			k.Rescan()
		}, ReasonRevoked},
		"the serial of its issuer is denied": {func(s *site, k *Keeper, _, issuer *x509.Certificate) {
			s.write("denied.txt", fmt.Appendf(nil, "%X", issuer.SerialNumber))
			k.Rescan()
		}, ""},
		"another is denied": {func(s *site, k *Keeper, _, _ *x509.Certificate) {
			s.write("denied.txt", []byte("01"))
			k.Rescan()
		}, ""},
		"the root is replaced": {func(s *site, k *Keeper, _, _ *x509.Certificate) {
			s.write("root.pem", newRegion(s.t).RootPEM())
			k.Rescan()
		}, ReasonUntrusted},
		"a root is added": {func(s *site, k *Keeper, _, _ *x509.Certificate) {
			s.write("root.pem", append(newRegion(s.t).RootPEM(), s.region.RootPEM()...))
			k.Rescan()
		}, ""},
		"the peer is removed": {func(s *site, k *Keeper, _, _ *x509.Certificate) {
			if err := k.SetPeers(nil); err != nil {
				s.t.Error(err)
			}
		}, ReasonUnknownPeer},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			k, issuer := s.load(Options{}), below(s)
			state := connected(t, s.issue(issuer, throwaway.Leaf{URI: brokerURI, Client: true}))
			if _, err := k.Identify(state); err != nil {
				t.Fatal(err)
			}
			test.change(s, k, state.PeerCertificates[0], issuer.Authority())
			_, err := k.Identify(state)
			if test.reason == "" && err != nil {
				t.Errorf("refused: %v", err)
			}
			if test.reason != "" {
				wantReason(t, err, care.Unauthenticated, test.reason)
			}
		})
	}
}

func TestNewRolesCountOnOldConnections(t *testing.T) {
	s := newSite(t)
	k, state := s.load(Options{}), connected(t, s.broker())
	if caller, err := k.Identify(state); err != nil || caller.Peer.Roles.Has(RoleConsent) {
		t.Fatalf("roles %v, %v", caller.Peer.Roles, err)
	}
	more := brokerPeer()
	more.Roles = RoleConsent
	if err := k.SetPeers([]Peer{more}); err != nil {
		t.Fatal(err)
	}
	if caller, err := k.Identify(state); err != nil || caller.Peer.Roles != RoleConsent {
		t.Errorf("roles %v, %v, want the new ones", caller.Peer.Roles, err)
	}
	more.Roles = RoleSite
	wantReason(t, k.SetPeers([]Peer{more}), care.BadRequest, "PEER")
	if caller, err := k.Identify(state); err != nil || caller.Peer.Roles != RoleConsent {
		t.Errorf("roles %v, %v after a refused change", caller.Peer.Roles, err)
	}
}

// TestIdentifyIsCheapWhenNothingChanged rests on building a chain allocating:
// a call that allocates nothing has built none.
func TestIdentifyIsCheapWhenNothingChanged(t *testing.T) {
	s := newSite(t)
	k, state := s.load(Options{}), connected(t, s.broker())
	if allocs := testing.AllocsPerRun(100, func() {
		if _, err := k.Identify(state); err != nil {
			t.Error(err)
		}
	}); allocs != 0 {
		t.Errorf("%v allocations a call, want 0", allocs)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	var m memory
	for range 3*maxKnown + 1 {
		leaf := new(x509.Certificate)
		m.put(leaf, new(passport))
		if len(m.known) > maxKnown || m.get(leaf) == nil {
			t.Fatalf("%d known, newest known: %v", len(m.known), m.get(leaf) != nil)
		}
	}
}

func BenchmarkIdentify(b *testing.B) {
	s := newSite(b)
	k, state := s.load(Options{}), connected(b, s.broker())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Identify(state); err != nil {
			b.Fatal(err)
		}
	}
}
