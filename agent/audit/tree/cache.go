package tree

import "sync/atomic"

// cacheSize is how many tiles are kept that are also on disk: 1 MiB.
const cacheSize = 64

// cache keeps the tiles that were used last. Many may get while none puts.
type cache struct {
	clock   atomic.Uint64
	entries map[tileID]*cached
}

type cached struct {
	tile *tile
	used atomic.Uint64 // the clock when it was used last
}

// get returns a tile, or nil.
func (c *cache) get(id tileID) *tile {
	e := c.entries[id]
	if e == nil {
		return nil
	}
	e.used.Store(c.clock.Add(1))
	return e.tile
}

// put keeps a tile, if need be in the place of the one not used for longest.
func (c *cache) put(id tileID, t *tile) {
	if c.entries[id] == nil && len(c.entries) >= cacheSize {
		var oldest tileID
		least := c.clock.Load() + 1
		for id, e := range c.entries {
			if used := e.used.Load(); used < least {
				oldest, least = id, used
			}
		}
		delete(c.entries, oldest)
	}
	e := &cached{tile: t}
	e.used.Store(c.clock.Add(1))
	c.entries[id] = e
}
