package throwaway

import (
	"crypto/tls"
	"os"
	"path/filepath"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// ServerTLS returns the settings of a server that shows c and accepts only
// clients of the region. It checks dates against the real time.
func (r *Region) ServerTLS(c Certificate) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS12,
		NextProtos:             []string{"h2"},
		Certificates:           []tls.Certificate{c.TLS},
		ClientAuth:             tls.RequireAndVerifyClientCert,
		ClientCAs:              r.Pool(),
		SessionTicketsDisabled: true,
	}
}

// ClientTLS returns the settings of a client that shows c and expects a server
// of the region by the given name. It checks dates against the real time.
func (r *Region) ClientTLS(c Certificate, serverName string) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2"},
		Certificates: []tls.Certificate{c.TLS},
		RootCAs:      r.Pool(),
		ServerName:   serverName,
	}
}

// WriteRoot writes the region's root to a file in PEM form.
func (r *Region) WriteRoot(path string) error { return replace(path, r.RootPEM()) }

// WriteFiles writes the chain to dir/name.pem and the key to dir/name.key,
// which only the owner may read, and returns both paths. Existing files are
// replaced by renaming, so that a reader finds an old file or a new one.
func (c Certificate) WriteFiles(dir, name string) (certificate, key string, err error) {
	certificate, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	if err := replace(certificate, c.CertPEM); err != nil {
		return "", "", err
	}
	if err := replace(key, c.KeyPEM); err != nil {
		return "", "", err
	}
	return certificate, key, nil
}

// replace writes a new file beside path and renames it into place. CreateTemp
// gives it mode 0600.
func replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return unwritten(path, err)
	}
	_, err = f.Write(data)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return unwritten(path, err)
	}
	return nil
}

func unwritten(path string, err error) error {
	return &care.Error{Kind: care.BadRequest, Op: "throwaway.WriteFiles", Reason: "FILE",
		Detail: path + " cannot be written; check that its folder exists and has room", Err: err}
}
