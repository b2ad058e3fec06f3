package forward

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// dialLimit is how long a connection may take to come about.
const dialLimit = 20 * time.Second

// clientTLS completes the settings of a receiver.
func clientTLS(given *tls.Config, host string) *tls.Config {
	config := &tls.Config{}
	if given != nil {
		config = given.Clone()
	}
	config.ServerName = cmp.Or(config.ServerName, host)
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	if config.CipherSuites == nil { // of TLS 1.2: those with forward secrecy and AEAD
		config.CipherSuites = []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, // mandatory, RFC 9662 section 5
		}
	}
	return config
}

// dial connects and shakes hands.
func dial(ctx context.Context, address string, config *tls.Config) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, explain(err)
	}
	return conn.(*tls.Conn), nil
}

// faults says what can go wrong with a connection, and what to do.
var faults = map[string]string{
	"UNTRUSTED":   "the receiver's certificate does not lead to the configured roots, is not valid now, or is for another name; check roots and address",
	"TURNED_AWAY": "the receiver ended the TLS handshake; it may want another certificate of the agent, or speak no TLS 1.2 with ECDHE and AES-GCM",
	"NO_NAME":     "the receiver's host is not known to DNS; check its address",
	"REFUSED":     "nothing accepts connections at the receiver's address",
	"STALLED":     "the receiver did not answer, or took nothing more, in time",
	"CLOSED":      "the receiver closed the connection",
	"UNREACHABLE": "the receiver cannot be reached or the connection to it broke",
	"NOT_TAKEN":   "the receiver answered that it cannot take entries; its own log says why",
	"PROTOCOL":    "the receiver does not speak gRPC (HTTP/2) at this address",
}

// explain makes an error with a stable reason of what ended a connection.
func explain(err error) error {
	if already, ok := errors.AsType[*care.Error](err); ok {
		return already
	}
	reason := "UNREACHABLE"
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	alert, alerted := errors.AsType[*net.OpError](err)
	_, name := errors.AsType[*net.DNSError](err)
	switch {
	case untrusted:
		reason = "UNTRUSTED"
	case alerted && alert.Op == "remote error": // how crypto/tls hands on an alert
		reason = "TURNED_AWAY"
	case name:
		reason = "NO_NAME"
	case errors.Is(err, syscall.ECONNREFUSED):
		reason = "REFUSED"
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		reason = "STALLED"
	case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
		reason = "CLOSED"
	}
	return fault(reason, err)
}

func fault(reason string, err error) error {
	return &care.Error{Kind: care.SourceUnavailable, Op: "forward.Run", Reason: reason, Detail: faults[reason], Err: err}
}
