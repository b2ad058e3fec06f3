package audit

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSegmentIsWritten wants the blocks of a new segment written and not only
// reserved: a file system tells those that are not as a hole.
func TestSegmentIsWritten(t *testing.T) {
	const size = 1 << 20
	f, err := osFiles{}.create(filepath.Join(t.TempDir(), "segment"), size)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	hole, err := f.(osFile).Seek(0, unix.SEEK_HOLE)
	if err != nil || hole != size {
		t.Errorf("the first hole is at %d, %v", hole, err)
	}
	text, err := io.ReadAll(io.NewSectionReader(f, 0, size+1))
	if err != nil || len(text) != size {
		t.Errorf("the segment has %d bytes, %v", len(text), err)
	}
	if info, err := os.Stat(f.(osFile).Name()); err != nil || info.Size() != size {
		t.Errorf("the file has %v, %v", info, err)
	}
}
