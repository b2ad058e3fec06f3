package vault

import (
	"bytes"
	"errors"
	"testing"

	"go.etcd.io/bbolt"
)

// TestSealHolds proves that a sealed value opens in its place only, whole, and
// never from the future.
func TestSealHolds(t *testing.T) {
	z, err := newSealer(testKey(t, 1))
	check(t, err)
	at := place{pageKind, 3, 7, 258}
	value, tag := z.seal(at, 5, []byte("text"))
	if again, _ := z.seal(at, 5, []byte("text")); bytes.Equal(again, value) {
		t.Error("two seals of one text are equal")
	}
	var data [placeSize]byte
	opens := func(p place, value []byte, tag, latest uint64) bool {
		_, ok := z.open(nil, &data, p, value, tag, latest)
		return ok
	}
	if plain, ok := z.open([]byte("a "), &data, at, value, tag, 5); !ok || string(plain) != "a text" {
		t.Errorf("got %q, %v", plain, ok)
	}
	for name, other := range map[string]bool{
		"kind":       opens(place{groupKind, 3, 7, 258}, value, tag, 5),
		"set":        opens(place{pageKind, 4, 7, 258}, value, tag, 5),
		"generation": opens(place{pageKind, 3, 8, 258}, value, tag, 5),
		"number":     opens(place{pageKind, 3, 7, 259}, value, tag, 5),
		"tag":        opens(at, value, tag+1, 5),
		"no tag":     opens(at, value, 0, 5),
		"future":     opens(at, value, tag, 4),
		"cut":        opens(at, value[:len(value)-1], tag, 5),
		"nothing":    opens(at, nil, tag, 5),
	} {
		if other {
			t.Errorf("%s: opens", name)
		}
	}
	for i := range 8 * len(value) {
		value[i/8] ^= 1 << (i % 8)
		if opens(at, value, tagOf(value), 1<<63) {
			t.Errorf("opens with bit %d flipped", i)
		}
		value[i/8] ^= 1 << (i % 8)
	}
}

// TestRootMustFit proves that a check believes the root's counts as little as
// anything else, though only the agent itself can have sealed it.
func TestRootMustFit(t *testing.T) {
	for name, c := range map[string]struct {
		change func(tx *bbolt.Tx, t *table) error
		want   error
	}{
		"entries": {func(_ *bbolt.Tx, t *table) error { t.entries++; return nil }, errCount},
		"bytes":   {func(_ *bbolt.Tx, t *table) error { t.bytes--; return nil }, errCount},
		"group":   {func(_ *bbolt.Tx, t *table) error { k := keyNumber(1); t.tags[k.page()>>8] = 0; return nil }, errBadGroup},
		"extra":   {func(_ *bbolt.Tx, t *table) error { t.tags[3]++; return nil }, errBadGroup},
		"page": {func(tx *bbolt.Tx, t *table) error {
			k := keyNumber(1)
			key := pageKey(k.page())
			t.entries, t.bytes = t.entries-1, t.bytes-10
			return tx.Bucket(bucketName(0, 1)).Delete(key[:])
		}, errBadPage},
		"bucket": {func(tx *bbolt.Tx, t *table) error {
			t.entries, t.bytes = 0, 0
			return tx.DeleteBucket(bucketName(0, 1))
		}, errNoBucket},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf(t)
			v := s.open(t)
			build(t, v, 0, content{0: {keyNumber(1): "v", keyNumber(2): "w"}}.sorted(0))
			check(t, v.write(t.Context(), func(tx *bbolt.Tx, old *view) (*view, error) {
				root, changed := *old.root, *old.root.sets[0]
				err := c.change(tx, &changed)
				root.sets[0] = &changed
				next, errRoot := v.putRoot(tx, &root)
				return next, errors.Join(err, errRoot)
			}))
			check(t, v.Close())
			if _, err := Open(s.path, s.opts); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", errors.Unwrap(err), c.want)
			}
		})
	}
}
