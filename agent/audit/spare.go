package audit

import (
	"io/fs"
	"path/filepath"
	"time"
)

// spareName is the file that becomes the next segment. It is no part of the
// journal before.
const spareName = "journal.spare"

const (
	// leastSpare is the size of a segment from which on it is worth to make the
	// next one ahead: nobody waits for a smaller one for long.
	leastSpare = 8 << 20
	// The spare segment is written in pieces with pauses, so that a commit waits
	// for one of them at most.
	sparePiece = 256 << 10
	sparePause = time.Millisecond
)

// spare is the next segment, which is made while the one in use is filled:
// writing its zeros takes from a tenth of a second to some, in which nobody
// could commit.
type spare struct {
	path  string
	size  int64
	quit  <-chan struct{} // closed when it is not wanted any more
	hurry chan struct{}   // closed when it is waited for
	done  chan struct{}   // closed when it is known how it ended
	err   error           // how; set before done is closed
}

// prepare begins to make the next segment once a part of the one in use is
// filled, if the quota allows it.
func (j *Journal) prepare() {
	if j.spare != nil || j.size < leastSpare || j.segment.room() > j.size/8*7 {
		return
	}
	j.mu.Lock()
	after := j.bytes + j.size
	j.mu.Unlock()
	if j.maxBytes > 0 && after > j.maxBytes {
		return
	}
	s := &spare{path: filepath.Join(j.folder, spareName), size: j.size, quit: j.quit,
		hurry: make(chan struct{}), done: make(chan struct{})}
	j.spare = s
	go func() {
		defer close(s.done)
		s.err = writeFile(j.files, s.path, 0, s.fill)
	}()
}

// fill writes the zeros.
func (s *spare) fill(f file) error {
	piece := make([]byte, sparePiece)
	pause := time.NewTicker(sparePause)
	defer pause.Stop()
	for at := int64(0); at < s.size; at += sparePiece {
		if _, err := f.WriteAt(piece[:min(sparePiece, s.size-at)], at); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		select {
		case <-s.quit:
			return fs.ErrClosed
		case <-s.hurry:
		case <-pause.C:
		}
	}
	return nil
}

// create makes an empty segment: of the spare one if that has the size.
func (j *Journal) create(first uint64, size int64) (*segment, error) {
	s := j.spare
	if s == nil {
		return createSegment(j.files, j.folder, first, size, "")
	}
	close(s.hurry)
	<-s.done
	j.spare = nil
	if s.err != nil || s.size != size {
		_ = j.files.remove(s.path)
		return createSegment(j.files, j.folder, first, size, "")
	}
	return createSegment(j.files, j.folder, first, size, s.path)
}

// dropSpare removes the spare segment, if there is one.
func (j *Journal) dropSpare() {
	if j.spare != nil {
		<-j.spare.done
		j.spare = nil
	}
	_ = j.files.remove(filepath.Join(j.folder, spareName)) // none is the usual case
}
