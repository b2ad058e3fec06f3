package sitekey

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestOpenCredential(t *testing.T) {
	folder := filepath.Dir(write(t, "site-key", testSecret(), 0o400))
	s := Source{Place: Credential, Path: folder, Name: "site-key"}
	for _, open := range []func(Source) (Key, error){Open, OpenOrCreate} {
		if k, err := open(s); err != nil || !k.Equal(testKey(t)) {
			t.Errorf("the credential was not read: %v", err)
		}
	}
}

// Nothing is read, and nothing made, outside the folder of systemd.
func TestCredentialNames(t *testing.T) {
	path := write(t, "site-key", testSecret(), 0o600)
	folder := filepath.Join(filepath.Dir(path), "credentials")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".", "..", "../site-key", "a/../../site-key", path, `..\site-key`, "C:site-key"} {
		_, err := Open(Source{Place: Credential, Path: folder, Name: name})
		wantReason(t, err, care.Internal, "KEY_SOURCE")
	}
}

func TestCredentialIsOnlyRead(t *testing.T) {
	folder := t.TempDir()
	missing := Source{Place: Credential, Path: folder, Name: "site-key"}
	_, err := OpenOrCreate(missing)
	wantReason(t, err, care.Internal, "KEY_MISSING")
	wantReason(t, Save(missing, testKey(t)), care.Unsupported, "KEY_UNSUPPORTED")
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("the folder now holds %v, %v", left, err)
	}
	_, err = Open(Source{Place: Credential, Name: "site-key"})
	wantReason(t, err, care.Internal, "KEY_MISSING")
	if !strings.Contains(err.Error(), "LoadCredentialEncrypted=site-key") {
		t.Errorf("the error does not say what to do: %v", err)
	}
}

func TestSourceThatNamesNothing(t *testing.T) {
	for _, place := range []Place{File, DPAPI} {
		_, err := Open(Source{Place: place})
		wantReason(t, err, care.Internal, "KEY_SOURCE")
		wantReason(t, Save(Source{Place: place}, testKey(t)), care.Internal, "KEY_SOURCE")
	}
	path := filepath.Join(t.TempDir(), "site.key")
	wantReason(t, Save(Source{Path: path}, Key{}), care.Internal, "KEY_DAMAGED")
}

func TestSourceString(t *testing.T) {
	for want, s := range map[string]Source{
		"file /k":                         {Path: "/k"},
		"systemd credential site-key":     {Place: Credential, Path: "/run/credentials/x", Name: "site-key"},
		"file protected by Windows C:\\k": {Place: DPAPI, Path: `C:\k`},
	} {
		if s.String() != want {
			t.Errorf("got %q; want %q", s, want)
		}
	}
}
