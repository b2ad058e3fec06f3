package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

const formatVersion = 1

// The kinds of sealed values.
const (
	rootKind = 1 + iota
	groupKind
	pageKind
)

// Sizes of a sealed value's parts.
const (
	epochSize = 8
	nonceSize = 12
	tagSize   = 16
	sealSize  = epochSize + nonceSize + tagSize // what sealing adds
	placeSize = 21
)

// place is where a sealed value belongs. No value opens anywhere else.
type place struct {
	kind       byte
	set        uint8
	generation uint64
	number     uint16 // of the page or group
}

// bind returns the additional data of a value: its place and epoch.
func (p place) bind(epoch uint64) (data [placeSize]byte) {
	data[0], data[1], data[2] = formatVersion, p.kind, p.set
	binary.BigEndian.PutUint64(data[3:], p.generation)
	binary.BigEndian.PutUint16(data[11:], p.number)
	binary.BigEndian.PutUint64(data[13:], epoch)
	return data
}

// sealer seals and opens values. It may be used by many goroutines.
type sealer struct{ aead cipher.AEAD }

func newSealer(key sitekey.Key) (*sealer, error) {
	if key.IsZero() {
		return nil, failure(care.BadRequest, "OPTIONS", "the site key is missing", nil)
	}
	secret := key.Derive("mcr consent vault v1: seal")
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		return nil, failure(care.Internal, "CIPHER", "AES-256 is not available", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, failure(care.Internal, "CIPHER", "AES-GCM is not available", err)
	}
	return &sealer{aead}, nil
}

// seal returns the sealed form of plain, and its tag, which is never 0: that
// stands for a value that is not there.
func (s *sealer) seal(p place, epoch uint64, plain []byte) (value []byte, tag uint64) {
	data := p.bind(epoch)
	for tag == 0 {
		value = make([]byte, epochSize, sealSize+len(plain))
		binary.BigEndian.PutUint64(value, epoch)
		value = s.aead.Seal(value, nil, plain, data[:])
		tag = tagOf(value)
	}
	return value, tag
}

// tagOf returns the first 8 bytes of a sealed value's GCM tag, or 0 for what
// is too short to be one.
func tagOf(value []byte) uint64 {
	if len(value) < sealSize {
		return 0
	}
	return binary.BigEndian.Uint64(value[len(value)-tagSize:])
}

// open appends what is sealed in value to dst, unless value is not the one
// with that tag and place, or claims a later epoch than latest. dst must not
// overlap value. data is room for the additional data, so that nothing is
// allocated.
func (s *sealer) open(dst []byte, data *[placeSize]byte, p place, value []byte, tag, latest uint64) ([]byte, bool) {
	if tag == 0 || tagOf(value) != tag {
		return dst, false
	}
	epoch := binary.BigEndian.Uint64(value)
	if epoch > latest {
		return dst, false
	}
	*data = p.bind(epoch)
	plain, err := s.aead.Open(dst, nil, value[epochSize:], data[:])
	if err != nil {
		return dst, false
	}
	return plain, true
}

// epochOf returns the epoch that a sealed value claims.
func epochOf(value []byte) uint64 {
	if len(value) < sealSize {
		return 0
	}
	return binary.BigEndian.Uint64(value)
}
