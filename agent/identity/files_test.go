package identity

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity/throwaway"
)

// faults are ways to spoil a sound site, the reason each is given and the file
// that has to be named.
var faults = []struct {
	name   string
	spoil  func(s *site)
	reason string
	file   string
}{
	{"certificate missing", func(s *site) { remove(s, "agent.pem") }, "UNREADABLE", "agent.pem"},
	{"certificate not configured", func(s *site) { s.files.Certificate = "" }, "UNREADABLE", "certificate"},
	{"certificate is a folder", func(s *site) { s.files.Certificate = s.dir }, "UNREADABLE", ""},
	{"certificate too large", func(s *site) { s.write("agent.pem", make([]byte, maxFileBytes+1)) }, "UNREADABLE", "agent.pem"},
	{"certificate empty", func(s *site) { s.write("agent.pem", nil) }, "NO_CERTIFICATE", "agent.pem"},
	{"certificate not PEM", func(s *site) { s.write("agent.pem", s.region.Root().Raw) }, "NO_CERTIFICATE", "agent.pem"},
	{"certificate half written", func(s *site) {
		own := s.renew("agent").CertPEM
		s.write("agent.pem", append(own, own[:len(own)/2]...))
	}, "NO_CERTIFICATE", "agent.pem"},
	{"certificate not one", func(s *site) {
		s.write("agent.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("no")}))
	}, "NO_CERTIFICATE", "agent.pem"},
	{"certificate expired", func(s *site) { s.ahead.Store(int64(25 * time.Hour)) }, "EXPIRED", "agent.pem"},
	{"certificate not yet valid", func(s *site) { s.ahead.Store(int64(-2 * time.Hour)) }, "NOT_YET_VALID", "agent.pem"},
	{"certificate for clients only", func(s *site) {
		c := s.issue(s.region, throwaway.Leaf{Name: "agent", Client: true})
		s.write("agent.pem", c.CertPEM)
		s.write("agent.key", c.KeyPEM)
	}, "WRONG_USAGE", "agent.pem"},
	{"key missing", func(s *site) { remove(s, "agent.key") }, "UNREADABLE", "agent.key"},
	{"key of another", func(s *site) { s.write("agent.key", s.broker().KeyPEM) }, "KEY_MISMATCH", "agent.key"},
	{"key encrypted", func(s *site) {
		s.write("agent.key", pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}))
	}, "KEY_ENCRYPTED", "agent.key"},
	{"key encrypted in the old way", func(s *site) {
		s.write("agent.key", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte("x"), Headers: map[string]string{"DEK-Info": "AES-256-CBC,00"}}))
	}, "KEY_ENCRYPTED", "agent.key"},
	{"key not one", func(s *site) {
		s.write("agent.key", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("x")}))
	}, "KEY_UNREADABLE", "agent.key"},
	{"no roots configured", func(s *site) { s.files.BrokerRoots = nil }, "NO_ROOT", ""},
	{"root missing", func(s *site) { remove(s, "root.pem") }, "UNREADABLE", "root.pem"},
	{"root not an authority", func(s *site) { s.write("root.pem", s.broker().CertPEM) }, "NOT_AUTHORITY", "root.pem"},
	{"all roots expired", func(s *site) {
		old, err := throwaway.New(time.Now().AddDate(-11, 0, 0))
		if err != nil {
			s.t.Fatal(err)
		}
		s.write("root.pem", old.RootPEM())
	}, "NO_ROOT", ""},
	{"deny list missing", func(s *site) { remove(s, "denied.txt") }, "UNREADABLE", "denied.txt"},
	{"deny list with a bad line", func(s *site) { s.write("denied.txt", []byte("01\nnot hex\n")) }, "DENIED_LINE", "denied.txt: line 2"},
}

func remove(s *site, name string) {
	if err := os.Remove(s.path(name)); err != nil {
		s.t.Fatal(err)
	}
}

func TestLoadRefusesFaultyFiles(t *testing.T) {
	for _, test := range faults {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			test.spoil(s)
			_, err := Load(s.files, nil, Options{Now: s.now})
			wantReason(t, err, care.BadRequest, test.reason)
			if err == nil || !strings.Contains(err.Error(), test.file) {
				t.Errorf("%v does not name %q", err, test.file)
			}
			if got := CheckFiles(s.files, s.now()); len(got) != 1 || got[0].Path == "" {
				t.Errorf("CheckFiles found %v, want this one fault", got)
			}
		})
	}
}

func TestLoadRefusesAnExposedKey(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // the folder's access control list decides there
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o610, 0o777} {
		s := newSite(t)
		if err := os.Chmod(s.files.Key, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Load(s.files, nil, Options{Now: s.now})
		wantReason(t, err, care.BadRequest, "KEY_EXPOSED")
	}
}

func TestCheckFilesShowsEveryFault(t *testing.T) {
	s := newSite(t)
	if got := CheckFiles(s.files, s.now()); len(got) != 0 {
		t.Fatalf("a sound site has faults: %v", got)
	}
	remove(s, "agent.key")
	remove(s, "root.pem")
	s.write("denied.txt", []byte("?"))
	s.ahead.Store(int64(25 * time.Hour))
	var paths []string
	for _, p := range CheckFiles(s.files, s.now()) {
		paths = append(paths, p.Path)
	}
	if got, want := strings.Join(paths, " "), "key certificate broker_roots[0] denied"; got != want {
		t.Errorf("faults in %q, want %q", got, want)
	}
}

func TestLoadAccepts(t *testing.T) {
	old, err := throwaway.New(time.Now().AddDate(-11, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(s *site){
		"nothing special":            func(*site) {},
		"no deny list":               func(s *site) { s.files.Denied = "" },
		"two roots in one file":      func(s *site) { s.write("root.pem", append(s.region.RootPEM(), newRegion(t).RootPEM()...)) },
		"an expired root beside one": func(s *site) { s.write("root.pem", append(old.RootPEM(), s.region.RootPEM()...)) },
		"a chain": func(s *site) {
			below, err := s.region.Intermediate("issuing")
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.issue(below, throwaway.Leaf{Server: true}).WriteFiles(s.dir, "agent"); err != nil {
				t.Fatal(err)
			}
		},
		"no extended key usage": func(s *site) {
			if _, _, err := s.issue(s.region, throwaway.Leaf{}).WriteFiles(s.dir, "agent"); err != nil {
				t.Fatal(err)
			}
		},
		"a key in SEC 1 form": func(s *site) {
			der, err := x509.MarshalECPrivateKey(s.renew("agent").TLS.PrivateKey.(*ecdsa.PrivateKey))
			if err != nil {
				t.Fatal(err)
			}
			s.write("agent.key", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			change(s)
			s.load(Options{})
		})
	}
}

func TestStatusListsRoots(t *testing.T) {
	s := newSite(t)
	second := newRegion(t)
	s.write("second.pem", second.RootPEM())
	s.files.BrokerRoots = append(s.files.BrokerRoots, s.path("second.pem"))
	s.write("denied.txt", []byte("0a\n0b\n"))
	own := s.renew("agent-2")
	got := s.load(Options{}).Status()
	if len(got.Roots) != 2 || got.Roots[1].Fingerprint != Fingerprint(second.Root()) || !got.Roots[1].NotAfter.Equal(second.Root().NotAfter) {
		t.Errorf("roots %v, want the second to be %v", got.Roots, second.Root().Subject)
	}
	if got.Fingerprint != Fingerprint(own.TLS.Leaf) || !got.NotAfter.Equal(own.TLS.Leaf.NotAfter) || got.Subject != "CN=agent-2" {
		t.Errorf("own certificate %+v", got)
	}
	if got.Denied != 2 || got.LastError != nil || got.Watching {
		t.Errorf("%d denied, error %v, watching %v", got.Denied, got.LastError, got.Watching)
	}
}
