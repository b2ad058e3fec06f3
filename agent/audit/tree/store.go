package tree

import (
	"cmp"
	"errors"
	"maps"
	"path"
	"slices"
)

var errLeafCount = errors.New("there are fewer or more leaves than were asked for")

// Flush writes the full tiles that are not on disk, each under a temporary name
// that is then changed. What it wrote is there after the agent is killed, not
// after the power fails: it is computed again then. It holds up neither
// appending nor proofs. What cannot be written is tried again by the next call.
func (t *Tree) Flush() error {
	t.flushing.Lock()
	defer t.flushing.Unlock()
	t.mu.RLock()
	tiles := maps.Clone(t.pending)
	t.mu.RUnlock()
	ids := slices.SortedFunc(maps.Keys(tiles), func(a, b tileID) int {
		return cmp.Or(cmp.Compare(a.level, b.level), cmp.Compare(a.number, b.number))
	})
	for _, id := range ids {
		if err := t.disk.write(id, tiles[id]); err != nil {
			return failed("tree.Flush", err)
		}
		t.mu.Lock()
		delete(t.pending, id)
		t.cache.put(id, tiles[id])
		t.mu.Unlock()
	}
	return nil
}

// Sync returns once every full tile is on disk with the content that it should
// have, and durable: after it the lines below full tiles may go. It reads every
// tile that no earlier Sync of this Tree has, compares it with the tile above
// it, and computes it again from the lines if it is lost or damaged.
func (t *Tree) Sync() error {
	const op = "tree.Sync"
	t.syncing.Lock()
	defer t.syncing.Unlock()
	if err := t.Flush(); err != nil {
		return err
	}
	size := t.Size()
	for id := range fullTiles(t.synced, size) {
		if _, err := t.load(id); err != nil {
			return failed(op, err)
		}
	}
	if err := t.Flush(); err != nil { // what load has restored
		return err
	}
	folders := map[string]bool{}
	for id := range fullTiles(t.synced, size) {
		if err := t.disk.sync(id); err != nil {
			return failed(op, err)
		}
		for name := path.Dir(id.path()); !folders[name]; name = path.Dir(name) {
			folders[name] = true
		}
	}
	for name := range folders {
		if err := t.disk.syncFolder(name); err != nil {
			return failed(op, err)
		}
	}
	t.synced = size
	return nil
}

// fullTiles gives the tiles that are full in a tree of the size to and were not
// in one of the size from, those above before those below.
func fullTiles(from, to uint64) func(yield func(tileID) bool) {
	return func(yield func(tileID) bool) {
		for level := levels - 1; level >= 0; level-- {
			for n := from / span(level); n < to/span(level); n++ {
				if !yield(tileID{level, n}) {
					return
				}
			}
		}
	}
}

// load returns a full tile from disk, once it has the hash that the tile above
// it has for it. Otherwise it computes the tile anew, first with the tiles
// below it, then with leaves only, and keeps it for Flush.
func (t *Tree) load(id tileID) (*tile, error) {
	var want Hash
	err := t.gather("tree.load", func(n *nodes) { want = n.at(tileHeight*(id.level+1), id.number) })
	if err != nil {
		return nil, err
	}
	if full, err := t.disk.read(id); err == nil && full.root() == want {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.cache.put(id, full)
		return full, nil
	}
	full, err := t.restore(id, id.level)
	if err == nil && full.root() != want {
		full, err = t.restore(id, 0)
	}
	if err != nil {
		return nil, err
	}
	if full.root() != want {
		return nil, damaged("tree.load", "neither the hash tree's tile "+id.path()+
			" nor the journal's lines are what they were; verify the journal", nil)
	}
	return full, t.keep(id, full)
}

// keep holds a tile until it is written, which it sees to itself once there are
// many.
func (t *Tree) keep(id tileID, full *tile) error {
	t.mu.Lock()
	_ = t.hold(id, full) // never fails
	many := len(t.pending) >= maxPending
	t.mu.Unlock()
	if many {
		return t.Flush()
	}
	return nil
}

// restore computes a full tile from the tiles on disk below a level, and from
// leaves where there are none. It is not authenticated. What its builder puts
// above that tile, without what is to the left, has no meaning.
func (t *Tree) restore(id tileID, below int) (*tile, error) {
	b := builder{size: id.number * span(id.level)}
	var restored *tile
	err := t.replay(&b, b.size+span(id.level), below, func(at tileID, full *tile) error {
		if at == id {
			restored = full
		}
		return nil
	})
	return restored, err
}

// replay brings b to a size, by tiles on disk that are below a level where they
// can be read, else by leaves, which it asks for in runs as long as possible.
func (t *Tree) replay(b *builder, size uint64, below int, full takeTile) error {
	for at := b.size; at < size; {
		id, root, ok := t.largest(at, size, below)
		if !ok {
			at = min(at+tileWidth, size)
			continue
		}
		if err := t.fill(b, at, full); err != nil {
			return err
		}
		if err := b.push(id.level+1, root, full); err != nil {
			return err
		}
		at = b.size
	}
	return t.fill(b, size, full)
}

// largest returns the highest tile on disk, below a level, whose leaves begin
// with one index and end before another, and its hash.
func (t *Tree) largest(from, to uint64, below int) (tileID, Hash, bool) {
	for level := below - 1; level >= 0; level-- {
		if from%span(level) != 0 || to-from < span(level) {
			continue
		}
		id := tileID{level, from / span(level)}
		if full, err := t.disk.read(id); err == nil {
			return id, full.root(), true
		}
	}
	return tileID{}, Hash{}, false
}

// fill brings b to a size by leaves.
func (t *Tree) fill(b *builder, size uint64, full takeTile) error {
	if b.size == size {
		return nil
	}
	for leaf, err := range t.leaves(b.size, size) {
		if err != nil {
			return err
		}
		if b.size == size {
			return damaged("tree.fill", "the journal gave more lines than it was asked for", errLeafCount)
		}
		if err := b.push(0, leaf, full); err != nil {
			return err
		}
	}
	if b.size != size {
		return damaged("tree.fill", "the journal has fewer lines than its hash tree", errLeafCount)
	}
	return nil
}
