package identity

import (
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Peer is one system that may call, as the configuration describes it. Exactly
// one of URI and DNS is set.
type Peer struct {
	Name          string         // as the journal calls it; unique
	URI           string         // URI that its certificate carries as subject alternative name
	DNS           string         // host name that it carries so, in lower case, without wildcard
	IssuerSHA256  string         // optional: fingerprint of the authority that must have signed it, lower-case hexadecimal
	Roles         Roles          // at least one
	Organisations []care.ODSCode // organisations it may speak for; nil means any
}

// maxPeerName is the longest name of a peer, in bytes.
const maxPeerName = 128

// CheckPeers returns every fault in a list of peers. Problem paths are relative
// to the list, such as "[1].uri".
func CheckPeers(peers []Peer) []care.Problem { return problems(checkPeers(peers)) }

func checkPeers(peers []Peer) []fault {
	var faults []fault
	for i, p := range peers {
		for _, f := range p.check() {
			f.Path = fmt.Sprintf("[%d].%s", i, f.Path)
			faults = append(faults, f)
		}
		for j, other := range peers[:i] {
			if p.Name == other.Name {
				faults = append(faults, newFault(fmt.Sprintf("[%d].name", i), "PEER", fmt.Sprintf("the name is also that of [%d]", j)))
			}
			if p.overlaps(other) {
				faults = append(faults, newFault(fmt.Sprintf("[%d]", i), "PEER",
					fmt.Sprintf("a certificate could be both this peer's and that of [%d]; give each its own name or issuer", j)))
			}
		}
	}
	return faults
}

// check returns the faults of one peer, with the field's name as path.
func (p *Peer) check() []fault {
	var faults []fault
	for _, f := range []struct {
		bad          bool
		path, detail string
	}{
		{p.Name == "" || len(p.Name) > maxPeerName, "name", "a name of 1 to 128 bytes is needed"},
		{(p.URI == "") == (p.DNS == ""), "uri", "exactly one of uri and dns is needed"},
		{p.URI != "" && !exactURI(p.URI), "uri", "not an absolute URI in its normal form, such as urn:example:broker or spiffe://region.example/broker"},
		{p.DNS != "" && !exactHost(p.DNS), "dns", "not a full host name in lower case; wildcards are not accepted"},
		{p.IssuerSHA256 != "" && !isFingerprint(p.IssuerSHA256), "issuer_sha256", "a fingerprint has 64 lower-case hexadecimal digits"},
		{p.Roles == 0, "roles", "at least one role is needed"},
		{p.Roles&^fromCertificate != 0, "roles", "a certificate can give only records, consent, config, audit and status"},
		{p.Organisations != nil && len(p.Organisations) == 0, "organisations", "name at least one, or leave the list out for any"},
	} {
		if f.bad {
			faults = append(faults, newFault(f.path, "PEER", f.detail))
		}
	}
	for i, o := range p.Organisations {
		if !o.Valid() {
			faults = append(faults, newFault(fmt.Sprintf("organisations[%d]", i), "PEER", "not an ODS code: 3 to 10 capital letters and digits"))
		}
	}
	return faults
}

// overlaps reports whether one certificate with a single name could match both.
func (p *Peer) overlaps(q Peer) bool {
	sameName := p.URI == q.URI && p.DNS == q.DNS
	return sameName && (p.IssuerSHA256 == "" || q.IssuerSHA256 == "" || p.IssuerSHA256 == q.IssuerSHA256)
}

// matches reports whether the leaf carries the peer's name and one of the
// chains has the issuer that the peer insists on.
func (p *Peer) matches(leaf *x509.Certificate, chains [][]*x509.Certificate) bool {
	return p.named(leaf) && (p.IssuerSHA256 == "" || issuedBy(chains, p.IssuerSHA256))
}

func (p *Peer) named(leaf *x509.Certificate) bool {
	for _, u := range leaf.URIs {
		if p.URI != "" && u.String() == p.URI {
			return true
		}
	}
	for _, d := range leaf.DNSNames {
		if p.DNS != "" && strings.ToLower(d) == p.DNS {
			return true
		}
	}
	return false
}

func issuedBy(chains [][]*x509.Certificate, fingerprint string) bool {
	for _, chain := range chains {
		if len(chain) > 1 && Fingerprint(chain[1]) == fingerprint {
			return true
		}
	}
	return false
}

// exactURI reports whether text is an absolute URI that a certificate would
// hold as the same text: comparison is by bytes.
func exactURI(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme != "" && (u.Host != "" || u.Opaque != "") && u.User == nil && u.String() == text
}

func exactHost(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

func isFingerprint(text string) bool {
	_, err := hex.DecodeString(text)
	return err == nil && len(text) == fingerprintDigits && strings.ToLower(text) == text
}
