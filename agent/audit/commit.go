package audit

import (
	"cmp"
	"os"
	"path/filepath"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

const (
	// maxSpareBuffer is the largest line buffer that is kept for use again.
	maxSpareBuffer = 1 << 20
	// maxPace is the longest time for which a commit is put off.
	maxPace = time.Millisecond
	// minPace is the shortest: looking more often costs more than it gains.
	minPace = 50 * time.Microsecond
	// severalEntries in one commit tell that at least three write at once: each
	// request has two entries.
	severalEntries = 6
)

// run is the committer.
func (j *Journal) run() {
	defer close(j.done)
	for {
		select {
		case <-j.wake:
			j.work.Lock()
			j.pace()
			j.commit()
			j.work.Unlock()
		case <-j.retry.C:
			j.work.Lock()
			j.repair()
			j.work.Unlock()
		case <-j.quit:
			j.work.Lock()
			j.finish()
			j.work.Unlock()
			return
		}
	}
}

// commitHere commits in the goroutine of one who waits: a lone writer is not
// handed over to the committer and back, which takes as long as a fast disk. If
// somebody is committing already, or several write at once, it is left to the
// committer.
// The disk may take longer than the context of the one who waits; that is no
// loss, because without the disk they can do nothing.
func (j *Journal) commitHere() {
	if !j.work.TryLock() {
		j.kick()
		return
	}
	if j.grouped < severalEntries {
		j.commit()
	}
	j.work.Unlock()
	j.mu.Lock()
	more := len(j.pending.lines) > 0
	j.mu.Unlock()
	if more {
		j.kick()
	}
}

// pace puts a commit off while several write at once, so that more of them
// share it: a sync for each handful would take more of the processor than all
// the rest of a request. It looks every sync time and ends as soon as nobody
// new came; whoever waits longest waits four sync times or a millisecond more.
// A lone writer, or two, are never held up.
func (j *Journal) pace() {
	if j.grouped < severalEntries {
		return
	}
	step := min(max(j.syncTime, minPace), maxPace)
	for waited, before := time.Duration(0), uint64(0); waited < min(maxPace, 4*step); waited += step {
		j.mu.Lock()
		queued := j.pending.count()
		j.mu.Unlock()
		if waited > 0 && queued == before {
			return
		}
		before = queued
		nap(step)
	}
}

// finish writes what is left and closes the files.
func (j *Journal) finish() {
	j.lazy.Stop()
	j.retry.Stop()
	if j.segment == nil {
		j.repair()
	}
	for j.commit() {
	}
	if j.segment != nil {
		_ = j.segment.file.Close()
	}
	_ = j.lock.Close()
}

// commit puts the pending batch on disk and wakes its waiters. It reports
// whether there was one.
func (j *Journal) commit() bool {
	b := j.take()
	if b == nil {
		return false
	}
	if err := j.write(b); err != nil {
		j.fail(b, err)
	} else {
		j.settle(b)
	}
	return true
}

// write puts a batch on disk, in a fresh segment if it does not fit.
func (j *Journal) write(b *batch) error {
	if !j.segment.fits(len(b.lines)) {
		fresh, err := j.freshSegment(b.first, len(b.lines))
		if err != nil {
			return err
		}
		j.retire(0)
		j.segment = fresh
	}
	began := time.Now()
	err := j.segment.commit(b.lines)
	j.syncTime = time.Since(began)
	return err
}

// settle is called once a batch is on disk. What could not be written before
// is queued now.
func (j *Journal) settle(b *batch) {
	j.grouped = b.count()
	j.mu.Lock()
	reason := cmp.Or(care.ReasonOf(j.broken), ReasonOverloaded)
	j.durable, j.broken = b.last, nil
	if cap(b.lines) <= maxSpareBuffer {
		j.free = b.lines
	}
	b.lines = nil
	late := j.reserve.take()
	for _, l := range late {
		j.add(header{time: j.now(), occurred: l.at}, l.body)
	}
	if j.reserve.lost > 0 {
		event := care.Event{Kind: care.JournalRepaired, TrueReason: reason}
		j.add(header{time: j.now()}, appendBody(nil, &event, repairNote{lost: j.reserve.lost}))
		j.reserve.lost = 0
	}
	j.mu.Unlock()
	b.finish(nil)
	if len(late) > 0 { // nothing is lost while there is room
		j.kick()
	}
}

// fail is called once it is known that a batch cannot be promised. What is
// queued behind it fails too: its lines name the hashes of lines that may not
// be there. The file is not touched again, except to give back unused space.
func (j *Journal) fail(b *batch, cause error) {
	if j.segment != nil {
		j.retire(len(b.lines))
	}
	err := failed("audit.commit", cause)
	j.mu.Lock()
	queued := j.pending
	j.pending = newBatch(nil)
	j.broken = err
	j.reserve.keepLines(b.lines)
	j.reserve.keepLines(queued.lines)
	j.mu.Unlock()
	b.finish(err)
	queued.finish(err)
	j.log.Error("journal cannot be written, nothing is released", "reason", err.Reason)
	j.retry.Reset(time.Until(j.tried.Add(retryDelay)))
}

// repair tries to begin again in a fresh segment.
func (j *Journal) repair() {
	j.tried = time.Now()
	err := j.beginAgain()
	if err == nil {
		j.log.Warn("journal repaired, releases resume")
		j.notes = ""
		return
	}
	j.mu.Lock()
	j.broken = failed("audit.repair", err)
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
	j.segment = fresh
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
	j.add(header{time: j.now()}, appendBody(nil, &event, note))
	b := j.pending
	j.pending = newBatch(nil)
	return b
}

func (j *Journal) nextNumber() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.next
}

// freshSegment makes a segment for at least n bytes that begins with entry
// first.
func (j *Journal) freshSegment(first uint64, n int) (*segment, error) {
	s, err := createSegment(j.files, j.folder, first, max(j.size, int64(n)))
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	j.segments++
	j.bytes += s.size
	j.mu.Unlock()
	return s, nil
}

// retire ends the segment in use, into which doubtful bytes were written that
// are not known to be durable.
func (j *Journal) retire(doubtful int) {
	used := j.segment.end + int64(doubtful)
	j.mu.Lock()
	j.bytes -= max(0, j.segment.size-used)
	j.mu.Unlock()
	j.segment.retire(used)
	j.segment = nil
}
