package audit

import (
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// fill appends decisions until one is refused, and returns how many were taken.
func fill(t *testing.T, j *Journal, reason string) int {
	t.Helper()
	for n := range 1000 {
		e := j.Append(sampleEvent())
		if e.Position().Sequence == 0 {
			wantReason(t, e.Wait(t.Context()), reason)
			return n
		}
		mustWait(t, e) // what was taken before is in order
		synctest.Wait()
	}
	t.Fatal("the journal took everything")
	return 0
}

// TestAFullDisk fills the disk: the next release is refused within one commit,
// what was refused is on disk at once, and the journal resumes by itself.
func TestAFullDisk(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		files := &faultFiles{}
		j := openTest(t, folder, Options{files: files, SegmentBytes: 256 << 10})
		files.set(failOn("create", syscall.ENOSPC))
		decisions := fill(t, j, ReasonNoSpace)
		wantReason(t, j.Check(), ReasonNoSpace)
		wantPromise(t, j.Check(), true)
		if room := j.segment.room(); room < 8<<10 {
			t.Errorf("only %d bytes are left for what has to be told", room)
		}
		for n := range 5 {
			mustWait(t, j.Append(refusalOf(n)))
		}
		time.Sleep(10 * retryDelay)
		wantReason(t, j.Check(), ReasonNoSpace)
		if err := j.Close(); err != nil { // all that had to be told was written
			t.Error(err)
		}

		j = openTest(t, folder, Options{files: files, SegmentBytes: 256 << 10}) // the disk is still full
		wantReason(t, j.Check(), ReasonNoSpace)
		mustWait(t, j.Append(refusalOf(5)))
		refusals := 0
		for _, line := range readAll(t, folder) {
			if line.Kind == care.ReleaseRefused {
				refusals++
			}
		}
		if refusals != 6 {
			t.Errorf("%d refusals are on disk while it is full, want 6", refusals)
		}
		files.set(nil)
		time.Sleep(2 * retryDelay)
		if err := j.Check(); err != nil {
			t.Errorf("the journal did not resume: %v", err)
		}
		mustWait(t, j.Append(sampleEvent()))
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		checkEpisode(t, folder, ReasonNoSpace, decisions+1)
	})
}

// checkEpisode looks for the one entry that tells of a shortage, and counts
// decisions.
func checkEpisode(t *testing.T, folder, reason string, decisions int) {
	t.Helper()
	told := 0
	for _, line := range readAll(t, folder) {
		switch line.Kind {
		case care.JournalRepaired:
			if line.TrueReason == reason && strings.Contains(line.Detail, "no further segment could be made") {
				told++
			}
		case care.ReleaseDecided:
			decisions--
		}
	}
	if told != 1 || decisions != 0 {
		t.Errorf("the episode is told %d times; %d decisions are not there", told, decisions)
	}
	if report := mustVerify(t, folder); report.Missing != 0 {
		t.Errorf("report is %+v: no number is missing after a shortage", report)
	}
}

// TestTheReserveIsFull goes on refusing when there is no room for that either:
// the newest refusals are kept in memory.
func TestTheReserveIsFull(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		files := &faultFiles{}
		j := openTest(t, folder, Options{files: files, SegmentBytes: 64 << 10})
		files.set(failOn("create", syscall.ENOSPC))
		decisions := fill(t, j, ReasonNoSpace)
		written := 0
		for n := range 100 {
			e := j.Append(refusalOf(n))
			if e.Position().Sequence > 0 {
				mustWait(t, e)
				written++
			}
		}
		if written == 0 || written == 100 {
			t.Errorf("%d refusals fitted into the reserve", written)
		}
		files.set(nil)
		time.Sleep(2 * retryDelay)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		checkEpisode(t, folder, ReasonNoSpace, decisions)
		refusals := 0
		for _, line := range readAll(t, folder) {
			if line.Kind == care.ReleaseRefused {
				refusals++
			}
		}
		if refusals != 100 {
			t.Errorf("%d of 100 refusals are in the journal", refusals)
		}
	})
}

func TestPastTheQuota(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		opts := Options{SegmentBytes: 64 << 10, MaxBytes: 200 << 10, files: quickFiles{}}
		j := openTest(t, folder, opts)
		decisions := fill(t, j, ReasonQuota)
		mustWait(t, j.Append(refusalOf(0)))
		if got := j.Status(); got.Bytes > opts.MaxBytes || got.Segments != 3 {
			t.Errorf("status is %+v", got)
		}
		if err := j.Close(); err != nil { // all that had to be told was written
			t.Error(err)
		}
		opts.MaxBytes = 400 << 10
		j = openTest(t, folder, opts)
		mustWait(t, j.Append(sampleEvent()))
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if report := mustVerify(t, folder); report.Missing != 0 {
			t.Errorf("report is %+v", report)
		}
		found := 0
		for _, line := range readAll(t, folder) {
			if line.Kind == care.ReleaseDecided {
				found++
			}
		}
		if found != decisions+1 {
			t.Errorf("%d decisions are in the journal, %d were promised", found, decisions+1)
		}
	})
}

// TestAHalfMadeSegmentIsRemoved fails after the new segment has its name: it must
// not stay under a number that goes to an entry elsewhere.
func TestAHalfMadeSegmentIsRemoved(t *testing.T) {
	for _, op := range []string{"syncFolder", "open"} {
		folder := newFolder(t)
		synctest.Test(t, func(t *testing.T) {
			files := &faultFiles{}
			j := openTest(t, folder, Options{files: files, SegmentBytes: 128 << 10})
			files.set(failOn(op, syscall.EIO))
			fill(t, j, ReasonIOError)
			for n := range 3 {
				mustWait(t, j.Append(refusalOf(n)))
				time.Sleep(2 * retryDelay)
				synctest.Wait() // for the attempt of this moment
			}
			if firsts, err := newListing(folder); err != nil || len(firsts) != 1 {
				t.Errorf("%s: the segments are %v, %v", op, firsts, err)
			}
			files.set(nil)
			time.Sleep(2 * retryDelay)
			mustWait(t, j.Append(sampleEvent()))
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
		})
		for from := uint64(1); from <= uint64(len(readAll(t, folder))); from++ {
			for line, err := range Read(folder, from, from) {
				if err != nil || line.Sequence != from {
					t.Fatalf("reading from %d yields %v, %v", from, line, err)
				}
			}
		}
		mustVerify(t, folder)
	}
}

// TestWhatWasQueuedEndsAShortage has the disk full for one attempt only, while
// more is queued than the reserve holds: the batch itself begins the segment.
func TestWhatWasQueuedEndsAShortage(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		files := &faultFiles{}
		j := openTest(t, folder, Options{files: files, SegmentBytes: 64 << 10})
		full := make(chan struct{})
		first := true
		files.set(func(op, _ string) error {
			if op == "create" && first {
				first = false
				<-full
				return syscall.ENOSPC
			}
			return nil
		})
		var queued []care.Entry
		for n := range 120 { // far more than one segment
			queued = append(queued, j.Append(refusalOf(n)))
			if n < 80 {
				synctest.Wait()
			}
		}
		close(full)
		for _, e := range queued {
			mustWait(t, e)
		}
		synctest.Wait()
		if err := j.Check(); err != nil {
			t.Errorf("there is a new segment, and still: %v", err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
	mustVerify(t, folder)
}

// TestAHalfMadeSegmentThatStays cannot remove it either: its number must not go
// to an entry elsewhere, so nothing is written to the segment before.
func TestAHalfMadeSegmentThatStays(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		files := &faultFiles{}
		j := openTest(t, folder, Options{files: files, SegmentBytes: 64 << 10})
		files.set(func(op, name string) error {
			if op == "syncFolder" || op == "remove" && strings.HasSuffix(name, segmentSuffix) {
				return syscall.EIO
			}
			return nil
		})
		fill(t, j, ReasonIOError)
		wantReason(t, j.Append(refusalOf(0)).Wait(t.Context()), ReasonIOError)
		files.set(nil)
		time.Sleep(3 * retryDelay)
		mustWait(t, j.Append(sampleEvent()))
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
	mustVerify(t, folder)
}
