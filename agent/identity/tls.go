package identity

import "crypto/tls"

// ServerTLS returns the settings under which brokers connect: TLS 1.3, or 1.2
// with ECDHE and AES-GCM for peers that need it (GP Connect 1.6, development
// API security guidance); a client certificate that Identify accepts; HTTP/2,
// which the caller checks was agreed on: crypto/tls lets clients pass that offer
// nothing, or HTTP/1.1.
//
// Each handshake gets settings made afresh from what is in use at that moment,
// so renewed files count from the next connection. Session tickets are off: a
// resumed session would skip the look at certificates (Go issue 77217).
func (k *Keeper) ServerTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return k.handshakeTLS(), nil
		},
		SessionTicketsDisabled: true,
	}
}

// handshakeTLS makes the settings of one handshake.
func (k *Keeper) handshakeTLS() *tls.Config {
	v := k.view.Load()
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{ // of TLS 1.2; those of 1.3 are not a choice
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		},
		Time:                   k.now,
		NextProtos:             []string{"h2"},
		Certificates:           []tls.Certificate{v.own.certificate},
		ClientAuth:             tls.RequireAndVerifyClientCert,
		ClientCAs:              v.roots.pool,
		SessionTicketsDisabled: true,
		// Replies come in large pieces, so that starting with small records
		// for the sake of a first paint only costs.
		DynamicRecordSizingDisabled: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			_, err := k.Identify(&state)
			return err
		},
	}
}
