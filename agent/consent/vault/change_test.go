package vault

import (
	"errors"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"go.etcd.io/bbolt"
)

func TestEpochAndState(t *testing.T) {
	s := newShelf(t)
	v := s.open(t)
	update := func(fn func(c *Change) error) { t.Helper(); check(t, v.Update(t.Context(), fn)) }
	for name, step := range map[string]struct {
		fn   func(c *Change) error
		more uint64
	}{
		"nothing":       {func(*Change) error { return nil }, 0},
		"state alone":   {func(c *Change) error { c.SetState(text("beat")); return nil }, 0},
		"same value":    {func(c *Change) error { return c.Put(0, keyNumber(1), []byte("v")) }, 0},
		"remove absent": {func(c *Change) error { return c.Put(0, keyNumber(9), nil) }, 0},
		"put":           {func(c *Change) error { return c.Put(0, keyNumber(2), []byte(c.State().(text))) }, 1},
		"set epoch":     {func(c *Change) error { c.SetEpoch(c.Epoch() + 10); return nil }, 11},
		"lower epoch":   {func(c *Change) error { c.SetEpoch(1); return nil }, 0},
	} {
		put(t, v, 0, keyNumber(1), "w") // every step begins the same
		put(t, v, 0, keyNumber(1), "v")
		put(t, v, 0, keyNumber(2), "")
		before := v.Root().Epoch
		update(step.fn)
		check(t, v.Close())
		v = s.open(t)
		if got := v.Root().Epoch; got != before+step.more {
			t.Errorf("%s: epoch %d, want %d more than %d", name, got, step.more, before)
		}
	}
	if v.Root().State != State(text("beat")) {
		t.Errorf("state %q", v.Root().State)
	}
}

func TestLimits(t *testing.T) {
	v, ctx := newShelf(t).open(t), t.Context()
	put(t, v, 0, keyNumber(1), strings.Repeat("v", MaxValue))
	for name, c := range map[string]struct {
		fn     func(c *Change) error
		kind   care.Kind
		reason string
	}{
		"value":        {func(c *Change) error { return c.Put(0, keyNumber(1), make([]byte, MaxValue+1)) }, care.LimitExceeded, "VALUE"},
		"set":          {func(c *Change) error { return c.Put(Sets, keyNumber(1), []byte("v")) }, care.BadRequest, "SET"},
		"negative set": {func(c *Change) error { return c.Put(-1, keyNumber(1), []byte("v")) }, care.BadRequest, "SET"},
		"state":        {func(c *Change) error { c.SetState(text(make([]byte, MaxState+1))); return nil }, care.LimitExceeded, "STATE"},
		"page":         {func(c *Change) error { return fill(c, 40, 0) }, care.LimitExceeded, "PAGE"},
		"change":       {func(c *Change) error { return fill(c, 600, 1) }, care.LimitExceeded, "CHANGE"},
	} {
		before := v.view.Load()
		if err := v.Update(ctx, c.fn); care.KindOf(err) != c.kind || care.ReasonOf(err) != c.reason {
			t.Errorf("%s: %v", name, err)
		}
		if v.view.Load() != before {
			t.Errorf("%s: something was written", name)
		}
	}
	r := v.Read()
	defer r.Done()
	if _, err := r.Get(Sets, new(Key)); care.ReasonOf(err) != "SET" {
		t.Errorf("got %v", err)
	}
}

// fill puts entries of the largest size, spread over n pages at most.
func fill(c *Change, entries, spread int) error {
	for i := range entries {
		if err := c.Put(0, keyOf(uint16(i*spread), uint64(i)), make([]byte, MaxValue)); err != nil {
			return err
		}
	}
	return nil
}

func TestBuildRefuses(t *testing.T) {
	s := newShelf(t)
	v, ctx := s.open(t), t.Context()
	put(t, v, 0, keyNumber(1), "kept")
	low, high := keyOf(7, 7), keyOf(7, 8)
	for name, c := range map[string]struct {
		entries []Entry
		reason  string
	}{
		"descending":  {[]Entry{{high, []byte("v")}, {low, []byte("v")}}, "ORDER"},
		"twice":       {[]Entry{{low, []byte("v")}, {low, []byte("v")}}, "ORDER"},
		"page before": {[]Entry{{keyOf(8, 1), []byte("v")}, {high, []byte("v")}}, "ORDER"},
		"empty":       {[]Entry{{low, nil}}, "EMPTY"},
		"too large":   {[]Entry{{low, make([]byte, MaxValue+1)}}, "VALUE"},
	} {
		_, err := v.Build(ctx, 0, func(yield func(Key, []byte) bool) {
			for _, e := range c.entries {
				if !yield(e.Key, e.Value) {
					return
				}
			}
		})
		if care.ReasonOf(err) != c.reason {
			t.Errorf("%s: %v", name, err)
		}
	}
	holds(t, v, content{0: {keyNumber(1): "kept"}})
}

// TestAdopt proves that what was built counts once, and not after something
// that was built later.
func TestAdopt(t *testing.T) {
	s := newShelf(t)
	v, ctx := s.open(t), t.Context()
	make := func(name string) *Built {
		b, err := v.Build(ctx, 0, content{0: {keyNumber(1): name}}.sorted(0))
		check(t, err)
		return b
	}
	adopt := func(b *Built) error { return v.Update(ctx, func(c *Change) error { return c.Adopt(b) }) }
	first, second, third, fourth := make("first"), make("second"), make("third"), make("fourth")
	check(t, adopt(second))
	fails(t, adopt(first), care.Conflict, "BUILT")
	fails(t, adopt(second), care.Conflict, "BUILT")
	third.Discard()
	fails(t, adopt(third), care.Conflict, "BUILT")
	put(t, v, 0, keyNumber(2), "x")
	holds(t, v, content{0: {keyNumber(1): "second", keyNumber(2): "x"}})
	if n := buckets(t, v); n != 4 { // root, second, first and fourth
		t.Errorf("%d buckets", n)
	}
	undone := errors.New("undone")
	if err := v.Update(ctx, func(c *Change) error { return errors.Join(c.Adopt(fourth), undone) }); !errors.Is(err, undone) {
		t.Fatal(err)
	}
	fails(t, adopt(fourth), care.Conflict, "BUILT")
	check(t, v.Update(ctx, func(c *Change) error { return c.Put(0, keyNumber(2), []byte("y")) }))
	if n := buckets(t, v); n != 3 { // root, second, first
		t.Errorf("%d buckets", n)
	}
	check(t, v.Close()) // forgets the first
	v = s.open(t)
	put(t, v, 1, keyNumber(1), "x")
	if n := buckets(t, v); n != 3 { // root and two sets
		t.Errorf("%d buckets", n)
	}
	check(t, v.Verify(ctx))
}

// TestPutAndAdopt proves that what a change put before it adopted is gone and
// what it put afterwards is there.
func TestPutAndAdopt(t *testing.T) {
	v := newShelf(t).open(t)
	put(t, v, 0, keyNumber(5), "replaced")
	b, err := v.Build(t.Context(), 0, content{0: {keyNumber(1): "one", keyNumber(2): "two"}}.sorted(0))
	check(t, err)
	check(t, v.Update(t.Context(), func(c *Change) error {
		return errors.Join(c.Put(0, keyNumber(3), []byte("gone")), c.Adopt(b), c.Put(0, keyNumber(2), nil), c.Put(0, keyNumber(4), []byte("four")))
	}))
	holds(t, v, content{0: {keyNumber(1): "one", keyNumber(4): "four"}})
	if n := buckets(t, v); n != 2 { // root and set
		t.Errorf("%d buckets: what was replaced is still there", n)
	}
}

func buckets(t *testing.T, v *Vault) (n int) {
	t.Helper()
	check(t, v.db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func([]byte, *bbolt.Bucket) error { n++; return nil })
	}))
	return n
}
