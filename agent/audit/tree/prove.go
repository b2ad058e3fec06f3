package tree

import "math/bits"

// nodes reads nodes of the tree for one answer. The tree is locked for reading
// while it does, and not while a tile is read from disk.
type nodes struct {
	tree   *Tree
	held   map[tileID]*tile // read from disk for this answer
	absent bool             // a node is in no tile that is in memory
	need   tileID           // the first such tile
}

// gather calls plan until all nodes that it reads are in memory, and reads one
// more tile before each further call. So plan must begin afresh each time.
func (t *Tree) gather(op string, plan func(*nodes)) error {
	n := nodes{tree: t}
	for {
		n.absent = false
		t.mu.RLock()
		plan(&n)
		t.mu.RUnlock()
		if !n.absent {
			return nil
		}
		full, err := t.load(n.need)
		if err != nil {
			return failed(op, err)
		}
		if n.held == nil {
			n.held = map[tileID]*tile{}
		}
		n.held[n.need] = full
	}
}

// at returns the root of the full subtree that is height above the leaves and
// has n such subtrees to its left. It is nothing if the tile is absent.
func (n *nodes) at(height int, index uint64) Hash {
	level, within := height/tileHeight, height%tileHeight
	width := uint64(tileWidth) >> within
	full := n.tile(tileID{level, index / width})
	if full == nil {
		return Hash{}
	}
	return *full.at(within, index%width)
}

// tile returns a tile that is in memory, full or of the right edge, or nil.
func (n *nodes) tile(id tileID) *tile {
	t := n.tree
	if id.number == t.right.size>>(tileHeight*(id.level+1)) {
		return t.right.edge[id.level]
	}
	if full := t.pending[id]; full != nil {
		return full
	}
	if full := t.cache.get(id); full != nil {
		return full
	}
	if full := n.held[id]; full != nil {
		return full
	}
	if !n.absent {
		n.absent, n.need = true, id
	}
	return nil
}

// ragged returns the root of the leaves [from, size), MTH in RFC 6962 section
// 2.1: from is a multiple of a power of two above size-from. It folds the full
// subtrees they consist of, one for each bit that is set, from the right.
func (n *nodes) ragged(from, size uint64) Hash {
	if from == size {
		return emptyRoot
	}
	var root Hash
	for left := size - from; left > 0; left &= left - 1 {
		height := bits.TrailingZeros64(left)
		h := n.at(height, size>>height-1)
		if left == size-from {
			root = h
		} else {
			root = nodeHash(&h, &root)
		}
	}
	return root
}

// path appends the hashes beside the way from a full subtree, which is height
// above the leaves and has leaf index, to the root of the tree of that size:
// PATH in RFC 6962 section 2.1.1, of a leaf or of a subtree.
func (n *nodes) path(dst []Hash, height int, index, size uint64) []Hash {
	last := size - 1
	// Below the height where the way meets that of the last leaf, all beside it
	// is full, except for the last leaf's side at the very height.
	meet := bits.Len64(index ^ last)
	for ; height < meet-1; height++ {
		dst = append(dst, n.at(height, index>>height^1))
	}
	if height < meet {
		dst = append(dst, n.ragged(last>>height<<height, size))
		height++
	}
	// Above it, only what is to the left is in the tree.
	for ; index>>height > 0; height++ {
		if index>>height&1 == 1 {
			dst = append(dst, n.at(height, index>>height-1))
		}
	}
	return dst
}

// consistency is PROOF in RFC 6962 section 2.1.2: what leads from the last full
// subtree of the old tree to both roots, and that subtree itself unless it is
// the old tree, whose root the verifier has.
func (n *nodes) consistency(old, size uint64) []Hash {
	if old == 0 || old == size {
		return nil
	}
	var proof []Hash
	height := bits.TrailingZeros64(old)
	if old != 1<<height {
		proof = append(proof, n.at(height, old>>height-1))
	}
	return n.path(proof, height, old-1, size)
}
