package throwaway_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity/throwaway"
)

func region(t *testing.T) *throwaway.Region {
	t.Helper()
	r, err := throwaway.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func issue(t *testing.T, r *throwaway.Region, leaf throwaway.Leaf) throwaway.Certificate {
	t.Helper()
	c, err := r.Issue(leaf)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestIssuedCertificatesVerify(t *testing.T) {
	root := region(t)
	below, err := root.Intermediate("Issuing authority")
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*throwaway.Region{"root": root, "intermediate": below} {
		t.Run(name, func(t *testing.T) {
			c := issue(t, r, throwaway.Leaf{DNS: []string{"agent.example"}, Server: true})
			between := x509.NewCertPool()
			for _, der := range c.TLS.Certificate[1:] {
				cert, err := x509.ParseCertificate(der)
				if err != nil {
					t.Fatal(err)
				}
				between.AddCert(cert)
			}
			chains, err := c.TLS.Leaf.Verify(x509.VerifyOptions{Roots: root.Pool(), Intermediates: between, DNSName: "agent.example"})
			if err != nil {
				t.Fatal(err)
			}
			if got := chains[0][1]; !got.Equal(r.Authority()) {
				t.Errorf("issued by %q, want %q", got.Subject, r.Authority().Subject)
			}
			if _, err := c.TLS.Leaf.Verify(x509.VerifyOptions{Roots: region(t).Pool(), Intermediates: between}); err == nil {
				t.Error("another region accepts the certificate")
			}
		})
	}
}

func TestHandshakeBetweenHelpers(t *testing.T) {
	r := region(t)
	server := issue(t, r, throwaway.Leaf{DNS: []string{"agent.example"}, Server: true})
	client := issue(t, r, throwaway.Leaf{URI: "urn:example:broker", Client: true})
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	dialled := tls.Client(a, r.ClientTLS(client, "agent.example"))
	done := make(chan error, 1)
	go func() { done <- dialled.Handshake() }()
	accepted := tls.Server(b, r.ServerTLS(server))
	if err := accepted.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := accepted.ConnectionState().PeerCertificates[0].URIs[0].String(); got != "urn:example:broker" {
		t.Errorf("the server sees %q", got)
	}
}

func TestWriteFilesReplacesAndHidesTheKey(t *testing.T) {
	dir, r := t.TempDir(), region(t)
	loose := filepath.Join(dir, "agent.key")
	if err := os.WriteFile(loose, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := issue(t, r, throwaway.Leaf{Name: "agent", Server: true})
	certificate, key, err := c.WriteFiles(dir, "agent")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.LoadX509KeyPair(certificate, key); err != nil {
		t.Errorf("the files do not load: %v", err)
	}
	info, err := os.Stat(key)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode != 0o600 {
		t.Errorf("the key has mode %o, want 600", mode)
	}
	left, err := fs.Glob(os.DirFS(dir), ".new-*")
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestFailuresAreCareErrors(t *testing.T) {
	r := region(t)
	_, issued := r.Issue(throwaway.Leaf{URI: "%zz"})
	written := r.WriteRoot(filepath.Join(t.TempDir(), "missing", "root.pem"))
	for name, err := range map[string]error{"issue": issued, "write": written} {
		if care.KindOf(err) != care.BadRequest {
			t.Errorf("%s: %v, want a BadRequest", name, err)
		}
	}
	if bytes.Equal(region(t).RootPEM(), r.RootPEM()) {
		t.Error("two regions share a root")
	}
}
