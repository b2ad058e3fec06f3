package vault

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

var entriesFlag = flag.Int("entries", 100_000, "how many entries the benchmarks' vaults have")

// text is a State.
type text string

func (t text) AppendBinary(b []byte) ([]byte, error) { return append(b, t...), nil }

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// fails fails the test unless err has that kind and reason.
func fails(tb testing.TB, err error, kind care.Kind, reason string) {
	tb.Helper()
	if care.KindOf(err) != kind || care.ReasonOf(err) != reason {
		tb.Errorf("got %v, want %v (%s)", err, kind, reason)
	}
}

func testKey(tb testing.TB, first byte) sitekey.Key {
	tb.Helper()
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = first + byte(i)
	}
	k, err := sitekey.New(secret)
	check(tb, err)
	return k
}

// shelf is a place for a vault.
type shelf struct {
	path string
	opts Options
}

func newShelf(tb testing.TB) *shelf {
	return shelfAt(tb, filepath.Join(tb.TempDir(), "consent.db"))
}

func shelfAt(tb testing.TB, path string) *shelf {
	return &shelf{path, Options{
		Key:   testKey(tb, 1),
		Parse: func(b []byte) (State, error) { return text(b), nil },
		First: func() (State, error) { return text("new"), nil },
	}}
}

// memoryFolder is a folder in memory where there is one, for tests in which
// nothing depends on syncs.
func memoryFolder(tb testing.TB) string {
	tb.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "vault")
	if err != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

// open opens the vault, which it creates if there is none.
func (s *shelf) open(tb testing.TB) *Vault {
	tb.Helper()
	if !Exists(s.path) {
		check(tb, Create(s.path, s.opts))
	}
	v, err := Open(s.path, s.opts)
	check(tb, err)
	tb.Cleanup(func() { check(tb, v.Close()) })
	return v
}

// keyNumber is a random-looking key.
func keyNumber(i int) Key {
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], uint64(i))
	var k Key
	rand.NewChaCha8(seed).Read(k[:])
	return k
}

// content is what the sets of a vault hold.
type content map[int]map[Key]string

// sorted yields a set's entries by ascending keys.
func (c content) sorted(set int) iter.Seq2[Key, []byte] {
	return func(yield func(Key, []byte) bool) {
		for _, k := range slices.SortedFunc(maps.Keys(c[set]), compareKeys) {
			if !yield(k, []byte(c[set][k])) {
				return
			}
		}
	}
}

func compareKeys(a, b Key) int { return bytes.Compare(a[:], b[:]) }

// put changes one entry in a change of its own.
func put(tb testing.TB, v *Vault, set int, k Key, value string) {
	tb.Helper()
	check(tb, v.Update(context.Background(), func(c *Change) error { return c.Put(set, k, []byte(value)) }))
}

// get returns the value of a key, empty if there is none.
func get(tb testing.TB, v *Vault, set int, k Key) string {
	tb.Helper()
	r := v.Read()
	defer r.Done()
	value, err := r.Get(set, &k)
	check(tb, err)
	return string(value)
}

// build builds and adopts a set.
func build(tb testing.TB, v *Vault, set int, sorted iter.Seq2[Key, []byte]) {
	tb.Helper()
	b, err := v.Build(context.Background(), set, sorted)
	check(tb, err)
	check(tb, v.Update(context.Background(), func(c *Change) error { return c.Adopt(b) }))
}

// holds fails the test unless the vault holds exactly the content.
func holds(tb testing.TB, v *Vault, want content) {
	tb.Helper()
	for set := range Sets {
		got := map[Key]string{}
		for e, err := range v.Scan(context.Background(), set) {
			check(tb, err)
			got[e.Key] = string(e.Value)
		}
		if len(got) != len(want[set]) || len(got) > 0 && !maps.Equal(got, want[set]) {
			tb.Fatalf("set %d holds %d entries, not the %d that it should", set, len(got), len(want[set]))
		}
		if n := v.Root().Entries(set); n != uint64(len(got)) {
			tb.Fatalf("set %d holds %d entries and says %d", set, len(got), n)
		}
		for k, value := range want[set] {
			if get(tb, v, set, k) != value {
				tb.Fatalf("set %d: a lookup finds another value than a scan", set)
			}
		}
	}
}
