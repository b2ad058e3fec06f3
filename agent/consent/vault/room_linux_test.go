package vault

import (
	"math/rand/v2"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// TestRoomIsEnough proves that no change ever writes beyond the room that was
// taken for it, whatever its size and that of its values.
func TestRoomIsEnough(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct{ rounds, entries, size int }{{200, 1, 60}, {60, 1, 20_000}, {60, 1, MaxValue}, {60, 30, 900}, {30, 1000, 60}, {20, 1000, 900}} {
		s := shelfAt(t, memoryFolder(t)+"/consent.db")
		v := s.open(t)
		v.slack = 0
		for range c.rounds {
			check(t, v.Update(t.Context(), func(change *Change) error {
				for range c.entries {
					if err := change.Put(rng.IntN(2), keyNumber(rng.IntN(20_000)), []byte(strings.Repeat("x", 1+rng.IntN(c.size)))); err != nil {
						return err
					}
				}
				return nil
			}))
			if after := high(t, v); after > v.roomy || allocated(v.file) < after {
				t.Fatalf("%+v: the file is used up to %d, had room up to %d, and the disk has %d", c, after, v.roomy, allocated(v.file))
			}
		}
	}
}

// TestRoomForASet proves the same of a new set.
func TestRoomForASet(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{2, 400, 2000} {
		s := shelfAt(t, memoryFolder(t)+"/consent.db")
		v := s.open(t)
		v.slack = 0
		all := content{3: {}}
		for i := range 20_000 {
			all[3][keyNumber(i)] = strings.Repeat("x", 1+rng.IntN(size))
		}
		b, err := v.Build(t.Context(), 3, all.sorted(3))
		check(t, err)
		check(t, v.Update(t.Context(), func(c *Change) error { return c.Adopt(b) }))
		if after := high(t, v); after > v.roomy {
			t.Errorf("up to %d bytes: the file is used up to %d, had room up to %d", size, after, v.roomy)
		}
	}
}

// high returns how far a vault's file is used.
func high(t *testing.T, v *Vault) (size int64) {
	t.Helper()
	check(t, v.db.View(func(tx *bbolt.Tx) error { size = tx.Size(); return nil }))
	return size
}
