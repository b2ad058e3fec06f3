package verify

import (
	"fmt"
	"path/filepath"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	hashBytes  = len(tree.Hash{})
	tileBytes  = tileWidth * hashBytes
	tileLevels = 7
)

// merkle is the hash tree of the entries, computed twice where that makes a
// difference: from what the lines say, and from what the tiles say. A signed
// head tells which of the two is right.
type merkle struct {
	folder string
	report *Report
	heads  *heads
	next   int // the first of heads that is not compared yet

	lines  frontier
	tiles  *frontier // nil while the tiles say what the lines do
	differ []span    // entries that have another hash in the tiles
	tile   []byte    // the tile of the leaves that are added now; nil if there is none
	upper  [tileLevels][]byte
	unused []span // numbers of which nothing was read, and the tiles say that they never became entries
	lost   uint64 // the first entry whose hash is known from nowhere; 0 if there is none
}

// leaf adds the hash of the next entry. Of an entry that cannot be read it may
// be unknown; then the tile has it, or the tree is lost from there on. It
// reports whether the tree is not.
func (m *merkle) leaf(h tree.Hash, known bool) bool {
	n := m.lines.size
	if m.lost > 0 {
		return false
	}
	if n%tileWidth == 0 {
		m.tile = m.readTile(0, n/tileWidth)
	}
	var said tree.Hash
	if m.tile != nil {
		said = tree.Hash(m.tile[n%tileWidth*uint64(hashBytes):])
	}
	switch {
	case !known && m.tile == nil:
		m.lost = n + 1
		return false
	case !known:
		h = said
		if h == tree.MissingLeaf {
			m.unused = extend(m.unused, n+1)
		}
	}
	m.second(h, said, n+1)
	m.lines.push(h, m.node)
	m.compare()
	return true
}

// second adds a leaf to the tree that the tiles give, if that is another.
func (m *merkle) second(h, said tree.Hash, entry uint64) {
	if m.tile == nil {
		said = h
	}
	if said != h {
		if m.tiles == nil {
			second := m.lines
			m.tiles = &second
		}
		m.differ = extend(m.differ, entry)
	}
	if m.tiles != nil {
		m.tiles.push(said, nil)
	}
}

// extend adds a number to spans, of which it is the highest. It keeps a
// thousand, which then are too wide rather than too few.
func extend(spans []span, n uint64) []span {
	if last := len(spans) - 1; last >= 0 && (spans[last].to == n-1 || len(spans) == maxFindings) {
		spans[last].to = n
		return spans
	}
	return append(spans, span{n, n})
}

// node takes a node of the tree and compares each tile that it completes with
// the file. Those of the leaves were compared leaf by leaf.
func (m *merkle) node(height int, index uint64, h tree.Hash) {
	level := height / tileHeight
	if height%tileHeight != 0 || level == 0 || level >= tileLevels {
		return
	}
	m.upper[level] = append(m.upper[level], h[:]...)
	if index%tileWidth != tileWidth-1 {
		return
	}
	want := m.upper[level]
	m.upper[level] = want[:0]
	if tile := m.readTile(level, index/tileWidth); len(want) == tileBytes && tile != nil && m.tiles == nil && string(tile) != string(want) {
		m.tileFault(level, index/tileWidth)
	}
}

// compare compares the heads that cover just the entries added so far.
func (m *merkle) compare() {
	for ; m.next < len(m.heads.list) && m.heads.list[m.next].Size <= m.lines.size; m.next++ {
		head := m.heads.list[m.next]
		head.compared = true
		switch {
		case m.lines.root() == head.root:
			head.Fits = true
			m.tilesAreWrong()
		case m.tiles != nil && m.tiles.root() == head.root:
			head.Fits = true
			m.linesAreWrong()
		}
	}
}

// proven reports whether a head shows that the next leaf is this one.
func (m *merkle) proven(h tree.Hash) bool {
	for _, head := range m.heads.list[m.next:] {
		if head.Size == m.lines.size+1 && m.lost == 0 {
			with := m.lines
			with.push(h, nil)
			return with.root() == head.root
		}
	}
	return false
}

// tilesAreWrong is called where a head shows that the lines are right.
func (m *merkle) tilesAreWrong() {
	for _, s := range m.differ {
		for n := (s.from - 1) / tileWidth; n <= (s.to-1)/tileWidth; n++ {
			m.tileFault(0, n)
		}
	}
	m.tiles, m.differ = nil, nil
}

// linesAreWrong is called where a head shows that the tiles are right. What
// follows is compared with the tree that was signed.
func (m *merkle) linesAreWrong() {
	for _, s := range m.differ {
		m.report.fault(Edited, s.from, s.to, "")
	}
	m.lines = *m.tiles
	m.tiles, m.differ = nil, nil
	m.upper = [tileLevels][]byte{}
}

func (m *merkle) tileFault(level int, n uint64) {
	m.report.fault(TileWrong, 0, 0, tilePath(level, n)+" is not what the entries give; the agent makes it anew from them")
}

// readTile returns a full tile, or nil if there is none. A file of another size
// is a finding.
func (m *merkle) readTile(level int, n uint64) []byte {
	tile, err := readSmall(filepath.Join(m.folder, filepath.FromSlash(tilePath(level, n))), int64(tileBytes))
	switch {
	case err != nil:
		m.report.fault(TileWrong, 0, 0, tilePath(level, n)+" cannot be read")
		return nil
	case tile == nil:
		return nil
	case len(tile) != tileBytes:
		m.tileFault(level, n)
		return nil
	}
	m.report.Tiles++
	return tile
}

// tilePath is where a tile lies: C2SP tlog-tiles, "Merkle Tree".
func tilePath(level int, n uint64) string {
	text := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		text = fmt.Sprintf("x%03d/%s", n%1000, text)
	}
	return fmt.Sprintf("tile/%d/%s", level, text)
}

// end judges what is left when there are no more entries.
func (m *merkle) end() {
	for _, s := range m.differ {
		m.report.fault(TileWrong, s.from, s.to, "the entries or the hash tree's files were changed; no head tells which")
	}
	fits := uint64(0)
	for i, head := range m.heads.list {
		if head.Fits || !head.compared {
			if head.Fits {
				fits = head.Size
			}
			continue
		}
		code := Rewritten
		for _, later := range m.heads.list[i:] {
			if later.Fits {
				code = Recreated
			}
		}
		m.report.fault(code, min(fits+1, head.Size), head.Size, "")
	}
}
