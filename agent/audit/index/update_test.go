package index

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// sampleLine returns entry n as a line with the body of a sample.
func sampleLine(t testing.TB, body int, n uint64) []byte {
	t.Helper()
	w := &writer{next: n, clock: epoch}
	w.add(sampleBodies()[body])
	return bytes.TrimSuffix(w.text, []byte("\n"))
}

func decode(t testing.TB, raw []byte) *audit.Line {
	t.Helper()
	l, err := audit.Decode(&audit.Line{Raw: raw})
	if err != nil {
		t.Fatal(err)
	}
	return &l
}

func wantMode(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != mode {
		t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), mode)
	}
}

func TestUpdateSaysWhatItCovers(t *testing.T) {
	w := newWriter(t)
	for n := range 100 {
		w.add(sampleBodies()[n])
	}
	w.save()
	sealed := uint64(0)
	for n := 0; n < 100; n += 10 {
		if bytes.Contains(sampleBodies()[n], []byte(otherBox.KeyID())) {
			sealed++
		}
	}
	x := w.index()
	want := Status{Last: 100, Entries: 100, Unrevealed: sealed}
	for range 2 {
		if got := mustUpdate(t, x); got != want || sealed == 0 {
			t.Fatalf("covers %+v, want %+v", got, want)
		}
	}
	w.add(sampleBodies()[1])
	w.save()
	want.Last, want.Entries = 101, 101
	if got := mustUpdate(t, x); got != want {
		t.Errorf("covers %+v, want %+v", got, want)
	}
}

// What is in the index is not read again: the lines before can even be damaged.
func TestUpdateGoesOnWhereItEnded(t *testing.T) {
	m := indexed(t)
	m.ruin(2)
	before := mustUpdate(t, m.index(false))
	m.grow(5, 0)
	after := mustUpdate(t, m.index(false))
	if after.Entries != before.Entries+5 || after.Last != before.Last+5 {
		t.Errorf("covers %+v, before %+v", after, before)
	}
	found, gaps := mustSearch(t, m.index(false), Query{Kind: "AGENT_STARTED"})
	if len(found) == 0 || slices.ContainsFunc(gaps, func(g Gap) bool { return g.Reason == GapDamaged }) {
		t.Errorf("found %v with gaps %v", found, gaps)
	}
}

// A search looks at the index, not at all lines: those that do not fit may be
// damaged, but for the last of a block, which vouch for it.
func TestSearchUsesTheIndex(t *testing.T) {
	m := indexed(t)
	mustUpdate(t, m.index(false))
	q := Query{Patient: testNumber(3)}
	want, gaps := mustSearch(t, m.index(false), q)
	for i, n := range m.numbers() {
		if !slices.Contains(want, n) && n%blockEntries != blockEntries-1 && n != m.next-1 {
			m.ruin(i)
		}
	}
	if got, after := mustSearch(t, m.index(false), q); !slices.Equal(got, want) || !slices.Equal(after, gaps) || len(want) == 0 {
		t.Errorf("found %v with gaps %v, want %v and %v", got, after, want, gaps)
	}
}

func TestUpdateCanBeInterrupted(t *testing.T) {
	m := newModel(t)
	m.grow(20, 0)
	m.failFar(1, 3*blockEntries)
	m.grow(300, 1)
	want := mustUpdate(t, New(Options{Folder: m.folder, Key: [32]byte{1}, Box: testBox}))
	x := m.index(false)
	for calls := 1; ; calls++ {
		left := calls
		status, err := x.update(t.Context(), true, func(context.Context) error {
			if left--; left == 0 {
				return context.Canceled
			}
			return nil
		})
		if err == nil {
			if status != want {
				t.Errorf("covers %+v, want %+v", status, want)
			}
			return
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		m.checkKind(t, x)
	}
}

// checkKind fails the test if a search by kind misses something.
func (m *model) checkKind(t *testing.T, x *Index) {
	t.Helper()
	var want []uint64
	for _, n := range m.numbers() {
		if m.entries[n].line.Kind == care.AgentStarted {
			want = append(want, n)
		}
	}
	if got, _ := mustSearch(t, x, Query{Kind: "AGENT_STARTED"}); !slices.Equal(got, want) {
		t.Fatalf("found %v, want %v", got, want)
	}
}

func TestUpdateFails(t *testing.T) {
	w := newWriter(t)
	w.add(sampleBodies()[0])
	w.save()
	if err := os.WriteFile(filepath.Join(w.folder, folderName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := w.index().Update(t.Context())
	if care.KindOf(err) != care.AuditUnavailable || care.ReasonOf(err) != audit.ReasonIOError {
		t.Errorf("error is %v", err)
	}
	if found, _ := mustSearch(t, w.index(), Query{}); len(found) != 1 {
		t.Errorf("found %v without an index", found)
	}
	_, err = New(Options{Folder: filepath.Join(w.folder, "none"), Key: testKey, Box: testBox}).Update(t.Context())
	if care.KindOf(err) != care.AuditUnavailable {
		t.Errorf("without a journal the error is %v", err)
	}
	for _, err := range first(New(Options{Folder: filepath.Join(w.folder, "none"), Box: testBox}).Search(t.Context(), Query{})) {
		if care.KindOf(err) != care.AuditUnavailable {
			t.Errorf("without a journal the error of Search is %v", err)
		}
	}
}

func first[A, B any](a A, _ B) A { return a }

// Blocks of pruned entries go; the reason of their absence is told.
func TestPrunedEntriesLeaveTheIndex(t *testing.T) {
	m := newModel(t)
	m.grow(25, 0)
	m.rotateTo(m.next)
	m.grow(50, 1)
	x := m.index(false)
	mustUpdate(t, x)
	m.deleteOldest()
	to := m.order[0] - 1
	m.add([]byte(`"kind":"JOURNAL_PRUNED","from":1,"to":` + number(bounds(0).to+5)))
	m.save()
	mustUpdate(t, x)
	if _, err := os.Stat(filepath.Join(x.folder, blockName(0))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the block of pruned entries is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(x.folder, blockName(1))); err != nil {
		t.Errorf("a block of other entries is gone: %v", err)
	}
	_, gaps := mustSearch(t, x, Query{User: "admin"})
	if want := []Gap{{1, to, to, GapPruned}}; !slices.Equal(gaps, want) {
		t.Errorf("gaps are %v, want %v", gaps, want)
	}
	if _, gaps := mustSearch(t, x, Query{User: "admin", From: epoch.Add(48 * time.Hour)}); len(gaps) != 0 {
		t.Errorf("gaps of other times are told: %v", gaps)
	}
	if status := mustUpdate(t, x); status.Last != m.next-1 {
		t.Errorf("covers %+v", status)
	}
}

// Entries of an archive that is at hand stay in the index, also if later ones were
// deleted.
func TestArchivedEntriesStayInTheIndex(t *testing.T) {
	m := newModel(t)
	m.grow(15, 0)
	m.rotateTo(m.next)
	m.grow(50, 1)
	m.archiveOldest()
	m.add([]byte(`"kind":"JOURNAL_PRUNED","from":1,"to":` + number(bounds(0).to)))
	m.save()
	want := mustUpdate(t, m.index(true))
	if want.Entries != 66 {
		t.Errorf("covers %+v", want)
	}
	if got := mustUpdate(t, m.index(true)); got != want {
		t.Errorf("covers %+v, want %+v", got, want)
	}
	if blocks := blockFiles(t, m); len(blocks) != 2 {
		t.Errorf("the blocks are %v", blocks)
	}
}

// What was archived is found where it is now, and told where it is not at hand.
func TestArchivedEntries(t *testing.T) {
	m := newModel(t)
	m.grow(15, 0)
	m.rotateTo(m.next)
	m.grow(50, 1)
	mustUpdate(t, m.index(false))
	want, _ := mustSearch(t, m.index(false), Query{Kind: "AGENT_STARTED"})
	m.archiveOldest()
	m.add([]byte(`"kind":"JOURNAL_ARCHIVED","from":` + number(m.order[0]) + `,"to":` + number(m.order[1]-1)))
	m.save()
	if got, _ := mustSearch(t, m.index(true), Query{Kind: "AGENT_STARTED"}); !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
	got, gaps := mustSearch(t, m.index(false), Query{Kind: "AGENT_STARTED"})
	if len(got) == len(want) || len(gaps) != 2 || gaps[1] != gapOf(span{m.order[0], m.order[1] - 1}, GapArchived) || gaps[0].Reason != GapMissing {
		t.Errorf("found %v of %v, gaps %v", got, want, gaps)
	}
	// The index knows that they are of another time.
	late := Query{From: epoch.Add(20 * time.Second), FirstEntry: m.order[0]}
	if _, gaps := mustSearch(t, m.index(false), late); len(gaps) == 0 {
		t.Error("a block that may hold entries of the time is not told of")
	}
	late.From = epoch.Add(time.Hour)
	if _, gaps := mustSearch(t, m.index(false), late); len(gaps) != 0 {
		t.Errorf("gaps of another time: %v", gaps)
	}
}

// checkAll fails the test unless a search finds all entries, and by kind too.
func (m *model) checkAll(t *testing.T, x *Index) {
	t.Helper()
	got, gaps := mustSearch(t, x, Query{FirstEntry: m.order[0]})
	if want := m.numbers(); !slices.Equal(got, want) || len(gaps) != 0 {
		t.Errorf("found %v with gaps %v, want %v", got, gaps, want)
	}
	m.checkKind(t, x)
}

// A crash takes entries that were never promised, and their numbers are given to
// others: what the index has of them does not count.
func TestNumbersAreGivenOutAgain(t *testing.T) {
	m := newModel(t)
	m.grow(30, 0)
	before := mustUpdate(t, m.index(false))
	m.crash(15)
	for range 2 {
		m.checkAll(t, m.index(false))
		if got := mustUpdate(t, m.index(false)); got.Entries != before.Entries || got.Last != before.Last {
			t.Errorf("covers %+v, want %+v", got, before)
		}
	}
}

// Lines that were in the index before their numbers were stated as missing do
// not count either.
func TestFailedEntriesLeaveTheIndex(t *testing.T) {
	m := newModel(t)
	m.grow(15, 0)
	kept := *m.writer
	from := m.next
	for range 8 { // into the next block, as failFar writes them again
		m.add(sampleBodies()[0])
	}
	m.save()
	mustUpdate(t, m.index(false))
	*m.writer = kept
	m.failFar(8, 8)
	m.grow(5, 0)
	for range 2 {
		m.checkAll(t, m.index(false))
		mustUpdate(t, m.index(false))
	}
	x := m.index(false)
	blocks, err := openBlocks(x.folder, newSealer(&x.key))
	if err != nil || len(blocks) != 2 {
		t.Fatalf("%d blocks, %v", len(blocks), err)
	}
	got := append(blocks[0].missing, blocks[1].missing...)
	if want := []span{{from, bounds(0).to}, {bounds(1).from, from + 7}}; !slices.Equal(got, want) {
		t.Errorf("stated as missing are %v, want %v", got, want)
	}
}

func TestABlockFitsItsOwnEntriesOnly(t *testing.T) {
	m := newModel(t)
	m.grow(8, 0)
	x := m.index(false)
	mustUpdate(t, x)
	blocks, err := openBlocks(x.folder, newSealer(&x.key))
	if err != nil {
		t.Fatal(err)
	}
	s, err := listSegments(x.journal, "")
	if err != nil {
		t.Fatal(err)
	}
	r, leaf := *blocks[0].lastRun(), blocks[0].leaf
	if !fits(&r, leaf, s) {
		t.Error("its own entries do not fit")
	}
	leaf[0]++
	if fits(&r, leaf, s) {
		t.Error("an entry with another hash fits")
	}
	r.size--
	if fits(&r, blocks[0].leaf, s) {
		t.Error("half a line fits")
	}
}

// The index knows the place of every line.
func TestPlaces(t *testing.T) {
	m := indexed(t)
	x := m.index(false)
	mustUpdate(t, x)
	s := &search{Index: x, seals: newSealer(&x.key), hashes: newHasher(&x.key)}
	blocks, err := openBlocks(x.folder, s.seals)
	if err != nil {
		t.Fatal(err)
	}
	var got []uint64
	for _, b := range blocks {
		for _, r := range b.runs {
			found, _, err := s.indexed(piece{span: r.span, block: b})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				text, err := os.ReadFile(m.path(f.segment))
				if err != nil {
					t.Fatal(err)
				}
				if line := text[f.offset : f.offset+int64(f.length)]; string(line) != string(m.entries[f.entry].line.Raw)+"\n" {
					t.Errorf("at the place of entry %d stands %.40q", f.entry, line)
				}
				got = append(got, f.entry)
			}
		}
	}
	if !slices.Equal(got, m.numbers()) {
		t.Errorf("the entries are %v, want %v", got, m.numbers())
	}
}
