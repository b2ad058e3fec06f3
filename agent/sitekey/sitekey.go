// Package sitekey keeps the one secret of a site: 32 random bytes from which
// every other secret of its stores is derived. Who has the key can read the
// NHS numbers in the journal and in the consent store; who has lost it never
// can again. So it is made once, never replaced, never shown, and copied only
// sealed.
//
// Keys hold no state that changes, so many goroutines may use one.
package sitekey

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// size is the size of a site key in bytes.
const size = 32

// Self is the purpose whose ID stands for the site key itself.
const Self = "site key"

// redacted is what a key shows of itself.
const redacted = "[redacted]"

// Key is a site's secret key. It never shows itself. The zero Key holds no
// secret and must not be used.
type Key struct {
	// A function, because it is all that fmt never looks into: for a verb that
	// does not fit, such as %s, it follows pointers in unexported fields.
	secret func() *[size]byte
}

// hold makes a Key of a secret.
func hold(secret [size]byte) Key { return Key{func() *[size]byte { return &secret }} }

// New makes a Key of 32 secret bytes, which it copies. Another length and all
// zeros are refused with KEY_DAMAGED.
func New(secret []byte) (Key, error) {
	if len(secret) != size {
		return Key{}, failure(care.Internal, "KEY_DAMAGED", "a site key is 32 bytes; this one is not", nil)
	}
	k := hold([size]byte(secret))
	if k.Equal(hold([size]byte{})) {
		return Key{}, failure(care.Internal, "KEY_DAMAGED", "the site key is all zeros, which is no secret; restore it from a copy", nil)
	}
	return k, nil
}

// random makes a new key.
func random() (Key, error) {
	var secret [size]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return Key{}, failure(care.Internal, "KEY_CREATE", "the system gives no random numbers; no site key was made", err)
	}
	return hold(secret), nil
}

// Derive returns the key for one purpose: HKDF-Expand of RFC 5869 section 2.3
// with SHA-256, the site key as PRK and the purpose as info. The extract step
// is left out, as section 3.3 allows, because a site key is uniformly random.
//
// A purpose names store, version and use, such as "mcr consent v1: entry". It
// can never change, because what was written under it would be lost. Derive
// panics for the zero Key, which is a fault of the program.
func (k Key) Derive(purpose string) [32]byte {
	derived, err := hkdf.Expand(sha256.New, k.secret()[:], purpose, sha256.Size)
	if err != nil { // cannot be: the lengths are fixed and allowed
		panic("sitekey: " + err.Error())
	}
	return [32]byte(derived)
}

// ID returns 8 hexadecimal digits that tell the keys of one purpose apart
// without revealing anything of them: the first 4 bytes of the HMAC-SHA256 of
// the purpose under a key that has no other use. The ID of Self is that of the
// site key. IDs may be shown and printed.
func (k Key) ID(purpose string) string {
	key := k.Derive("mcr key id v1")
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(purpose))
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

// Equal reports whether both keys hold the same secret, in constant time. A
// zero Key equals none.
func (k Key) Equal(other Key) bool {
	return !k.IsZero() && !other.IsZero() && subtle.ConstantTimeCompare(k.secret()[:], other.secret()[:]) == 1
}

// IsZero reports whether k holds no secret.
func (k Key) IsZero() bool { return k.secret == nil }

// String returns "[redacted]".
func (Key) String() string { return redacted }

// GoString returns "[redacted]".
func (Key) GoString() string { return redacted }

// Format writes "[redacted]" for every verb.
func (Key) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// MarshalText returns "[redacted]"; encoding/json and hclog use it too.
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns "[redacted]".
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

func failure(kind care.Kind, reason, detail string, cause error) error {
	return &care.Error{Kind: kind, Op: "sitekey", Reason: reason, Detail: detail, Err: cause}
}
