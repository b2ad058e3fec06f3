package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEntriesAreNumberedAndChained(t *testing.T) {
	folder := newFolder(t)
	j := openTest(t, folder, Options{})
	var positions []care.Position
	for n := range 5 {
		positions = append(positions, mustWait(t, j.Append(refusalOf(n))))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	prev := strings.Repeat("0", 64)
	lines := strings.Split(strings.TrimSuffix(string(contentOf(t, filepath.Join(folder, segmentName(1)))), "\n"), "\n")
	if len(lines) != 5 {
		t.Fatalf("the file has %d lines, want 5", len(lines))
	}
	for i, line := range lines { // RFC 6962, computed here from the file alone
		leaf := sha256.Sum256(append([]byte{0}, line...))
		if positions[i] != (care.Position{Sequence: uint64(i + 1), Leaf: leaf}) {
			t.Errorf("entry %d has position %v, not the number and leaf of its line", i+1, positions[i])
		}
		if want := fmt.Sprintf(`{"v":1,"seq":%d,`, i+1); !strings.HasPrefix(line, want) || !strings.Contains(line, `"prev":"`+prev+`"`) {
			t.Errorf("line %d does not begin with %s or does not link to %s: %s", i+1, want, prev, line)
		}
		prev = hex.EncodeToString(leaf[:])
	}
}

func TestReopeningContinuesTheChain(t *testing.T) {
	folder := newFolder(t)
	for run := range 4 {
		j := openTest(t, folder, Options{})
		position := mustWait(t, j.Append(refusalOf(run)))
		if position.Sequence != uint64(run+1) {
			t.Fatalf("run %d got number %v", run, position)
		}
		if got := j.Status(); got.Entries != position.Sequence || got.LastLeaf != position.Leaf || got.Segments != 1 || got.Err != nil {
			t.Fatalf("status is %+v", got)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if report := mustVerify(t, folder); report.Entries != 4 {
		t.Fatalf("report is %+v, want 4 entries", report)
	}
}

func TestSegmentsRotate(t *testing.T) {
	folder := newFolder(t)
	j := openTest(t, folder, Options{SegmentBytes: 4096})
	for n := range 40 {
		mustWait(t, j.Append(refusalOf(n)))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	status := j.Status()
	files, err := filepath.Glob(filepath.Join(folder, "journal-*.jsonl"))
	if err != nil || len(files) < 5 || len(files) != status.Segments {
		t.Fatalf("%d segments (%v), status says %d", len(files), err, status.Segments)
	}
	var bytes int64
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	if bytes != status.Bytes {
		t.Errorf("the segments take %d bytes, status says %d", bytes, status.Bytes)
	}
	if report := mustVerify(t, folder); report.Entries != 40 {
		t.Fatalf("report is %+v, want 40 entries", report)
	}
}

func TestAnEntryLargerThanASegmentIsWritten(t *testing.T) {
	folder := newFolder(t)
	j := openTest(t, folder, Options{SegmentBytes: 64})
	mustWait(t, j.Append(refusalOf(1)))
	mustWait(t, j.Append(refusalOf(2)))
	mustVerify(t, folder)
}

func TestConcurrentAppend(t *testing.T) {
	folder := newFolder(t)
	j := openTest(t, folder, Options{SegmentBytes: 64 << 10})
	const writers, each = 32, 50
	var group sync.WaitGroup
	var mu sync.Mutex
	seen := map[care.Position]bool{}
	for w := range writers {
		group.Go(func() {
			for n := range each {
				e := j.Append(refusalOf(w*each + n))
				if n%3 == 0 {
					e = j.AppendLazily(refusalOf(-1))
				}
				if err := e.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				mu.Lock()
				seen[e.Position()] = true
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if len(seen) != writers*each {
		t.Fatalf("%d different positions, want %d", len(seen), writers*each)
	}
	lines := readAll(t, folder)
	found := 0
	for _, line := range lines {
		if seen[line.Position()] {
			found++
		}
	}
	if found != len(seen) {
		t.Fatalf("%d of %d entries are in the files as they were promised", found, len(seen))
	}
	mustVerify(t, folder)
}

func TestALazyEntryIsWrittenWithoutWaiting(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		j := openTest(t, folder, Options{})
		time.Sleep(time.Second) // let the start settle
		j.AppendLazily(refusalOf(1))
		synctest.Wait()
		if got := j.Status().Entries; got != 0 {
			t.Fatalf("%d entries on disk at once: a lazy one must wait for company", got)
		}
		time.Sleep(lazyDelay)
		synctest.Wait()
		if got := j.Status().Entries; got != 1 {
			t.Fatalf("%d entries on disk after %v, want 1", got, lazyDelay)
		}
		j.AppendLazily(refusalOf(2))
		mustWait(t, j.Append(refusalOf(3)))
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
	if lines := readAll(t, folder); lines[1].Batch != 2 || lines[2].Batch != 2 {
		t.Errorf("entries 2 and 3 are of batches %d and %d, want one", lines[1].Batch, lines[2].Batch)
	}
}

func TestWaitingForALazyEntryStartsItsCommit(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		j := openTest(t, folder, Options{})
		time.Sleep(time.Second)
		began := time.Now()
		mustWait(t, j.AppendLazily(refusalOf(1)))
		if waited := time.Since(began); waited != 0 { // the bubble's clock moves only when all is idle
			t.Errorf("waited %v for the timer", waited)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCloseCommitsWhatIsQueued(t *testing.T) {
	folder := newFolder(t)
	j := openTest(t, folder, Options{})
	e := j.AppendLazily(refusalOf(1))
	for range 2 {
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	mustWait(t, e)
	if lines := readAll(t, folder); len(lines) != 1 {
		t.Fatalf("%d entries, want 1", len(lines))
	}
	wantReason(t, j.Append(refusalOf(2)).Wait(t.Context()), ReasonClosed)
	wantReason(t, j.Check(), ReasonClosed)
}

func TestWaitEndsWithItsContext(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		files := &faultFiles{}
		j := openTest(t, folder, Options{files: files})
		release := make(chan struct{})
		files.set(func(op, _ string) error {
			if op == "sync" {
				<-release
			}
			return nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		e := j.Append(refusalOf(1))
		if err := e.Wait(ctx); err != context.DeadlineExceeded {
			t.Errorf("Wait returned %v, want the context's error", err)
		}
		close(release)
		mustWait(t, e)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestOneAgentOnly(t *testing.T) {
	folder := newFolder(t)
	j := openTest(t, folder, Options{})
	_, err := Open(folder, withKeys(Options{}))
	wantReason(t, err, ReasonLocked)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	openTest(t, folder, Options{})
}

func TestModes(t *testing.T) {
	folder := newFolder(t)
	j := openTest(t, folder, Options{})
	mustWait(t, j.Append(refusalOf(1)))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" {
		return // the installer's matter
	}
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", filepath.Base(path), info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	segment := filepath.Join(folder, segmentName(1))
	for path, private := range map[string]fs.FileMode{folder: 0o700, segment: 0o600} {
		for _, open := range []fs.FileMode{0o040, 0o004, 0o020} {
			if err := os.Chmod(path, private|open); err != nil {
				t.Fatal(err)
			}
			_, err := Open(folder, withKeys(Options{}))
			wantReason(t, err, ReasonPermissions)
		}
		if err := os.Chmod(path, private); err != nil {
			t.Fatal(err)
		}
	}
	openTest(t, folder, Options{})
}

func TestAFileInPlaceOfTheFolderIsRefused(t *testing.T) {
	folder := newFolder(t)
	if err := os.WriteFile(folder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(folder, withKeys(Options{}))
	wantReason(t, err, ReasonPermissions)
}

func TestErrorsShowNoCause(t *testing.T) {
	err := failed("audit.commit", &fs.PathError{Op: "open", Path: "/secret/9990000042", Err: fs.ErrNotExist})
	if strings.Contains(err.Error(), "9990000042") || err.Reason != ReasonMissing {
		t.Errorf("the error is %v", err)
	}
	for _, reason := range []string{ReasonNoSpace, ReasonIOError, ReasonReadOnly, ReasonMissing, ReasonPermissions, ReasonLocked, ReasonOverloaded, ReasonClosed} {
		if advice[reason] == "" {
			t.Errorf("reason %s has no advice", reason)
		}
	}
}
