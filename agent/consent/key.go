package consent

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/vault"
)

// keyPurpose derives the key of patients' keys. It is frozen.
const keyPurpose = "mcr consent v1: patient key"

// keyer makes patients' keys: HMAC-SHA256 of the ten digits, cut to the length
// of a vault key. A plain hash would not do, because all NHS numbers can be
// hashed in minutes. With two million patients two of them share an 80-bit key
// with a probability of 2 in 10^12. It allocates nothing once made and belongs
// to one goroutine at a time.
type keyer struct {
	mac hash.Hash
	buf []byte
	sum [sha256.Size]byte
}

func newKeyer(secret [32]byte) *keyer {
	return &keyer{mac: hmac.New(sha256.New, secret[:]), buf: make([]byte, 0, 16)}
}

func (k *keyer) key(n care.NHSNumber) vault.Key {
	k.buf = n.AppendDigits(k.buf[:0])
	k.mac.Reset()
	k.mac.Write(k.buf)
	k.mac.Sum(k.sum[:0])
	return vault.Key(k.sum[:])
}
