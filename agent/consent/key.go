package consent

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// siteKeySize is the size of a site key in bytes.
const siteKeySize = 32

// Key is a site's secret key. It never shows itself.
type Key struct {
	secret *[siteKeySize]byte // behind a pointer, which no verb of fmt follows in a struct
}

// String returns "[redacted]".
func (Key) String() string { return "[redacted]" }

// GoString returns "[redacted]".
func (Key) GoString() string { return "[redacted]" }

// Format writes "[redacted]" for every verb.
func (Key) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[redacted]") }

// NewKey makes a Key of 32 secret bytes, which it copies. All zeros are refused.
func NewKey(secret []byte) (Key, error) {
	if len(secret) != siteKeySize {
		return Key{}, failure(care.BadRequest, "KEY", "a site key is 32 bytes", nil)
	}
	k := Key{(*[siteKeySize]byte)(append([]byte(nil), secret...))}
	if *k.secret == ([siteKeySize]byte{}) {
		return Key{}, failure(care.BadRequest, "KEY", "a site key of zeros is no secret", nil)
	}
	return k, nil
}

// LoadOrCreateKey reads the site key from a file of exactly 32 bytes, or makes
// the file with a random key where there is none; it never replaces one. The
// file must be a regular file and, on systems with permission bits, closed to
// group and others; on Windows the access list of the folder protects it. The
// folder must exist. Without its key a store cannot be read: back both up
// together.
func LoadOrCreateKey(path string) (Key, error) {
	k, err := loadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := createFile(path, func(f *os.File) error {
		secret := make([]byte, siteKeySize)
		if _, err := rand.Read(secret); err != nil {
			return err
		}
		_, err := f.Write(secret)
		return err
	}); err != nil && !errors.Is(err, fs.ErrExist) {
		return Key{}, failure(care.ConsentUnavailable, "KEY", "the site key cannot be created; check the state folder", err)
	}
	return loadKey(path)
}

func loadKey(path string) (Key, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return Key{}, failure(care.ConsentUnavailable, "KEY", "the site key cannot be read; check the state folder", err)
	case !info.Mode().IsRegular() || info.Size() != siteKeySize:
		return Key{}, failure(care.ConsentUnavailable, "KEY", "the site key is not a regular file of 32 bytes; restore it from the backup", nil)
	case !private(info):
		return Key{}, failure(care.ConsentUnavailable, "KEY", "the site key is open to other accounts; set its mode to 0600", nil)
	}
	secret, err := os.ReadFile(path)
	if err != nil {
		return Key{}, failure(care.ConsentUnavailable, "KEY", "the site key cannot be read; check its permissions", err)
	}
	return NewKey(secret)
}
