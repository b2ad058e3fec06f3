package audit

import (
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// recovered is what Open found in the folder.
type recovered struct {
	last     care.Position // the last entry
	time     time.Time     // of that
	stop     bool          // it says that the agent stopped
	first    uint64        // the first number that the folder has a segment for, or 0
	segment  *segment      // to go on writing to; nil when a fresh one is needed
	extent   extent        // what that holds
	empty    []emptied     // newest segments without an entry, to be removed
	segments int
	bytes    int64    // allocated, over all segments
	repairs  []string // what had to be repaired
	reason   string   // the code of that
}

// emptied is a segment that holds nothing but perhaps half-written bytes.
type emptied struct {
	segment *segment
	extent  extent
}

// repaired notes something that the journal's next entry has to tell.
func (rec *recovered) repaired(reason, detail string) {
	rec.reason = reason
	rec.repairs = append(rec.repairs, detail)
}

// close closes what is open.
func (rec *recovered) close() {
	for _, e := range rec.empty {
		_ = e.segment.file.Close()
	}
	if rec.segment != nil {
		_ = rec.segment.file.Close()
		rec.segment = nil
	}
}

// recoverFolder finds where the journal ends. It changes nothing.
func recoverFolder(files fileSystem, folder string) (recovered, error) {
	var rec recovered
	firsts, err := rec.takeStock(files, folder)
	for i := len(firsts) - 1; i >= 0 && err == nil && rec.last.Sequence == 0; i-- {
		rec.first = firsts[0]
		err = rec.look(files, filepath.Join(folder, segmentName(firsts[i])), firsts[i])
	}
	if err != nil {
		rec.close()
		return rec, failed("audit.Open", err)
	}
	return rec, nil
}

// takeStock lists the segments and counts them.
func (rec *recovered) takeStock(files fileSystem, folder string) ([]uint64, error) {
	entries, err := files.readDir(folder)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
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

// look reads the newest segment. If that has an entry, the journal ends there.
func (rec *recovered) look(files fileSystem, path string, first uint64) error {
	s, err := openSegment(files, path, 0)
	if err != nil {
		return err
	}
	x, err := survey(s, first)
	switch {
	case err != nil:
		_ = s.file.Close()
		return err
	case x.damaged():
		_ = s.file.Close()
		rec.last, rec.time, rec.stop = x.newest().position(), x.newest().time, x.newest().stop
		rec.repaired(ReasonDamaged, "entries in "+filepath.Base(path)+" are damaged; the file is left as it is and a new one begun")
	case x.last.sequence == 0:
		rec.empty = append(rec.empty, emptied{s, x})
	default:
		rec.segment, rec.extent, rec.last, rec.time, rec.stop = s, x, x.last.position(), x.last.time, x.last.stop
	}
	return nil
}

// tidy sets aside what a crash left half-written, so that writing can go on.
func (rec *recovered) tidy(files fileSystem, folder string) error {
	err := removeTemporary(files, folder)
	for len(rec.empty) > 0 && err == nil {
		e := rec.empty[0]
		if err = rec.keepTail(e.segment, &e.extent); err == nil {
			_ = e.segment.file.Close()
			rec.empty = rec.empty[1:]
			rec.segments--
			rec.bytes -= e.segment.size
			err = files.remove(e.segment.path)
		}
	}
	if rec.segment != nil && err == nil {
		err = rec.mend(rec.segment, &rec.extent)
	}
	if err != nil {
		return failed("audit.Open", err)
	}
	return nil
}

// removeTemporary removes the files that were not finished when a run ended.
func removeTemporary(files fileSystem, folder string) error {
	return filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasSuffix(path, tempSuffix) {
			err = files.remove(path)
		}
		return err
	})
}

// mend sets the torn tail aside, clears it, and writes the last batch once
// more: what a failed fdatasync left in the page cache only is on disk then.
func (rec *recovered) mend(s *segment, x *extent) error {
	if err := rec.keepTail(s, x); err != nil {
		return err
	}
	if err := writeZeros(s.file, x.end, x.tail); err != nil {
		return err
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

// keepTail sets the torn tail of a segment aside, if it has one.
func (rec *recovered) keepTail(s *segment, x *extent) error {
	if x.tail <= x.end {
		return nil
	}
	name, err := setAside(s, x)
	if err == nil {
		rec.repaired(reasonTorn, fmt.Sprintf("%d half-written bytes at the end of %s were set aside in %s",
			x.tail-x.end, filepath.Base(s.path), name))
	}
	return err
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
