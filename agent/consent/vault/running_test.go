package vault

import (
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// TestDamageWhileOpen proves that whatever happens to the file under an open
// vault ends its service and nothing else.
func TestDamageWhileOpen(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, s *shelf, older []byte){
		"wiped":      func(t *testing.T, s *shelf, older []byte) { s.overwrite(t, make([]byte, len(older)-8192), 8192) },
		"older copy": func(t *testing.T, s *shelf, older []byte) { s.overwrite(t, older, 0) },
		"truncated":  func(t *testing.T, s *shelf, _ []byte) { check(t, os.Truncate(s.path, 8192)) },
		"emptied":    func(t *testing.T, s *shelf, _ []byte) { check(t, os.Truncate(s.path, 0)) },
	} {
		for _, how := range []string{"reader", "new reader", "writer", "verify"} {
			t.Run(name+" "+how, func(t *testing.T) {
				s, v := stocked(t)
				older := s.image(t)
				put(t, v, 0, keyNumber(1), "newer")
				if how == "reader" {
					get(t, v, 0, keyNumber(1)) // stays idle
				}
				damage(t, s, older)
				reason := ReasonDamaged
				switch how {
				case "writer":
					err := v.Update(t.Context(), func(c *Change) error { return c.Put(0, keyNumber(1), []byte("x")) })
					if reason = care.ReasonOf(err); reason != ReasonDamaged && reason != ReasonPoisoned {
						t.Errorf("got %v", err)
					}
				case "verify":
					fails(t, v.Verify(t.Context()), care.ConsentUnavailable, ReasonDamaged)
				default:
					everyone(t, v)
				}
				failed(t, v, reason)
				if name+how == "emptiednew reader" && !errors.Is(v.Err(), errReplaced) {
					t.Errorf("bbolt was let into an empty file: %v", v.Err())
				}
			})
		}
	}
}

// everyone reads from several goroutines until the vault has failed, with keys
// in all pages.
func everyone(t *testing.T, v *Vault) {
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 500 {
				r, k := v.Read(), keyNumber(i)
				value, err := r.Get(0, &k)
				if err == nil && string(value) != "v" && string(value) != "newer" {
					t.Errorf("wrong value %q", value)
				}
				r.Done()
			}
		})
	}
	group.Wait()
}

// TestReplacedFile proves that another file under the vault's name does not
// disturb readers, and is noticed.
func TestReplacedFile(t *testing.T) {
	s, v := stocked(t)
	image := s.image(t)
	check(t, os.WriteFile(s.path+".copy", image, 0o600))
	check(t, os.Rename(s.path+".copy", s.path))
	if get(t, v, 0, keyNumber(1)) != "v" {
		t.Error("the reader was disturbed")
	}
	fails(t, v.Verify(t.Context()), care.ConsentUnavailable, ReasonDamaged)
	failed(t, v, ReasonDamaged)
}

// TestCommitFails makes commits fail by handing bbolt a file that cannot be
// written.
func TestCommitFails(t *testing.T) {
	s, v := stocked(t)
	check(t, v.Close())
	opts := s.opts
	opts.opener = func(path string, _ int, mode os.FileMode) (*os.File, error) {
		return os.OpenFile(path, os.O_RDONLY, mode)
	}
	v, err := Open(s.path, opts)
	check(t, err)
	fails(t, v.Update(t.Context(), func(c *Change) error { return c.Put(0, keyNumber(1), []byte("x")) }), care.ConsentUnavailable, ReasonPoisoned)
	failed(t, v, ReasonPoisoned)
	check(t, v.Close())
	v = s.open(t)
	if get(t, v, 0, keyNumber(1)) != "v" {
		t.Error("a change that was refused is there")
	}
}

// TestPanicInChange proves that a panic of the change's function poisons the
// vault, and that it can be closed and opened again.
func TestPanicInChange(t *testing.T) {
	s, v := stocked(t)
	fails(t, v.Update(t.Context(), func(*Change) error { panic("a defect") }), care.ConsentUnavailable, ReasonPoisoned)
	failed(t, v, ReasonPoisoned)
	check(t, v.Close())
	get(t, s.open(t), 0, keyNumber(1))
}
