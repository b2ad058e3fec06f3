package audit

import "time"

const (
	// maxSpareBuffer is the largest line buffer that is kept for use again.
	maxSpareBuffer = 1 << 20
	// A commit is put off by so much for each entry of the last one, if that
	// had many: at least six write at once then, as each request has two.
	pacePerEntry = 50 * time.Microsecond
	maxPace      = 2 * time.Millisecond
	manyEntries  = 12
	// severalEntries in one commit tell that at least three write at once: each
	// request has two entries.
	severalEntries = 6
)

// run is the committer.
func (j *Journal) run() {
	defer close(j.committed)
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

// pace puts a commit off while many write at once, so that more of them share
// it: a sync for each handful would take more of the processor than all the
// rest of a request. It waits until as many entries came as shared the last
// commit, the longer the more those were, but never more than 2 ms: with so
// many at once each waits longer than that for the processor. A few writers are
// never held up.
func (j *Journal) pace() {
	if j.grouped < manyEntries {
		return
	}
	j.mu.Lock()
	here := j.pending.count() >= j.grouped
	if !here {
		j.awaited = j.grouped
		select {
		case <-j.gathered: // of an earlier wait that ran out of patience
		default:
		}
	}
	j.mu.Unlock()
	if here {
		return
	}
	j.patience.Reset(min(time.Duration(j.grouped)*pacePerEntry, maxPace))
	select {
	case <-j.gathered:
	case <-j.patience.C:
	}
}

// finish writes what is left and closes the files.
func (j *Journal) finish() {
	j.lazy.Stop()
	j.retry.Stop()
	j.patience.Stop()
	j.tried = time.Time{}
	j.repair()
	for j.commit() {
	}
	if j.segment != nil {
		_ = j.segment.file.Close()
	}
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
		return true
	}
	j.settle(b)
	j.makeRoom()
	return true
}

// write puts a batch on disk, in a fresh segment if it does not fit.
func (j *Journal) write(b *batch) error {
	if !j.segment.fits(len(b.lines)) {
		if err := j.nextSegment(b.first, len(b.lines)); err != nil {
			return err
		}
	}
	return j.segment.commit(b.lines)
}

// nextSegment ends the segment in use and begins another.
func (j *Journal) nextSegment(first uint64, n int) error {
	fresh, err := j.freshSegment(first, n)
	if err != nil {
		return err
	}
	if err := j.tree.Flush(); err != nil { // what is closed may be moved away
		j.log.Warn("tiles of the journal's tree cannot be written; they are made again when the agent starts", "error", err)
	}
	j.retire(0)
	j.use(fresh)
	return nil
}

// settle is called once a batch is on disk: its entries become part of the
// tree, and its waiters go on. What could not be written before is queued now.
func (j *Journal) settle(b *batch) {
	j.grouped = b.count()
	j.tree.Append(b.leaf...)
	j.mu.Lock()
	j.durable = b.last
	if j.short == nil {
		j.recover()
	}
	if cap(b.lines) <= maxSpareBuffer {
		j.free, j.freeLeaves = b.lines, b.leaf
	}
	b.lines, b.leaf = nil, nil
	j.mu.Unlock()
	b.finish(nil)
	if j.grouped < manyEntries && j.heads.wanted.Swap(false) { // of many, few need a head of this very size
		go j.sign(b.last.Sequence)
	}
}

// retire ends the segment in use, into which doubtful bytes were written that
// are not known to be durable.
func (j *Journal) retire(doubtful int) {
	used := j.segment.end + int64(doubtful)
	j.mu.Lock()
	j.bytes -= max(0, j.segment.size-used)
	j.mu.Unlock()
	j.segment.retire(used)
	j.use(nil)
}

// use makes a segment, or none, the one in use.
func (j *Journal) use(s *segment) {
	j.segment = s
	j.mu.Lock()
	defer j.mu.Unlock()
	j.place = s
}
