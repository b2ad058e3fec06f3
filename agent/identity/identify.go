package identity

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Reasons of the Unauthenticated errors of Identify. They are stable.
const (
	ReasonNoCertificate = "NO_CERTIFICATE" // the peer showed none
	ReasonExpired       = "EXPIRED"
	ReasonNotYetValid   = "NOT_YET_VALID"
	ReasonRevoked       = "REVOKED"      // it, or an authority above it, is on the deny list
	ReasonUntrusted     = "UNTRUSTED"    // no chain to a broker root
	ReasonWrongUsage    = "WRONG_USAGE"  // an authority's certificate, or not a client's
	ReasonWildcard      = "WILDCARD"     // it carries a wildcard name
	ReasonUnknownPeer   = "UNKNOWN_PEER" // no configured peer has its name and issuer
	ReasonAmbiguous     = "AMBIGUOUS"    // more than one has
)

// Identify says who is at the other end of a connection, now. It is meant to
// be called for every call and during streams: when nothing has changed since
// the last time it costs less than a microsecond. It fails with
// care.Unauthenticated and one of the Reasons, and its text names the
// certificate's fingerprint and nothing that the peer wrote.
func (k *Keeper) Identify(state *tls.ConnectionState) (Caller, error) {
	if state == nil || len(state.PeerCertificates) == 0 {
		return Caller{}, refused(ReasonNoCertificate, "the peer has shown no certificate; it needs one from the region", nil)
	}
	v, now, leaf := k.view.Load(), k.now(), state.PeerCertificates[0]
	if p := v.known.get(leaf); p != nil && p.covers(now) {
		return p.caller, nil
	}
	p, err := v.identify(leaf, state.PeerCertificates[1:], now)
	if err != nil {
		return Caller{}, err
	}
	v.known.put(leaf, p)
	return p.caller, nil
}

// identify judges a certificate from the beginning.
func (v *view) identify(leaf *x509.Certificate, others []*x509.Certificate, now time.Time) (*passport, error) {
	if err := v.judgeLeaf(leaf, now); err != nil {
		return nil, err
	}
	chains, err := leaf.Verify(x509.VerifyOptions{
		Roots:         v.roots.pool,
		Intermediates: poolOf(others),
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil, refused(ReasonUntrusted, "it does not lead to a broker root of this site", leaf)
	}
	if v.denied.list.holdsAny(chains) {
		return nil, refused(ReasonRevoked, "an authority above it is on the site's deny list", leaf)
	}
	peer, err := v.peerOf(leaf, chains)
	if err != nil {
		return nil, err
	}
	p := &passport{caller: Caller{Peer: *peer, Broker: care.Broker{Name: peer.Name, Certificate: Fingerprint(leaf)}}}
	p.from, p.until = validity(leaf, chains)
	return p, nil
}

// judgeLeaf judges what can be told without the chain.
func (v *view) judgeLeaf(leaf *x509.Certificate, now time.Time) error {
	switch {
	case now.After(leaf.NotAfter):
		return refused(ReasonExpired, "it has expired; the broker has to renew it and connect again", leaf)
	case now.Before(leaf.NotBefore):
		return refused(ReasonNotYetValid, "it is not valid yet; check the clocks of both ends", leaf)
	case v.denied.list.holdsLeaf(leaf):
		return refused(ReasonRevoked, "it is on the site's deny list", leaf)
	case leaf.IsCA, !hasUsage(leaf, x509.ExtKeyUsageClientAuth):
		return refused(ReasonWrongUsage, "it is not a client's; extended key usage clientAuth is needed", leaf)
	}
	for _, name := range leaf.DNSNames {
		if strings.Contains(name, "*") {
			return refused(ReasonWildcard, "it carries a wildcard name, which says nothing about who is calling", leaf)
		}
	}
	return nil
}

// peerOf returns the one peer that the certificate is.
func (v *view) peerOf(leaf *x509.Certificate, chains [][]*x509.Certificate) (*Peer, error) {
	var found *Peer
	for i := range v.peers {
		if !v.peers[i].matches(leaf, chains) {
			continue
		}
		if found != nil {
			return nil, refused(ReasonAmbiguous, "its names are those of more than one configured peer", leaf)
		}
		found = &v.peers[i]
	}
	if found == nil {
		return nil, refused(ReasonUnknownPeer, "no configured peer has its name and issuer", leaf)
	}
	return found, nil
}

// validity returns the time during which all certificates are valid at once.
// After it the chains have to be built again.
func validity(leaf *x509.Certificate, chains [][]*x509.Certificate) (from, until time.Time) {
	from, until = leaf.NotBefore, leaf.NotAfter
	for _, chain := range chains {
		for _, c := range chain {
			if c.NotBefore.After(from) {
				from = c.NotBefore
			}
			if c.NotAfter.Before(until) {
				until = c.NotAfter
			}
		}
	}
	return from, until
}

func poolOf(certificates []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range certificates {
		pool.AddCert(c)
	}
	return pool
}

func refused(reason, detail string, leaf *x509.Certificate) error {
	if leaf != nil {
		detail = "certificate " + Fingerprint(leaf) + ": " + detail
	}
	return &care.Error{Kind: care.Unauthenticated, Op: "identity.Identify", Reason: reason, Detail: detail}
}
