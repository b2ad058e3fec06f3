package vault

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"go.etcd.io/bbolt"
)

// failed fails the test unless the vault refuses everything for that reason
// and asks for the end of the process.
func failed(t *testing.T, v *Vault, reason string) {
	t.Helper()
	select {
	case <-v.Failed():
	default:
		t.Error("does not ask for the end of the process")
	}
	r, k := v.Read(), keyNumber(1)
	_, err := r.Get(0, &k)
	r.Done()
	fails(t, err, care.ConsentUnavailable, reason)
	fails(t, v.Err(), care.ConsentUnavailable, reason)
	fails(t, v.Verify(t.Context()), care.ConsentUnavailable, reason)
	fails(t, v.Update(t.Context(), func(*Change) error { return nil }), care.ConsentUnavailable, reason)
	_, err = v.Build(t.Context(), 0, content{}.sorted(0))
	fails(t, err, care.ConsentUnavailable, reason)
	for _, err := range v.Scan(t.Context(), 0) {
		fails(t, err, care.ConsentUnavailable, reason)
	}
}

// stocked opens a vault with some hundred entries.
func stocked(t *testing.T) (*shelf, *Vault) {
	t.Helper()
	s := newShelf(t)
	v, all := s.open(t), content{0: {}}
	for i := range 500 {
		all[0][keyNumber(i)] = "v"
	}
	build(t, v, 0, all.sorted(0))
	return s, v
}

// overwrite writes over the file behind the vault's back.
func (s *shelf) overwrite(t *testing.T, data []byte, at int64) {
	t.Helper()
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	check(t, err)
	_, err = f.WriteAt(data, at)
	check(t, errors.Join(err, f.Close()))
}

func (s *shelf) image(t *testing.T) []byte {
	t.Helper()
	image, err := os.ReadFile(s.path)
	check(t, err)
	return image
}

// TestDamagedFiles proves that nothing but a whole, own vault opens, and that
// the file is left as it was for whoever examines it.
func TestDamagedFiles(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, s *shelf, image []byte) []byte{
		"empty":     func(*testing.T, *shelf, []byte) []byte { return []byte{} },
		"one page":  func(_ *testing.T, _ *shelf, image []byte) []byte { return image[:4096] },
		"half":      func(_ *testing.T, _ *shelf, image []byte) []byte { return image[:len(image)/2] },
		"zeros":     func(_ *testing.T, _ *shelf, image []byte) []byte { return make([]byte, len(image)) },
		"text":      func(*testing.T, *shelf, []byte) []byte { return []byte("not a vault") },
		"no header": func(_ *testing.T, _ *shelf, image []byte) []byte { clear(image[:4096]); return image },
		"swapped headers": func(_ *testing.T, _ *shelf, image []byte) []byte {
			first := bytes.Clone(image[pageHeader : pageHeader+metaSize])
			copy(image[pageHeader:], image[4096+pageHeader:4096+pageHeader+metaSize])
			copy(image[4096+pageHeader:], first)
			return image
		},
		"other key": func(t *testing.T, s *shelf, image []byte) []byte { s.opts.Key = testKey(t, 9); return image },
		"bare bbolt": func(t *testing.T, s *shelf, _ []byte) []byte {
			db, err := bbolt.Open(s.path+"2", 0o600, nil)
			check(t, err)
			check(t, db.Close())
			image, err := os.ReadFile(s.path + "2")
			check(t, err)
			return image
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, v := stocked(t)
			check(t, v.Close())
			image := damage(t, s, s.image(t))
			check(t, os.WriteFile(s.path, image, 0o600))
			_, err := Open(s.path, s.opts)
			fails(t, err, care.ConsentUnavailable, ReasonDamaged)
			_, err = Check(t.Context(), s.path, s.opts.Key, nil)
			fails(t, err, care.ConsentUnavailable, ReasonDamaged)
			if !bytes.Equal(s.image(t), image) {
				t.Error("the file was changed")
			}
		})
	}
}

// TestEdited proves that an edit by a program that knows bbolt but not the key
// is noticed by whoever opens the vault.
func TestEdited(t *testing.T) {
	set := bucketName(0, 1)
	for name, edit := range map[string]func(tx *bbolt.Tx, b *bbolt.Bucket, k, v []byte) error{
		"page deleted":   func(_ *bbolt.Tx, b *bbolt.Bucket, k, _ []byte) error { return b.Delete(k) },
		"page changed":   func(_ *bbolt.Tx, b *bbolt.Bucket, k, v []byte) error { v[20] ^= 1; return b.Put(k, v) },
		"page emptied":   func(_ *bbolt.Tx, b *bbolt.Bucket, k, _ []byte) error { return b.Put(k, nil) },
		"page elsewhere": func(_ *bbolt.Tx, b *bbolt.Bucket, _, v []byte) error { return b.Put([]byte{9, 9}, v) },
		"group deleted":  func(_ *bbolt.Tx, b *bbolt.Bucket, k, _ []byte) error { return b.Delete(k[:1]) },
		"long key":       func(_ *bbolt.Tx, b *bbolt.Bucket, _, v []byte) error { return b.Put([]byte("long"), v) },
		"set deleted":    func(tx *bbolt.Tx, _ *bbolt.Bucket, _, _ []byte) error { return tx.DeleteBucket(set) },
		"root deleted":   func(tx *bbolt.Tx, _ *bbolt.Bucket, _, _ []byte) error { return tx.Bucket(rootBucket).Delete(rootKey) },
		"root's bucket":  func(tx *bbolt.Tx, _ *bbolt.Bucket, _, _ []byte) error { return tx.DeleteBucket(rootBucket) },
		"root twice": func(tx *bbolt.Tx, _ *bbolt.Bucket, _, _ []byte) error {
			r := tx.Bucket(rootBucket)
			return r.Put([]byte("2"), bytes.Clone(r.Get(rootKey)))
		},
		"other bucket": func(tx *bbolt.Tx, _ *bbolt.Bucket, _, _ []byte) error {
			_, err := tx.CreateBucket([]byte("other"))
			return err
		},
		"nested bucket": func(_ *bbolt.Tx, b *bbolt.Bucket, _, _ []byte) error {
			_, err := b.CreateBucket([]byte{0, 0, 1})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, v := stocked(t)
			check(t, v.Close())
			db, err := bbolt.Open(s.path, 0o600, nil)
			check(t, err)
			check(t, db.Update(func(tx *bbolt.Tx) error {
				b := tx.Bucket(set)
				c := b.Cursor()
				c.First()
				k, v := c.Next() // the first page after its group
				return edit(tx, b, bytes.Clone(k), bytes.Clone(v))
			}))
			check(t, db.Close())
			_, err = Open(s.path, s.opts)
			fails(t, err, care.ConsentUnavailable, ReasonDamaged)
		})
	}
}

// TestOldPieces proves that pages, groups and roots that the vault itself once
// wrote are noticed in the place of later ones, all at once or one by one.
func TestOldPieces(t *testing.T) {
	one := keyNumber(1)
	for name, restore := range map[string][]bool{"page": {true, false}, "group": {false, true}, "both": {true, true}} {
		t.Run(name, func(t *testing.T) {
			s, v := stocked(t)
			page, grp := pageKey(one.page()), groupKey(int(one.page()>>8))
			var old [2][]byte
			check(t, v.db.View(func(tx *bbolt.Tx) error {
				b := tx.Bucket(bucketName(0, 1))
				old = [2][]byte{bytes.Clone(b.Get(page[:])), bytes.Clone(b.Get(grp[:]))}
				return nil
			}))
			put(t, v, 0, one, "newer")
			check(t, v.Close())
			db, err := bbolt.Open(s.path, 0o600, nil)
			check(t, err)
			check(t, db.Update(func(tx *bbolt.Tx) error {
				b := tx.Bucket(bucketName(0, 1))
				for i, key := range [][]byte{page[:], grp[:]} {
					if restore[i] {
						err = errors.Join(err, b.Put(key, old[i]))
					}
				}
				return err
			}))
			check(t, db.Close())
			_, err = Open(s.path, s.opts)
			fails(t, err, care.ConsentUnavailable, ReasonDamaged)
		})
	}
}

// TestUsedPageListedAsFree proves that a free list that would have bbolt write
// over a page in use is noticed, and one that lacks a page.
func TestUsedPageListedAsFree(t *testing.T) {
	s, v := stocked(t)
	check(t, v.Close())
	image := s.image(t)
	m, err := newestMeta(bytes.NewReader(image))
	check(t, err)
	list := image[m.freelist*4096:]
	count := binary.NativeEndian.Uint16(list[10:])
	for _, change := range []uint16{1, 0xFFFF} {
		binary.NativeEndian.PutUint16(list[10:], count+change)
		binary.NativeEndian.PutUint64(list[pageHeader+8*int(count):], m.root)
		if _, err := checkBytes(t.Context(), bytes.NewReader(image), int64(len(image)), mustSealer(t, s), nil); !errors.Is(err, errLayout) {
			t.Errorf("got %v", err)
		}
	}
}

// TestOverlappingPages proves that a page that claims its neighbour too, which
// bbolt would free with it, is noticed wherever it is in use.
func TestOverlappingPages(t *testing.T) {
	s, v := stocked(t)
	check(t, v.Close())
	image, z := s.image(t), mustSealer(t, s)
	m, err := newestMeta(bytes.NewReader(image))
	check(t, err)
	free := map[uint64]bool{}
	list := image[m.freelist*4096:]
	for i := range int(binary.NativeEndian.Uint16(list[10:])) {
		free[binary.NativeEndian.Uint64(list[pageHeader+8*i:])] = true
	}
	tried := 0
	for page := uint64(2); page < m.pages; page++ {
		overflow := image[page*4096+12:]
		if free[page] || binary.NativeEndian.Uint64(image[page*4096:]) != page { // free, or the rest of another
			continue
		}
		tried++
		span := binary.NativeEndian.Uint32(overflow)
		binary.NativeEndian.PutUint32(overflow, span+1)
		if _, err := checkBytes(t.Context(), bytes.NewReader(image), int64(len(image)), z, nil); !errors.Is(err, errLayout) {
			t.Errorf("page %d: got %v", page, err)
		}
		binary.NativeEndian.PutUint32(overflow, span)
	}
	if tried < 10 {
		t.Errorf("only %d pages are in use", tried)
	}
}

// TestKeysAscend proves that a leaf whose keys do not ascend is noticed: a
// search would pass over them.
func TestKeysAscend(t *testing.T) {
	for names, want := range map[string]error{"ab": nil, "ba": errLayout, "aa": errLayout} {
		body := make([]byte, 2*elementSize, 2*elementSize+2)
		for i := range 2 {
			binary.NativeEndian.PutUint32(body[i*elementSize+4:], uint32(elementSize*(2-i)+i)) // where the key is
			binary.NativeEndian.PutUint32(body[i*elementSize+8:], 1)
		}
		l, met := new(layout), ""
		err := l.elements(append(body, names...), page{flags: leafPage, count: 2}, 0, bounds{}, func(_ uint32, key, _ []byte) error {
			met += string(key)
			return nil
		})
		if !errors.Is(err, want) || want == nil && met != names {
			t.Errorf("%s: got %v after %q", names, err, met)
		}
	}
}

// TestOldHeader proves that a header of an earlier time in the place of the
// older of the two is noticed: after a torn write bbolt would go back to it.
func TestOldHeader(t *testing.T) {
	s, v := stocked(t)
	earlier := s.image(t)
	for i := range 2 {
		put(t, v, 0, keyNumber(1), string(rune('a'+i)))
	}
	check(t, v.Close())
	image, z := s.image(t), mustSealer(t, s)
	m, err := newestMeta(bytes.NewReader(image))
	check(t, err)
	older := int(1-m.tx%2) * 4096
	copy(image[older:older+4096], earlier[older:])
	if _, err := checkBytes(t.Context(), bytes.NewReader(image), int64(len(image)), z, nil); !errors.Is(err, errLayout) {
		t.Errorf("got %v", err)
	}
}

func TestCountEntries(t *testing.T) {
	one, two := appendEntry(nil, 1, []byte("v")), appendEntry(nil, 2, []byte("v"))
	for name, c := range map[string]struct {
		page    []byte
		entries uint64
		ok      bool
	}{
		"none":       {nil, 0, true},
		"two":        {append(bytes.Clone(one), two...), 2, true},
		"descending": {append(bytes.Clone(two), one...), 0, false},
		"twice":      {append(bytes.Clone(one), one...), 0, false},
		"cut":        {one[:len(one)-1], 0, false},
		"no value":   {one[:remainderSize], 0, false},
	} {
		if n, ok := countEntries(c.page); n != c.entries || ok != c.ok {
			t.Errorf("%s: %d, %v", name, n, ok)
		}
	}
}
