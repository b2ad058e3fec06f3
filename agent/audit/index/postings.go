package index

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// blockEntries is how many numbers a block covers. An entry's place in its
// block fits in 16 bits.
const blockEntries = 1 << 13

// errMalformed says that bytes are not what this package writes.
var errMalformed = errors.New("malformed")

// postings are lists of entries by the hash of a term. An entry is known by its
// place in the block, and every list is in order.
type postings map[uint64][]uint16

// add adds an entry, which comes after all that were added before, to the list
// of a term.
func (p postings) add(hash uint64, entry uint16) {
	list := p[hash]
	if len(list) == 0 || list[len(list)-1] != entry {
		p[hash] = append(list, entry)
	}
}

// shardCount is how many parts the lists of a block are cut into, by the first
// bits of the hash. A search reads one part of a block for each term.
const shardCount = 16

func shardOf(hash uint64) int { return int(hash >> 60) }

// shards returns the encoded parts. A part holds its lists by hash in order:
// the hash, the number of bytes that follow, and the entries, each but the
// first as the difference to the one before.
func (p postings) shards() (parts [shardCount][]byte) {
	var list []byte
	for _, h := range slices.Sorted(maps.Keys(p)) {
		list = appendList(list[:0], p[h])
		part := &parts[shardOf(h)]
		*part = binary.BigEndian.AppendUint64(*part, h)
		*part = binary.AppendUvarint(*part, uint64(len(list)))
		*part = append(*part, list...)
	}
	return parts
}

func appendList(dst []byte, list []uint16) []byte {
	before := uint16(0)
	for _, entry := range list {
		dst = binary.AppendUvarint(dst, uint64(entry-before))
		before = entry
	}
	return dst
}

// parseList is the reverse of appendList. It refuses a list that is empty, out
// of order, or that names entries outside a block.
func parseList(b []byte) ([]uint16, error) {
	c := cursor{rest: b}
	var list []uint16
	at := uint64(0)
	for len(c.rest) > 0 {
		step := c.number()
		at += step
		if c.failed || step >= blockEntries || at >= blockEntries || step == 0 && len(list) > 0 {
			return nil, errMalformed
		}
		list = append(list, uint16(at))
	}
	if len(list) == 0 {
		return nil, errMalformed
	}
	return list, nil
}

// eachList calls f for every list of a part, still encoded, until it returns
// false.
func eachList(shard []byte, f func(hash uint64, list []byte) bool) error {
	c := cursor{rest: shard}
	for before := uint64(0); len(c.rest) > 0; {
		first := len(c.rest) == len(shard)
		hash := binary.BigEndian.Uint64(c.take(8))
		list := c.take(c.number())
		if c.failed || !first && hash <= before {
			return errMalformed
		}
		if !f(hash, list) {
			return nil
		}
		before = hash
	}
	return nil
}

// find returns the list of one term in a part, nil if it has none.
func find(shard []byte, wanted uint64) ([]uint16, error) {
	var found []byte
	err := eachList(shard, func(hash uint64, list []byte) bool {
		if hash == wanted {
			found = list
		}
		return hash < wanted
	})
	if err != nil || found == nil {
		return nil, err
	}
	return parseList(found)
}

// addShard adds all lists of a part.
func (p postings) addShard(shard []byte) error {
	var bad error
	err := eachList(shard, func(hash uint64, encoded []byte) bool {
		p[hash], bad = parseList(encoded)
		return bad == nil
	})
	return errors.Join(err, bad)
}

// intersect returns the entries that are in both lists.
func intersect(a, b []uint16) []uint16 {
	var both []uint16
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			both = append(both, a[0])
			a, b = a[1:], b[1:]
		}
	}
	return both
}

// cursor takes values off the front of bytes. After a failure it gives zeros
// and has nothing left.
type cursor struct {
	rest   []byte
	failed bool
}

// take returns the next n bytes. After a failure it returns as many zeros, but
// never more than a hash has.
func (c *cursor) take(n uint64) []byte {
	if c.failed || uint64(len(c.rest)) < n {
		c.rest, c.failed = nil, true
		return make([]byte, min(n, 32))
	}
	taken := c.rest[:n]
	c.rest = c.rest[n:]
	return taken
}

func (c *cursor) number() uint64 {
	v, n := binary.Uvarint(c.rest)
	if n <= 0 || c.failed {
		c.rest, c.failed = nil, true
		return 0
	}
	c.rest = c.rest[n:]
	return v
}
