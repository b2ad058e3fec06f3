package consent

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math/bits"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

const (
	keySize  = 16 // bytes of a patient's key in the file
	sealSize = 16 // bytes of the MAC that ends an entry
)

// patientKey stands for one patient in the file.
type patientKey [keySize]byte

// subkeys are derived from the site key, one for each use, so that a value
// made for one use can never pass as one made for another (RFC 5869, info).
type subkeys struct {
	index, entry, state string
}

func deriveSubkeys(k sitekey.Key) subkeys {
	derive := func(purpose string) string { key := k.Derive(purpose); return string(key[:]) }
	return subkeys{
		index: derive("mcr consent v1: patient key"),
		entry: derive("mcr consent v1: entry"),
		state: derive("mcr consent v1: state"),
	}
}

// sealer computes the keyed hashes of the store. It allocates nothing once it
// has been used and belongs to one goroutine at a time.
type sealer struct {
	index, entry, state hash.Hash
	buf                 []byte
	sum                 [sha256.Size]byte
}

func newSealer(keys subkeys) *sealer {
	return &sealer{
		index: hmac.New(sha256.New, []byte(keys.index)),
		entry: hmac.New(sha256.New, []byte(keys.entry)),
		state: hmac.New(sha256.New, []byte(keys.state)),
		buf:   make([]byte, 0, 512),
	}
}

// compute leaves the keyed hash of z.buf in z.sum.
func (z *sealer) compute(mac hash.Hash) {
	mac.Reset()
	mac.Write(z.buf)
	mac.Sum(z.sum[:0])
}

// key returns the key of a patient.
func (z *sealer) key(n care.NHSNumber) patientKey {
	z.buf = append(z.buf[:0], n.Reveal()...)
	z.compute(z.index)
	return patientKey(z.sum[:keySize])
}

// sealEntry appends the entry and its MAC to dst. The full hash, of which the
// MAC is the first half, is in z.sum until the next call.
func (z *sealer) sealEntry(dst []byte, a care.Authority, k *patientKey, e *entry) []byte {
	start := len(dst)
	dst = e.append(dst)
	z.macEntry(a, k, dst[start:])
	return append(dst, z.sum[:sealSize]...)
}

// openEntry checks and reads a value of the file; false means damage. The full
// hash is in z.sum until the next call.
func (z *sealer) openEntry(a care.Authority, k *patientKey, value []byte) (entry, bool) {
	body := len(value) - sealSize
	if body < 0 {
		return entry{}, false
	}
	z.macEntry(a, k, value[:body])
	if !hmac.Equal(z.sum[:sealSize], value[body:]) {
		return entry{}, false
	}
	return parseEntry(value[:body])
}

func (z *sealer) macEntry(a care.Authority, k *patientKey, body []byte) {
	z.buf = append(append(append(z.buf[:0], byte(a)), k[:]...), body...)
	z.compute(z.entry)
}

// sealState returns the lasting form of the state: version, fields, MAC.
func (z *sealer) sealState(st *state) ([]byte, error) {
	value, err := binary.Append([]byte{stateVersion}, binary.BigEndian, st)
	if err != nil {
		return nil, failure(care.Internal, "STATE", "the state of the store cannot be encoded", err)
	}
	z.buf = append(z.buf[:0], value...)
	z.compute(z.state)
	return append(value, z.sum[:]...), nil
}

// openState checks and reads what sealState returned; false means damage.
func (z *sealer) openState(value []byte) (state, bool) {
	var st state
	if len(value) != 1+binary.Size(&st)+sha256.Size || value[0] != stateVersion {
		return state{}, false
	}
	body := len(value) - sha256.Size
	z.buf = append(z.buf[:0], value[:body]...)
	z.compute(z.state)
	if !hmac.Equal(z.sum[:], value[body:]) {
		return state{}, false
	}
	_, err := binary.Decode(value[1:body], binary.BigEndian, &st)
	return st, err == nil
}

// digest sums the full keyed hashes of a set of entries modulo 2^256, so that
// it does not depend on their order and one entry can be taken out again. Half
// of each summand is in no file, which leaves nothing to solve for.
type digest [4]uint64

func (d *digest) add(sum *[sha256.Size]byte) {
	var carry uint64
	for i := range d {
		d[i], carry = bits.Add64(d[i], binary.BigEndian.Uint64(sum[8*i:]), carry)
	}
}

func (d *digest) sub(sum *[sha256.Size]byte) {
	var borrow uint64
	for i := range d {
		d[i], borrow = bits.Sub64(d[i], binary.BigEndian.Uint64(sum[8*i:]), borrow)
	}
}
