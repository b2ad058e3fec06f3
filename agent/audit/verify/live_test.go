package verify_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/audit/verify"
	"github.com/mycarerecord/edge-agent/agent/audit/verify/journaltest"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// A journal that an agent writes, with many segments, is verified again and
// again meanwhile, and when the agent has ended: never is anything wrong.
func TestWhileAnAgentWrites(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "journal")
	box, err := audit.NewBox([32]byte{1}, "0a1b2c3d")
	if err != nil {
		t.Fatal(err)
	}
	j, err := audit.Open(folder, audit.Options{
		Box: box, Signer: journaltest.Signer, Witnesses: []string{journaltest.Witness.VerifierKey()}, SegmentBytes: 64 << 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	first := j.Append(care.Event{Kind: care.AgentStarted})
	if err := first.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	countersign(t, j)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = j.Append(care.Event{Kind: care.SourceCalled, Detail: "while it is verified"}).Wait(t.Context()) // the report tells
				}
			}
		})
	}
	for j.Status().Entries < 3000 {
		r := checkFolder(t, folder)
		if !r.Fine() {
			t.Errorf("while it is written: %+v", r.Findings)
		}
	}
	close(stop)
	writers.Wait()
	countersign(t, j)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	r := checkFolder(t, folder)
	if !r.Fine() || r.Entries < 3000 || r.Signed != r.Entries || r.Anchored < 3000 || r.Tiles < 11 {
		t.Errorf("when it has ended: found %s, %+v", found(r), r)
	}
}

func countersign(t *testing.T, j *audit.Journal) {
	t.Helper()
	_, note, err := j.Head()
	if err == nil {
		note, err = journaltest.Witness.Cosign(note, testTime)
	}
	if err == nil {
		_, _, err = j.Countersigned(note)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func checkFolder(t *testing.T, folder string) verify.Report {
	t.Helper()
	r, err := verify.Check(context.Background(), verify.Options{Folder: folder, Keys: journaltest.Keys()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
