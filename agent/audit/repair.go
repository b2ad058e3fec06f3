package audit

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// fail is called once it is known that a batch cannot be promised. What is
// queued behind it fails too: its lines name the hashes of lines that may not
// be there. The file is not touched again, except to give back unused space.
func (j *Journal) fail(b *batch, cause error) {
	if j.segment != nil {
		j.retire(len(b.lines))
	}
	err := retried("audit.commit", cause)
	j.short = nil
	j.mu.Lock()
	queued := j.pending
	j.pending = newBatch(nil, nil)
	j.broken, j.room = err, 0
	j.reserve.keepLines(b.lines)
	j.reserve.keepLines(queued.lines)
	j.mu.Unlock()
	b.finish(err)
	queued.finish(err)
	j.log.Error("journal cannot be written, nothing is released", "reason", err.Reason)
	j.retry.Reset(time.Until(j.tried.Add(retryDelay)))
}

// repair tries to end what keeps the journal from being written.
func (j *Journal) repair() {
	if j.lost {
		return // only a person can tell what to do
	}
	if j.segment != nil {
		j.makeRoom()
		return
	}
	j.tried = time.Now()
	err := j.beginAgain()
	if err == nil {
		j.log.Warn("journal repaired, releases resume")
		j.notes = ""
		return
	}
	j.mu.Lock()
	j.broken = retried("audit.repair", err)
	j.mu.Unlock()
	j.retry.Reset(retryDelay)
}

// beginAgain makes a fresh segment whose first entry tells what is missing.
// The journal takes no entries while it is broken, so nothing else is queued.
func (j *Journal) beginAgain() error {
	if err := checkFolder(j.files, j.folder); err != nil {
		return err
	}
	if err := j.skipTaken(); err != nil {
		return err
	}
	fresh, err := j.freshSegment(j.nextNumber(), 0)
	if err != nil {
		return err
	}
	j.use(fresh)
	b := j.repairBatch()
	if err := fresh.commit(b.lines); err != nil {
		j.retire(len(b.lines))
		return err
	}
	j.settle(b)
	return nil
}

// skipTaken passes over numbers under which an earlier attempt left a file.
func (j *Journal) skipTaken() error {
	for {
		_, err := j.files.stat(filepath.Join(j.folder, segmentName(j.nextNumber())))
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		j.mu.Lock()
		j.next++
		j.mu.Unlock()
	}
}

// repairBatch is a batch of one JournalRepaired entry.
func (j *Journal) repairBatch() *batch {
	event := care.Event{Kind: care.JournalRepaired, Detail: j.notes}
	j.mu.Lock()
	defer j.mu.Unlock()
	event.TrueReason = care.ReasonOf(j.broken)
	var note repairNote
	if j.next > j.durable.Sequence+1 {
		note.from, note.to = j.durable.Sequence+1, j.next-1
	}
	j.prev = j.durable.Leaf
	j.add(header{time: j.now()}, j.box.appendBody(nil, &event, note))
	b := j.pending
	j.pending = newBatch(nil, nil)
	if note.from > 0 {
		b.leaf = slices.Insert(b.leaf, 0, slices.Repeat([][32]byte{tree.MissingLeaf}, int(note.to-note.from+1))...)
	}
	return b
}

func (j *Journal) nextNumber() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.next
}

// recover ends an episode in which nothing could be written, and queues what
// was kept meanwhile, and first whether the clock was set in it. j.mu is held.
func (j *Journal) recover() {
	before := j.next
	reason := cmp.Or(care.ReasonOf(j.broken), ReasonOverloaded)
	if j.broken != nil {
		j.broken = nil
		j.watchClock(j.now())
	}
	late := j.reserve.take()
	for _, l := range late {
		j.add(header{time: j.now(), occurred: l.at}, l.body)
	}
	if j.reserve.lost > 0 {
		event := care.Event{Kind: care.JournalRepaired, TrueReason: reason}
		j.add(header{time: j.now()}, j.box.appendBody(nil, &event, repairNote{lost: j.reserve.lost}))
		j.reserve.lost = 0
	}
	if j.next > before {
		j.kick()
	}
}
