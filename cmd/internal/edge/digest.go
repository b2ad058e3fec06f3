package edge

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"hash/crc32"

	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Digest returns the digest that the closing of an answer with these records
// must carry. Records are in the order of sending.
func Digest(records ...*edgev1.Record) string {
	var m manifest
	for _, r := range records {
		m.add(r)
	}
	return m.sum()
}

// manifest computes the digest of a record's answer from what came. The agent
// hashes a line for each record, in the order of sending: the section as one
// byte; type and id, each ended by a zero byte; then length and CRC-32C of the
// resource, four bytes each, the highest first. The digest is SHA-256 over all
// lines in lower-case hexadecimal, or empty when there was no record.
type manifest struct {
	hash  hash.Hash
	table *crc32.Table
	line  []byte
}

func (m *manifest) add(r *edgev1.Record) {
	if m.hash == nil {
		m.hash, m.table = sha256.New(), crc32.MakeTable(crc32.Castagnoli)
	}
	b := append(m.line[:0], byte(r.GetSection()))
	for _, text := range [...]string{r.GetResourceType(), r.GetId()} {
		b = append(append(b, text...), 0)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.GetResource())))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(r.GetResource(), m.table))
	m.hash.Write(b)
	m.line = b
}

func (m *manifest) sum() string {
	if m.hash == nil {
		return ""
	}
	return hex.EncodeToString(m.hash.Sum(nil))
}
