package index

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mycarerecord/edge-agent/agent/audit"
)

// model is a journal and what is known to be in it.
type model struct {
	*writer
	entries map[uint64]*truth
	order   []uint64 // the segments, oldest first
	stored  string   // folder of the archive
	moved   map[uint64]bool
	absent  []span // numbers of segments that were never at hand
}

// truth is one entry that is or was in the journal.
type truth struct {
	line    audit.Line
	segment uint64
	sealed  bool // under another key
	ruined  bool // its line was overwritten
	gone    bool // its segment was deleted
	at      int  // offset of the line in the segment
}

// newModel begins a journal shortly before a block ends, so that few entries
// make many blocks.
func newModel(t testing.TB) *model {
	m := &model{writer: newWriter(t), entries: map[uint64]*truth{}, stored: t.TempDir(), moved: map[uint64]bool{}}
	m.next = blockEntries - 20
	m.first = m.next
	m.order = []uint64{m.first}
	m.absent = []span{{1, m.first - 1}}
	return m
}

func (m *model) index(archive bool) *Index {
	o := Options{Folder: m.folder, Key: testKey, Box: testBox}
	if archive {
		o.Archive = m.stored
	}
	return New(o)
}

// grow adds entries.
func (m *model) grow(n, body int) {
	all := sampleBodies()
	for i := range n {
		at := len(m.text)
		m.add(all[(body+i*7)%len(all)])
		m.note(at)
	}
	m.save()
}

// note takes down the entry that was just added.
func (m *model) note(at int) {
	m.t.Helper()
	l, err := audit.Decode(&audit.Line{Raw: m.text[at : len(m.text)-1]})
	if err != nil {
		m.t.Fatal(err)
	}
	m.entries[l.Sequence] = &truth{line: l, segment: m.first, at: at, sealed: testBox.Reveal(&l) != nil}
	m.entries[l.Sequence].line = l
}

func (m *model) rotateTo(first uint64) {
	m.rotate()
	m.next, m.first = first, first
	m.order = append(m.order, first)
}

// step changes the journal or the index.
func (m *model) step(t *rapid.T) {
	n := rapid.IntRange(1, 40).Draw(t, "n")
	far := uint64(rapid.SampledFrom([]int{1, 30, 8150, 20_000}).Draw(t, "far"))
	switch op := rapid.IntRange(0, 11).Draw(t, "op"); op {
	case 0, 1, 2:
		m.grow(n, rapid.IntRange(0, 239).Draw(t, "body"))
	case 3:
		m.grow(1, n)
		m.rotateTo(m.next)
		m.grow(1, n)
	case 4: // a failure
		m.grow(1, n)
		m.failFar(min(uint64(n), far), far)
	case 5: // a segment that never was at hand
		m.grow(1, n)
		m.absent = append(m.absent, span{m.next, m.next + far - 1})
		m.rotateTo(m.next + far)
		m.grow(1, n)
	case 6, 7:
		mustUpdate(m.t, m.index(op == 6))
	case 8:
		m.archiveOldest()
	case 9:
		m.deleteOldest()
	case 10:
		m.ruin(rapid.IntRange(0, 1000).Draw(t, "which"))
	case 11:
		m.crash(n)
	}
}

// failFar writes some lines that do not count, and states more numbers as
// missing than those.
func (m *model) failFar(written, stated uint64) {
	from, prev := m.next, m.prev
	for range written {
		m.add(sampleBodies()[0])
	}
	m.save()
	m.next, m.first, m.text = from+stated, from+stated, nil
	m.prev = prev
	m.order = append(m.order, m.first)
	m.add(fmt.Appendf(nil, `"kind":"JOURNAL_REPAIRED","true_reason":"IO_ERROR","missing_from":%d,"missing_to":%d`, from, m.next-1))
	m.note(0)
	m.save()
}

// archiveOldest moves the oldest closed segment to the archive.
func (m *model) archiveOldest() {
	for _, first := range m.order[:len(m.order)-1] {
		if !m.moved[first] {
			m.moved[first] = true
			if err := os.Rename(m.path(first), filepath.Join(m.stored, segmentFile(first))); err != nil {
				m.t.Fatal(err)
			}
			return
		}
	}
}

// deleteOldest deletes the oldest closed segment, wherever it is.
func (m *model) deleteOldest() {
	if len(m.order) < 2 {
		return
	}
	first := m.order[0]
	m.order = m.order[1:]
	path := m.path(first)
	if m.moved[first] {
		path = filepath.Join(m.stored, segmentFile(first))
	}
	if err := os.Remove(path); err != nil {
		m.t.Fatal(err)
	}
	for _, e := range m.entries {
		e.gone = e.gone || e.segment == first
	}
}

// ruin overwrites the line of an entry, but not of one that begins a segment.
func (m *model) ruin(which int) {
	numbers := m.numbers()
	if len(numbers) == 0 {
		return
	}
	n := numbers[which%len(numbers)]
	e := m.entries[n]
	if e.gone || n == e.segment || m.moved[e.segment] {
		return
	}
	e.ruined = true
	path := m.path(e.segment)
	text, err := os.ReadFile(path)
	if err != nil {
		m.t.Fatal(err)
	}
	copy(text[e.at:], strings.Repeat("x", len(e.line.Raw)))
	if e.segment == m.first {
		copy(m.text, text)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// crash takes up to n entries off the end, which were never promised, and gives
// their numbers to others.
func (m *model) crash(n int) {
	again := 0
	for ; again < n && m.next-1 > m.first; again++ {
		e := m.entries[m.next-1]
		delete(m.entries, m.next-1)
		m.next, m.text, m.prev = m.next-1, m.text[:e.at], e.line.Prev
	}
	m.grow(again, n+3)
}

func (m *model) numbers() []uint64 {
	var out []uint64
	for n := range m.entries {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}
