package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

var key, id = [32]byte{1}, [32]byte{2}

// kv is a row as a test knows it.
type kv struct {
	key   Key
	value string
}

// some returns n rows with evenly spread keys, some of them equal.
func some(n int) []kv {
	r := rand.New(rand.NewPCG(1, 2))
	rows := make([]kv, n)
	for i := range rows {
		binary.BigEndian.PutUint64(rows[i].key[:], r.Uint64())
		if i%10 == 9 {
			rows[i].key = rows[i-5].key
		}
		rows[i].value = fmt.Sprint("value ", i)
		if i%7 == 0 {
			rows[i].value = ""
		}
	}
	return rows
}

func create(t testing.TB) *Spool {
	t.Helper()
	s, err := Create(filepath.Join(t.TempDir(), "spool"), key, id)
	check(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func add(t testing.TB, s *Spool, rows []kv) {
	t.Helper()
	for i := range rows {
		check(t, s.Add(&rows[i].key, []byte(rows[i].value)))
	}
}

func open(t testing.TB, path string) (*Spool, string, uint64) {
	t.Helper()
	s, checkpoint, rows, err := Open(path, key, id)
	check(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s, string(checkpoint), rows
}

func sorted(t testing.TB, s *Spool) []kv {
	t.Helper()
	var rows []kv
	for k, value := range s.Sorted(t.Context()) {
		rows = append(rows, kv{k, string(value)})
	}
	check(t, s.Err())
	return rows
}

// want checks that a spool holds these rows, by key and then in their order.
func want(t testing.TB, s *Spool, rows []kv) {
	t.Helper()
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b kv) int { return bytes.Compare(a.key[:], b.key[:]) })
	if got := sorted(t, s); !slices.Equal(got, rows) || s.Rows() != uint64(len(rows)) {
		t.Errorf("%d rows (Rows %d) are not the %d that were added", len(got), s.Rows(), len(rows))
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fails(t testing.TB, err error, reason string) {
	t.Helper()
	if care.ReasonOf(err) != reason {
		t.Errorf("err %v, want %s", err, reason)
	}
}

func TestSorted(t *testing.T) {
	for _, n := range []int{0, 1, 2, 20_000} {
		s := create(t)
		add(t, s, some(n))
		want(t, s, some(n))
		want(t, s, some(n)) // again
		check(t, s.Remove())
	}
}

// TestPasses checks rows that need several passes, and the memory they need.
func TestPasses(t *testing.T) {
	s := create(t)
	rows := some(2*passRows + 1000)
	add(t, s, rows)
	want(t, s, rows)
	large := create(t)
	for i := range rows[:3000] {
		rows[i].value = string(bytes.Repeat([]byte{byte(i)}, MaxValue))
	}
	add(t, large, rows[:3000])
	want(t, large, rows[:3000])
}

// TestSkewed checks that rows which no pass can hold are refused, and not held.
func TestSkewed(t *testing.T) {
	s := create(t)
	for range passBytes/MaxValue + 1 {
		check(t, s.Add(&Key{7}, make([]byte, MaxValue)))
	}
	for range s.Sorted(t.Context()) {
		t.Fatal("a row")
	}
	fails(t, s.Err(), ReasonLarge)
}

func TestResume(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool")
	s, err := Create(path, key, id)
	check(t, err)
	rows := some(10_000)
	add(t, s, rows[:4000])
	check(t, s.Checkpoint([]byte("first")))
	add(t, s, rows[4000:7000])
	check(t, s.Checkpoint(nil))
	add(t, s, append(rows[7000:], rows[7000:]...)) // never promised, and more than a chunk
	check(t, s.Close())

	for range 2 { // what is opened is as if it had ended there
		s, checkpoint, n := open(t, path)
		if checkpoint != "" || n != 7000 {
			t.Errorf("checkpoint %q, %d rows", checkpoint, n)
		}
		want(t, s, rows[:7000])
		if info, err := s.file.Stat(); err != nil || info.Size() != s.at {
			t.Errorf("%d bytes of %d are not cut off, err %v", info.Size()-s.at, info.Size(), err)
		}
		check(t, s.Close())
	}
	s, _, _ = open(t, path)
	add(t, s, rows[7000:])
	want(t, s, rows)
	check(t, s.Checkpoint([]byte("whole")))
	check(t, s.Close())
	s, checkpoint, n := open(t, path)
	if checkpoint != "whole" || n != 10_000 {
		t.Errorf("checkpoint %q, %d rows", checkpoint, n)
	}
	want(t, s, rows)
	check(t, s.Remove())
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
}
