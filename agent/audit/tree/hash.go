package tree

import (
	"crypto/sha256"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 hash: of a line, or of a node above lines.
type Hash = [sha256.Size]byte

// maxSize is the largest tree handled. It is that of six levels of tiles, and
// far below the sizes at which the arithmetic of package tlog overflows.
const maxSize = 1 << 48

// MissingLeaf is the leaf of an entry whose number was given out and whose line
// never became durable: the leaf of the empty line.
var MissingLeaf = LeafHash(nil)

// emptyRoot is the root of a tree without leaves (RFC 6962 section 2.1).
var emptyRoot = sha256.Sum256(nil)

// LeafHash returns the leaf of a line: SHA-256(0x00 || line), as RFC 6962
// section 2.1 has it. The line is without its line feed.
func LeafHash(line []byte) Hash {
	var leaf Hash
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(line)
	h.Sum(leaf[:0])
	return leaf
}

// nodeHash returns the hash of two subtrees: SHA-256(0x01 || left || right).
func nodeHash(left, right *Hash) Hash {
	var buf [1 + 2*sha256.Size]byte
	buf[0] = 1
	copy(buf[1:], left[:])
	copy(buf[1+sha256.Size:], right[:])
	return sha256.Sum256(buf[:])
}

// CheckInclusion reports as an error if proof does not show that the leaf has
// that index in the tree of that size and root (RFC 6962 section 2.1.1).
func CheckInclusion(index, size uint64, leaf, root Hash, proof []Hash) error {
	const op = "tree.CheckInclusion"
	if size > maxSize || index >= size {
		return outOfRange(op)
	}
	err := tlog.CheckRecord(toLog(proof), int64(size), tlog.Hash(root), int64(index), tlog.Hash(leaf))
	if err != nil {
		return badProof(op, "the line is not in the journal that has this head", err)
	}
	return nil
}

// CheckConsistency reports as an error if proof does not show that the tree of
// that size and root begins with the whole tree of the old size and root (RFC
// 6962 section 2.1.2). Every tree begins with the empty tree: that takes no
// proof, but the root of the empty tree.
func CheckConsistency(old, size uint64, oldRoot, root Hash, proof []Hash) error {
	const op = "tree.CheckConsistency"
	const detail = "the journal of the newer head does not begin with that of the older head: it was cut, changed or replaced"
	if size > maxSize || old > size {
		return outOfRange(op)
	}
	if old == 0 {
		if len(proof) > 0 || oldRoot != emptyRoot || size == 0 && root != emptyRoot {
			return badProof(op, detail, nil)
		}
		return nil
	}
	err := tlog.CheckTree(toLog(proof), int64(size), tlog.Hash(root), int64(old), tlog.Hash(oldRoot))
	if err != nil {
		return badProof(op, detail, err)
	}
	return nil
}

// toLog returns the hashes as package tlog has them.
func toLog(hashes []Hash) []tlog.Hash {
	out := make([]tlog.Hash, len(hashes))
	for i, h := range hashes {
		out[i] = h
	}
	return out
}
