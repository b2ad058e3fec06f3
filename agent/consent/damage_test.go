package consent

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
	"go.etcd.io/bbolt"
)

var everyByte = flag.Bool("everybyte", false, "flip a bit in every byte of the store in TestBitFlips, which takes minutes")

// patients of the store that is damaged: enough for a tree with branches.
const flipped = 130

// damageable makes a closed store with flags of all kinds, free pages and a
// tree of two levels, and returns its bytes.
func damageable(t *testing.T, b *bench) []byte {
	t.Helper()
	s := b.open(t)
	var all []care.Directive
	for i := range flipped {
		all = append(all, said(care.Region, i, care.DirectiveKind(i%4+1), i%50))
	}
	check(t, s.Replace(context.Background(), care.Region, 1, start, each(all...)))
	check(t, s.Replace(context.Background(), care.Region, 2, start, each(all...)))
	put(t, s, said(care.Site, 2, care.Dissent, 5))
	put(t, s, said(care.SourceFlag, 4, care.Restriction, 5))
	put(t, s, said(care.Region, 6, care.Dissent, 1)) // the last change, which an older header would forget
	check(t, s.Close())
	image, err := os.ReadFile(b.path)
	check(t, err)
	return image
}

// TestBitFlips flips single bits of a store's file, opens it and compares
// every answer, then changes it and compares again: whatever the bit, no
// answer may be weaker, only unavailable.
func TestBitFlips(t *testing.T) {
	b := newBench(t)
	image := damageable(t, b)
	want := expected(t, b.open(t))
	broken := *b
	broken.path = filepath.Join(t.TempDir(), "flipped.db")
	check(t, os.WriteFile(broken.path+markerSuffix, nil, 0o600))
	tried, refused := 0, 0
	for at := range image {
		if !*everyByte && !worthFlipping(at) {
			continue
		}
		tried++
		bit := byte(1) << (at * 5 % 8)
		image[at] ^= bit
		check(t, os.WriteFile(broken.path, image, 0o600))
		image[at] ^= bit
		if !survives(t, &broken, want) {
			refused++
		}
		if t.Failed() {
			t.Fatalf("page %d, offset %d, bit %#x", at/4096, at%4096, bit)
		}
	}
	t.Logf("%d flips in %d bytes: %d refused, %d harmless", tried, len(image), refused, tried-refused)
	if refused < tried/10 {
		t.Error("hardly any flip was noticed: is anything checked?")
	}
}

// worthFlipping chooses a few thousand bytes: those of headers and of the
// first elements of each page more densely.
func worthFlipping(at int) bool { return at%4096 < 80 || at%37 == 0 }

func expected(t *testing.T, s *Store) []care.Kind {
	t.Helper()
	want := make([]care.Kind, flipped+10)
	for i := range want {
		want[i] = s.Check(ask(i)).Refusal
	}
	if want[1] != care.OK || want[2] != care.PatientNotFound || want[6] != care.PatientNotFound || want[0] != care.NoPatientConsent {
		t.Fatalf("the store does not hold what it should: %v", want[:8])
	}
	return want
}

// survives reports whether the damaged store still answered, and fails the
// test if any answer was weaker than it should be.
func survives(t *testing.T, b *bench, want []care.Kind) bool {
	t.Helper()
	s, err := Open(b.path, b.opts)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	same := func() bool {
		for i, kind := range want {
			switch got := s.Check(ask(i)); {
			case got.Refusal == care.ConsentUnavailable && got.Reason == ReasonDamaged:
				return false
			case got.Refusal != kind:
				t.Errorf("patient %d: %v %s, want %v", i, got.Refusal, got.Reason, kind)
			}
		}
		return true
	}
	if !same() {
		return false
	}
	s.db.NoSync = true // thousands of syncs would prove nothing more
	for _, i := range []int{3, 101, 500} {
		if _, err := s.Set(context.Background(), said(care.SourceFlag, i, care.ConsentGiven, 90)); err != nil {
			t.Errorf("a store that answers takes no change: %v", err)
		}
	}
	check(t, s.Verify(context.Background()))
	return same()
}

// TestDamagedFiles proves that nothing but a whole, own store is served, and
// that it is left as it was for whoever examines it.
func TestDamagedFiles(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, b *bench, image []byte) []byte{
		"missing":   func(t *testing.T, b *bench, _ []byte) []byte { check(t, os.Remove(b.path)); return nil },
		"empty":     func(*testing.T, *bench, []byte) []byte { return []byte{} },
		"one page":  func(_ *testing.T, _ *bench, image []byte) []byte { return image[:4096] },
		"two pages": func(_ *testing.T, _ *bench, image []byte) []byte { return image[:8192] },
		"half":      func(_ *testing.T, _ *bench, image []byte) []byte { return image[:len(image)/2] },
		"zeros":     func(_ *testing.T, _ *bench, image []byte) []byte { return make([]byte, len(image)) },
		"text":      func(*testing.T, *bench, []byte) []byte { return []byte("not a store") },
		"other key": func(t *testing.T, b *bench, image []byte) []byte {
			key, err := sitekey.New(bytes.Repeat([]byte{9}, 32))
			check(t, err)
			b.opts.Key = key
			return image
		},
		"another bbolt file": func(t *testing.T, b *bench, _ []byte) []byte {
			other := filepath.Join(t.TempDir(), "other.db")
			db, err := bbolt.Open(other, 0o600, nil)
			check(t, err)
			check(t, db.Close())
			image, err := os.ReadFile(other)
			check(t, err)
			return image
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			image := damage(t, b, damageable(t, b))
			if image != nil {
				check(t, os.WriteFile(b.path, image, 0o600))
			}
			s := b.open(t)
			answers(t, s, 1, care.ConsentUnavailable, ReasonDamaged)
			fails(t, s.Replace(context.Background(), care.Region, 9, start, each()), care.ConsentUnavailable, ReasonDamaged)
			fails(t, s.Verify(context.Background()), care.ConsentUnavailable, ReasonDamaged)
			_, err := s.Show(number(1))
			fails(t, err, care.ConsentUnavailable, ReasonDamaged)
			if st := s.Status(); st.Err == nil || st.Doubt != ReasonDamaged || s.Epoch() != failedEpoch {
				t.Errorf("status %+v", st)
			}
			select {
			case <-s.Failed():
				t.Error("asks for a restart, which would not help")
			default:
			}
			if after, err := os.ReadFile(b.path); image != nil && (err != nil || !bytes.Equal(after, image)) {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
}

// TestEditedWithBbolt proves that an edit by a program that knows bbolt but
// not the key is noticed: at opening, and by Verify in a store that is open.
func TestEditedWithBbolt(t *testing.T) {
	for name, edit := range map[string]func(b *bbolt.Bucket, k, v []byte) error{
		"deleted":  func(b *bbolt.Bucket, k, _ []byte) error { return b.Delete(k) },
		"changed":  func(b *bbolt.Bucket, k, v []byte) error { v = bytes.Clone(v); v[9] ^= 3; return b.Put(k, v) },
		"emptied":  func(b *bbolt.Bucket, k, _ []byte) error { return b.Put(k, nil) },
		"added":    func(b *bbolt.Bucket, _, v []byte) error { return b.Put(make([]byte, keySize), bytes.Clone(v)) },
		"long key": func(b *bbolt.Bucket, _, v []byte) error { return b.Put(make([]byte, 40), bytes.Clone(v)) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			damageable(t, b)
			b.edit(t, edit)
			answers(t, b.open(t), 2, care.ConsentUnavailable, ReasonDamaged)
		})
	}
}

// edit changes the first region entry behind the store's back.
func (b *bench) edit(t *testing.T, edit func(b *bbolt.Bucket, k, v []byte) error) {
	t.Helper()
	db, err := bbolt.Open(b.path, 0o600, nil)
	check(t, err)
	check(t, db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket([]byte("REGION 2"))
		k, v := bucket.Cursor().First()
		return edit(bucket, k, v)
	}))
	check(t, db.Close())
}

// TestDamageWhileOpen proves that damage under an open store ends its service.
func TestDamageWhileOpen(t *testing.T) {
	b := newBench(t)
	s := b.filled(t, said(care.Region, 1, care.Dissent, 1))
	check(t, s.Verify(context.Background()))
	b.wipe(t)
	fails(t, s.Verify(context.Background()), care.ConsentUnavailable, ReasonDamaged)
	answers(t, s, 1, care.ConsentUnavailable, ReasonDamaged)
	answers(t, s, 2, care.ConsentUnavailable, ReasonDamaged)
}

// TestTruncatedWhileOpen proves that a page beyond the end of the file, a
// memory fault, is a refusal and not the end of the process.
func TestTruncatedWhileOpen(t *testing.T) {
	b := newBench(t)
	s := b.filled(t, said(care.Region, 1, care.Dissent, 1))
	check(t, os.Truncate(b.path, 8192))
	answers(t, s, 1, care.ConsentUnavailable, ReasonDamaged)
	if s.Epoch() != failedEpoch {
		t.Error("the epoch does not tell")
	}
}

func TestSecondOpener(t *testing.T) {
	b := newBench(t)
	s := b.filled(t)
	_, err := Open(b.path, b.opts)
	fails(t, err, care.ConsentUnavailable, "LOCKED")
	answers(t, s, 1, care.OK, "")
	check(t, s.Close())
	answers(t, b.open(t), 1, care.OK, "")
}

// TestPoison makes commits fail by handing bbolt a file that cannot be
// written.
func TestPoison(t *testing.T) {
	b := newBench(t)
	s := b.filled(t, said(care.Region, 1, care.Dissent, 1))
	check(t, s.Close())
	s, err := open(b.path, b.opts, func(path string, _ int, mode os.FileMode) (*os.File, error) {
		return os.OpenFile(path, os.O_RDONLY, mode)
	})
	check(t, err)
	answers(t, s, 2, care.OK, "")
	changed, err := s.Set(context.Background(), said(care.Site, 2, care.Dissent, 1))
	fails(t, err, care.ConsentUnavailable, ReasonPoisoned)
	if changed {
		t.Error("says that it changed something")
	}
	<-s.Failed()
	answers(t, s, 1, care.ConsentUnavailable, ReasonPoisoned)
	answers(t, s, 3, care.ConsentUnavailable, ReasonPoisoned)
	fails(t, s.Apply(context.Background(), care.Region, 1, 2, start, nil), care.ConsentUnavailable, ReasonPoisoned)
	fails(t, s.Verify(context.Background()), care.ConsentUnavailable, ReasonPoisoned)
	if s.Epoch() != failedEpoch || s.Status().Err == nil {
		t.Errorf("epoch %d, status %+v", s.Epoch(), s.Status())
	}
	check(t, s.Close())
	s = b.open(t)
	answers(t, s, 1, care.NoPatientConsent, ReasonDissent)
	answers(t, s, 2, care.OK, "") // was never acknowledged
}

// TestReplayedEntry proves that an entry the store itself once wrote, put back
// in the place of a later one of the same kind, is noticed.
func TestReplayedEntry(t *testing.T) {
	b := newBench(t)
	s := b.filled(t, said(care.Region, 1, care.ConsentGiven, 9))
	key, name := s.sealers.Get().(*sealer).key(number(1)), []byte("REGION 1")
	var old []byte
	check(t, s.db.View(func(tx *bbolt.Tx) error { old = bytes.Clone(tx.Bucket(name).Get(key[:])); return nil }))
	put(t, s, said(care.Region, 1, care.ConsentGiven, 1))
	check(t, s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(name).Put(key[:], old) }))
	fails(t, s.Verify(context.Background()), care.ConsentUnavailable, ReasonDamaged)
}

// TestOlderCopyWhileOpen proves that an older copy of the whole file, written
// over the open one, is noticed though it is flawless in itself.
func TestOlderCopyWhileOpen(t *testing.T) {
	b := newBench(t)
	s := b.filled(t)
	older, err := os.ReadFile(b.path)
	check(t, err)
	put(t, s, said(care.Site, 1, care.Dissent, 1))
	f, err := os.OpenFile(b.path, os.O_RDWR, 0)
	check(t, err)
	_, err = f.WriteAt(older, 0)
	check(t, errors.Join(err, f.Close()))
	fails(t, s.Verify(context.Background()), care.ConsentUnavailable, ReasonDamaged)
}

// TestUsedPageListedAsFree proves that a free list that would have bbolt write
// over a page in use is noticed before it can.
func TestUsedPageListedAsFree(t *testing.T) {
	b := newBench(t)
	image := damageable(t, b)
	m, err := newestMeta(bytes.NewReader(image))
	check(t, err)
	list := image[m.freelist*4096:]
	count := binary.NativeEndian.Uint16(list[10:])
	binary.NativeEndian.PutUint16(list[10:], count+1)
	binary.NativeEndian.PutUint64(list[pageHeader+8*int(count):], m.root)
	if err := checkPages(bytes.NewReader(image), int64(len(image))); !errors.Is(err, errLayout) {
		t.Errorf("got %v", err)
	}
	binary.NativeEndian.PutUint16(list[10:], count-1) // and a page that is nowhere
	if err := checkPages(bytes.NewReader(image), int64(len(image))); !errors.Is(err, errLayout) {
		t.Errorf("got %v", err)
	}
}

// TestPanicInChange proves that a panic of bbolt in a change poisons the
// store, and that Close returns all the same.
func TestPanicInChange(t *testing.T) {
	b := newBench(t)
	s := b.filled(t, said(care.Region, 1, care.Dissent, 1))
	b.wipe(t)
	_, err := s.Set(context.Background(), said(care.Site, 1, care.Dissent, 1))
	fails(t, err, care.ConsentUnavailable, ReasonPoisoned)
	<-s.Failed()
	answers(t, s, 1, care.ConsentUnavailable, ReasonPoisoned)
	check(t, s.Close())
}

// wipe zeroes all of the file but its headers, in the mapped pages too.
func (b *bench) wipe(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile(b.path, os.O_RDWR, 0)
	check(t, err)
	info, err := f.Stat()
	check(t, err)
	_, err = f.WriteAt(make([]byte, info.Size()-8192), 8192)
	check(t, err)
	check(t, f.Close())
}

// TestCrashWhileStaging proves that half a snapshot is never seen and is
// removed by the next.
func TestCrashWhileStaging(t *testing.T) {
	b, ctx := newBench(t), context.Background()
	s := b.filled(t, said(care.Region, 1, care.Dissent, 1))
	rows, err := s.rows(ctx, care.Region, func(yield func(care.Directive) bool) { yield(said(0, 2, care.Dissent, 1)) }, 1)
	check(t, err)
	fresh := *s.current.Load().of(care.Region)
	check(t, s.stage(ctx, care.Region, &fresh, rows))
	check(t, s.Close())

	s = b.open(t)
	answers(t, s, 1, care.NoPatientConsent, ReasonDissent)
	answers(t, s, 2, care.OK, "")
	put(t, s, said(care.Region, 4, care.Dissent, 1))
	check(t, s.Replace(ctx, care.Region, 2, start, each(said(0, 3, care.Dissent, 1))))
	for i, kind := range []care.Kind{care.OK, care.OK, care.OK, care.NoPatientConsent, care.OK} {
		if got := s.Check(ask(i)); got.Refusal != kind {
			t.Errorf("patient %d: %v, want %v", i, got.Refusal, kind)
		}
	}
	buckets := 0
	check(t, s.db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func([]byte, *bbolt.Bucket) error { buckets++; return nil })
	}))
	if buckets != authorities+1 {
		t.Errorf("%d buckets are left", buckets)
	}
}

// TestInterruptedCreation proves that a store without its marker is completed,
// and that a temporary file in the way is not.
func TestInterruptedCreation(t *testing.T) {
	b := newBench(t)
	s := b.filled(t, said(care.Region, 1, care.Dissent, 1))
	check(t, s.Close())
	check(t, os.Remove(b.path+markerSuffix))
	check(t, os.WriteFile(b.path+".new-1", []byte("half"), 0o600))
	s = b.open(t)
	answers(t, s, 1, care.NoPatientConsent, ReasonDissent)
	if absent(b.path + markerSuffix) {
		t.Error("the marker was not made")
	}
}
