// Package identity answers two questions with certificates: who this agent is
// (its own certificate and key, from files that may be renewed while it runs)
// and who is calling (a broker whose certificate the site's configuration
// knows).
//
// Load reads the files, a Keeper holds what they said last, and Keeper.Run
// follows their changes. ServerTLS is for connections, Identify for calls.
//
// A connection outlives its certificate: TLS looks at dates and roots during
// the handshake and never again. Identify is therefore called for every call,
// and looks again at the dates, the deny list and the roots.
//
// Only two things make a caller: a chain to one of the site's broker roots, and
// a subject alternative name that the configuration lists. The common name,
// wildcards and anything a caller says about itself count for nothing. What is
// in doubt is refused.
package identity

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Files names where the agent's certificates are. All hold PEM, except Denied.
type Files struct {
	Certificate string   // the agent's certificate, then its intermediates
	Key         string   // its private key, unencrypted, readable by its owner alone
	BrokerRoots []string // authorities that issue brokers' certificates; normally two during a rollover
	Denied      string   // optional: one serial number or SHA-256 fingerprint per line, in hexadecimal
}

// Caller is an identified peer.
type Caller struct {
	Peer   Peer
	Broker care.Broker // as the journal writes it down; Software is not set
}

// MaySpeakFor reports whether requests of the organisation may come through
// this caller.
func (c Caller) MaySpeakFor(organisation care.ODSCode) bool {
	return c.Peer.Organisations == nil || slices.Contains(c.Peer.Organisations, organisation)
}

// Status is what a Keeper holds, for people and for warnings of expiry.
type Status struct {
	Subject     string    // of the agent's certificate
	Fingerprint string    // SHA-256 of the agent's certificate, hexadecimal
	NotAfter    time.Time // of the agent's certificate
	Roots       []Root    // in the order of the files; expired ones stay listed
	Denied      int       // entries of the deny list
	Watching    bool      // changes are noticed at once, not only every half a minute
	LastError   error     // why the newest files are not, or not all, in use; nil when they are
}

// Root is one authority that brokers' certificates may come from.
type Root struct {
	Subject     string
	Fingerprint string // SHA-256, hexadecimal
	NotAfter    time.Time
}

// Fingerprint returns the SHA-256 fingerprint of a certificate in lower-case
// hexadecimal, as "openssl x509 -fingerprint -sha256" prints it without colons.
func Fingerprint(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	return hex.EncodeToString(sum[:])
}

// fault is a Problem with the stable reason that an error carries.
type fault struct {
	reason string
	care.Problem
}

func newFault(path, reason, detail string) fault {
	return fault{reason, care.Problem{Path: path, Detail: detail}}
}

func problems(faults []fault) []care.Problem {
	var list []care.Problem
	for _, f := range faults {
		list = append(list, f.Problem)
	}
	return list
}

// faultError makes one error of several faults, or nil of none. Its reason is
// that of the first.
func faultError(op string, faults []fault) error {
	if len(faults) == 0 {
		return nil
	}
	var details []string
	for _, f := range faults {
		details = append(details, f.Detail)
	}
	return &care.Error{Kind: care.BadRequest, Op: op, Reason: faults[0].reason, Detail: strings.Join(details, "; ")}
}
