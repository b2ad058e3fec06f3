package identity

import (
	"crypto/x509"
	"sync"
	"sync/atomic"
	"time"
)

// Options are what a Keeper needs from the program around it. The zero value
// is ready to use.
type Options struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	// OnChange is told when a scan put new files in use, or found them faulty
	// in a new way (then new.LastError says how), or found them mended. It is
	// called from the scanning goroutine and must not call Rescan.
	OnChange func(old, new Status)
}

// Keeper holds the agent's certificate, the authorities it trusts, the deny
// list and the peers it knows. Its methods may be called from many goroutines.
type Keeper struct {
	files    Files
	now      func() time.Time
	onChange func(old, new Status)
	watching atomic.Bool

	scanning sync.Mutex // held during a scan: one at a time
	mu       sync.Mutex // guards replacing view
	view     atomic.Pointer[view]
}

// view is everything a decision needs, as it was at one moment. It is replaced
// as a whole; only its memory of callers changes.
type view struct {
	own    *ownPart
	roots  *rootsPart
	denied *deniedPart
	peers  []Peer
	err    error // why newer files are not in use
	known  memory
}

// Load reads the files and checks the peers. It fails with care.BadRequest and
// names every fault, the file and what to do. Files about which CheckFiles
// returns nothing load.
func Load(files Files, peers []Peer, options Options) (*Keeper, error) {
	k := &Keeper{files: files, now: options.Now, onChange: options.OnChange}
	if k.now == nil {
		k.now = time.Now
	}
	read, faults := readFiles(files, k.now())
	if err := faultError("identity.Load", append(faults, checkPeers(peers)...)); err != nil {
		return nil, err
	}
	k.view.Store(&view{own: read.own, roots: read.roots, denied: read.denied, peers: peers})
	return k, nil
}

// SetPeers replaces the peers. Calls that come after it returns are judged by
// the new ones, on old connections too. It fails with care.BadRequest, and
// changes nothing, when one of them is at fault. The slice must not be
// changed afterwards.
func (k *Keeper) SetPeers(peers []Peer) error {
	if err := faultError("identity.SetPeers", checkPeers(peers)); err != nil {
		return err
	}
	k.replace(func(next *view) { next.peers = peers })
	return nil
}

// Rescan reads the files and puts those parts in use that are sound and new:
// the certificate with its key, the roots, the deny list. A faulty part keeps
// what it had; Status says why.
func (k *Keeper) Rescan() {
	k.scanning.Lock()
	defer k.scanning.Unlock()
	read, faults := readFiles(k.files, k.now())
	err := faultError("identity.Rescan", faults)
	if v := k.view.Load(); !v.outdatedBy(read) && sameText(v.err, err) {
		return
	}
	old := k.Status()
	k.replace(func(next *view) { next.take(read, err) })
	if k.onChange != nil {
		k.onChange(old, k.Status())
	}
}

// replace puts a changed copy of the view in use, with an empty memory: what
// was known of callers may no longer hold.
func (k *Keeper) replace(change func(next *view)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v := k.view.Load()
	next := &view{own: v.own, roots: v.roots, denied: v.denied, peers: v.peers, err: v.err}
	change(next)
	k.view.Store(next)
}

func (v *view) outdatedBy(c contents) bool {
	return c.own != nil && c.own.digest != v.own.digest ||
		c.roots != nil && c.roots.digest != v.roots.digest ||
		c.denied != nil && c.denied.digest != v.denied.digest
}

func (v *view) take(c contents, err error) {
	if c.own != nil {
		v.own = c.own
	}
	if c.roots != nil {
		v.roots = c.roots
	}
	if c.denied != nil {
		v.denied = c.denied
	}
	v.err = err
}

func sameText(a, b error) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Error() == b.Error()
}

// Status returns what is in use. Nothing in it is secret.
func (k *Keeper) Status() Status {
	v := k.view.Load()
	leaf := v.own.certificate.Leaf
	s := Status{
		Subject:     leaf.Subject.String(),
		Fingerprint: Fingerprint(leaf),
		NotAfter:    leaf.NotAfter,
		Denied:      len(v.denied.list),
		Watching:    k.watching.Load(),
		LastError:   v.err,
	}
	for _, c := range v.roots.certificates {
		s.Roots = append(s.Roots, Root{c.Subject.String(), Fingerprint(c), c.NotAfter})
	}
	return s
}

// passport is what is known of a certificate while both the view and the time
// stay within bounds.
type passport struct {
	caller      Caller
	from, until time.Time // when every certificate of its chains is valid
}

func (p *passport) covers(now time.Time) bool { return !now.Before(p.from) && !now.After(p.until) }

// maxKnown bounds the memory of one view: more certificates than brokers have.
const maxKnown = 256

// memory remembers identified certificates, by the address at which crypto/tls
// holds them for the life of a connection. Holding the address also keeps it
// from being used for another. Refusals are not remembered: the same leaf can
// be in order with other intermediates.
type memory struct {
	mu    sync.RWMutex
	known map[*x509.Certificate]*passport
}

func (m *memory) get(leaf *x509.Certificate) *passport {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.known[leaf]
}

func (m *memory) put(leaf *x509.Certificate, p *passport) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) >= maxKnown {
		m.known = make(map[*x509.Certificate]*passport)
	}
	m.known[leaf] = p
}
