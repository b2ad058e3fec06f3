package tree

import "fmt"

const (
	tileHeight = 8               // of C2SP tlog-tiles
	tileWidth  = 1 << tileHeight // hashes of a full tile
	tileBytes  = tileWidth * len(Hash{})
	levels     = 48/tileHeight + 1 // of a tree of maxSize, with the level of its root
)

// tileID names a full tile: its level above the leaves, and its number there.
type tileID struct {
	level  int
	number uint64
}

// span returns how many leaves are below a full tile of a level.
func span(level int) uint64 { return 1 << (tileHeight * (level + 1)) }

// path returns where the tile lies below the tree's folder: C2SP tlog-tiles,
// "Merkle Tree". Number 1234067 of level 0 is tile/0/x001/x234/067.
func (id tileID) path() string {
	text := fmt.Sprintf("%03d", id.number%1000)
	for n := id.number / 1000; n > 0; n /= 1000 {
		text = fmt.Sprintf("x%03d/%s", n%1000, text)
	}
	return fmt.Sprintf("tile/%d/%s", id.level, text)
}

// tile holds the hashes of a tile and all that are computed from them, so that
// a proof only copies: first the 256 of the tile itself, then the 128 above
// them, and so on to the one at the top. Tiles at the right edge are filled
// from the left; a hash that is set never changes.
type tile [2*tileWidth - 1]Hash

// at returns the node that is height above the tile's own hashes.
func (t *tile) at(height int, n uint64) *Hash {
	return &t[2*tileWidth-(2*tileWidth)>>height+int(n)]
}

// root returns the hash of a full tile.
func (t *tile) root() Hash { return t[len(t)-1] }

// set puts hash n into a tile that has those before it, and every hash above
// that is now complete.
func (t *tile) set(n uint64, h Hash) {
	*t.at(0, n) = h
	for height := 0; n&1 == 1; height++ {
		above := nodeHash(t.at(height, n-1), t.at(height, n))
		n /= 2
		*t.at(height+1, n) = above
	}
}

// encode returns the content of the tile's file.
func (t *tile) encode() []byte {
	data := make([]byte, 0, tileBytes)
	for i := range tileWidth {
		data = append(data, t[i][:]...)
	}
	return data
}

// decodeTile is the reverse of encode. The data has tileBytes bytes.
func decodeTile(data []byte) *tile {
	t := new(tile)
	for i := range uint64(tileWidth) {
		t.set(i, Hash(data[i*uint64(len(Hash{})):]))
	}
	return t
}

// takeTile takes a tile that became full.
type takeTile func(tileID, *tile) error

// builder fills tiles from the left.
type builder struct {
	size uint64        // leaves so far
	edge [levels]*tile // the tile of each level that is being filled; nil if it is empty
}

// push adds a hash to a level, and to those above what becomes complete by it.
// Above level 0 it stands for all leaves below it: size is at such a border. It
// calls full with each tile that becomes full, and stops at its first error:
// the builder is of no use then.
func (b *builder) push(level int, h Hash, full takeTile) error {
	n := b.size >> (tileHeight * level)
	b.size += 1 << (tileHeight * level)
	for ; ; level, n = level+1, n>>tileHeight {
		if b.edge[level] == nil {
			b.edge[level] = new(tile)
		}
		t := b.edge[level]
		t.set(n%tileWidth, h)
		if n%tileWidth != tileWidth-1 {
			return nil
		}
		b.edge[level] = nil
		if err := full(tileID{level, n / tileWidth}, t); err != nil {
			return err
		}
		h = t.root()
	}
}
