// Package tree keeps the journal's Merkle tree: it proves to anyone with a
// public key that a line is in the journal, and that nothing was taken out of
// the journal or changed in it since an earlier day.
//
// The tree is that of RFC 6962 section 2.1. The leaf of entry n has the index
// n-1 and is the hash of the entry's line; an entry that was numbered but never
// became durable has the leaf [MissingLeaf].
//
// The tree lies on disk in the public layout of C2SP tlog-tiles: files
// tile/<L>/<N> of 256 hashes each, of which only full ones are kept. What is in
// no full tile, the right edge, is held in memory and computed again from the
// lines at start. So the files are a cache while the lines are there, and all
// that is left of them once they are pruned: see [Tree.Sync].
//
// A [Head] is the size and root of a tree at a moment. The log signs it as a
// C2SP tlog-checkpoint ([Signer]), and whoever checked that it follows from
// earlier ones countersigns it by C2SP tlog-cosignature ([Witness]).
package tree
