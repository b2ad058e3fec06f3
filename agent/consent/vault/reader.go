package vault

import (
	"errors"
	"runtime/debug"
	"sync"

	"github.com/mycarerecord/edge-agent/agent/care"
	"go.etcd.io/bbolt"
)

const (
	maxIdle   = 64      // Readers that are kept for the next caller
	maxRetain = 1 << 20 // bytes of a Reader's memory that are kept
)

// Reader reads one consistent state of a vault. It belongs to one goroutine,
// which must call Done soon: a change that lets the file grow waits for all
// Readers, and new ones for it. So whoever has a Reader must not ask for
// another, nor change the vault.
type Reader struct {
	vault  *Vault
	view   *view
	tx     *bbolt.Tx
	trees  [Sets]*tree
	err    error // why nothing can be read
	data   [placeSize]byte
	sealed []byte // a page as it is in the file
	plain  []byte // the pages opened since Read
}

// Read returns a Reader. It waits for a change only if one is just being
// synced to disk or lets the file grow, and no Reader is idle. If the vault has
// failed, or fails now, the Reader's Get says so.
func (v *Vault) Read() *Reader {
	for {
		r := v.idle.take()
		if r == nil {
			return v.newReader()
		}
		if r.view == v.view.Load() {
			return r
		}
		r.end()
	}
}

func (v *Vault) newReader() *Reader {
	r := &Reader{vault: v, view: v.view.Load()}
	if r.err = v.Err(); r.err != nil {
		return r
	}
	if err := r.begin(); err != nil {
		r.err = v.fail(damage(err))
	}
	return r
}

// begin begins a transaction of the file and finds the view that is true of
// it. A view whose last sync is not over must not be read: what is answered
// from it could be undone by a power cut.
func (r *Reader) begin() error {
	v := r.vault
	for {
		before := v.view.Load()
		tx, err := v.begin()
		if err != nil {
			return err
		}
		r.view = v.view.Load()
		id := uint64(tx.ID())
		if id >= r.view.first && id <= r.view.last {
			r.tx = tx
			return nil
		}
		if err := tx.Rollback(); err != nil {
			return err
		}
		if id > r.view.last { // that commit is over when the lock is free
			before = r.view
			v.shown.RLock()
			r.view = v.view.Load()
			v.shown.RUnlock()
		}
		if err := v.Err(); err != nil {
			return err
		}
		if r.view == before { // no commit of ours explains what the file says
			return errReplaced
		}
	}
}

// begin begins a transaction. A panic leaves bbolt's locks locked: then nobody
// must try them again.
func (v *Vault) begin() (tx *bbolt.Tx, err error) {
	v.beginning.Lock()
	defer v.beginning.Unlock()
	if err := v.Err(); err != nil {
		return nil, err
	}
	if info, err := v.file.Stat(); err != nil || info.Size() < v.least {
		return nil, errors.Join(errReplaced, err) // before a fault can leave locks locked
	}
	err = guard(func() error {
		tx, err = v.db.Begin(false)
		return err
	})
	if errors.Is(err, errFault) {
		v.abandoned.Store(true)
		return nil, v.fail(damage(err))
	}
	return tx, err
}

// Root returns the state that r reads.
func (r *Reader) Root() *Root { return r.view.root }

// Get returns the value of a key; it is valid until Done and must not be
// changed. Without an error, nil is proof that the key has no value. An error
// is damage, after which the vault refuses everything, or why it refuses
// already. Get allocates nothing once the Reader has been used.
func (r *Reader) Get(set int, k *Key) ([]byte, error) {
	if r.err == nil {
		r.err = r.vault.Err()
	}
	if r.err != nil {
		return nil, r.err
	}
	if !inRange(set) {
		return nil, errNoSet
	}
	t, page := r.view.root.sets[set], k.page()
	tag := t.tag(page)
	if tag == 0 {
		return nil, nil
	}
	plain, err := r.load(set, t, page, tag)
	if err != nil {
		return nil, r.fail(err)
	}
	value, _, _, ok := find(plain, k.remainder())
	if !ok {
		return nil, r.fail(errBadPage)
	}
	return value, nil
}

var errNoSet = failure(care.BadRequest, "SET", "there is no such set", nil)

func (r *Reader) fail(err error) error {
	r.err = r.vault.fail(damage(err))
	return r.err
}

// load returns the entries of a page, which is copied before it is opened: the
// file may change under us, between the check of the seal and the decryption
// too.
func (r *Reader) load(set int, t *table, page uint16, tag uint64) (plain []byte, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer caught(&err)
	if r.trees[set] == nil {
		var ok bool
		if r.trees[set], ok = newTree(r.tx, bucketName(set, t.generation)); !ok {
			return nil, errNoBucket
		}
	}
	value := r.trees[set].search(page)
	if len(value) > maxPage+sealSize {
		return nil, errBadPage
	}
	r.sealed = append(r.sealed[:0], value...)
	start := len(r.plain)
	all, ok := r.vault.sealer.open(r.plain, &r.data, t.place(set, page), r.sealed, tag, r.view.root.Epoch)
	if !ok {
		return nil, errBadPage
	}
	r.plain = all
	return all[start:], nil
}

// Done ends r, which must not be used after that.
func (r *Reader) Done() {
	if cap(r.plain)+cap(r.sealed) > maxRetain {
		r.plain, r.sealed = nil, nil
	}
	r.plain = r.plain[:0]
	if r.err != nil || r.view != r.vault.view.Load() || !r.vault.idle.give(r) {
		r.end()
	}
}

// end ends the transaction.
func (r *Reader) end() {
	if r.tx == nil || r.vault.abandoned.Load() {
		return
	}
	if err := guard(r.tx.Rollback); err != nil {
		r.vault.fail(damage(err))
	}
	r.tx = nil
}

// idle is the Readers that wait for a caller. While a change is made there are
// none: bbolt could not let the file grow, and keeps the pages that they might
// read.
type idle struct {
	mu      sync.Mutex
	readers []*Reader
	busy    bool // a change is being made
}

// take returns an idle Reader, or nil.
func (i *idle) take() *Reader {
	i.mu.Lock()
	defer i.mu.Unlock()
	last := len(i.readers) - 1
	if last < 0 {
		return nil
	}
	r := i.readers[last]
	i.readers = i.readers[:last]
	return r
}

// give keeps r and reports whether it did.
func (i *idle) give(r *Reader) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.busy || len(i.readers) == maxIdle {
		return false
	}
	i.readers = append(i.readers, r)
	return true
}

// begin ends all idle Readers, and keeps none until end.
func (i *idle) begin() {
	i.mu.Lock()
	readers := i.readers
	i.readers, i.busy = nil, true
	i.mu.Unlock()
	for _, r := range readers {
		r.end()
	}
}

func (i *idle) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.busy = false
}
