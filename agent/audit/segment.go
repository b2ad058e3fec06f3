package audit

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	segmentPrefix = "journal-"
	segmentSuffix = ".jsonl"
	tornSuffix    = ".torn"
	tempSuffix    = ".tmp"
	lockName      = "journal.lock"

	defaultSegmentBytes = 64 << 20
)

// segmentName is the file name of the segment that begins with entry first.
func segmentName(first uint64) string {
	return fmt.Sprintf("%s%020d%s", segmentPrefix, first, segmentSuffix)
}

// parseSegmentName returns the number of the first entry of a segment.
func parseSegmentName(name string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, segmentPrefix)
	if ok {
		digits, ok = strings.CutSuffix(digits, segmentSuffix)
	}
	if !ok || len(digits) != 20 {
		return 0, false
	}
	first, err := strconv.ParseUint(digits, 10, 64)
	return first, err == nil && first > 0
}

// segmentsOf returns the first numbers of the segments among entries of a
// folder, in order.
func segmentsOf(entries []fs.DirEntry) []uint64 {
	var firsts []uint64
	for _, e := range entries {
		if first, ok := parseSegmentName(e.Name()); ok {
			firsts = append(firsts, first)
		}
	}
	slices.Sort(firsts)
	return firsts
}

// segment is the file that is written to. It belongs to one goroutine.
type segment struct {
	files fileSystem
	path  string
	file  file
	info  fs.FileInfo // of the open file, to compare with what the path names
	end   int64       // after the last durable byte
	size  int64       // allocated bytes
}

// createSegment makes an empty segment under its final name. It is allocated,
// zero and on disk before it gets the name, and the name is on disk before
// createSegment returns. If it fails it removes what it made.
func createSegment(files fileSystem, folder string, first uint64, size int64) (*segment, error) {
	const op = "audit.createSegment"
	path := filepath.Join(folder, segmentName(first))
	if err := clearName(files, path); err != nil {
		return nil, failed(op, err)
	}
	err := writeFile(files, path, size, nil)
	if err == nil {
		var s *segment
		if s, err = openSegment(files, path, 0); err == nil {
			return s, nil
		}
	}
	_ = files.remove(path) // the caller looks whether it stayed
	return nil, failed(op, err)
}

// clearName removes an empty segment that an earlier attempt left. Whatever
// else has the name stays.
func clearName(files fileSystem, path string) error {
	if _, err := files.stat(path); err != nil {
		if os.IsNotExist(err) {
			return nil
		}
		return err
	}
	s, err := openSegment(files, path, 0)
	if err != nil {
		return err
	}
	_, _, err = newScanner(io.NewSectionReader(s.file, 0, s.size), minLine, false).next()
	_ = s.file.Close()
	if err != io.EOF {
		return fs.ErrExist
	}
	return files.remove(path)
}

// writeFile makes a file appear whole or not at all: temporary name, content,
// fsync, rename, fsync of the folder. fill may be nil.
func writeFile(files fileSystem, path string, size int64, fill func(file) error) error {
	temp := path + tempSuffix
	_ = files.remove(temp) // what a crash left; if it stays, create fails
	f, err := files.create(temp, size)
	if err != nil {
		_ = files.remove(temp)
		return err
	}
	if fill != nil {
		err = fill(f)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = files.rename(temp, path)
	}
	if err != nil {
		_ = files.remove(temp)
		return err
	}
	return files.syncFolder(filepath.Dir(path))
}

// openSegment opens a segment for writing from end on.
func openSegment(files fileSystem, path string, end int64) (*segment, error) {
	f, err := files.open(path)
	if err != nil {
		return nil, failed("audit.openSegment", err)
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, failed("audit.openSegment", err)
	}
	return &segment{files: files, path: path, file: f, info: info, end: end, size: info.Size()}, nil
}

// fits reports whether n more bytes have been allocated. An empty segment takes
// a batch of any size: another one would have the same name.
func (s *segment) fits(n int) bool { return s.end == 0 || s.end+int64(n) <= s.size }

// room returns how many allocated bytes are left.
func (s *segment) room() int64 { return s.size - s.end }

// commit returns nil once the lines are on disk, in the file that the path
// names. After any error the segment must not be written to again.
func (s *segment) commit(lines []byte) error {
	const op = "audit.commit"
	if _, err := s.file.WriteAt(lines, s.end); err != nil {
		return failed(op, err)
	}
	if err := s.file.Sync(); err != nil {
		return failed(op, err)
	}
	info, err := s.files.stat(s.path)
	if err != nil {
		return failed(op, err)
	}
	if !os.SameFile(info, s.info) || info.Size() < s.size {
		return unavailable(op, ReasonMissing, nil)
	}
	s.end += int64(len(lines))
	s.size = max(s.size, s.end)
	return nil
}

// retire closes a segment that will not be written to again and gives back
// what was allocated beyond the first used bytes. Failures do no harm: readers
// stop at the first NUL.
func (s *segment) retire(used int64) {
	if used < s.size {
		_ = s.file.Truncate(used)
	}
	_ = s.files.seal(s.path)
	_ = s.file.Close()
}
