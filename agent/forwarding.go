package agent

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/mycarerecord/edge-agent/agent/audit/forward"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
)

// newForwarder makes what sends copies of the journal's entries away.
func (a *Agent) newForwarder() (*forward.Forwarder, error) {
	j := a.site.Journal
	settings := forward.Settings{Folder: JournalFolder(a.site), Archive: j.ArchiveFolder, State: a.site.StateFolder, Box: a.keys.Box,
		Site: forward.Site{Instance: string(a.site.Organisation.ODSCode), Version: a.version},
		Log:  a.log.Named("forward"), OnConnection: a.outbound}
	for i := range j.Forward {
		f := &j.Forward[i]
		secure, err := receiverTLS(f)
		if err != nil {
			return nil, err
		}
		settings.Receivers = append(settings.Receivers, forward.Receiver{Name: f.Name, Kind: string(f.Kind), Address: f.Address,
			TLS: secure, Identifiers: f.Identifiers})
	}
	return forward.New(settings)
}

// receiverTLS reads the certificates by which a receiver is known and called.
func receiverTLS(f *config.Forward) (*tls.Config, error) {
	fail := func(file string, err error) error {
		return &care.Error{Kind: care.BadRequest, Op: "agent.forward", Reason: "CERTIFICATE",
			Detail: file + " of the receiver " + f.Name + " cannot be used; check journal.forward in agent.yaml", Err: err}
	}
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(f.Roots) > 0 {
		secure.RootCAs = x509.NewCertPool()
	}
	for _, file := range f.Roots {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fail(file, err)
		}
		if !secure.RootCAs.AppendCertsFromPEM(text) {
			return nil, fail(file, nil)
		}
	}
	if f.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
		if err != nil {
			return nil, fail(f.Certificate, err)
		}
		secure.Certificates = []tls.Certificate{pair}
	}
	return secure, nil
}

// forwardAttention tells of receivers that do not get their copies.
func (a *Agent) forwardAttention() (attention []string) {
	for _, s := range a.forwarder.Status() {
		switch {
		case s.Dropped.Count > 0:
			attention = append(attention, fmt.Sprintf("Could not be sent to %s: %s, the latest %d to %d.", s.Name, care.Count(s.Dropped.Count, "journal entry"), s.Dropped.From, s.Dropped.To))
		case s.Behind > 0 && s.LastError != nil:
			attention = append(attention, fmt.Sprintf("Waiting to be sent to %s: %s. %s", s.Name, care.Count(s.Behind, "journal entry"), detailOf(s.LastError)))
		}
	}
	return attention
}
