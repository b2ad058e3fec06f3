//go:build unix

package sitekey

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestLoadRefusesAnOpenFile(t *testing.T) {
	for _, mode := range []fs.FileMode{0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o666} {
		_, err := Load(write(t, "site.key", testSecret(), mode))
		wantReason(t, err, care.Internal, "KEY_PERMISSIONS")
	}
}

func TestLoadRefusesLinksAndPipes(t *testing.T) {
	folder := t.TempDir()
	link, pipe := filepath.Join(folder, "link"), filepath.Join(folder, "pipe")
	if err := os.Symlink(write(t, "site.key", testSecret(), 0o600), link); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, pipe} {
		_, err := Load(path)
		wantReason(t, err, care.Internal, "KEY_DAMAGED")
	}
}

func TestMayOwn(t *testing.T) {
	for _, c := range []struct {
		owner, account int
		want           bool
	}{{7, 7, true}, {0, 0, true}, {7, 0, true}, {0, 7, false}, {8, 7, false}, {-1, 7, false}} {
		if mayOwn(c.owner, c.account) != c.want {
			t.Errorf("a file of %d for account %d: %v", c.owner, c.account, !c.want)
		}
	}
}

// Root makes the key for the agent's account, which owns the folder. For
// another account than root the folder stays its own, and so does the key.
func TestKeyBelongsToOwnerOfFolder(t *testing.T) {
	folder := t.TempDir()
	owner := os.Geteuid()
	if owner == 0 {
		owner = 65534
		if err := os.Chown(folder, owner, -1); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(folder, "site.key")
	if _, err := LoadOrCreate(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || ownerOf(info) != owner || info.Mode().Perm() != 0o600 {
		t.Errorf("the key has owner %d and mode %v, %v; want %d and 0600", ownerOf(info), info.Mode(), err, owner)
	}
}

// systemd leaves credentials to root, readable through an access list whose
// mask shows in the bits of the group; others never have rights.
func TestCredentialModes(t *testing.T) {
	for mode, reason := range map[fs.FileMode]string{0o400: "", 0o440: "", 0o600: "", 0o444: "KEY_PERMISSIONS", 0o460: "KEY_PERMISSIONS", 0o402: "KEY_PERMISSIONS", 0o450: "KEY_PERMISSIONS"} {
		path := write(t, "site-key", testSecret(), mode)
		_, err := Open(Source{Place: Credential, Path: filepath.Dir(path), Name: "site-key"})
		if care.ReasonOf(err) != reason {
			t.Errorf("mode %o: %v; want %q", mode, err, reason)
		}
	}
}
