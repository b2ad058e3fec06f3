package audit

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
)

var (
	crashStates = flag.Int("crash.states", powerCuts, "how many power cuts TestPowerFails makes")
	crashSeed   = flag.Uint64("crash.seed", 0, "where their randomness begins; 0: somewhere else each time")
)

// TestPowerFails cuts the power at random moments of a recorded run: what was
// not synced is there, lost or torn, whatever way. It then opens the journal and
// checks that it opens, that every entry is there whose Wait had returned nil,
// and that every head that had been signed still holds.
//
// Killing the process would prove nothing: what it has written stays in the
// operating system's memory and is found again, synced or not.
func TestPowerFails(t *testing.T) {
	seed := *crashSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("%d states, seed %d: repeat with -crash.seed=%d", *crashStates, seed, seed)
	source := newFolder(t)
	r := &recorder{inodes: map[string]int{}}
	synctest.Test(t, func(t *testing.T) { recordRun(t, source, r) })
	for _, kind := range []string{"create", "write", "cut", "sync", "badsync", "rename", "folder", "ack", "head"} {
		if !slices.ContainsFunc(r.ops, func(op diskOp) bool { return op.kind == kind }) {
			t.Fatalf("no operation of the run is a %s", kind)
		}
	}
	random := rand.New(rand.NewPCG(seed, 0))
	work := memoryFolder(t)
	for n := range *crashStates {
		end := min(random.IntN(len(r.ops)+len(r.ops)/20), len(r.ops)) // quite often after the end
		folder := filepath.Join(work, "journal")
		if err := os.Mkdir(folder, folderMode); err != nil {
			t.Fatal(err)
		}
		r.powerCut(t, end, random, folder)
		copyTiles(t, source, folder, random)
		checkCrashed(t, folder, r.ops[:end])
		if n%4 == 0 { // takes as long as all else
			checkClosed(t, folder)
		}
		if t.Failed() {
			t.Fatalf("state %d of seed %d, cut before operation %d of %d", n, seed, end, len(r.ops))
		}
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
	}
}

// memoryFolder is a folder in memory where there is one: nothing here depends on
// syncs.
func memoryFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "journal")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

// recordRun is what the power fails in: several writers over many segments; a
// disk that fails and is repaired; one that fails and the agent is started anew;
// and writers again.
func recordRun(t *testing.T, folder string, r *recorder) {
	opts := Options{files: r, SegmentBytes: 8 << 10}
	j := openTest(t, folder, opts)
	manyWriters(t, j, r, 11)
	r.setFail(true)
	_ = j.Append(smallEvent(0)).Wait(t.Context())
	time.Sleep(3 * retryDelay)
	r.setFail(false)
	time.Sleep(3 * retryDelay)
	manyWriters(t, j, r, 4)
	r.setFail(true)
	_ = j.Append(smallEvent(0)).Wait(t.Context())
	_ = j.Close() // fails
	r.setFail(false)
	j = openTest(t, folder, opts)
	manyWriters(t, j, r, 4)
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	r.tell("closed", j.Status().Entries, [32]byte{})
}

// manyWriters appends from several goroutines and records what was promised.
func manyWriters(t *testing.T, j *Journal, r *recorder, each int) {
	var group sync.WaitGroup
	for w := range 8 {
		group.Go(func() {
			for n := range each {
				first, e := j.AppendLazily(smallEvent(n)), j.Append(smallEvent(n))
				if err := e.Wait(t.Context()); err != nil {
					t.Error(err)
					return
				}
				r.tell("ack", first.Position().Sequence, first.Position().Leaf)
				r.tell("ack", e.Position().Sequence, e.Position().Leaf)
				if n%8 == w {
					recordHead(t, j, r)
				}
			}
		})
	}
	group.Wait()
}

// recordHead has a head signed, as for a receipt, and the checkpoint written.
func recordHead(t *testing.T, j *Journal, r *recorder) {
	_, note, err := j.Head()
	if err != nil {
		t.Error(err)
		return
	}
	head, _, err := tree.ParseHead(note, testSigner.VerifierKey())
	if err != nil {
		t.Error(err)
	}
	r.tell("head", head.Size, head.Root)
	if err := j.save((*tree.Tree).Flush); err != nil {
		t.Error(err)
	}
}

// checkCrashed opens what a power cut left and compares it with what had been
// promised before.
func checkCrashed(t *testing.T, folder string, before []diskOp) {
	t.Helper()
	j, err := Open(folder, withKeys(Options{files: quickFiles{}, SegmentBytes: 8 << 10}))
	if err == nil {
		err = j.Check()
	}
	if err != nil {
		t.Errorf("the journal does not open: %v", err)
		return
	}
	checkPromises(t, j, before)
	mustWait(t, j.Append(smallEvent(1)))
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// checkPromises compares a journal with what had been promised.
func checkPromises(t *testing.T, j *Journal, before []diskOp) {
	t.Helper()
	leaves := map[uint64][32]byte{}
	for line, err := range Scan(j.folder, 1, 0) {
		if err != nil {
			t.Error(err)
		}
		leaves[line.Sequence] = line.Leaf
	}
	for _, op := range before {
		number, hash := uint64(op.at), [32]byte{}
		copy(hash[:], op.data)
		switch op.kind {
		case "ack":
			if leaves[number] != hash {
				t.Errorf("entry %d was promised and is not there as it was", number)
			}
			if leaf, err := j.tree.Leaf(number - 1); err != nil || leaf != hash {
				t.Errorf("the tree does not have entry %d: %v", number, err)
			}
		case "head":
			if root, err := j.tree.RootAt(number); err != nil || root != hash {
				t.Errorf("the head of size %d was signed and does not hold: %v", number, err)
			}
		case "closed":
			if j.kept != number {
				t.Errorf("the journal was closed with %d entries, its checkpoint has %d", number, j.kept)
			}
		}
	}
}

// checkClosed checks that entries, tree and checkpoint of a closed journal agree.
func checkClosed(t *testing.T, folder string) {
	t.Helper()
	if report, err := Verify(folder); err != nil || len(report.Faults) > 0 {
		t.Errorf("the journal has faults: %+v, %v", report, err)
	}
	note, err := os.ReadFile(filepath.Join(folder, checkpointFile))
	if err != nil {
		t.Error(err)
	}
	head, _, err := tree.ParseHead(note, testSigner.VerifierKey())
	if err != nil {
		t.Error(err)
	}
	root, err := rootOf(leavesOf(folder)(0, head.Size))
	if err != nil || root != head.Root {
		t.Errorf("the checkpoint of size %d is not that of the entries: %v", head.Size, err)
	}
	j, err := Open(folder, withKeys(Options{files: quickFiles{}, SegmentBytes: 8 << 10}))
	if err != nil {
		t.Fatal(err)
	}
	if got := j.Status(); got.Entries != head.Size || got.Err != nil {
		t.Errorf("status is %+v, the checkpoint has size %d", got, head.Size)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}
