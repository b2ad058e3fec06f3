package feed

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"
	"math/bits"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// rowDomain keeps the hash of a row apart from every other hash. It is frozen.
const rowDomain = "mycarerecord/consent/row/v1\n"

// Digest stands for a set of statements: the sum modulo 2^256, as a big-endian
// number, of SHA-256("mycarerecord/consent/row/v1\n" || row) over all rows. The
// zero Digest is that of the empty set. The order of adding does not matter,
// and what was added can be taken away again, so that a site keeps it up with
// every change.
//
// It shows that two honest sites hold the same flags. It is not made to
// withstand somebody who may choose the statements (a sum of hashes can be
// aimed at with enough of them, as D. Wagner showed in "A generalized birthday
// problem", 2002): that the flags are the region's is shown by the manifest's
// content hash and signature.
type Digest [32]byte

// Add adds a row.
func (d *Digest) Add(row []byte) { d.combine(row, 0) }

// Remove takes a row away that was added.
func (d *Digest) Remove(row []byte) { d.combine(row, ^uint64(0)) }

// combine adds the hash of a row, or its two's complement: for the mask of all
// ones, every word inverted and one added.
func (d *Digest) combine(row []byte, mask uint64) {
	var buffer [512]byte
	sum := sha256.Sum256(append(append(buffer[:0], rowDomain...), row...))
	carry := mask & 1
	for i := 24; i >= 0; i -= 8 {
		var word uint64
		word, carry = bits.Add64(binary.BigEndian.Uint64(d[i:]), binary.BigEndian.Uint64(sum[i:])^mask, carry)
		binary.BigEndian.PutUint64(d[i:], word)
	}
}

// Content is the running hash over the rows of one push, in the order they are
// sent: SHA-256 of all of them, one after the other. It can be saved and gone
// on with, as a push that broke off needs it. Its zero value is ready.
type Content struct {
	hash hash.Hash
	row  []byte
}

// Add takes the rows of one directive.
func (c *Content) Add(d *care.Directive) {
	c.row = AppendRows(c.row[:0], d)
	c.running().Write(c.row)
}

func (c *Content) running() hash.Hash {
	if c.hash == nil {
		c.hash = sha256.New()
	}
	return c.hash
}

// Sum returns the hash of what was taken so far.
func (c *Content) Sum() [32]byte { return [32]byte(c.running().Sum(nil)) }

// MarshalBinary saves the state of the hash.
func (c *Content) MarshalBinary() ([]byte, error) {
	return c.running().(encoding.BinaryMarshaler).MarshalBinary()
}

// UnmarshalBinary goes on from a saved state.
func (c *Content) UnmarshalBinary(saved []byte) error {
	fresh := sha256.New()
	if err := fresh.(encoding.BinaryUnmarshaler).UnmarshalBinary(saved); err != nil {
		return failure(care.BadRequest, "CONTENT", "the saved state of a content hash is damaged", err)
	}
	c.hash = fresh
	return nil
}
