package vault

import (
	"encoding/binary"
	"slices"
)

// A page's entries stand one after the other, by ascending remainder of their
// keys: remainder, length of the value, value.

// entryAt reads the entry that begins at from and returns where it ends; false
// if there is none that is whole.
func entryAt(page []byte, from int) (remainder uint64, value []byte, end int, ok bool) {
	if len(page)-from <= remainderSize {
		return 0, nil, 0, false
	}
	size, n := uint64(page[from+remainderSize]), 1
	if size >= 0x80 { // nearly all are shorter
		size, n = binary.Uvarint(page[from+remainderSize:])
	}
	start := from + remainderSize + n
	if n <= 0 || size == 0 || size > MaxValue || size > uint64(len(page)-start) {
		return 0, nil, 0, false
	}
	end = start + int(size)
	return binary.BigEndian.Uint64(page[from:]), page[start:end:end], end, true
}

// find looks an entry up. If it is not there, start and end are where it would
// stand and value is nil. It reports false for a page that cannot be read.
func find(page []byte, remainder uint64) (value []byte, start, end int, ok bool) {
	for at := 0; at < len(page); {
		if next, skip := shortBefore(page, at, remainder); skip {
			at = next
			continue
		}
		r, v, next, ok := entryAt(page, at)
		switch {
		case !ok:
			return nil, 0, 0, false
		case r == remainder:
			return v, at, next, true
		case r > remainder:
			return nil, at, at, true
		}
		at = next
	}
	return nil, len(page), len(page), true
}

// shortBefore reports whether the entry at from is whole, of fewer than 128
// bytes and before remainder, and where it ends. It is what find does most.
func shortBefore(page []byte, from int, remainder uint64) (end int, ok bool) {
	if len(page)-from <= remainderSize {
		return 0, false
	}
	size := int(page[from+remainderSize])
	end = from + remainderSize + 1 + size
	return end, size-1 < 0x7F && size > 0 && end <= len(page) && binary.BigEndian.Uint64(page[from:]) < remainder
}

// countEntries reads all of a page and reports false if it is not as it must
// be: whole entries in ascending order.
func countEntries(page []byte) (entries uint64, ok bool) {
	var last uint64
	for at := 0; at < len(page); entries++ {
		r, _, next, ok := entryAt(page, at)
		if !ok || entries > 0 && r <= last {
			return 0, false
		}
		last, at = r, next
	}
	return entries, true
}

// appendEntry appends an entry to a page.
func appendEntry(page []byte, remainder uint64, value []byte) []byte {
	page = binary.BigEndian.AppendUint64(page, remainder)
	page = binary.AppendUvarint(page, uint64(len(value)))
	return append(page, value...)
}

// splice replaces page[start:end] by an entry, or by nothing if value is empty.
func splice(page []byte, start, end int, remainder uint64, value []byte) []byte {
	if len(value) == 0 {
		return slices.Delete(page, start, end)
	}
	return slices.Replace(page, start, end, appendEntry(nil, remainder, value)...)
}
