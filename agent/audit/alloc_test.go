//go:build !race

package audit

import "testing"

// The race detector makes a sync.Pool forget at random, so this is not for it.

func TestAppendAllocatesLittle(t *testing.T) {
	event := sampleEvent()
	h := header{sequence: 1, batch: 1}
	body, line := make([]byte, 0, 4096), make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() {
		body = testBox.appendBody(body[:0], &event, repairNote{})
		line = appendLine(line[:0], &h, body)
	}); n != 0 {
		t.Errorf("encoding allocates %v times, want 0", n)
	}
	j := newJournal("", withKeys(Options{}))
	j.box, _ = NewBox([32]byte{1}, "0a1b2c3d") // with nonces as they are in use
	j.next, j.pending = 1, newBatch(make([]byte, 0, 1<<20), make([][32]byte, 0, 1<<10))
	if n := testing.AllocsPerRun(200, func() { j.Append(event) }); n > 1 { // the entry it returns
		t.Errorf("an Append with a patient allocates %v times, want 1", n)
	}
}
