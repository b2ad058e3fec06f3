package sitekey

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestDPAPI(t *testing.T) {
	s := Source{Place: DPAPI, Path: filepath.Join(t.TempDir(), "site.dpapi")}
	_, err := Open(s)
	wantReason(t, err, care.Internal, "KEY_MISSING")
	made, err := OpenOrCreate(s)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := OpenOrCreate(s); err != nil || !again.Equal(made) {
		t.Fatalf("the key was not found again: %v", err)
	}
	data, err := os.ReadFile(s.Path)
	if err != nil || bytes.Contains(data, made.secret()[:]) || len(data) > maxProtected {
		t.Fatalf("the file of %d bytes holds the key in the clear, or is too large: %v", len(data), err)
	}
	wantReason(t, Save(s, testKey(t)), care.Conflict, "KEY_EXISTS")
}

func TestDPAPIRefusesWhatItDidNotProtect(t *testing.T) {
	_, err := Open(Source{Place: DPAPI, Path: write(t, "plain", testSecret(), 0o600)})
	wantReason(t, err, care.Internal, "KEY_PROTECTED")
	_, err = Open(Source{Place: DPAPI, Path: write(t, "large", make([]byte, maxProtected+1), 0o600)})
	wantReason(t, err, care.Internal, "KEY_DAMAGED")

	var out windows.DataBlob // another program's, without our entropy
	if err := windows.CryptProtectData(blob(testSecret()), nil, nil, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, &out); err != nil {
		t.Fatal(err)
	}
	_, err = Open(Source{Place: DPAPI, Path: write(t, "foreign", take(&out), 0o600)})
	wantReason(t, err, care.Internal, "KEY_PROTECTED")

	short, err := protect(testSecret()[:16])
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(Source{Place: DPAPI, Path: write(t, "short", short, 0o600)})
	wantReason(t, err, care.Internal, "KEY_DAMAGED")
}
