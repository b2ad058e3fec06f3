package vault

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/mycarerecord/edge-agent/agent/care"
	"go.etcd.io/bbolt"
)

// maxChange is how many bytes of pages one change may hold in memory.
const maxChange = 64 << 20

// Update runs fn with a Change and commits what it did: all of it or nothing.
// A change counts from the moment Update has returned nil; then it is on disk.
// Nothing is written if fn changed nothing.
//
// An error of fn undoes everything, and is returned; so does a disk without room
// (NO_SPACE), where the system tells before something is written. A panic or an error of
// the commit itself fails the vault with POISONED: nobody knows what is on disk
// then. Update waits its turn for as long as ctx allows.
func (v *Vault) Update(ctx context.Context, fn func(*Change) error) error {
	return v.write(ctx, func(tx *bbolt.Tx, old *view) (*view, error) {
		c := &Change{vault: v, tx: tx, old: old.root, sets: old.root.sets}
		if err := fn(c); err != nil {
			return nil, err
		}
		return c.flush()
	})
}

// Change is a change being made. It is valid until the function that it was
// given to returns, and belongs to its goroutine.
type Change struct {
	vault *Vault
	tx    *bbolt.Tx
	old   *Root
	sets  [Sets]*table              // before the pages were changed, after adoptions
	pages [Sets]map[uint16]*newPage // looked at or changed
	size  int                       // bytes of pages
	drop  [][]byte                  // names of the buckets of sets that were replaced
	state State                     // nil: as it was
	epoch uint64                    // 0: not set
	data  [placeSize]byte
}

// newPage is a page as the change leaves it.
type newPage struct {
	plain          []byte
	changed        bool
	entries, bytes int64 // more than before
}

// Get returns the value of a key as it is with this change; nil if there is
// none. The value is valid until the next Put and must not be changed.
func (c *Change) Get(set int, k *Key) ([]byte, error) {
	p, err := c.page(set, k.page())
	if err != nil {
		return nil, err
	}
	value, _, _, ok := find(p.plain, k.remainder())
	if !ok {
		return nil, damage(errBadPage)
	}
	return value, nil
}

// Put sets the value of a key, which it copies; an empty value removes the
// key. It fails with LimitExceeded for a value of more than MaxValue bytes and
// for a change that touches more than 64 MiB.
func (c *Change) Put(set int, k Key, value []byte) error {
	if len(value) > MaxValue {
		return failure(care.LimitExceeded, "VALUE", "a value is larger than 128 KiB", nil)
	}
	p, err := c.page(set, k.page())
	if err != nil {
		return err
	}
	old, start, end, ok := find(p.plain, k.remainder())
	switch {
	case !ok:
		return damage(errBadPage)
	case bytes.Equal(old, value):
		return nil
	case len(p.plain)+len(value) > maxPage:
		return errFull
	}
	before := len(p.plain)
	p.plain = splice(p.plain, start, end, k.remainder(), value)
	p.changed = true
	p.bytes += int64(len(p.plain) - before)
	if old == nil {
		p.entries++
	}
	if len(value) == 0 {
		p.entries--
	}
	return c.grow(len(p.plain) - before)
}

var errFull = failure(care.LimitExceeded, "PAGE", "too many or too large entries share a page; are the keys random?", nil)

// grow counts bytes of pages that are held.
func (c *Change) grow(n int) error {
	if c.size += n; c.size > maxChange {
		return failure(care.LimitExceeded, "CHANGE", "the change is too large; build a new set instead", nil)
	}
	return nil
}

// page returns a page for reading and changing.
func (c *Change) page(set int, number uint16) (*newPage, error) {
	if !inRange(set) {
		return nil, errNoSet
	}
	if p := c.pages[set][number]; p != nil {
		return p, nil
	}
	p := new(newPage)
	if tag := c.sets[set].tag(number); tag != 0 {
		var err error
		if p.plain, err = c.load(set, number, tag); err != nil {
			return nil, damage(err)
		}
	}
	if c.pages[set] == nil {
		c.pages[set] = map[uint16]*newPage{}
	}
	c.pages[set][number] = p
	return p, c.grow(len(p.plain))
}

func (c *Change) load(set int, number uint16, tag uint64) ([]byte, error) {
	t, key := c.sets[set], pageKey(number)
	bucket := c.tx.Bucket(bucketName(set, t.generation))
	if bucket == nil {
		return nil, errNoBucket
	}
	value := bucket.Get(key[:])
	if len(value) > maxPage+sealSize {
		return nil, errBadPage
	}
	plain, ok := c.vault.sealer.open(nil, &c.data, t.place(set, number), bytes.Clone(value), tag, c.Epoch())
	if !ok {
		return nil, errBadPage
	}
	return plain, nil
}

// State returns the state as it is with this change.
func (c *Change) State() State {
	if c.state != nil {
		return c.state
	}
	return c.old.State
}

// SetState replaces the state. That alone does not move the epoch.
func (c *Change) SetState(s State) { c.state = s }

// Epoch returns the epoch that the change commits as if it puts or adopts
// anything: the one after the root's, or what SetEpoch has set.
func (c *Change) Epoch() uint64 { return max(c.old.Epoch+1, c.epoch) }

// SetEpoch moves the epoch on, with or without any other change. One that is
// not above the root's is ignored: the epoch never goes back.
func (c *Change) SetEpoch(e uint64) {
	if e > c.old.Epoch {
		c.epoch = max(c.epoch, e)
	}
}

// Adopt makes what was built its set, instead of all that the set has had and
// all that this change has put into it. It fails with Conflict when something
// built later was adopted already, or b itself, or when b was discarded. If the
// change is undone, b is discarded.
func (c *Change) Adopt(b *Built) error {
	if b.vault != c.vault || b.spent || b.table.generation <= c.sets[b.set].generation {
		return failure(care.Conflict, "BUILT", "what was built was used already, or is older than what is there", nil)
	}
	c.drop = append(c.drop, bucketName(b.set, c.sets[b.set].generation))
	c.sets[b.set], c.pages[b.set] = b.table, nil
	b.spent = true
	c.vault.release(b.set, b.table.generation)
	return nil
}

// flush writes all that was changed and returns the view of it, or nil if
// nothing was.
func (c *Change) flush() (*view, error) {
	next := &Root{Epoch: c.Epoch(), State: c.State(), sets: c.sets}
	bytes := 0
	for set, pages := range c.pages {
		maps.DeleteFunc(pages, func(_ uint16, p *newPage) bool { return !p.changed })
		if len(pages) == 0 {
			continue
		}
		t, err := c.flushSet(set, next.Epoch)
		if err != nil {
			return nil, damage(err)
		}
		next.sets[set] = t
		for _, p := range pages {
			bytes += len(p.plain) + sealSize + groupSize // its group may be of no other page
		}
	}
	if next.sets == c.old.sets && c.epoch == 0 {
		if c.state == nil {
			return nil, nil
		}
		next.Epoch = c.old.Epoch
	}
	for _, name := range c.drop {
		if c.tx.Bucket(name) == nil {
			continue
		}
		if err := c.tx.DeleteBucket(name); err != nil {
			return nil, damage(err)
		}
	}
	if err := c.vault.room(c.tx, bytes); err != nil {
		return nil, err
	}
	return c.vault.putRoot(c.tx, next)
}

// flushSet writes the changed pages of a set and their groups.
func (c *Change) flushSet(set int, epoch uint64) (*table, error) {
	t := *c.sets[set]
	bucket, err := c.tx.CreateBucketIfNotExists(bucketName(set, t.generation))
	if err != nil {
		return nil, err
	}
	var touched [groupsPerSet]*group
	for _, number := range slices.Sorted(maps.Keys(c.pages[set])) {
		p := c.pages[set][number]
		g := touched[number>>8]
		if g == nil {
			g = new(group)
			if old := t.groups[number>>8]; old != nil {
				*g = *old
			}
			touched[number>>8] = g
		}
		key := pageKey(number)
		if g[number&0xFF], err = c.put(bucket, key[:], t.place(set, number), epoch, p.plain); err != nil {
			return nil, err
		}
		t.entries += uint64(p.entries)
		t.bytes += uint64(p.bytes)
	}
	for number, g := range touched {
		if g == nil {
			continue
		}
		key, plain := groupKey(number), []byte(nil)
		if t.groups[number] = g; g.empty() {
			t.groups[number] = nil
		} else {
			plain = g.append(make([]byte, 0, groupSize))
		}
		if t.tags[number], err = c.put(bucket, key[:], t.groupPlace(set, number), epoch, plain); err != nil {
			return nil, err
		}
	}
	return &t, nil
}

// put seals and writes a value and returns its tag; nothing is not kept.
func (c *Change) put(bucket *bbolt.Bucket, key []byte, p place, epoch uint64, plain []byte) (tag uint64, err error) {
	if len(plain) == 0 {
		return 0, bucket.Delete(key)
	}
	value, tag := c.vault.sealer.seal(p, epoch, plain)
	return tag, bucket.Put(key, value)
}
