package audit

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// stall makes every sync of a segment wait until it is told to go on.
func stall(files *faultFiles) (release chan struct{}) {
	release = make(chan struct{})
	files.set(func(op, name string) error {
		if _, segment := parseSegmentName(name); op == "sync" && segment {
			<-release
		}
		return nil
	})
	return release
}

func TestNoWaitReturnsBeforeItsSync(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		files := &faultFiles{}
		j := openTest(t, folder, Options{files: files})
		release := stall(files)
		var returned atomic.Int32
		wait := func(e care.Entry) {
			if err := e.Wait(t.Context()); err != nil {
				t.Error(err)
			}
			returned.Add(1)
		}
		go wait(j.Append(refusalOf(1)))
		synctest.Wait() // the committer stands in the first sync
		for n := range 9 {
			go wait(j.Append(refusalOf(n)))
		}
		synctest.Wait()
		if got := returned.Load(); got != 0 {
			t.Fatalf("%d waiters returned although nothing was synced", got)
		}
		if got := j.Status().Entries; got != 0 {
			t.Fatalf("status says that %d entries are durable", got)
		}
		release <- struct{}{}
		synctest.Wait()
		if got := returned.Load(); got != 1 {
			t.Fatalf("%d waiters returned after the first sync, want 1", got)
		}
		release <- struct{}{}
		synctest.Wait()
		if got := returned.Load(); got != 10 {
			t.Fatalf("%d waiters returned after the second sync, want all 10", got)
		}
		files.set(nil)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAppendDoesNotWaitForTheDisk(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		files := &faultFiles{}
		j := openTest(t, folder, Options{files: files})
		release := stall(files)
		j.Append(refusalOf(1))
		synctest.Wait()
		last := j.Append(refusalOf(2)) // would deadlock the test if it waited
		if got := last.Position().Sequence; got != 2 {
			t.Errorf("the position is %d before the sync, want 2", got)
		}
		close(release)
		mustWait(t, last)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestGroupCommitGroups(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		files := &faultFiles{}
		j := openTest(t, folder, Options{files: files})
		release := stall(files)
		first := j.Append(refusalOf(0))
		synctest.Wait()
		entries := []care.Entry{first}
		for n := range 1000 {
			entries = append(entries, j.Append(refusalOf(n)))
		}
		writes, syncs := files.count("write", ".jsonl"), files.count("sync", ".jsonl")
		close(release)
		for _, e := range entries {
			mustWait(t, e)
		}
		if got := files.count("write", ".jsonl") - writes; got != 1 {
			t.Errorf("1000 waiting entries took %d writes, want 1", got)
		}
		if got := files.count("sync", ".jsonl") - syncs; got != 1 {
			t.Errorf("1000 waiting entries took %d syncs, want 1", got)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
	for _, line := range readAll(t, folder)[1:] {
		if line.Batch != 2 {
			t.Fatalf("entry %d is of batch %d, want 2", line.Sequence, line.Batch)
		}
	}
}

func TestANewSegmentIsDurableBeforeItIsUsed(t *testing.T) {
	files := &faultFiles{}
	j := openTest(t, newFolder(t), Options{files: files})
	mustWait(t, j.Append(refusalOf(1)))
	files.mu.Lock()
	defer files.mu.Unlock()
	name := segmentName(1)
	want := []string{"create " + name + ".tmp", "sync " + name + ".tmp", "rename " + name, "syncFolder journal", "open " + name, "write " + name, "sync " + name}
	for _, call := range files.log {
		if len(want) > 0 && call == want[0] {
			want = want[1:]
		}
	}
	if len(want) > 0 {
		t.Errorf("%q did not happen in its place; the calls were %q", want[0], files.log)
	}
}

func TestOverload(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		files := &faultFiles{}
		j := openTest(t, folder, Options{files: files, maxPending: 5000})
		release := stall(files)
		first := j.Append(refusalOf(0))
		synctest.Wait()
		var taken []care.Entry
		for n := range 100 {
			e := j.Append(refusalOf(n))
			if e.Position().Sequence == 0 {
				wantReason(t, e.Wait(t.Context()), ReasonOverloaded)
				break
			}
			taken = append(taken, e)
		}
		if len(taken) == 0 || len(taken) > 20 {
			t.Fatalf("%d entries were queued in 5000 bytes", len(taken))
		}
		wantReason(t, j.Append(sampleEvent()).Wait(t.Context()), ReasonOverloaded)
		close(release)
		mustWait(t, first)
		for _, e := range taken {
			mustWait(t, e)
		}
		mustWait(t, j.Append(refusalOf(1)))
		if err := j.Check(); err != nil {
			t.Errorf("Check says %v after the load has gone", err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
	late := 0
	for _, line := range readAll(t, folder) {
		if !line.Occurred.IsZero() {
			late++
		}
	}
	if late != 1 {
		t.Errorf("%d refusals were written late, want the 1 that found no room", late)
	}
}
