package audit

import (
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// wantPromise checks whether an error says that the agent goes on by itself.
func wantPromise(t *testing.T, err error, want bool) {
	t.Helper()
	if got := err != nil && strings.Contains(err.Error(), "the agent resumes by itself"); got != want {
		t.Errorf("it says %v", err)
	}
}

// TestOnlyWhatIsTriedAgainPromisesSo: an agent that does not start, or an
// archive that fails, does not go on by itself.
func TestOnlyWhatIsTriedAgainPromisesSo(t *testing.T) {
	files := &faultFiles{}
	folder := newFolder(t)
	files.set(failOn("mkdir", syscall.EROFS))
	_, err := Open(folder, withKeys(Options{files: files}))
	wantReason(t, err, ReasonReadOnly)
	wantPromise(t, err, false)

	files.set(nil)
	j := openOld(t, folder, files, 600)
	archive := newFolder(t)
	files.set(func(op, name string) error {
		if op == "create" && strings.HasPrefix(name, segmentPrefix) {
			return syscall.ENOSPC
		}
		return nil
	})
	_, err = j.Archive(t.Context(), archive, 100, care.Event{})
	wantReason(t, err, ReasonNoSpace)
	wantPromise(t, err, false)
	if err == nil || !strings.Contains(err.Error(), archive) {
		t.Errorf("it does not say where: %v", err)
	}
	if err := j.Check(); err != nil {
		t.Error(err)
	}
	files.set(failOn("sync", syscall.EIO))
	err = j.Append(sampleEvent()).Wait(t.Context())
	wantReason(t, err, ReasonIOError)
	wantPromise(t, err, true)
	files.set(nil)
}

// TestArchivingEndsAnyShortage: past the quota segments can be archived where
// the reserve is full too, and where a failure took the segment in use away.
func TestArchivingEndsAnyShortage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files, folder := &faultFiles{}, newFolder(t)
		j := openTest(t, folder, Options{files: files, SegmentBytes: 64 << 10})
		for range 600 {
			mustWait(t, j.Append(sampleEvent()))
		}
		closed, err := j.Closed()
		if err != nil {
			t.Fatal(err)
		}
		j.maxBytes = j.Status().Bytes
		files.set(failOn("sync", syscall.EIO))
		wantReason(t, j.Append(sampleEvent()).Wait(t.Context()), ReasonIOError)
		files.set(nil)
		time.Sleep(2 * retryDelay)
		if past := j.Status().Bytes - j.maxBytes; past > j.reserved() {
			t.Errorf("the journal is %d bytes past its quota", past)
		}
		told := 0
		for ; ; told++ {
			e := j.Append(refusalOf(told))
			if e.Position().Sequence == 0 {
				break
			}
			mustWait(t, e)
			synctest.Wait()
			wantReason(t, j.Check(), ReasonQuota)
		}
		if told == 0 {
			t.Error("no refusal could be told")
		}
		if n, err := j.Archive(t.Context(), newFolder(t), closed[5].Last, care.Event{}); n != 6 || err != nil {
			t.Fatalf("%d segments were archived: %v", n, err)
		}
		time.Sleep(2 * retryDelay)
		mustWait(t, j.Append(sampleEvent()))
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
