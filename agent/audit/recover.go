package audit

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// recovered is what Open found in the folder.
type recovered struct {
	segment  *segment      // to go on writing to; nil when a fresh one is needed
	last     care.Position // the last entry
	segments int
	bytes    int64    // allocated, over all segments
	repairs  []string // what had to be repaired
	reason   string   // the code of that
}

// recoverFolder finds where the journal ends and sets aside what a crash left
// half-written. Newest segments that hold no entry are removed.
func recoverFolder(files fileSystem, folder string) (recovered, error) {
	var rec recovered
	firsts, err := rec.takeStock(files, folder)
	for i := len(firsts) - 1; i >= 0 && err == nil && rec.last.Sequence == 0; i-- {
		err = rec.recoverSegment(files, filepath.Join(folder, segmentName(firsts[i])), firsts[i])
	}
	if err != nil {
		return rec, failed("audit.Open", err)
	}
	return rec, nil
}

// takeStock lists the segments, counts them and removes temporary files.
func (rec *recovered) takeStock(files fileSystem, folder string) ([]uint64, error) {
	entries, err := files.readDir(folder)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), tempSuffix) {
			if err := files.remove(filepath.Join(folder, e.Name())); err != nil {
				return nil, err
			}
		}
		if _, ok := parseSegmentName(e.Name()); ok {
			if err := rec.count(e); err != nil {
				return nil, err
			}
		}
	}
	return segmentsOf(entries), nil
}

// count adds one segment, which must be a regular file of the agent alone.
func (rec *recovered) count(e fs.DirEntry) error {
	info, err := e.Info()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || !isPrivate(info) {
		return unavailable("audit.Open", ReasonPermissions, nil)
	}
	rec.segments++
	rec.bytes += info.Size()
	return nil
}

// recoverSegment looks at the newest segment. If that has an entry, the journal
// ends there; otherwise it is removed.
func (rec *recovered) recoverSegment(files fileSystem, path string, first uint64) error {
	s, err := openSegment(files, path, 0)
	if err != nil {
		return err
	}
	x, err := survey(s, first)
	if err == nil && !x.damaged() {
		err = rec.mend(s, &x)
	}
	if err == nil && x.last.sequence > 0 && !x.damaged() {
		rec.segment, rec.last = s, x.last.position()
		return nil
	}
	_ = s.file.Close()
	switch {
	case err != nil:
		return err
	case x.damaged():
		rec.last, rec.reason = x.newest().position(), ReasonDamaged
		rec.repairs = append(rec.repairs, "entries in "+filepath.Base(path)+" are damaged; the file is left as it is and a new one begun")
		return nil
	}
	rec.segments--
	rec.bytes -= s.size
	return files.remove(path)
}

// mend sets the torn tail aside, clears it, and writes the last batch once
// more: what a failed fdatasync left in the page cache only is on disk then.
func (rec *recovered) mend(s *segment, x *extent) error {
	if x.tail > x.end {
		name, err := setAside(s, x)
		if err != nil {
			return err
		}
		rec.reason = reasonTorn
		rec.repairs = append(rec.repairs, fmt.Sprintf("%d half-written bytes at the end of %s were set aside in %s",
			x.tail-x.end, filepath.Base(s.path), name))
		if err := writeZeros(s.file, x.end, x.tail); err != nil {
			return err
		}
	}
	last := make([]byte, x.end-x.batchAt)
	if _, err := s.file.ReadAt(last, x.batchAt); err != nil && err != io.EOF {
		return err
	}
	if _, err := s.file.WriteAt(last, x.batchAt); err != nil {
		return err
	}
	s.end = x.end
	return s.file.Sync()
}

// setAside copies the torn tail to a new file and returns its name.
func setAside(s *segment, x *extent) (string, error) {
	for n := 1; ; n++ {
		path := fmt.Sprintf("%s.%d.%d%s", strings.TrimSuffix(s.path, segmentSuffix), x.end, n, tornSuffix)
		if _, err := s.files.stat(path); err == nil {
			continue
		}
		err := writeFile(s.files, path, 0, func(f file) error {
			_, err := io.Copy(io.NewOffsetWriter(f, 0), io.NewSectionReader(s.file, x.end, x.tail-x.end))
			return err
		})
		return filepath.Base(path), err
	}
}

// place is where one line stands and what it is.
type place struct {
	sequence, batch uint64
	leaf            [32]byte
}

func (p *place) position() care.Position { return care.Position{Sequence: p.sequence, Leaf: p.leaf} }

// extent is what a segment holds: an unbroken beginning of lines that follow
// from one another, and perhaps a rest.
type extent struct {
	end     int64  // after the last line of the beginning
	last    place  // that line; zero when there is none
	batchAt int64  // where its batch begins
	expect  uint64 // number of the line that would come next
	tail    int64  // after the last byte that is not NUL
	rest    bool   // something comes after the beginning
	changed bool   // the rest begins with a whole line that does not follow
	beyond  place  // the last whole line of the rest
}

// damaged reports whether the rest is more than a crash can leave. A batch is
// written only when the one before is on disk, so a crash tears none but the
// last, and tearing leaves no whole line where the beginning ends.
func (x *extent) damaged() bool { return x.changed || x.beyond.batch > x.expect }

// newest returns the line with the highest number.
func (x *extent) newest() *place {
	if x.beyond.sequence > x.last.sequence {
		return &x.beyond
	}
	return &x.last
}

// survey reads a whole segment.
func survey(s *segment, first uint64) (extent, error) {
	x := extent{expect: first}
	scan := newScanner(io.NewSectionReader(s.file, 0, s.size), maxLine+1, false)
	for {
		line, at, err := scan.next()
		switch {
		case err == io.EOF:
			return x, nil
		case err != nil && err != errDamaged:
			return x, err
		}
		x.add(line, at)
		x.tail = scan.offset
	}
}

// add takes the next stretch of the segment, which is nil if it is no line.
func (x *extent) add(line []byte, at int64) {
	h, _, ok := parseHeader(line)
	ok = ok && json.Valid(line)
	if !ok {
		x.rest = true
		return
	}
	p := place{sequence: h.sequence, batch: h.batch, leaf: leafHash(line)}
	if x.rest {
		if p.sequence >= x.beyond.sequence {
			x.beyond = p
		}
		return
	}
	if h.sequence != x.expect || x.last.sequence > 0 && h.prev != x.last.leaf {
		x.rest, x.changed, x.beyond = true, true, p
		return
	}
	if h.batch != x.last.batch {
		x.batchAt = at
	}
	x.last, x.end, x.expect = p, at+int64(len(line))+1, x.expect+1
}
