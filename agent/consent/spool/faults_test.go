package spool

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// TestCut cuts a spool at every length: what is left is a checkpoint's rows,
// or is refused, and goes on.
func TestCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool")
	s, err := Create(path, key, id)
	check(t, err)
	rows := some(30)
	for i := 0; i < 30; i += 10 {
		add(t, s, rows[i:i+10])
		check(t, s.Checkpoint([]byte{byte(i)}))
	}
	check(t, s.Close())
	whole, err := os.ReadFile(path)
	check(t, err)
	seen := map[uint64]bool{}
	for n := range len(whole) {
		check(t, os.WriteFile(path, whole[:n], 0o600))
		s, checkpoint, held, err := Open(path, key, id)
		if err != nil {
			fails(t, err, ReasonDamaged)
			seen[0] = true
			continue
		}
		if seen[held] = true; len(checkpoint) != 1 || uint64(checkpoint[0])+10 != held {
			t.Fatalf("cut at %d: checkpoint %v, %d rows", n, checkpoint, held)
		}
		want(t, s, rows[:held])
		add(t, s, rows[held:])
		check(t, s.Checkpoint(nil))
		want(t, s, rows)
		check(t, s.Close())
	}
	if len(seen) != 3 { // refused, 10, 20
		t.Errorf("seen %v", seen)
	}
}

// TestDamage flips every bit of a small spool: what is read back is never
// wrong, only less.
func TestDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool")
	s, err := Create(path, key, id)
	check(t, err)
	rows := some(4)
	add(t, s, rows[:2])
	check(t, s.Checkpoint(nil))
	add(t, s, rows[2:])
	check(t, s.Checkpoint(nil))
	check(t, s.Close())
	whole, err := os.ReadFile(path)
	check(t, err)
	for bit := range len(whole) * 8 {
		damaged := bytes.Clone(whole)
		damaged[bit/8] ^= 1 << (bit % 8)
		check(t, os.WriteFile(path, damaged, 0o600))
		s, _, held, err := Open(path, key, id)
		if err != nil {
			fails(t, err, ReasonDamaged)
			continue
		}
		if held != 2 {
			t.Fatalf("bit %d: %d rows", bit, held)
		}
		want(t, s, rows[:2])
		check(t, s.Close())
	}
}

// TestOther checks that a spool is of its key and its push, and that frames
// cannot be taken from another place.
func TestOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool")
	s, err := Create(path, key, id)
	check(t, err)
	row := kv{Key{1}, "x"}
	for range 3 {
		add(t, s, []kv{row})
		check(t, s.Checkpoint(nil))
	}
	check(t, s.Close())
	if got, err := Identify(path); err != nil || got != id {
		t.Errorf("id %x, err %v", got, err)
	}
	for _, other := range [][2][32]byte{{{9}, id}, {key, {9}}} {
		_, _, _, err := Open(path, other[0], other[1])
		fails(t, err, ReasonDamaged)
	}
	whole, err := os.ReadFile(path)
	check(t, err)
	frame := (len(whole) - headSize) / 6 // they differ by some bytes: a row is longer than a checkpoint
	rowSize := frameHead + nonceSize + tagSize + 1 + KeySize + 1 + 1
	markSize := 2*frame - rowSize
	pair := rowSize + markSize
	missing := append(bytes.Clone(whole[:headSize+pair]), whole[headSize+2*pair:]...)
	check(t, os.WriteFile(path, missing, 0o600))
	if _, _, rows := open(t, path); rows != 1 {
		t.Errorf("%d rows after frames were left out", rows)
	}
	moved := append([]byte(magic), make([]byte, 32)...)
	moved[len(magic)] = 9
	check(t, os.WriteFile(path, append(moved, whole[headSize:]...), 0o600))
	_, _, _, err = Open(path, key, [32]byte{9})
	fails(t, err, ReasonDamaged)
	check(t, os.WriteFile(path, []byte("something else that is long enough to be the head of a spool"), 0o600))
	_, err = Identify(path)
	fails(t, err, ReasonDamaged)
	check(t, os.Remove(path))
	if _, err = Identify(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("err %v", err)
	}
	if _, _, _, err = Open(path, key, id); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("err %v", err)
	}
}

// TestSealed checks that nobody is named in the file, and who may read it.
func TestSealed(t *testing.T) {
	s := create(t)
	k := Key([]byte("KEYKEYKEYK"))
	check(t, s.Add(&k, []byte("SECRET VALUE")))
	check(t, s.Checkpoint([]byte("SECRET CHECKPOINT")))
	whole, err := os.ReadFile(s.file.Name())
	check(t, err)
	if bytes.Contains(whole, []byte("SECRET")) || bytes.Contains(whole, k[:]) {
		t.Error("the file is not sealed")
	}
	if info, err := s.file.Stat(); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("mode %v, err %v", info.Mode(), err)
	}
}

// TestCreateReplaces checks that the spool of another push makes room.
func TestCreateReplaces(t *testing.T) {
	s := create(t)
	add(t, s, some(10))
	check(t, s.Checkpoint(nil))
	check(t, s.Close())
	other, err := Create(s.file.Name(), key, [32]byte{3})
	check(t, err)
	want(t, other, nil)
	check(t, other.Remove())
}

func TestLimits(t *testing.T) {
	s := create(t)
	check(t, s.Add(&Key{}, make([]byte, MaxValue)))
	err := s.Add(&Key{}, make([]byte, MaxValue+1))
	fails(t, err, ReasonLarge)
	fails(t, s.Add(&Key{}, nil), ReasonLarge)
	fails(t, s.Checkpoint(nil), ReasonLarge)
	s = create(t)
	check(t, s.Checkpoint(make([]byte, MaxExtra)))
	fails(t, s.Checkpoint(make([]byte, MaxExtra+1)), ReasonLarge)
}

// TestDiskFails checks that a spool that could not be written takes nothing
// more, and says so when it is read.
func TestDiskFails(t *testing.T) {
	for name, do := range map[string]func(*Spool) error{
		"add": func(s *Spool) error {
			var err error
			for range 2 * chunkSize / 100 {
				err = errors.Join(err, s.Add(&Key{}, make([]byte, 100)))
			}
			return err
		},
		"checkpoint": func(s *Spool) error { return s.Checkpoint(nil) },
		"sorted": func(s *Spool) error {
			for range s.Sorted(t.Context()) {
				t.Error("a row")
			}
			return s.Err()
		},
	} {
		s := create(t)
		add(t, s, some(2))
		check(t, s.file.Close())
		if err := do(s); care.ReasonOf(err) != ReasonFailed || s.Add(&Key{}, nil) == nil || s.Err() == nil {
			t.Errorf("%s: err %v", name, err)
		}
	}
	if _, err := Create(filepath.Join(t.TempDir(), "none", "spool"), key, id); care.ReasonOf(err) != ReasonFailed {
		t.Errorf("err %v", err)
	}
}

// TestSyncFails checks that nothing is promised that may not be on disk.
func TestSyncFails(t *testing.T) {
	s := create(t)
	add(t, s, some(2))
	s.sync = func() error { return errors.New("input/output error") }
	fails(t, s.Checkpoint(nil), ReasonFailed)
	s.sync = s.file.Sync
	fails(t, s.Checkpoint(nil), ReasonFailed)
}

// TestCountsDiffer checks that a checkpoint which promises other rows than there
// are is refused, though it was sealed with the right key.
func TestCountsDiffer(t *testing.T) {
	s := create(t)
	add(t, s, some(2))
	check(t, s.flush())
	s.rows = 3
	check(t, s.Checkpoint(nil))
	check(t, s.Close())
	_, _, _, err := Open(s.file.Name(), key, id)
	fails(t, err, ReasonDamaged)
}

// TestDamagedWhileRead checks that a sequence which breaks off is not taken for
// all there is.
func TestDamagedWhileRead(t *testing.T) {
	s := create(t)
	add(t, s, some(20_000))
	check(t, s.Checkpoint(nil))
	check(t, s.file.Truncate(s.at-1))
	n := 0
	for range s.Sorted(t.Context()) {
		n++
	}
	if fails(t, s.Err(), ReasonDamaged); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestSortedStops(t *testing.T) {
	s := create(t)
	add(t, s, some(100))
	for range s.Sorted(t.Context()) {
		break
	}
	want(t, s, some(100))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	for range s.Sorted(ctx) {
		t.Fatal("a row")
	}
	if !errors.Is(s.Err(), context.Canceled) {
		t.Errorf("err %v", s.Err())
	}
}

// FuzzRows proves that no text of a frame panics, and that what is written is
// read back.
func FuzzRows(f *testing.F) {
	f.Add([]byte{}, uint8(1))
	f.Add(append(make([]byte, KeySize), 2, 'a', 'b'), uint8(3))
	f.Add(append(make([]byte, KeySize), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), uint8(3))
	f.Fuzz(func(t *testing.T, text []byte, cut uint8) {
		size := 0
		err := eachRow(text, func(_ *Key, value []byte) { size += KeySize + 1 + len(value) })
		if err == nil && size > len(text) {
			t.Errorf("%d bytes of rows in %d", size, len(text))
		}
		s := create(t)
		var rows []kv
		for part := range slices.Chunk(text, int(cut)+1) {
			k := Key{}
			copy(k[:], part)
			rows = append(rows, kv{k, string(part)})
		}
		add(t, s, rows)
		want(t, s, rows)
		check(t, s.Remove())
	})
}
