package audit

import (
	"bytes"
	"io"
)

// bisectBytes is the stretch of a segment that is small enough to be read
// through, and how much is looked at in each step before.
const bisectBytes = 64 << 10

// bisect returns where a line of a segment of the given size begins that comes
// before the entry that is wanted, or is it, close enough to read on from
// there. If something cannot be made out it is a line farther up, or 0 for the
// beginning. It takes for granted that numbers rise within a segment: see leads.
func bisect(f io.ReaderAt, size int64, wanted uint64) int64 {
	window := make([]byte, bisectBytes)
	low, high := int64(0), size
	for high-low > bisectBytes {
		middle := low + (high-low)/2
		n, err := f.ReadAt(window, middle)
		if err != nil && err != io.EOF {
			return low
		}
		at, number := lineIn(window[:n])
		switch {
		case number == 0 || number > wanted: // also where nothing is written yet
			high = middle
		default:
			low = middle + at
		}
	}
	return low
}

// leads reports whether reading on from a place comes to the entry that is
// wanted, or to the end of what is written right before it.
func leads(f io.ReaderAt, at, size int64, wanted uint64) bool {
	scan := newScanner(io.NewSectionReader(f, at, size-at), 2*bisectBytes, true)
	for last := uint64(0); ; {
		line, _, err := scan.next()
		if err != nil {
			return err == io.EOF && last == wanted-1
		}
		h, _, ok := parseHeader(line)
		if !ok || h.sequence >= wanted {
			return ok && h.sequence == wanted
		}
		last = h.sequence
	}
}

// lineIn returns where the first line begins that begins in a stretch of a
// segment, and its number; 0 if there is none that can be read.
func lineIn(stretch []byte) (at int64, number uint64) {
	end := bytes.IndexByte(stretch, '\n')
	if end < 0 {
		return 0, 0
	}
	line, _, whole := bytes.Cut(stretch[end+1:], []byte{'\n'})
	h, _, ok := parseHeader(line)
	if !whole || !ok {
		return 0, 0
	}
	return int64(end) + 1, h.sequence
}
