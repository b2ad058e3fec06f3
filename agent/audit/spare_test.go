package audit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// slowFiles lets a new file wait, and counts those that are made.
type slowFiles struct {
	osFiles
	mu    sync.Mutex
	made  []string
	spare chan error // what making the spare segment ends with; it waits for it
}

func (f *slowFiles) create(path string, size int64) (file, error) {
	f.mu.Lock()
	f.made = append(f.made, filepath.Base(path))
	f.mu.Unlock()
	if filepath.Base(path) == spareName+tempSuffix {
		if err := <-f.spare; err != nil {
			return nil, err
		}
	}
	return f.osFiles.create(path, size)
}

// fillTo appends until the segment in use, of the smallest size that has a
// spare one, has no more than some bytes left.
func fillTo(t *testing.T, j *Journal, left int64) {
	t.Helper()
	event := sampleEvent()
	for {
		j.work.Lock()
		room := j.segment.room()
		j.work.Unlock()
		if room <= left {
			return
		}
		for range 99 {
			j.AppendLazily(event)
		}
		mustWait(t, j.Append(event))
	}
}

func exists(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// TestSpareSegment wants the next segment made while entries are written, taken
// when its time has come, and no more than one.
func TestSpareSegment(t *testing.T) {
	folder, files := newFolder(t), &slowFiles{spare: make(chan error)}
	j := openTest(t, folder, Options{files: files, SegmentBytes: leastSpare})
	fillTo(t, j, leastSpare/2) // the spare one waits, and nobody waits for it
	fillTo(t, j, leastSpare/4)
	files.spare <- nil
	j.work.Lock()
	<-j.spare.done
	j.work.Unlock()
	if !exists(t, filepath.Join(folder, spareName)) {
		t.Error("there is no spare segment")
	}
	for s := j.Status(); s.Segments == 1; s = j.Status() {
		mustWait(t, j.Append(sampleEvent()))
	}
	if exists(t, filepath.Join(folder, spareName)) {
		t.Error("the spare segment is still there")
	}
	if s := j.Status(); s.Segments != 2 || s.Bytes > 2*leastSpare {
		t.Errorf("%+v", s)
	}
	entries := j.Status().Entries
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(readAll(t, folder)); uint64(n) != entries || len(files.made) > 10 {
		t.Errorf("%d of %d entries; made %q", n, entries, files.made)
	}
}

// TestSpareSegmentFails wants a segment all the same when the spare one could
// not be made, and nothing left of one when the journal is closed or was not.
func TestSpareSegmentFails(t *testing.T) {
	folder, files := newFolder(t), &slowFiles{spare: make(chan error, 2)}
	left := filepath.Join(folder, spareName)
	if err := errors.Join(os.MkdirAll(folder, 0o700), os.WriteFile(left, make([]byte, 100), 0o600)); err != nil {
		t.Fatal(err)
	}
	j := openTest(t, folder, Options{files: files, SegmentBytes: leastSpare})
	if exists(t, left) {
		t.Error("what a crash left is still there")
	}
	files.spare <- syscall.ENOSPC
	for s := j.Status(); s.Segments == 1; s = j.Status() {
		fillTo(t, j, leastSpare/8)
		mustWait(t, j.Append(sampleEvent()))
	}
	files.spare <- nil
	fillTo(t, j, leastSpare/2-1)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if exists(t, left) || exists(t, left+tempSuffix) {
		t.Error("a spare segment is left")
	}
}

// TestNoSpareBeyondTheQuota wants none where there may be no further segment.
func TestNoSpareBeyondTheQuota(t *testing.T) {
	folder, files := newFolder(t), &slowFiles{spare: make(chan error)}
	j := openTest(t, folder, Options{files: files, SegmentBytes: leastSpare, MaxBytes: 2*leastSpare - 1})
	fillTo(t, j, leastSpare/4)
	j.work.Lock()
	defer j.work.Unlock()
	if j.spare != nil {
		t.Error("a spare segment is made")
	}
}
