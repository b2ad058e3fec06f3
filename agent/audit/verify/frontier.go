package verify

import (
	"crypto/sha256"
	"math/bits"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
)

// maxHeight is that of the tree of the largest journal, 2^53 entries.
const maxHeight = 54

// frontier is a tree that only grows: of each of the complete subtrees that it
// consists of it holds the root. A copy of it is a tree of its own.
type frontier struct {
	size  uint64
	roots [maxHeight]tree.Hash // by height; those whose bit is set in size
}

// push adds a leaf and calls node with every node that becomes complete by it,
// the leaf first.
func (f *frontier) push(leaf tree.Hash, node func(height int, index uint64, h tree.Hash)) {
	h, height := leaf, 0
	for ; ; height++ {
		if node != nil {
			node(height, f.size>>height, h)
		}
		if f.size>>height&1 == 0 {
			break
		}
		h = nodeHash(&f.roots[height], &h)
	}
	f.roots[height] = h
	f.size++
}

// root returns the hash of the tree (RFC 6962 section 2.1).
func (f *frontier) root() tree.Hash {
	if f.size == 0 {
		return sha256.Sum256(nil)
	}
	height := bits.TrailingZeros64(f.size)
	h := f.roots[height]
	for height++; f.size>>height > 0; height++ {
		if f.size>>height&1 == 1 {
			h = nodeHash(&f.roots[height], &h)
		}
	}
	return h
}

// nodeHash returns the hash of two subtrees: SHA-256(0x01 || left || right).
func nodeHash(left, right *tree.Hash) tree.Hash {
	var buf [1 + 2*sha256.Size]byte
	buf[0] = 1
	copy(buf[1:], left[:])
	copy(buf[1+sha256.Size:], right[:])
	return sha256.Sum256(buf[:])
}
