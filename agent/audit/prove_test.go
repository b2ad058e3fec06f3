package audit

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// checkProof verifies a receipt as a broker does: with the public key alone.
func checkProof(t *testing.T, p care.Position, proof care.Proof) {
	t.Helper()
	head, _, err := tree.ParseHead(proof.Head, testSigner.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	if head.Size != proof.Size {
		t.Errorf("the proof is of size %d, its head of %d", proof.Size, head.Size)
	}
	if err := tree.CheckInclusion(p.Sequence-1, proof.Size, p.Leaf, head.Root, proof.Hashes); err != nil {
		t.Errorf("entry %d: %v", p.Sequence, err)
	}
}

// TestEveryEntryCanBeProved proves all entries of a journal with gaps, while it
// grows and after it was opened anew.
func TestEveryEntryCanBeProved(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		files := &faultFiles{}
		j := openTest(t, folder, Options{files: files, SegmentBytes: 32 << 10})
		for n := range 300 {
			e := j.Append(smallEvent(n))
			if n%50 != 49 {
				if p := mustWait(t, e); n%7 == 0 {
					proof, err := j.Prove(p)
					if err != nil {
						t.Fatal(err)
					}
					checkProof(t, p, proof)
				}
				continue
			}
			files.set(failOn("sync", syscall.EIO))
			_ = e.Wait(t.Context())
			_ = j.Append(smallEvent(n)).Wait(t.Context())
			files.set(nil)
			time.Sleep(2 * retryDelay)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
	if report := mustVerify(t, folder); report.Missing == 0 {
		t.Fatalf("report is %+v: the journal should have gaps", report)
	}
	j := openTest(t, folder, Options{})
	for _, line := range readAll(t, folder) {
		proof, err := j.Prove(line.Position())
		if err != nil {
			t.Fatal(err)
		}
		checkProof(t, line.Position(), proof)
	}
	for _, number := range []uint64{0, j.Status().Entries + 1} {
		if _, err := j.Prove(care.Position{Sequence: number}); care.KindOf(err) != care.RecordNotFound {
			t.Errorf("proving entry %d says %v", number, err)
		}
	}
}

// TestOnlyWhatIsOnDiskIsSigned holds a sync up: neither head nor proof may cover
// the entries that wait for it.
func TestOnlyWhatIsOnDiskIsSigned(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		files := &faultFiles{}
		j := openTest(t, folder, Options{files: files})
		mustWait(t, j.Append(refusalOf(0)))
		release := stall(files)
		e := j.Append(refusalOf(1))
		synctest.Wait()
		if size, _, err := j.Head(); size != 1 || err != nil {
			t.Errorf("a head of size %d was signed (%v), 1 entry is on disk", size, err)
		}
		if _, err := j.Prove(e.Position()); err == nil {
			t.Error("an entry was proved that is not on disk")
		}
		close(release)
		proof, err := j.Prove(mustWait(t, e))
		if err != nil {
			t.Fatal(err)
		}
		checkProof(t, e.Position(), proof)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestConsistency(t *testing.T) {
	folder := closedJournal(t, 300)
	j := openTest(t, folder, Options{})
	for _, old := range []uint64{0, 1, 255, 256, 257, 299, 300} {
		oldRoot, err := j.tree.RootAt(old)
		if err != nil {
			t.Fatal(err)
		}
		size, note, proof, err := j.Consistency(old)
		if err != nil {
			t.Fatal(err)
		}
		head, _, err := tree.ParseHead(note, testSigner.VerifierKey())
		if err != nil || head.Size != size {
			t.Fatalf("the head has size %d, want %d: %v", head.Size, size, err)
		}
		if err := tree.CheckConsistency(old, size, oldRoot, head.Root, proof); err != nil {
			t.Errorf("from %d: %v", old, err)
		}
	}
	if _, _, _, err := j.Consistency(301); care.ReasonOf(err) != tree.ReasonRange {
		t.Errorf("a size that the journal never had: %v", err)
	}
}

// TestTheFirstHead: a journal has a head before its first entry, and one that
// lost it has it again when it is opened. A disk that cannot take it stops
// nothing.
func TestTheFirstHead(t *testing.T) {
	folder := newFolder(t)
	path := filepath.Join(folder, checkpointFile)
	size := func() uint64 {
		t.Helper()
		head, _, err := tree.ParseHead(contentOf(t, path), testSigner.VerifierKey())
		if err != nil {
			t.Fatal(err)
		}
		return head.Size
	}
	j := openTest(t, folder, Options{})
	if size() != 0 {
		t.Errorf("a journal without entries has a head of size %d", size())
	}
	mustWait(t, j.Append(care.Event{Kind: care.AgentStarted}))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	openTest(t, folder, Options{})
	if size() != 1 {
		t.Errorf("a journal of one entry has a head of size %d", size())
	}
	files := &faultFiles{}
	files.set(func(op, name string) error {
		if strings.HasPrefix(name, checkpointFile) {
			return syscall.EIO
		}
		return nil
	})
	mustWait(t, openTest(t, newFolder(t), Options{files: files}).Append(care.Event{Kind: care.AgentStarted}))
}
