package tree

import (
	"iter"
	"sync"
)

// maxPending is how many full tiles that are not on disk are held, in places
// that can write them at once: 1 MiB.
const maxPending = 64

// Leaves gives the leaves [from, to) of the journal in order. It is called
// while a tree is opened and, for tiles that were lost since, whenever a proof
// needs one or before lines are pruned: by many goroutines, none of which holds
// a lock of the tree. It yields an error, and ends, if a line is gone or cannot
// be read.
type Leaves func(from, to uint64) iter.Seq2[Hash, error]

// Tree is the Merkle tree of a journal. One goroutine may append while others
// prove, flush and sync.
//
// In memory are the right edge (up to 7 tiles of 16 KiB), the 64 tiles used
// last, and the full tiles that no Flush has written yet: one for every 256
// leaves, so 64 bytes per leaf while the disk fails.
type Tree struct {
	disk   disk
	leaves Leaves

	syncing  sync.Mutex // one Sync at a time; taken before flushing
	synced   uint64     // full tiles of a tree of this size are known to be durable
	flushing sync.Mutex // one Flush at a time; taken before mu

	mu      sync.RWMutex // guards the rest; held for memory only, never for the disk
	right   builder
	pending map[tileID]*tile // full tiles that are not on disk
	cache   cache            // full tiles that are on disk
}

// Open takes up the tree of a journal of size lines, at most 2^48, from the
// tiles under folder/tile. It asks leaves for what is in no full tile there:
// the last up to 255, and all those below tiles that are missing or have not
// the size of a tile. So a deleted folder of tiles costs time only. Tiles that
// it computed again are written by the next Flush, or at once if they are many.
//
// Tiles with other content than they were written with are not seen here: they
// give another root. So compare [Tree.RootAt] with the newest signed head, and
// if it differs use [Rebuild]. If that differs too, the lines were changed.
func Open(folder string, size uint64, leaves Leaves) (*Tree, error) {
	return open("tree.Open", folder, size, leaves, levels-1)
}

// Rebuild is [Open] that asks for all leaves and replaces every tile on disk.
func Rebuild(folder string, size uint64, leaves Leaves) (*Tree, error) {
	return open("tree.Rebuild", folder, size, leaves, 0)
}

func open(op, folder string, size uint64, leaves Leaves, below int) (*Tree, error) {
	if size > maxSize {
		return nil, outOfRange(op)
	}
	t := &Tree{
		disk: disk(folder), leaves: leaves,
		pending: map[tileID]*tile{},
		cache:   cache{entries: map[tileID]*cached{}},
	}
	if err := t.replay(&t.right, size, below, t.keep); err != nil {
		return nil, failed(op, err)
	}
	return t, nil
}

// Append adds leaves to the tree, in memory only.
func (t *Tree) Append(leaves ...Hash) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, leaf := range leaves {
		_ = t.right.push(0, leaf, t.hold) // holding never fails
	}
}

// hold keeps a tile until it is written. It needs the lock.
func (t *Tree) hold(id tileID, full *tile) error {
	t.pending[id] = full
	return nil
}

// Size returns how many leaves the tree has.
func (t *Tree) Size() uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.right.size
}

// Root returns the root of the tree of all leaves. It needs no disk.
func (t *Tree) Root() Hash {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n := nodes{tree: t}
	return n.ragged(0, t.right.size)
}

// RootAt returns the root that the tree had when it had that size. It needs no
// disk if that was within the last 256 leaves.
func (t *Tree) RootAt(size uint64) (Hash, error) {
	const op = "tree.RootAt"
	var root Hash
	if size > t.Size() {
		return root, outOfRange(op)
	}
	err := t.gather(op, func(n *nodes) { root = n.ragged(0, size) })
	return root, err
}

// Leaf returns the leaf of an index, as it was appended.
func (t *Tree) Leaf(index uint64) (Hash, error) {
	const op = "tree.Leaf"
	var leaf Hash
	if index >= t.Size() {
		return leaf, outOfRange(op)
	}
	err := t.gather(op, func(n *nodes) { leaf = n.at(0, index) })
	return leaf, err
}

// Inclusion returns the proof that the leaf of that index is in the tree that
// had that size, for [CheckInclusion].
func (t *Tree) Inclusion(index, size uint64) ([]Hash, error) {
	return t.AppendInclusion(nil, index, size)
}

// AppendInclusion appends the proof of [Tree.Inclusion] to dst: at most 48
// hashes. It needs no disk for leaves that were appended lately.
func (t *Tree) AppendInclusion(dst []Hash, index, size uint64) ([]Hash, error) {
	const op = "tree.Inclusion"
	if size > t.Size() || index >= size {
		return dst, outOfRange(op)
	}
	proof := dst
	err := t.gather(op, func(n *nodes) { proof = n.path(dst, 0, index, size) })
	if err != nil {
		return dst, err
	}
	return proof, nil
}

// Consistency returns the proof that the tree that had that size began with the
// tree that had the old size, for [CheckConsistency].
func (t *Tree) Consistency(old, size uint64) ([]Hash, error) {
	const op = "tree.Consistency"
	if size > t.Size() || old > size {
		return nil, outOfRange(op)
	}
	var proof []Hash
	err := t.gather(op, func(n *nodes) { proof = n.consistency(old, size) })
	if err != nil {
		return nil, err
	}
	return proof, nil
}
