package audit

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// TestEveryFailingStep makes each step of a commit, and of making a segment,
// fail with each error, and checks that nobody is told that it worked, that the
// file is not tried again, that the journal resumes once the fault is gone, and
// that what it then holds is whole and exactly what was promised.
func TestEveryFailingStep(t *testing.T) {
	causes := map[string]error{ReasonNoSpace: syscall.ENOSPC, ReasonIOError: syscall.EIO, ReasonReadOnly: syscall.EROFS}
	for reason, cause := range causes {
		for _, op := range []string{"write", "sync", "stat", "create", "rename", "syncFolder", "open"} {
			t.Run(op+" "+reason, func(t *testing.T) {
				folder := newFolder(t)
				synctest.Test(t, func(t *testing.T) { failStep(t, folder, op, reason, cause) })
			})
		}
	}
}

// failStep makes one step fail. Where that is a step of making a segment,
// refusals are still written into the reserve until that is full.
func failStep(t *testing.T, folder, op, reason string, cause error) {
	files := &faultFiles{}
	j := openTest(t, folder, Options{files: files, SegmentBytes: 32 << 10})
	promised := map[uint64]bool{mustWait(t, j.Append(refusalOf(0))).Sequence: true}
	fired := breakStep(files, op, cause)
	var failed []care.Entry
	for n := 1; len(failed) == 0 && n < 200; n++ {
		e := j.Append(refusalOf(n))
		if err := e.Wait(t.Context()); err != nil {
			wantReason(t, err, reason)
			failed = append(failed, e)
		} else {
			promised[e.Position().Sequence] = true
		}
		synctest.Wait() // for the segment after
		decided := j.Append(sampleEvent())
		err := decided.Wait(t.Context())
		if fired.Load() {
			wantReason(t, err, reason)
		} else {
			promised[mustWait(t, decided).Sequence] = true
		}
	}
	if len(failed) == 0 || !fired.Load() {
		t.Fatalf("the fault did not show; it fired: %v", fired.Load())
	}
	synctest.Wait()
	wantReason(t, j.Check(), reason)
	wantReason(t, j.Status().Err, reason)
	wantReason(t, j.Append(sampleEvent()).Wait(t.Context()), reason)
	time.Sleep(5 * time.Second) // repairs are tried and fail
	wantReason(t, j.Check(), reason)
	files.set(nil)
	time.Sleep(2 * retryDelay)
	synctest.Wait()
	if err := j.Check(); err != nil {
		t.Fatalf("the journal did not resume: %v", err)
	}
	promised[mustWait(t, j.Append(refusalOf(100))).Sequence] = true
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	checkAfterRepair(t, folder, reason, promised, failed, op == "write" || op == "sync" || op == "stat")
}

// breakStep makes op fail from now on and says whether it did.
func breakStep(files *faultFiles, op string, cause error) *atomic.Bool {
	fired := new(atomic.Bool)
	files.set(func(called, name string) error {
		if called != op || op == "stat" && name == "journal" {
			return nil
		}
		fired.Store(true)
		return &fs.PathError{Op: op, Path: name, Err: cause}
	})
	return fired
}

// checkAfterRepair reads what a journal holds that failed and was repaired.
func checkAfterRepair(t *testing.T, folder, reason string, promised map[uint64]bool, failed []care.Entry, numbersLost bool) {
	t.Helper()
	report := mustVerify(t, folder)
	var repaired *Line
	late := 0
	lines := readAll(t, folder)
	for _, line := range lines {
		if line.Kind == care.JournalRepaired {
			repaired = &line
		}
		if line.Kind == care.ReleaseDecided && !promised[line.Sequence] {
			t.Errorf("entry %d is a decision that failed", line.Sequence)
		}
		if !line.Occurred.IsZero() {
			late++
		}
		delete(promised, line.Sequence)
		for _, e := range failed {
			if e.Position().Sequence > 0 && line.Sequence == e.Position().Sequence {
				t.Errorf("entry %d failed and is in the journal", line.Sequence)
			}
		}
	}
	if len(promised) > 0 {
		t.Errorf("entries that were promised are not in the journal: %v", promised)
	}
	if repaired == nil || repaired.TrueReason != reason || numbersLost != (report.Missing > 0) {
		t.Errorf("the repair entry is %v, the report %+v; want reason %s and numbers stated as missing: %v", repaired, report, reason, numbersLost)
	}
	if late != 1 {
		t.Errorf("%d refusals were written late, want the 1 that failed", late)
	}
}

func TestNothingIsTriedAgainOnAFailedFile(t *testing.T) {
	for _, op := range []string{"write", "sync"} {
		folder := newFolder(t)
		synctest.Test(t, func(t *testing.T) {
			files := &faultFiles{}
			j := openTest(t, folder, Options{files: files})
			mustWait(t, j.Append(refusalOf(0)))
			files.set(failOn(op, syscall.EIO))
			wantReason(t, j.Append(refusalOf(1)).Wait(t.Context()), ReasonIOError)
			files.set(nil)
			touched := files.count("write", segmentName(1)) + files.count("sync", segmentName(1))
			time.Sleep(10 * retryDelay)
			mustWait(t, j.Append(refusalOf(2)))
			if got := files.count("write", segmentName(1)) + files.count("sync", segmentName(1)); got != touched {
				t.Errorf("%s: the file that failed was written or synced again", op)
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
		})
		mustVerify(t, folder)
	}
}

func TestWhatIsQueuedBehindAFailureFailsToo(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		files := &faultFiles{}
		j := openTest(t, folder, Options{files: files})
		release := make(chan struct{})
		files.set(func(op, _ string) error {
			if op != "sync" {
				return nil
			}
			<-release
			return syscall.EIO
		})
		entries := []care.Entry{j.Append(sampleEvent())}
		synctest.Wait()
		for range 5 {
			entries = append(entries, j.Append(sampleEvent()))
		}
		close(release)
		for _, e := range entries {
			wantReason(t, e.Wait(t.Context()), ReasonIOError)
		}
		files.set(nil)
		time.Sleep(2 * retryDelay)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
	lines := readAll(t, folder)
	if len(lines) != 1 || lines[0].MissingFrom != 1 || lines[0].MissingTo != 6 || lines[0].Sequence != 7 {
		t.Fatalf("the journal holds %v, want one repair entry, number 7, that states 1 to 6 as missing", lines)
	}
	mustVerify(t, folder)
}

func TestAWriteThatStopsHalfWay(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		files := &faultFiles{}
		j := openTest(t, folder, Options{files: files})
		mustWait(t, j.Append(refusalOf(0)))
		files.set(failOn("write", errHalf))
		wantReason(t, j.Append(sampleEvent()).Wait(t.Context()), ReasonIOError)
		files.set(nil)
		time.Sleep(2 * retryDelay)
		mustWait(t, j.Append(refusalOf(1)))
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
	if report := mustVerify(t, folder); report.Entries != 3 { // the half line is no damage: its number is stated as missing
		t.Errorf("report is %+v, want 3 entries", report)
	}
}

func TestASegmentThatIsTakenAway(t *testing.T) {
	change := map[string]func(path string) error{
		"removed": os.Remove,
		"renamed": func(path string) error { return os.Rename(path, path+".old") },
		"replaced": func(path string) error {
			data, err := os.ReadFile(path)
			if err == nil {
				err = os.Rename(path, path+".old")
			}
			if err == nil {
				err = os.WriteFile(path, data, 0o600)
			}
			return err
		},
		"cut": func(path string) error { return os.Truncate(path, 100) },
	}
	for name, change := range change {
		t.Run(name, func(t *testing.T) {
			folder := newFolder(t)
			synctest.Test(t, func(t *testing.T) {
				j := openTest(t, folder, Options{})
				mustWait(t, j.Append(refusalOf(0)))
				if err := change(filepath.Join(folder, segmentName(1))); err != nil {
					t.Fatal(err)
				}
				wantReason(t, j.Append(sampleEvent()).Wait(t.Context()), ReasonMissing)
				time.Sleep(2 * retryDelay)
				if got := mustWait(t, j.Append(refusalOf(1))).Sequence; got != 4 {
					t.Errorf("the entry after the repair has number %d, want 4", got)
				}
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
			})
			report, err := Verify(folder)
			if err != nil {
				t.Fatal(err)
			}
			if whole := name == "replaced"; whole != (len(report.Faults) == 0) {
				t.Errorf("report is %+v: a durable entry that is gone must show", report)
			}
		})
	}
}

func TestTheFolderIsTakenAway(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		j := openTest(t, folder, Options{})
		mustWait(t, j.Append(refusalOf(0)))
		if err := os.Rename(folder, folder+".away"); err != nil {
			t.Fatal(err)
		}
		wantReason(t, j.Append(sampleEvent()).Wait(t.Context()), ReasonMissing)
		time.Sleep(3 * retryDelay)
		wantReason(t, j.Check(), ReasonMissing)
		if _, err := os.Stat(folder); !os.IsNotExist(err) {
			t.Fatal("the folder was made anew: entries could go to the wrong volume")
		}
		if err := os.Mkdir(folder, 0o755); err != nil { // what an unmounted volume leaves
			t.Fatal(err)
		}
		time.Sleep(3 * retryDelay)
		wantReason(t, j.Check(), ReasonPermissions)
		if err := os.Remove(folder); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(folder+".away", folder); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * retryDelay)
		mustWait(t, j.Append(refusalOf(1)))
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
	mustVerify(t, folder)
}

func TestRefusalsAreKeptWhileBroken(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		files := &faultFiles{}
		j := openTest(t, folder, Options{files: files})
		files.set(failOn("sync", syscall.EIO))
		for n := range maxReserve + 10 {
			wantReason(t, j.Append(refusalOf(n)).Wait(t.Context()), ReasonIOError)
		}
		files.set(nil)
		time.Sleep(2 * retryDelay)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
	var late, lost int
	for _, line := range readAll(t, folder) {
		if line.Kind == care.ReleaseRefused {
			if want := fmt.Sprintf("refusal %d", late+10); line.Detail != want || line.Occurred.IsZero() || line.Occurred.After(line.Time) {
				t.Fatalf("the entry says %q, occurred %v, written %v; want %q, the newest kept in order", line.Detail, line.Occurred, line.Time, want)
			}
			late++
		}
		lost += int(line.Lost)
	}
	if late != maxReserve || lost != 10 {
		t.Errorf("%d refusals kept and %d stated as lost, want %d and 10", late, lost, maxReserve)
	}
	mustVerify(t, folder)
}

func TestStartOnAFullDisk(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		files := &faultFiles{}
		files.set(failOn("create", syscall.ENOSPC))
		j := openTest(t, folder, Options{files: files})
		wantReason(t, j.Check(), ReasonNoSpace)
		wantReason(t, j.Append(sampleEvent()).Wait(t.Context()), ReasonNoSpace)
		files.set(nil)
		time.Sleep(2 * retryDelay)
		mustWait(t, j.Append(refusalOf(1)))
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
	if report := mustVerify(t, folder); report.Entries != 2 || report.Missing != 0 {
		t.Errorf("report is %+v, want 2 entries and none missing", report)
	}
}

// TestCloseWhileBroken: the error of a close says how many facts are lost, those
// that were not even kept included, and promises nothing.
func TestCloseWhileBroken(t *testing.T) {
	for _, n := range []int{1, maxReserve + 10} {
		folder := newFolder(t)
		synctest.Test(t, func(t *testing.T) {
			files := &faultFiles{}
			j := openTest(t, folder, Options{files: files})
			files.set(failOn("write", syscall.EIO))
			for i := range n {
				wantReason(t, j.Append(refusalOf(i)).Wait(t.Context()), ReasonIOError)
			}
			err := j.Close()
			wantReason(t, err, ReasonIOError)
			if !strings.Contains(err.Error(), fmt.Sprintf(": %d facts could not be written", n)) {
				t.Errorf("%d facts are lost: %v", n, err)
			}
			wantReason(t, j.Close(), ReasonIOError)
		})
	}
}

// TestACrashBeforeTheRepair leaves lines of a failed commit in the file, opens
// the journal anew and cuts the power before anything is synced again: what was
// promised after the opening must still be there.
func TestACrashBeforeTheRepair(t *testing.T) {
	folder := newFolder(t)
	files := &faultFiles{}
	j := openTest(t, folder, Options{files: files})
	mustWait(t, j.Append(refusalOf(0)))
	files.set(func(op, name string) error {
		if op == "sync" || op == "create" {
			return syscall.EIO
		}
		return nil
	})
	wantReason(t, j.Append(refusalOf(1)).Wait(t.Context()), ReasonIOError)
	wantReason(t, j.Close(), ReasonIOError)

	again := &faultFiles{}
	j = openTest(t, folder, Options{files: again})
	if again.count("write", segmentName(1)) != 1 || again.count("sync", segmentName(1)) != 1 {
		t.Error("the last batch was not written and synced once more before it was built on")
	}
	if got := mustWait(t, j.Append(refusalOf(2))).Sequence; got != 4 {
		t.Errorf("the next entry has number %d, want 4: entry 2 was found and is durable now, 3 is AGENT_RECOVERED", got)
	}
	mustVerify(t, folder)
}

func TestFailedAttemptsLeaveNoLargeFiles(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		files := &faultFiles{}
		j := openTest(t, folder, Options{files: files, SegmentBytes: 1 << 20})
		files.set(func(op, name string) error {
			if op == "sync" && !strings.HasSuffix(name, tempSuffix) {
				return syscall.EIO
			}
			return nil
		})
		wantReason(t, j.Append(refusalOf(1)).Wait(t.Context()), ReasonIOError)
		time.Sleep(20 * retryDelay)
		if got := j.Status().Bytes; got > 64<<10 {
			t.Errorf("20 attempts take %d bytes", got)
		}
		files.set(nil)
		time.Sleep(2 * retryDelay)
		mustWait(t, j.Append(refusalOf(2)))
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
	mustVerify(t, folder)
}
