package vault

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"golang.org/x/sys/unix"
)

// TestDiskFails lets writes fail for want of space, and syncs fail, by putting
// a device in the place of the open file: /dev/full takes no bytes, and
// /dev/null takes all and cannot sync.
func TestDiskFails(t *testing.T) {
	for device, want := range map[string]error{"/dev/full": syscall.ENOSPC, "/dev/null": syscall.EINVAL} {
		t.Run(device, func(t *testing.T) {
			s, v := stocked(t)
			for i := range 3 { // leaves free pages, so that the file need not grow
				put(t, v, 0, keyNumber(1), string(rune('a'+i)))
			}
			fd := int(v.file.Fd())
			kept, err := unix.Dup(fd)
			check(t, err)
			bad, err := os.OpenFile(device, os.O_RDWR, 0)
			check(t, err)
			check(t, unix.Dup3(int(bad.Fd()), fd, 0))
			err = v.Update(t.Context(), func(c *Change) error { return c.Put(0, keyNumber(1), []byte("x")) })
			check(t, errors.Join(unix.Dup3(kept, fd, 0), unix.Close(kept), bad.Close()))
			if fails(t, err, care.ConsentUnavailable, ReasonPoisoned); !errors.Is(err, want) {
				t.Errorf("the fault was another one: %v", errors.Unwrap(err))
			}
			failed(t, v, ReasonPoisoned)
			check(t, v.Close())
			v = s.open(t)
			if got := get(t, v, 0, keyNumber(1)); got != "c" {
				t.Errorf("got %q, want the last that was acknowledged", got)
			}
			put(t, v, 0, keyNumber(1), "goes on")
		})
	}
}
