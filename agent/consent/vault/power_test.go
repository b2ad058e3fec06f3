package vault

import (
	"bytes"
	"errors"
	"flag"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

var powerCuts = flag.Int("powercuts", 200, "how many power cuts TestPowerFails makes")

const sector = 512

// moment is the disk after a transaction of the file was synced, and what the
// vault then held.
type moment struct {
	image  []byte
	epoch  uint64
	state  string
	holds  content
	change string
}

// history is the moments of a run. bbolt writes in two steps: all pages, sync,
// header, sync. So what a power cut can leave follows from two neighbours.
type history struct {
	t       *testing.T
	s       *shelf
	v       *Vault
	moments []moment
}

// note adds a moment if a transaction was made since the last.
func (h *history) note(change string, holds content) {
	h.t.Helper()
	image, err := os.ReadFile(h.s.path)
	check(h.t, err)
	if n := len(h.moments); n > 0 && bytes.Equal(h.moments[n-1].image, image) {
		return
	}
	copied := content{}
	for set, entries := range holds {
		copied[set] = maps.Clone(entries)
	}
	root := h.v.Root()
	h.moments = append(h.moments, moment{image, root.Epoch, string(root.State.(text)), copied, change})
}

// recordRun makes a run with changes of all kinds.
func recordRun(t *testing.T, random *rand.Rand) *history {
	h := &history{t: t, s: newShelf(t)}
	h.v = h.s.open(t)
	now := content{0: {}, 3: {}}
	h.note("create", now)
	for i := range 12 {
		check(t, h.v.Update(t.Context(), func(c *Change) error {
			c.SetState(text([]byte{'a' + byte(i)}))
			return errors.Join(randomPuts(c, random, 0, now[0]), randomPuts(c, random, 3, now[3]))
		}))
		h.note("update", now)
		check(t, h.v.Update(t.Context(), func(c *Change) error { c.SetState(text([]byte{'A' + byte(i)})); return nil }))
		h.note("state", now)
		if i%4 == 2 {
			h.rebuild(random, now)
		}
	}
	check(t, h.v.Close())
	return h
}

// rebuild replaces set 0 in several transactions, each of them a moment.
func (h *history) rebuild(random *rand.Rand, now content) {
	fresh := content{0: {}}
	for range 9000 {
		fresh[0][keyNumber(random.IntN(100_000))] = value(random)[:1]
	}
	b, err := h.v.Build(h.t.Context(), 0, h.between(fresh.sorted(0), now))
	check(h.t, err)
	h.note("build", now)
	now[0] = fresh[0]
	check(h.t, h.v.Update(h.t.Context(), func(c *Change) error { return c.Adopt(b) }))
	h.note("adopt", now)
}

// between notes moments while entries are taken.
func (h *history) between(entries iter.Seq2[Key, []byte], now content) iter.Seq2[Key, []byte] {
	return func(yield func(Key, []byte) bool) {
		n := 0
		for k, v := range entries {
			if n++; n%500 == 0 {
				h.note("build", now)
			}
			if !yield(k, v) {
				return
			}
		}
	}
}

// TestPowerFails cuts the power at random moments of a recorded run: of the
// pages that were not synced each sector is there or is not, and of the header,
// which is written last, likewise. Every state must open to what was before the
// change or after it, and to the latter if the change had returned. A header
// torn within a sector, which disks do not do, may be refused as damage.
func TestPowerFails(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	h := recordRun(t, random)
	kinds, opened, refused := map[string]int{}, map[bool]int{}, 0
	s := shelfAt(t, filepath.Join(memoryFolder(t), "consent.db"))
	check(t, os.WriteFile(s.path+markerSuffix, nil, 0o600))
	for n := range *powerCuts {
		before, after := h.neighbours(random)
		kinds[after.change]++
		tear := n%10 == 0
		image, done := cut(random, before.image, after.image, tear)
		check(t, os.WriteFile(s.path, image, 0o600))
		v, err := Open(s.path, s.opts)
		if err != nil {
			fails(t, err, care.ConsentUnavailable, ReasonDamaged)
			if refused++; !tear {
				t.Fatalf("seed %d, cut %d during %s: %v", seed, n, after.change, errors.Unwrap(err))
			}
			continue
		}
		want := before
		if newer(t, image) == newer(t, after.image) {
			want = after
		}
		if done && want != after {
			t.Fatalf("seed %d, cut %d: an acknowledged %s is lost", seed, n, after.change)
		}
		opened[want == after]++
		if root := v.Root(); root.Epoch != want.epoch || string(root.State.(text)) != want.state {
			t.Fatalf("seed %d, cut %d during %s: epoch %d, want %d", seed, n, after.change, root.Epoch, want.epoch)
		}
		holds(t, v, want.holds)
		v.db.NoSync = true // thousands of syncs would prove nothing more
		put(t, v, 9, keyNumber(n), "goes on")
		check(t, errors.Join(v.Verify(t.Context()), v.Close()))
	}
	t.Logf("seed %d, %d moments: cut during %v; opened before the change %d, after it %d; refused because torn within a sector %d",
		seed, len(h.moments), kinds, opened[false], opened[true], refused)
	if opened[false] == 0 || opened[true] == 0 || kinds["build"] == 0 || kinds["adopt"] == 0 {
		t.Error("not all kinds of cuts were made")
	}
}

// neighbours returns two moments with one transaction between them.
func (h *history) neighbours(random *rand.Rand) (before, after *moment) {
	for {
		i := 1 + random.IntN(len(h.moments)-1)
		before, after = &h.moments[i-1], &h.moments[i]
		if newer(h.t, after.image) == newer(h.t, before.image)+1 {
			return before, after
		}
	}
}

// newer returns the last transaction of a file.
func newer(t *testing.T, image []byte) uint64 {
	m, err := newestMeta(bytes.NewReader(image))
	check(t, err)
	return m.tx
}

// cut returns a disk between two moments, and whether the change had returned
// before the power failed.
func cut(random *rand.Rand, before, after []byte, tear bool) (image []byte, done bool) {
	image = bytes.Clone(before)
	if grown := len(after) - len(before); grown > 0 && random.IntN(4) > 0 {
		image = append(image, make([]byte, grown)...)
	}
	step := random.IntN(3) // in the pages, in the header, after the change
	if tear {
		step = 1
	}
	if step > 0 {
		image = append(image[:0], before[:2*4096]...)
		image = append(image, after[2*4096:]...)
	}
	often := random.Float64()
	for at := 2 * 4096; step == 0 && at+sector <= len(image) && at+sector <= len(after); at += sector {
		if random.Float64() < often {
			copy(image[at:at+sector], after[at:])
		}
	}
	for at := 0; step == 1 && at < 2*4096; at += sector {
		if random.Float64() < often {
			copy(image[at:at+sector], after[at:])
		}
	}
	if tear {
		page := int(newestPage(after)) * 4096
		copy(image[page:page+4096], before[page:])
		copy(image[page:page+random.IntN(pageHeader+metaSize+1)], after[page:])
	}
	if step == 2 {
		copy(image[:2*4096], after)
	}
	return image, step == 2
}

// newestPage returns the number of the header that was written last.
func newestPage(image []byte) uint64 {
	m, err := newestMeta(bytes.NewReader(image))
	if err != nil {
		return 0
	}
	return m.tx % 2
}
