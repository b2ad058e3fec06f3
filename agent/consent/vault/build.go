package vault

import (
	"bytes"
	"context"
	"iter"

	"github.com/mycarerecord/edge-agent/agent/care"
	"go.etcd.io/bbolt"
)

// What one transaction of Build writes at most, give or take a group.
const (
	batchPages = 4096
	batchBytes = 16 << 20
)

// fillPercent is how full Build leaves the pages of the file: its keys ascend.
const fillPercent = 0.9

// Built is a new content of a set, on disk, that nobody reads before it is
// adopted. What is neither adopted nor discarded is kept until the vault is
// closed.
type Built struct {
	vault *Vault
	set   int
	table *table
	spent bool // adopted or discarded; for whoever has the writing token
}

// Entries returns how many entries were built.
func (b *Built) Entries() uint64 { return b.table.entries }

// Discard gives up what was built; the next change removes it. It waits for
// the change in progress, so it must not be called within one.
func (b *Built) Discard() {
	v := b.vault
	v.writing <- struct{}{}
	defer func() { <-v.writing }()
	b.spent = true
	v.release(b.set, b.table.generation)
}

// release gives up a generation. The caller has the writing token.
func (v *Vault) release(set int, generation uint64) {
	if name := string(bucketName(set, generation)); v.building[name] {
		delete(v.building, name)
		v.swept = false
	}
}

// Build writes a whole new content of a set beside the old one, from entries
// whose keys ascend and whose values are not empty; each value is copied. It
// holds at most about 20 MiB and writes in transactions of about 4,096 pages,
// between which other changes may be made. It fails with BadRequest, reason
// ORDER or EMPTY, with LimitExceeded for values above MaxValue, and with the
// context's error; what was written is then removed by the next change.
func (v *Vault) Build(ctx context.Context, set int, sorted iter.Seq2[Key, []byte]) (*Built, error) {
	if !inRange(set) {
		return nil, errNoSet
	}
	b := &builder{vault: v, ctx: ctx, set: set, page: -1, group: new(group)}
	if err := b.reserve(); err != nil {
		return nil, err
	}
	built := &Built{vault: v, set: set, table: &b.table}
	finished := false
	defer func() {
		if !finished {
			built.Discard()
		}
	}()
	for k, value := range sorted {
		if err := b.add(k, value); err != nil {
			return nil, err
		}
	}
	if err := b.closeGroup(); err != nil {
		return nil, err
	}
	if err := b.flush(); err != nil {
		return nil, err
	}
	finished = true
	return built, nil
}

// builder is a content being built.
type builder struct {
	vault   *Vault
	ctx     context.Context
	set     int
	epoch   uint64
	table   table
	page    int // number of the page being filled; -1 before the first
	plain   []byte
	last    uint64 // remainder of the last key
	group   *group
	pages   []record // of the group, sealed
	batch   []record // to be written
	pending int      // bytes of batch
}

// record is an entry of the file.
type record struct{ key, value []byte }

// reserve makes the bucket of a generation that was never used.
func (b *builder) reserve() error {
	v := b.vault
	return v.write(b.ctx, func(tx *bbolt.Tx, old *view) (*view, error) {
		b.epoch = old.root.Epoch + 1
		b.table.generation = max(old.root.sets[b.set].generation, v.generations[b.set]) + 1
		name := bucketName(b.set, b.table.generation)
		if _, err := tx.CreateBucket(name); err != nil {
			return nil, damage(err)
		}
		v.generations[b.set], v.building[string(name)] = b.table.generation, true
		return old, nil
	})
}

// add takes the next entry.
func (b *builder) add(k Key, value []byte) error {
	page, remainder := int(k.page()), k.remainder()
	switch {
	case page < b.page || page == b.page && remainder <= b.last:
		return failure(care.BadRequest, "ORDER", "the keys do not ascend", nil)
	case len(value) == 0:
		return failure(care.BadRequest, "EMPTY", "a value is empty", nil)
	case len(value) > MaxValue:
		return failure(care.LimitExceeded, "VALUE", "a value is larger than 128 KiB", nil)
	}
	if page>>8 != b.page>>8 {
		if err := b.closeGroup(); err != nil {
			return err
		}
	} else if page != b.page {
		b.closePage()
	}
	b.page, b.last = page, remainder
	b.plain = appendEntry(b.plain, remainder, value)
	b.table.entries++
	if len(b.plain) > maxPage {
		return errFull
	}
	return nil
}

// closePage seals the page being filled.
func (b *builder) closePage() {
	number := uint16(b.page)
	value, tag := b.vault.sealer.seal(b.table.place(b.set, number), b.epoch, b.plain)
	b.group[number&0xFF] = tag
	key := pageKey(number)
	b.pages = append(b.pages, record{bytes.Clone(key[:]), value})
	b.table.bytes += uint64(len(b.plain))
	b.plain = b.plain[:0]
}

// closeGroup seals the page and the group being filled, and writes a batch if
// it is full.
func (b *builder) closeGroup() error {
	if b.page < 0 {
		return nil
	}
	b.closePage()
	number := b.page >> 8
	value, tag := b.vault.sealer.seal(b.table.groupPlace(b.set, number), b.epoch, b.group.append(nil))
	b.table.tags[number], b.table.groups[number] = tag, b.group
	key := groupKey(number)
	b.batch = append(append(b.batch, record{bytes.Clone(key[:]), value}), b.pages...)
	for _, r := range b.pages {
		b.pending += len(r.value)
	}
	b.group, b.pages = new(group), b.pages[:0]
	if len(b.batch) < batchPages && b.pending < batchBytes {
		return nil
	}
	return b.flush()
}

// flush writes the batch.
func (b *builder) flush() error {
	if len(b.batch) == 0 {
		return nil
	}
	err := b.vault.write(b.ctx, func(tx *bbolt.Tx, old *view) (*view, error) {
		bucket := tx.Bucket(bucketName(b.set, b.table.generation))
		if bucket == nil {
			return nil, damage(errNoBucket)
		}
		bucket.FillPercent = fillPercent
		for _, r := range b.batch {
			if err := bucket.Put(r.key, r.value); err != nil {
				return nil, damage(err)
			}
		}
		return old, b.vault.room(tx, b.pending)
	})
	b.batch, b.pending = b.batch[:0], 0
	return err
}
