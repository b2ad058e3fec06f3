package consent

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/mycarerecord/edge-agent/agent/care"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// lockTimeout is how long Open waits for another agent to let go of the file.
const lockTimeout = time.Second

// markerSuffix names the file beside the store that says there was one.
const markerSuffix = ".created"

const markerText = "A consent store was created here. If it is missing, the agent refuses to release records rather than\n" +
	"start with an empty one, which would have forgotten who has dissented. Restore the store, or see the operator's guide.\n"

var (
	stateBucket = []byte("state")
	stateKey    = []byte("v1")
)

// openFile opens a store's file; tests replace it to make writes fail.
type openFile func(path string, flag int, mode os.FileMode) (*os.File, error)

// Open opens the store at path, which it creates, empty and never filled, only
// if there was none before. The folder must exist, be private to the agent and
// be on a local volume.
//
// It fails with BadRequest when the options are not valid, and with
// ConsentUnavailable, reason LOCKED, when another process holds the file for
// more than a second, or CREATE when a first file cannot be made. A file that
// is missing where there was one, cannot be read or fails a check opens as a
// store that refuses everything, so that refusals are still answered and
// journalled for what they are: Status says why.
func Open(path string, opts Options) (*Store, error) {
	return open(path, opts, os.OpenFile)
}

func open(path string, opts Options, opener openFile) (*Store, error) {
	s, err := newStore(opts)
	if err != nil {
		return nil, err
	}
	if err := s.ensure(path); err != nil {
		return nil, err
	}
	if s.current.Load().err != nil {
		return s, nil
	}
	st, err := s.load(path, opener)
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, failure(care.ConsentUnavailable, "LOCKED",
			"another agent is using this state folder; stop it, or give each its own", err)
	}
	if err != nil {
		s.fail(damageOf(err))
		return s, nil
	}
	s.current.Store(newSnapshot(st))
	return s, nil
}

func newStore(opts Options) (*Store, error) {
	bad := ""
	switch {
	case opts.Key.IsZero():
		bad = "the site key is missing"
	case opts.Model != OptOut && opts.Model != AskPermission:
		bad = "the consent model is missing"
	case opts.MaxAge <= 0 || opts.MaxAge > LongestMaxAge:
		bad = "the maximum age must be above 0 and at most 90 days"
	}
	if bad != "" {
		return nil, failure(care.BadRequest, "OPTIONS", bad, nil)
	}
	keys := deriveSubkeys(opts.Key)
	s := &Store{model: opts.Model, maxAge: opts.MaxAge, now: opts.Now, log: opts.Log,
		writing: make(chan struct{}, 1), failed: make(chan struct{})}
	s.sealers.New = func() any { return newSealer(keys) }
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = hclog.NewNullLogger()
	}
	s.current.Store(newSnapshot(state{}))
	return s, nil
}

// ensure sees to it that the store and its marker are there, or makes s refuse
// because only the marker is. The marker is made last: whoever finds a store
// without one was interrupted and makes it then.
func (s *Store) ensure(path string) error {
	store, marker := absent(path), absent(path+markerSuffix)
	if store && !marker {
		s.fail(damage("the consent store is missing although there was one", nil))
		return nil
	}
	var err error
	if store {
		err = s.create(path)
	}
	if marker && (err == nil || errors.Is(err, fs.ErrExist)) {
		err = createFile(path+markerSuffix, func(f *os.File) error {
			_, err := f.WriteString(markerText)
			return err
		})
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return failure(care.ConsentUnavailable, "CREATE", "the consent store cannot be created; check the state folder", err)
	}
	return nil
}

// absent reports whether there is certainly nothing at path.
func absent(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// create makes an empty store in a temporary file and gives it its name.
func (s *Store) create(path string) error {
	return createFile(path, func(f *os.File) error {
		db, err := bbolt.Open(f.Name(), 0o600, &bbolt.Options{Timeout: lockTimeout})
		if err != nil {
			return err
		}
		st := state{Floor: s.now().UnixNano()}
		err = db.Update(func(tx *bbolt.Tx) error {
			for i := range st.Sets {
				if _, err := tx.CreateBucket(st.Sets[i].bucket(care.Authority(i + 1))); err != nil {
					return err
				}
			}
			if _, err := tx.CreateBucket(stateBucket); err != nil {
				return err
			}
			return s.saveState(tx, &st)
		})
		return errors.Join(err, db.Close())
	})
}

// load opens the file and checks all of it. Checks come after bbolt has locked
// the file: before that, another agent may be writing.
func (s *Store) load(path string, opener openFile) (st state, err error) {
	var file *os.File
	err = guard(func() error {
		s.db, err = bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout: lockTimeout, FreelistType: bbolt.FreelistMapType, NoStatistics: true, OpenFile: existing(opener, &file)})
		return err
	})
	if err != nil {
		if file != nil && errors.Is(err, errFault) { // bbolt leaves the file open and locked
			unlock(file)
			file.Close()
		}
		return st, err
	}
	err = guard(func() error {
		if err := checkLayout(path); err != nil {
			return err
		}
		tx, err := s.db.Begin(false)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		st, err = s.verify(context.Background(), tx)
		return err
	})
	if err != nil {
		return st, errors.Join(err, guard(s.db.Close))
	}
	return st, nil
}

// existing makes an opener that creates nothing and refuses an empty file,
// which bbolt would otherwise turn into a new store. It leaves the file in opened.
func existing(opener openFile, opened **os.File) openFile {
	return func(path string, flag int, mode os.FileMode) (*os.File, error) {
		f, err := opener(path, flag&^os.O_CREATE, mode)
		if *opened = f; err != nil {
			return nil, err
		}
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
			return nil, errors.Join(errLayout, err, f.Close())
		}
		return f, nil
	}
}

// saveState seals the state and writes it.
func (s *Store) saveState(tx *bbolt.Tx, st *state) error {
	z := s.sealers.Get().(*sealer)
	defer s.sealers.Put(z)
	value, err := z.sealState(st)
	if err != nil {
		return err
	}
	bucket := tx.Bucket(stateBucket)
	if bucket == nil {
		return damageOf(errNoBucket)
	}
	if err := bucket.Put(stateKey, value); err != nil {
		return damageOf(err)
	}
	return nil
}

// verify checks all that a transaction sees and returns its state.
func (s *Store) verify(ctx context.Context, tx *bbolt.Tx) (state, error) {
	z := s.sealers.Get().(*sealer)
	defer s.sealers.Put(z)
	bucket := tx.Bucket(stateBucket)
	if bucket == nil {
		return state{}, errNoBucket
	}
	st, ok := z.openState(bucket.Get(stateKey))
	if !ok {
		return state{}, errBadState
	}
	for i := range st.Sets {
		if err := verifySet(ctx, tx, z, st.of(care.Authority(i+1)), care.Authority(i+1)); err != nil {
			return state{}, err
		}
	}
	return st, nil
}

// verifySet counts an authority's entries anew and compares. Each entry is also
// looked up by its key: a page that only guides the search can be damaged while
// a scan still meets every entry.
func verifySet(ctx context.Context, tx *bbolt.Tx, z *sealer, want *set, a care.Authority) error {
	var found set
	bucket := tx.Bucket(want.bucket(a))
	if bucket == nil {
		return errNoBucket
	}
	err := bucket.ForEach(func(k, v []byte) error {
		if len(k) != keySize || found.Patients >= want.Patients {
			return errBadSet
		}
		e, ok := z.openEntry(a, (*patientKey)(k), v)
		if !ok {
			return errBadSeal
		}
		if !bytes.Equal(bucket.Get(k), v) {
			return errLayout
		}
		found.enter(&e, &z.sum)
		if found.Patients%4096 == 0 {
			return ctx.Err()
		}
		return nil
	})
	if err == nil && !found.holdsSame(want) {
		err = errBadSet
	}
	return err
}
