package audit

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// leastYears is how long entries are kept at least, whatever a site sets.
const leastYears = 2

// tileEntries is how many entries have their leaf hashes in one tile.
const tileEntries = 256

// Segment is a file of the journal that is not written to any more.
type Segment struct {
	Path        string
	First, Last uint64    // numbers of its entries, with those stated as missing
	Until       time.Time // when the first entry after it was written that can be read
	Bytes       int64
}

// Closed returns the segments that may go, from the oldest on: those whose
// entries all have their leaf hashes in full tiles on disk, which are durable
// when Closed returns, as is the head that vouches for them.
func (j *Journal) Closed() ([]Segment, error) {
	const op = "audit.Closed"
	if j.lost {
		return nil, j.broken
	}
	if err := j.save((*tree.Tree).Flush); err != nil {
		return nil, failed(op, err)
	}
	if err := j.tree.Sync(); err != nil {
		return nil, failed(op, err)
	}
	entries, err := j.files.readDir(j.folder)
	if err != nil {
		return nil, failed(op, err)
	}
	firsts := segmentsOf(entries)
	j.saving.Lock()
	covered := j.kept / tileEntries * tileEntries
	j.saving.Unlock()
	closed, err := j.closedOf(firsts, covered)
	if err != nil {
		return nil, failed(op, err)
	}
	return closed, nil
}

// closedOf returns the segments, of all that begin with the numbers given, whose
// entries are not beyond covered.
func (j *Journal) closedOf(firsts []uint64, covered uint64) (closed []Segment, err error) {
	var until time.Time
	for i := len(firsts) - 2; i >= 0; i-- {
		until = cmp.Or(began(filepath.Join(j.folder, segmentName(firsts[i+1]))), until)
		s := Segment{Path: filepath.Join(j.folder, segmentName(firsts[i])), First: firsts[i], Last: firsts[i+1] - 1, Until: until}
		switch {
		case j.inUse(s.Path) || until.IsZero():
			closed = nil
		case s.Last <= covered:
			info, err := j.files.stat(s.Path)
			if err != nil {
				return nil, err
			}
			s.Bytes = info.Size()
			closed = append(closed, s)
		}
	}
	slices.Reverse(closed)
	return closed, nil
}

// began returns when the first entry of a segment was written that can be read,
// or zero.
func began(path string) time.Time {
	for line, err := range scanFile(path) {
		if err == nil {
			return line.Time
		}
	}
	return time.Time{}
}

// inUse reports whether a path is that of the segment that is written to.
func (j *Journal) inUse(path string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.place != nil && j.place.path == path
}

// Prune deletes the oldest closed segments as long as all their entries were
// written before a time, and returns how many went. An entry of kind
// JOURNAL_PRUNED, made from event, is on disk before. Tiles and heads stay: what
// is left can still be proved. If it is interrupted anywhere, or fails, it can
// be run again. It fails with reason RETENTION if the time is less than two
// years ago.
func (j *Journal) Prune(ctx context.Context, before time.Time, event care.Event) (n int, err error) {
	if before.After(j.now().AddDate(-leastYears, 0, 0)) {
		return 0, &care.Error{Kind: care.BadRequest, Op: "audit.Prune", Reason: ReasonRetention,
			Detail: "entries are kept for two years at least; give an earlier time"}
	}
	j.retiring.Lock()
	defer j.retiring.Unlock()
	closed, err := j.Closed()
	if err != nil {
		return 0, err
	}
	for n < len(closed) && closed[n].Until.Before(before) {
		old, err := writtenBefore(closed[n].Path, before)
		if err != nil {
			return 0, failed("audit.Prune", err)
		}
		if !old {
			break
		}
		n++
	}
	event.Kind = care.JournalPruned
	return j.remove(ctx, closed[:n], event)
}

// writtenBefore reports whether all entries of a file were written before a
// time. The clock may have been set, so the last one does not tell.
func writtenBefore(path string, before time.Time) (bool, error) {
	for line, err := range scanFile(path) {
		if err != nil && !isDamage(err) {
			return false, err
		}
		if err == nil && !line.Time.Before(before) {
			return false, nil
		}
	}
	return true, nil
}

// remove writes the event down and then removes the segments, the oldest first
// and each for good before the next, so that what is left has no hole.
func (j *Journal) remove(ctx context.Context, closed []Segment, event care.Event) (n int, err error) {
	if len(closed) == 0 {
		return 0, nil
	}
	event.From, event.To = closed[0].First, closed[len(closed)-1].Last
	if err := j.Append(event).Wait(ctx); err != nil {
		return 0, err
	}
	for i, s := range closed {
		err := j.files.remove(s.Path)
		if err == nil {
			err = j.files.syncFolder(j.folder)
		}
		if err != nil {
			return i, failed("audit.remove", err)
		}
		j.mu.Lock()
		j.segments--
		j.bytes -= s.Bytes
		j.mu.Unlock()
	}
	j.log.Info("segments of the journal were removed", "kind", strings.ToLower(string(event.Kind)), "from", event.From, "to", event.To)
	return len(closed), nil
}
