package consent

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// failWrites makes every write to an open store's file fail from now on: its
// descriptor is replaced by one that cannot be written.
func failWrites(tb testing.TB, path string) {
	tb.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	check(tb, err)
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || target != path {
			continue
		}
		var fd int
		for _, c := range filepath.Base(link) {
			fd = fd*10 + int(c-'0')
		}
		readOnly, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		check(tb, err)
		check(tb, unix.Dup3(readOnly, fd, unix.O_CLOEXEC))
		check(tb, unix.Close(readOnly))
		return
	}
	tb.Fatal("the file is not open")
}

// TestFailingCommit proves that a change that could not be written poisons the
// store, whoever makes it, and that nothing acknowledged is lost.
func TestFailingCommit(t *testing.T) {
	for name, change := range map[string]func(b *bench, s *Store) error{
		"set": func(_ *bench, s *Store) error {
			changed, err := s.Set(context.Background(), []care.Directive{said(care.Site, 2, care.Dissent, 1)})
			if changed != nil {
				t.Error("says that it changed something")
			}
			return err
		},
		"apply":    func(b *bench, s *Store) error { b.next(t); return b.changes(s, 1) },
		"snapshot": func(b *bench, s *Store) error { b.next(t); return b.snapshot(s) },
		"link":     func(_ *bench, s *Store) error { return tryLink(s, 1, 2, SamePerson, 1) },
		"meet":     func(b *bench, s *Store) error { b.known = 1000; return b.snapshot(s) },
		"time":     func(b *bench, s *Store) error { b.pass(s, 10*saveEvery); return s.vault.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			s := b.filled(t, said(care.Region, 1, care.Dissent, 1))
			failWrites(t, b.path)
			fails(t, change(b, s), care.ConsentUnavailable, rule.ReasonPoisoned)
			<-s.Failed()
			for i := range 3 {
				answers(t, s, i, care.ConsentUnavailable, rule.ReasonPoisoned)
			}
			if status := s.Status(); s.Committed() != failedEpoch || status.Err == nil || status.Doubt != rule.ReasonPoisoned || b.doubts[len(b.doubts)-1] != rule.ReasonPoisoned {
				t.Errorf("epoch %d, %+v, told %q", s.Committed(), status, b.doubts)
			}
			fails(t, s.Run(context.Background()), care.ConsentUnavailable, rule.ReasonPoisoned)
			check(t, s.Close())
			s = b.open(t)
			b.known = 0
			check(t, b.snapshot(s))
			answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
			answers(t, s, 2, care.OK, "")
		})
	}
}

// TestDamagedWhileOpen proves that damage under an open store ends its service.
func TestDamagedWhileOpen(t *testing.T) {
	for name, damage := range map[string]func(f *os.File, size int64) error{
		"zeroed": func(f *os.File, size int64) error { _, err := f.WriteAt(make([]byte, size-8192), 8192); return err },
		"cut":    func(f *os.File, _ int64) error { return f.Truncate(8192) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			s := b.filled(t, said(care.Region, 1, care.Dissent, 1))
			f, err := os.OpenFile(b.path, os.O_RDWR, 0)
			check(t, err)
			info, err := f.Stat()
			check(t, err)
			check(t, damage(f, info.Size()))
			check(t, f.Close())
			answers(t, s, 1, care.ConsentUnavailable, rule.ReasonDamaged)
			answers(t, s, 2, care.ConsentUnavailable, rule.ReasonDamaged)
			fails(t, s.Verify(context.Background()), care.ConsentUnavailable, rule.ReasonDamaged)
			_, err = s.Show(number(1))
			fails(t, err, care.ConsentUnavailable, rule.ReasonDamaged)
			if <-s.Failed(); b.doubts[len(b.doubts)-1] != rule.ReasonDamaged {
				t.Errorf("told %q", b.doubts)
			}
			check(t, s.Close())
			answers(t, b.open(t), 1, care.ConsentUnavailable, rule.ReasonLost)
		})
	}
}
