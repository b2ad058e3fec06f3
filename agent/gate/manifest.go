package gate

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"sync"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// chunkSize is the size of one chunk of a document on the wire, in bytes.
const chunkSize = 64 << 10

// chunks holds buffers of documents on their way.
var chunks = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// manifest is the digest of the records of an answer. Hashing every byte would
// cost as much as encrypting it, so what is hashed is a line for each record:
// section, type, id, length and CRC-32C of its resource, in the order of
// sending. It tells which entries were sent and whether one of them was
// another; it does not stand against someone who makes a resource of the same
// length and CRC.
type manifest struct {
	hash  hash.Hash
	lines []byte
}

// manifestBuffer is about how many bytes of lines are hashed at once.
const manifestBuffer = 512

func (m *manifest) add(r *care.Record) {
	if m.hash == nil {
		m.hash = sha256.New()
		m.lines = make([]byte, 0, 2*manifestBuffer)
	}
	b := append(m.lines, byte(r.Section))
	b = append(append(b, r.Type...), 0)
	b = append(append(b, r.ID...), 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Resource)))
	b = binary.BigEndian.AppendUint32(b, r.Checksum)
	if m.lines = b; len(b) >= manifestBuffer {
		m.hash.Write(b)
		m.lines = b[:0]
	}
}

func (m *manifest) sum() string {
	m.hash.Write(m.lines)
	m.lines = m.lines[:0]
	return hex.EncodeToString(m.hash.Sum(nil))
}
