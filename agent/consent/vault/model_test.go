package vault

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// TestModel makes random changes, builds, undone changes and restarts, and
// compares with maps.
func TestModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := newShelf(t)
	v, want := s.open(t), content{0: {}, 3: {}, 15: {}}
	for step := range 60 {
		set, before := []int{0, 3, 15}[random.IntN(3)], v.Root().Epoch
		next := maps.Clone(want[set])
		switch random.IntN(8) {
		case 0:
			clear(next)
			for range random.IntN(2000) {
				next[crowded(random)] = value(random)
			}
			build(t, v, set, content{set: next}.sorted(set))
		case 1:
			check(t, v.Verify(context.Background()))
			check(t, v.Close())
			v = s.open(t)
		case 2:
			undone := errors.New("undone")
			err := v.Update(context.Background(), func(c *Change) error {
				return errors.Join(randomPuts(c, random, set, maps.Clone(next)), undone)
			})
			if !errors.Is(err, undone) || v.Root().Epoch != before {
				t.Fatalf("epoch %d after %d: %v", v.Root().Epoch, before, err)
			}
		default:
			check(t, v.Update(context.Background(), func(c *Change) error { return randomPuts(c, random, set, next) }))
		}
		if moved := v.Root().Epoch - before; moved > 1 || moved == 0 && !maps.Equal(next, want[set]) {
			t.Fatalf("step %d: the epoch moved by %d", step, moved)
		}
		want[set] = next
		holds(t, v, want)
	}
	check(t, v.Verify(context.Background()))
}

// crowded returns keys of which many share a page.
func crowded(random *rand.Rand) Key {
	k := keyNumber(random.IntN(5000))
	k[0] %= 5
	k[1] %= 16
	return k
}

func value(random *rand.Rand) string { return strings.Repeat("v", 1+random.IntN(200)) }

// randomPuts puts and removes in a change and a model of it.
func randomPuts(c *Change, random *rand.Rand, set int, model map[Key]string) error {
	for range random.IntN(40) {
		k, v := crowded(random), value(random)
		if random.IntN(3) == 0 {
			v = ""
		}
		if err := c.Put(set, k, []byte(v)); err != nil {
			return err
		}
		if model[k] = v; v == "" {
			delete(model, k)
		}
		if got, err := c.Get(set, &k); err != nil || string(got) != v {
			return errors.Join(errors.New("the change does not see what it put"), err)
		}
	}
	return nil
}

// TestReadersBesideWriter proves that every reader sees one state: two sets
// and the State are always changed together.
func TestReadersBesideWriter(t *testing.T) {
	s := newShelf(t)
	v, ctx := s.open(t), t.Context()
	stop := make(chan struct{})
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			for n := uint64(0); ; n++ {
				select {
				case <-stop:
					if n == 0 {
						t.Error("a reader never read")
					}
					return
				default:
					readPair(t, v)
				}
			}
		})
	}
	long := strings.Repeat("x", 3000)
	for i := range 150 {
		check(t, v.Update(ctx, func(c *Change) error {
			name := string(rune('a'+i%20)) + long
			c.SetState(text(name))
			return errors.Join(c.Put(1, keyNumber(1), []byte(name)), c.Put(2, keyNumber(2), []byte(name)), c.Put(3, keyNumber(i), []byte(name)))
		}))
		if i%10 == 0 {
			build(t, v, 4, content{4: {keyNumber(i): "x", keyNumber(i + 1): long}}.sorted(4))
			check(t, v.Verify(ctx))
		}
	}
	close(stop)
	group.Wait()
}

func readPair(t *testing.T, v *Vault) {
	r := v.Read()
	defer r.Done()
	one, two := keyNumber(1), keyNumber(2)
	a, errA := r.Get(1, &one)
	b, errB := r.Get(2, &two)
	if err := errors.Join(errA, errB); err != nil {
		t.Error(err)
	} else if string(a) != string(b) || a != nil && string(a) != string(r.Root().State.(text)) {
		t.Error("a reader saw two states")
	}
}

// TestOldReader proves that a Reader goes on seeing its state when changes are
// made, also when its set was replaced.
func TestOldReader(t *testing.T) {
	v := newShelf(t).open(t)
	check(t, v.Update(t.Context(), func(c *Change) error { return fill(c, 10, 1) })) // or the file would have to grow
	put(t, v, 0, keyNumber(1), "old")
	r := v.Read()
	put(t, v, 0, keyNumber(1), "new")
	build(t, v, 0, content{0: {keyNumber(2): "two"}}.sorted(0))
	one, two := keyNumber(1), keyNumber(2)
	if got, err := r.Get(0, &one); err != nil || string(got) != "old" {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := r.Get(0, &two); err != nil || got != nil {
		t.Errorf("got %q, %v", got, err)
	}
	r.Done()
	if len(v.idle.readers) != 0 {
		t.Error("an old state is kept for readers, and the pages of the file with it")
	}
	if get(t, v, 0, one) != "" || get(t, v, 0, two) != "two" {
		t.Error("the set was not replaced")
	}
}

// TestScanNotices proves that a scan ends when its set changes, and only then.
func TestScanNotices(t *testing.T) {
	v := newShelf(t).open(t)
	all := content{0: {}}
	for i := range 2000 {
		all[0][keyNumber(i)] = "v"
	}
	build(t, v, 0, all.sorted(0))
	seen := 0
	for _, err := range v.Scan(t.Context(), 0) {
		check(t, err)
		if seen++; seen == 10 {
			put(t, v, 1, keyNumber(1), "elsewhere")
		}
	}
	if seen != 2000 {
		t.Errorf("%d entries", seen)
	}
	var last error
	for _, err := range v.Scan(t.Context(), 0) {
		if last = err; err == nil && v.Root().Entries(0) == 2000 {
			put(t, v, 0, keyNumber(5000), "here")
		}
	}
	fails(t, last, care.Conflict, "CHANGED")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range v.Scan(ctx, 0) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}

func TestGetAllocatesNothing(t *testing.T) {
	v := newShelf(t).open(t)
	all := content{0: {}}
	for i := range 3000 {
		all[0][keyNumber(i)] = "a value of some"
	}
	build(t, v, 0, all.sorted(0))
	keys := []Key{keyNumber(1), keyNumber(2), keyNumber(99_999), keyNumber(3)}
	allocations := testing.AllocsPerRun(1000, func() {
		r := v.Read()
		for i := range keys {
			if _, err := r.Get(0, &keys[i]); err != nil {
				t.Error(err)
			}
		}
		r.Done()
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}
