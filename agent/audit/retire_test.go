package audit

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// oldClock is a clock that starts some years ago and can be moved on.
type oldClock struct{ now time.Time }

func (c *oldClock) Now() time.Time {
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

// openOld opens a journal with n entries of ten years ago; its clock is of
// today.
func openOld(t *testing.T, folder string, files fileSystem, n int) *Journal {
	t.Helper()
	clock := &oldClock{time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC)}
	j := openTest(t, folder, Options{files: files, SegmentBytes: 32 << 10, Now: clock.Now})
	for i := range n {
		mustWait(t, j.Append(refusalOf(i)))
	}
	j.mu.Lock()
	clock.now = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	j.mu.Unlock()
	return j
}

func TestClosed(t *testing.T) {
	folder := newFolder(t)
	j := openOld(t, folder, quickFiles{}, 600)
	closed, err := j.Closed()
	if err != nil || len(closed) < 10 {
		t.Fatalf("%d segments, %v", len(closed), err)
	}
	next := uint64(1)
	for _, s := range closed {
		info, err := os.Stat(s.Path)
		if err != nil || s.First != next || s.Last < s.First || s.Bytes != info.Size() || s.Until.Year() != 2016 {
			t.Errorf("segment %+v (%v), want one that begins with entry %d", s, err, next)
		}
		next = s.Last + 1
	}
	if last := next - 1; last > 512 || last < 450 {
		t.Errorf("the last entry that may go is %d; full tiles hold 512", last)
	}
}

// TestArchive moves segments and checks that nothing is lost by it.
func TestArchive(t *testing.T) {
	folder, archive := newFolder(t), newFolder(t)
	j := openOld(t, folder, quickFiles{}, 600)
	before := readAll(t, folder)
	closed, err := j.Closed()
	if err != nil {
		t.Fatal(err)
	}
	n, err := j.Archive(t.Context(), archive, closed[3].Last, care.Event{Actor: "admin"})
	if err != nil || n != 4 {
		t.Fatalf("%d segments were archived, want 4: %v", n, err)
	}
	lines := readAll(t, folder)
	last := lines[len(lines)-1]
	if last.Kind != care.JournalArchived && lines[len(lines)-2].Kind != care.JournalArchived {
		t.Fatalf("the last entry is %v", last)
	}
	if lines[0].Sequence != closed[3].Last+1 {
		t.Errorf("reading begins with entry %d, want %d", lines[0].Sequence, closed[3].Last+1)
	}
	checkSegmentCount(t, j, folder)
	checkWhole(t, j, folder, archive, before)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	again := openTest(t, folder, Options{files: quickFiles{}})
	if err := again.Check(); err != nil {
		t.Error(err)
	}
	checkWhole(t, again, folder, archive, before)
}

// checkSegmentCount compares Status with the folder.
func checkSegmentCount(t *testing.T, j *Journal, folder string) {
	t.Helper()
	firsts, err := newListing(folder)
	if err != nil {
		t.Fatal(err)
	}
	var bytes int64
	for _, first := range firsts {
		info, err := os.Stat(filepath.Join(folder, segmentName(first)))
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	if got := j.Status(); got.Segments != len(firsts) || got.Bytes != bytes {
		t.Errorf("status is %+v; there are %d segments of %d bytes", got, len(firsts), bytes)
	}
}

// checkWhole checks that all entries can be read, with the archive, and proved.
func checkWhole(t *testing.T, j *Journal, folder, archive string, want []Line) {
	t.Helper()
	n := 0
	for line, err := range ScanWith(folder, archive, 1, uint64(len(want))) {
		if err != nil || line.Position() != want[n].Position() {
			t.Fatalf("entry %d is %v, %v", n+1, line, err)
		}
		n++
	}
	if n != len(want) {
		t.Fatalf("%d entries can be read, want %d", n, len(want))
	}
	for i := 0; i < len(want); i += 37 {
		proof, err := j.Prove(want[i].Position())
		if err != nil {
			t.Fatal(err)
		}
		checkProof(t, want[i].Position(), proof)
	}
}

func TestPrune(t *testing.T) {
	folder := newFolder(t)
	j := openOld(t, folder, quickFiles{}, 600)
	before := readAll(t, folder)
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	if _, err := j.Prune(t.Context(), now.AddDate(-1, 0, 0), care.Event{}); care.ReasonOf(err) != ReasonRetention {
		t.Errorf("pruning what is one year old: %v", err)
	}
	if n, err := j.Prune(t.Context(), time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC), care.Event{}); n != 0 || err != nil {
		t.Errorf("nothing is that old: %d, %v", n, err)
	}
	n, err := j.Prune(t.Context(), now.AddDate(-3, 0, 0), care.Event{Actor: "controller"})
	if err != nil || n < 10 {
		t.Fatalf("%d segments were pruned: %v", n, err)
	}
	checkSegmentCount(t, j, folder)
	var told *Line
	for line := range Read(folder, 1, 0) {
		if line.Kind == care.JournalPruned {
			told = &line
		}
	}
	if told == nil || told.From != 1 || told.To != readAll(t, folder)[0].Sequence-1 || told.Actor != "controller" {
		t.Fatalf("the journal tells %v", told)
	}
	proof, err := j.Prove(before[0].Position()) // its tile is still there
	if err != nil {
		t.Fatal(err)
	}
	checkProof(t, before[0].Position(), proof)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openTest(t, folder, Options{}).Check(); err != nil {
		t.Error(err)
	}
}

// TestPruneLooksAtEveryEntry has the clock set for one entry in the middle of a
// segment of old ones.
func TestPruneLooksAtEveryEntry(t *testing.T) {
	folder := newFolder(t)
	j := openOld(t, folder, quickFiles{}, 0)
	n := 0
	j.now = func() time.Time {
		if n++; n == 100 {
			return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		return time.Date(2016, 1, 1, 0, 0, n, 0, time.UTC)
	}
	for i := range 600 {
		mustWait(t, j.Append(refusalOf(i)))
	}
	j.now = time.Now
	if _, err := j.Prune(t.Context(), time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), care.Event{}); err != nil {
		t.Fatal(err)
	}
	if first := readAll(t, folder)[0].Sequence; first == 1 || first > 100 {
		t.Errorf("the journal begins with entry %d: one of 2026 is gone, or nothing is", first)
	}
}

// TestRetiringIsInterrupted stops Archive and Prune at each of their calls to
// the file system, and then runs them again.
func TestRetiringIsInterrupted(t *testing.T) {
	source := newFolder(t)
	if err := openOld(t, source, quickFiles{}, 600).Close(); err != nil {
		t.Fatal(err)
	}
	before := readAll(t, source)
	runs := map[string]func(j *Journal, archive string) (int, error){
		"archive": func(j *Journal, archive string) (int, error) {
			return j.Archive(t.Context(), archive, before[100].Sequence, care.Event{})
		},
		"prune": func(j *Journal, _ string) (int, error) {
			return j.Prune(t.Context(), before[0].Time.Add(120*time.Millisecond), care.Event{})
		},
	}
	for name, run := range runs {
		for step, calls := 1, 1; calls >= step; step++ {
			folder, archive := copyJournal(t, source), newFolder(t)
			calls = interrupt(t, folder, step, func(j *Journal) { _, _ = run(j, archive) })
			if calls < 15 && calls < step {
				t.Errorf("%s makes %d calls only", name, calls)
			}
			j := openTest(t, folder, Options{files: quickFiles{}, SegmentBytes: 32 << 10})
			if err := j.Check(); err != nil {
				t.Fatalf("%s, step %d: the journal does not open: %v", name, step, err)
			}
			if name == "archive" {
				checkWhole(t, j, folder, archive, before)
			}
			if _, err := run(j, archive); err != nil {
				t.Fatalf("%s, step %d, again: %v", name, step, err)
			}
			if first := readAll(t, folder)[0].Sequence; first < 50 || first > 102 {
				t.Fatalf("%s, step %d: the journal begins with entry %d", name, step, first)
			}
			checkSegmentCount(t, j, folder)
		}
	}
}

// interrupt opens a journal, has one call to the file system fail while run
// works with it, and closes it. It returns how many calls there were.
func interrupt(t *testing.T, folder string, step int, run func(j *Journal)) (calls int) {
	t.Helper()
	files := &faultFiles{}
	j := openTest(t, folder, Options{files: files, SegmentBytes: 32 << 10})
	mustWait(t, j.Append(refusalOf(0)))
	files.set(func(string, string) error {
		files.mu.Lock()
		defer files.mu.Unlock()
		if calls++; calls == step {
			return errHalf
		}
		return nil
	})
	run(j)
	files.set(nil)
	_ = j.Close() // fails after some of the faults
	return calls
}
