package audit

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

const (
	// reserveShare is the part of a segment that is kept free: one in so many.
	reserveShare = 16
	// maxKeptRoom is how many bytes of that are kept to tell that segments are
	// archived or pruned.
	maxKeptRoom = 64 << 10
)

// reserved is how many bytes of a segment are kept for the time when no
// further segment can be made.
func (j *Journal) reserved() int64 { return j.size / reserveShare }

// makeRoom begins the next segment while the one in use still has its reserve.
// If that cannot be done nothing is released from now on, and the reserve takes
// what has to be told all the same.
func (j *Journal) makeRoom() {
	if j.segment.room() >= j.reserved() {
		j.endShortage()
		return
	}
	if wait := time.Until(j.tried.Add(retryDelay)); j.short != nil && wait > 0 {
		j.retry.Reset(wait)
		return
	}
	j.mu.Lock()
	next, queued := j.durable.Sequence+1, len(j.pending.lines)
	j.mu.Unlock()
	err := j.nextSegment(next, queued)
	if err == nil {
		j.endShortage()
		return
	}
	j.tried = time.Now()
	if _, left := j.files.stat(filepath.Join(j.folder, segmentName(next))); !os.IsNotExist(left) {
		// A file in the place of the next entries: they cannot go elsewhere.
		j.fail(newBatch(nil, nil), err)
		return
	}
	j.beginShortage(err)
	j.retry.Reset(retryDelay)
}

// beginShortage closes the gate because no further segment can be made.
func (j *Journal) beginShortage(cause error) {
	err := retried("audit.makeRoom", cause)
	if j.short == nil {
		j.log.Error("no further segment of the journal can be made, nothing is released", "reason", err.Reason, "error", err)
	}
	j.short = err
	j.mu.Lock()
	defer j.mu.Unlock()
	j.broken = err
	j.room = j.segment.room() - int64(len(j.pending.lines))
}

// endShortage opens the gate again after there was no space for a segment.
func (j *Journal) endShortage() {
	if j.short == nil {
		return
	}
	event := care.Event{Kind: care.JournalRepaired, TrueReason: care.ReasonOf(j.short),
		Detail: strings.TrimPrefix(j.notes+"; no further segment could be made; one could now", "; ")}
	j.short, j.notes = nil, ""
	j.mu.Lock()
	j.room = 0
	j.add(header{time: j.now()}, j.box.appendBody(nil, &event, repairNote{}))
	j.recover()
	j.mu.Unlock()
	j.log.Warn("journal has room again, releases resume")
	j.kick()
}

// freshSegment makes a segment for at least n bytes that begins with entry
// first, unless that would be past the quota. Where none is in use it makes one
// then that is a reserve and no more: without it nobody could tell that segments
// are archived, which ends the matter.
func (j *Journal) freshSegment(first uint64, n int) (*segment, error) {
	size := max(j.size, int64(n))
	j.mu.Lock()
	after := j.bytes + size
	j.mu.Unlock()
	if j.maxBytes > 0 && after > j.maxBytes {
		if j.segment != nil {
			return nil, unavailable("audit.createSegment", ReasonQuota, nil)
		}
		size = max(j.reserved(), int64(n))
	}
	s, err := createSegment(j.files, j.folder, first, size)
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	j.segments++
	j.bytes += s.size
	j.mu.Unlock()
	return s, nil
}
