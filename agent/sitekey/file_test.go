package sitekey

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// write makes a file as another program would.
func write(t *testing.T, name string, data []byte, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := errors.Join(os.WriteFile(path, data, mode), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	return path
}

// A file of 32 bytes, as every version of the agent has made it, stays valid.
func TestLoad(t *testing.T) {
	for _, mode := range []fs.FileMode{0o600, 0o400} {
		k, err := Load(write(t, "site.key", testSecret(), mode))
		if err != nil || !k.Equal(testKey(t)) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

func TestLoadRefusesDamage(t *testing.T) {
	for name, data := range map[string][]byte{
		"empty": {}, "short": testSecret()[:31], "long": append(testSecret(), '\n'), "zeros": make([]byte, 32),
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "site.key", data, 0o600)
			_, err := Load(path)
			wantReason(t, err, care.Internal, "KEY_DAMAGED")
			if name != "zeros" && !strings.Contains(err.Error(), path) {
				t.Errorf("the error does not name the file: %v", err)
			}
			checkNoSecret(t, err.Error())
		})
	}
	t.Run("folder", func(t *testing.T) {
		_, err := Load(t.TempDir())
		wantReason(t, err, care.Internal, "KEY_DAMAGED")
	})
}

func TestLoadMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "site.key")
	_, err := Load(path)
	wantReason(t, err, care.Internal, "KEY_MISSING")
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "key restore") {
		t.Errorf("the error does not say what is missing and what to do: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("loading made a key")
	}
}

// An I/O error is no missing key: a new one must not be made then.
func TestUnreadable(t *testing.T) {
	wantReason(t, unreadable("site.key", errors.New("input/output error")), care.Internal, "KEY_UNREADABLE")
	wantReason(t, unreadable("site.key", &fs.PathError{Err: fs.ErrPermission}), care.Internal, "KEY_PERMISSIONS")
}

func TestLoadOrCreate(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "site.key")
	made, err := LoadOrCreate(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadOrCreate(path)
	if err != nil || !again.Equal(made) {
		t.Fatalf("the key was not found again: %v", err)
	}
	other, err := LoadOrCreate(filepath.Join(t.TempDir(), "site.key"))
	if err != nil || other.Equal(made) {
		t.Fatalf("two sites have one key: %v", err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v; want the key alone", left, err)
	}
}

func TestLoadOrCreateNeedsItsFolder(t *testing.T) {
	_, err := LoadOrCreate(filepath.Join(t.TempDir(), "unmounted", "site.key"))
	wantReason(t, err, care.Internal, "KEY_CREATE")
}

// A key that is damaged or open to others is never replaced by a new one.
func TestLoadOrCreateReplacesNothing(t *testing.T) {
	path := write(t, "site.key", []byte("damaged"), 0o600)
	_, err := LoadOrCreate(path)
	wantReason(t, err, care.Internal, "KEY_DAMAGED")
	if data, err := os.ReadFile(path); err != nil || string(data) != "damaged" {
		t.Errorf("the file now holds %q, %v", data, err)
	}
}

func TestLoadOrCreateAtOnce(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "site.key")
	var keys [16]Key
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			k, err := LoadOrCreate(path)
			if err != nil {
				t.Error(err)
			}
			keys[i] = k
		})
	}
	all.Wait()
	for _, k := range keys {
		if !k.Equal(keys[0]) {
			t.Fatal("two of them got different keys")
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v; want the key alone", left, err)
	}
}

func TestSaveReplacesNothing(t *testing.T) {
	s := Source{Path: filepath.Join(t.TempDir(), "site.key")}
	if err := Save(s, testKey(t)); err != nil {
		t.Fatal(err)
	}
	other, err := random()
	if err != nil {
		t.Fatal(err)
	}
	wantReason(t, Save(s, other), care.Conflict, "KEY_EXISTS")
	if k, err := Open(s); err != nil || !k.Equal(testKey(t)) {
		t.Errorf("the key was replaced, %v", err)
	}
}
