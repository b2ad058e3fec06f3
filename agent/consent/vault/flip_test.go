package vault

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

var flips = flag.Int("flips", 1500, "how many bits TestFlips flips; those in a running vault are a tenth of them")

// flipEntries is how many entries the vault has whose bits are flipped.
const flipEntries = 3000

// flippable makes a closed vault in memory, with free pages and what a crash
// leaves, and returns its bytes and all that it holds.
func flippable(t *testing.T) (*shelf, []byte, content) {
	t.Helper()
	s := shelfAt(t, filepath.Join(memoryFolder(t), "consent.db"))
	v, want := s.open(t), content{0: {}, 5: {}}
	for i := range flipEntries {
		k := keyNumber(i)
		k[0] %= 8 // several entries a page, several pages a group
		want[0][k] = "fourteen bytes"
		if i%10 == 0 {
			want[5][k] = "other set"
		}
	}
	build(t, v, 0, content{0: {keyNumber(1): "replaced"}}.sorted(0))
	build(t, v, 0, want.sorted(0))
	build(t, v, 5, want.sorted(5))
	for i := range 5 {
		want[0][keyNumber(i)] = "changed later"
		put(t, v, 0, keyNumber(i), "changed later")
	}
	_, err := v.Build(t.Context(), 7, content{7: {keyNumber(1): "never adopted"}}.sorted(7))
	check(t, err)
	check(t, v.Close())
	image, err := os.ReadFile(s.path)
	check(t, err)
	end := int64(0)
	if m, err := newestMeta(bytes.NewReader(image)); err != nil {
		t.Fatal(err)
	} else {
		end = int64(m.pages) * m.pageSize
	}
	return s, image[:end], want // bbolt lets files grow in large steps; nothing is in the rest
}

// tally counts what became of flips. Faults are those of the reads that ended in
// a panic or a memory fault, which was caught.
type tally struct{ harmless, atOpen, atRead, faults, wrong int }

// TestFlips flips single random bits of a vault's file and looks up every key,
// present and absent: in a vault that is opened after the flip, and in one that
// is running. Whatever the bit, no answer may be wrong. Under the same flips a
// bare bbolt file gives wrong answers, so the test can see them.
func TestFlips(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d, %d flips", seed, *flips)
	random := rand.New(rand.NewPCG(seed, 0))
	s, image, want := flippable(t)
	var opened, running, bare tally
	for range *flips {
		bit := random.IntN(8 * len(image))
		image[bit/8] ^= 1 << (bit % 8)
		s.openFlipped(t, image, want, &opened)
		image[bit/8] ^= 1 << (bit % 8)
		if opened.wrong+opened.atRead > 0 {
			t.Fatalf("bit %d was not noticed by the check: %+v", bit, opened)
		}
	}
	check(t, os.WriteFile(s.path, image, 0o600))
	for range *flips / 10 {
		s.runFlipped(t, int64(random.IntN(8*len(image))), image, want, &running)
	}
	control(t, random, want, &bare)
	t.Logf("%d bytes. opened: %+v; running: %+v; bare bbolt: %+v", len(image), opened, running, bare)
	if running.wrong > 0 {
		t.Errorf("wrong answers: %+v", running)
	}
	if opened.atOpen < *flips/2 || running.atRead == 0 || bare.wrong == 0 {
		t.Error("hardly a flip was seen: is anything checked?")
	}
}

// openFlipped opens a file with those bytes and asks it everything.
func (s *shelf) openFlipped(t *testing.T, image []byte, want content, n *tally) {
	found, err := checkBytes(context.Background(), bytes.NewReader(image), int64(len(image)), mustSealer(t, s), nil)
	if err != nil {
		n.atOpen++
		return
	}
	check(t, os.WriteFile(s.path, image, 0o600))
	v, err := Open(s.path, s.opts)
	check(t, err) // the check has found nothing
	v.ask(want, n)
	if err := v.Close(); err != nil || found.epoch != v.Root().Epoch {
		t.Errorf("the check has seen another state: %v", err)
	}
}

// runFlipped flips a bit of the file of an open vault and asks it everything.
func (s *shelf) runFlipped(t *testing.T, bit int64, image []byte, want content, n *tally) {
	v, err := Open(s.path, s.opts)
	check(t, err)
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	check(t, err)
	flip := []byte{image[bit/8] ^ 1<<(bit%8)}
	_, err = f.WriteAt(flip, bit/8)
	check(t, err)
	v.ask(want, n)
	flip[0] = image[bit/8]
	_, err = f.WriteAt(flip, bit/8)
	check(t, errors.Join(err, f.Close(), v.Close()))
}

// ask asks for every key, and for as many that are absent, and counts what
// came of it: harmless, an error, or a wrong answer.
func (v *Vault) ask(want content, n *tally) {
	for set, entries := range want {
		for k, value := range entries {
			absent := k
			absent[9]++
			r := v.Read()
			got, err := r.Get(set, &k)
			other, errOther := r.Get(set, &absent)
			wrong := string(got) != value || other != nil
			r.Done()
			if errors.Join(err, errOther) != nil {
				n.atRead++
				if errors.Is(errors.Join(err, errOther), errFault) {
					n.faults++
				}
				return
			}
			if wrong {
				n.wrong++
				return
			}
		}
	}
	n.harmless++
}

func mustSealer(t *testing.T, s *shelf) *sealer {
	z, err := newSealer(s.opts.Key)
	check(t, err)
	return z
}

// control flips bits of a bare bbolt file with the same entries.
func control(t *testing.T, random *rand.Rand, want content, n *tally) {
	path := filepath.Join(memoryFolder(t), "bare.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true})
	check(t, err)
	check(t, db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucket([]byte("b"))
		for k, value := range want.sorted(0) {
			err = errors.Join(err, bucket.Put(bytes.Clone(k[:]), value))
		}
		return err
	}))
	check(t, db.Close())
	image, err := os.ReadFile(path)
	check(t, err)
	for range 300 {
		bit := 8*3*4096 + random.IntN(8*(len(image)-3*4096)) // not where bbolt would hang
		image[bit/8] ^= 1 << (bit % 8)
		check(t, os.WriteFile(path, image, 0o600))
		image[bit/8] ^= 1 << (bit % 8)
		askBare(path, want[0], n)
	}
}

func askBare(path string, want map[Key]string, n *tally) {
	err := guard(func() error {
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
		if err != nil {
			return err
		}
		defer db.Close()
		return db.View(func(tx *bbolt.Tx) error {
			for k, value := range want {
				if got := tx.Bucket([]byte("b")).Get(k[:]); string(got) != value {
					n.wrong++
					return nil
				}
			}
			n.harmless++
			return nil
		})
	})
	if err != nil {
		n.atRead++
	}
}

// TestEveryRegionIsChecked flips bits where random ones seldom fall: the
// headers of the file and of its pages, the first elements of each, and all of
// the pages that guide a search. What the check lets pass must read well.
func TestEveryRegionIsChecked(t *testing.T) {
	s, image, want := flippable(t)
	m, err := newestMeta(bytes.NewReader(image))
	check(t, err)
	var n tally
	branches := 0
	for page := range int(m.pages) {
		from, offsets := page*4096, slices.Concat(upTo(40), []int{48, 56, 64, 72, 79, 80, 100, 2000})
		switch {
		case image[from+8] == branchPage:
			count := int(binary.NativeEndian.Uint16(image[from+10:]))
			offsets = upTo(pageHeader + count*(elementSize+2)) // keys have 1 or 2 bytes
			branches++
		case page%7 > 1:
			offsets = upTo(pageHeader)
		}
		for _, at := range offsets {
			image[from+at] ^= 1 << (at % 8)
			s.openFlipped(t, image, want, &n)
			image[from+at] ^= 1 << (at % 8)
			if n.wrong+n.atRead > 0 {
				t.Fatalf("page %d, offset %d: not noticed", page, at)
			}
		}
	}
	t.Logf("%+v", n)
	if n.atOpen == 0 || branches == 0 {
		t.Error("nothing was noticed, or there was no branch")
	}
}

func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}
