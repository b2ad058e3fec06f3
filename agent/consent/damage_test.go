package consent

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

var damages = map[string]func(t *testing.T, b *bench, image []byte) []byte{
	"missing": func(*testing.T, *bench, []byte) []byte { return nil },
	"empty":   func(*testing.T, *bench, []byte) []byte { return []byte{} },
	"half":    func(_ *testing.T, _ *bench, image []byte) []byte { return image[:len(image)/2] },
	"text":    func(*testing.T, *bench, []byte) []byte { return []byte("not a store") },
	"one bit": func(_ *testing.T, _ *bench, image []byte) []byte { image[8200] ^= 1; return image },
	"other key": func(t *testing.T, b *bench, image []byte) []byte {
		key, err := sitekey.New(bytes.Repeat([]byte{9}, 32))
		check(t, err)
		b.opts.Key = key
		return image
	},
}

// TestDamagedFiles proves that whatever is found in the place of the store,
// another is begun that refuses everything until it is whole, and that what was
// found is kept.
func TestDamagedFiles(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			b, j := newBench(t).withSource("gp", time.Hour), new(journal)
			s := b.filled(t, said(0, 1, care.Dissent, 3))
			j.set(t, s, said(care.Site, 2, care.Dissent, 3))
			known := s.Committed()
			check(t, s.Close())
			image, err := os.ReadFile(b.path)
			check(t, err)
			check(t, os.Remove(b.path))
			if image = damage(t, b, image); image != nil {
				check(t, os.WriteFile(b.path, image, 0o600))
			}
			b.opts.Anchor = known
			s = b.open(t)
			kept, err := filepath.Glob(b.path + ".damaged-*")
			check(t, err)
			if (len(kept) == 1) != (image != nil) {
				t.Errorf("kept %q", kept)
			}
			for _, file := range kept {
				if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, image) {
					t.Errorf("what was found was changed: %v", err)
				}
			}
			if s.Committed() <= known {
				t.Errorf("epoch %d, known %d", s.Committed(), known)
			}
			s = b.reopen(t, s)
			b.resync(t, s, j)
			answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
			answers(t, s, 2, care.NoPatientConsent, rule.ReasonDissent)
			answers(t, s, 3, care.OK, "")
		})
	}
}

// TestDamagedWithoutJournal proves that a store made anew is lost even when
// nobody says what epoch there was, and that the region's word moves it on.
func TestDamagedWithoutJournal(t *testing.T) {
	b, j := newBench(t), new(journal)
	s := b.filled(t)
	for i := range 20 {
		put(t, s, said(care.Site, i, care.ConsentGiven, 3))
	}
	b.known = s.Committed()
	check(t, s.Close())
	check(t, os.Remove(b.path))
	s = b.open(t)
	fails(t, b.snapshot(s), care.Conflict, ReasonRolledBack)
	if s.Committed() <= 20 {
		t.Errorf("epoch %d", s.Committed())
	}
	b.resync(t, s, j)
	answers(t, s, 3, care.OK, "")
}

// TestEverythingGone proves that a store that was removed with its marker is
// lost if the journal or the region knows of one.
func TestEverythingGone(t *testing.T) {
	for _, anchor := range []uint64{0, 1} {
		b := newBench(t)
		b.known, b.opts.Anchor = 1-anchor, anchor
		s := b.open(t)
		if anchor == 0 {
			fails(t, b.snapshot(s), care.Conflict, ReasonRolledBack)
		}
		b.resync(t, s, new(journal))
		answers(t, s, 3, care.OK, "")
	}
}

// TestChildCheck proves that what the check in another process finds counts.
func TestChildCheck(t *testing.T) {
	b := newBench(t)
	check(t, b.filled(t).Close())
	b.opts.Check = func(context.Context) error { return errors.New("no such program") }
	if _, err := Open(context.Background(), b.path, b.opts); err == nil || care.ReasonOf(err) != "" {
		t.Errorf("got %v", err)
	}
	b.opts.Check = func(context.Context) error {
		return failure(care.ConsentUnavailable, rule.ReasonDamaged, "the check crashed", nil)
	}
	s := b.open(t)
	answers(t, s, 3, care.ConsentUnavailable, rule.ReasonLost)
	if kept, err := filepath.Glob(b.path + ".damaged-*"); err != nil || len(kept) != 1 {
		t.Errorf("kept %q, %v", kept, err)
	}
}

func TestSecondOpener(t *testing.T) {
	b := newBench(t)
	s := b.filled(t)
	_, err := Open(context.Background(), b.path, b.opts)
	fails(t, err, care.ConsentUnavailable, "LOCKED")
	answers(t, s, 1, care.OK, "")
	s = b.reopen(t, s)
	if s.Lost() {
		t.Error("lost by being open twice")
	}
}
