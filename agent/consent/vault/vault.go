package vault

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
	"go.etcd.io/bbolt"
)

// Options is how a vault is created and opened.
type Options struct {
	Key   sitekey.Key                 // the site's key; required
	Parse func([]byte) (State, error) // reads what State.AppendBinary wrote; required to open. It must copy what it keeps
	First func() (State, error)       // the state of a new vault; required to create
	Log   hclog.Logger                // no log if nil

	opener openFile // os.OpenFile if nil; tests make writes fail with it
}

// openFile opens a vault's file.
type openFile func(path string, flag int, mode os.FileMode) (*os.File, error)

// Vault is an open vault. All methods may be called from many goroutines;
// changes are made one at a time.
type Vault struct {
	path   string
	log    hclog.Logger
	sealer *sealer
	db     *bbolt.DB
	file   *os.File // that db reads and writes
	least  int64    // bytes that the file had when it was opened; it never shrinks

	view   atomic.Pointer[view]
	err    atomic.Pointer[care.Error] // why the vault refuses everything
	failed chan struct{}
	shown  sync.RWMutex // held by a commit that readers must not see before it has returned
	idle   idle

	beginning sync.Mutex  // one Reader at a time begins a transaction
	abandoned atomic.Bool // bbolt panicked and may hold its locks for ever

	// For whoever has the token.
	writing     chan struct{}
	generations [Sets]uint64    // highest that was handed out
	building    map[string]bool // names of buckets that are being built
	swept       bool            // no bucket is left that counts for nothing
	roomy       int64           // how far the file surely has room on the disk, in bytes
	slack       int64           // how much room is taken beyond what is needed
}

// view is what readers work with. It is replaced whole and never changed.
type view struct {
	root *Root
	tag  uint64 // of the root as it is in the file
	// The transactions of the file in which the root holds: more than one while
	// something is committed that the root does not name.
	first, last uint64
}

// is reports whether a check found the state that v stands for.
func (v *view) is(c *checked) bool {
	if c.tag != v.tag || c.epoch != v.root.Epoch || c.tx < v.first || c.tx > v.last {
		return false
	}
	for i, t := range c.sets {
		if t.tags != v.root.sets[i].tags || t.generation != v.root.sets[i].generation {
			return false
		}
	}
	return true
}

// Root returns the state that a Reader would see now. It is one atomic load.
func (v *Vault) Root() *Root { return v.view.Load().root }

// Failed is closed when the vault is damaged or a change could not be written.
// What this process sees of the file may then differ from what is on disk: it
// must end and open the vault again. Until then everything is refused.
func (v *Vault) Failed() <-chan struct{} { return v.failed }

// Err returns why the vault refuses everything, with reason DAMAGED, POISONED
// or CLOSED, or nil while it works.
func (v *Vault) Err() error {
	if err := v.err.Load(); err != nil {
		return err
	}
	return nil
}

// fail makes the vault refuse with err from now on, unless it refuses already,
// and returns why it does.
func (v *Vault) fail(err *care.Error) error {
	if v.err.CompareAndSwap(nil, err) {
		v.log.Error("consent vault refuses everything", "reason", err.Reason, "detail", err.Detail, "cause", cause(err))
		close(v.failed)
	}
	return v.Err()
}

// cause returns the text of an error's cause if it is one of the package's,
// which quote nothing of the data.
func cause(err *care.Error) string {
	for _, known := range []error{errFault, errLayout, errNoBucket, errBadRoot, errBadGroup, errBadPage, errExtra, errCount, errSense, errReplaced} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return ""
}

// exclusive runs fn while no change is made, unless the vault has failed.
func (v *Vault) exclusive(ctx context.Context, fn func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case v.writing <- struct{}{}:
		defer func() { <-v.writing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := v.Err(); err != nil {
		return err
	}
	return fn()
}

// Close waits for the calls and Readers in progress and closes the file. It
// may be called more than once; everything else then refuses with CLOSED.
func (v *Vault) Close() error {
	v.err.CompareAndSwap(nil, failure(care.ConsentUnavailable, ReasonClosed, "the consent store is closed", nil))
	v.writing <- struct{}{}
	defer func() { <-v.writing }()
	v.idle.begin()
	if v.abandoned.Load() {
		unlock(v.file)
		return nil
	}
	if err := guard(v.db.Close); err != nil {
		return failure(care.ConsentUnavailable, "CLOSE", "the consent store could not be closed", err)
	}
	return nil
}
