package vault

import (
	"os"

	"golang.org/x/sys/unix"
)

// allocated returns how many bytes of the disk a file has, those beyond its end
// that allocate has taken among them.
func allocated(f *os.File) int64 {
	var st unix.Stat_t
	if unix.Fstat(int(f.Fd()), &st) != nil {
		return 0
	}
	return st.Blocks * 512
}

// allocate takes room on the disk for n bytes of a file, which keeps its size
// (fallocate(2)). It costs nothing where there is some already.
func allocate(f *os.File, from, n int64) error {
	return unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, from, n)
}
