package audit

import (
	"context"
	"os"
	"path/filepath"
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
	Until       time.Time // when the first entry after it was written
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
	var closed []Segment
	for i := 0; i+1 < len(firsts) && firsts[i+1] <= covered+1; i++ {
		s := Segment{Path: filepath.Join(j.folder, segmentName(firsts[i])), First: firsts[i], Last: firsts[i+1] - 1}
		next, ok := firstLine(filepath.Join(j.folder, segmentName(firsts[i+1])))
		info, err := j.files.stat(s.Path)
		if err != nil {
			return nil, failed(op, err)
		}
		if !ok || j.inUse(s.Path) {
			break
		}
		s.Until, s.Bytes = next.Time, info.Size()
		closed = append(closed, s)
	}
	return closed, nil
}

// inUse reports whether a path is that of the segment that is written to.
func (j *Journal) inUse(path string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.place != nil && j.place.path == path
}

// Archive moves the closed segments whose entries are all numbered upTo or
// lower to another folder, which it makes if there is none, and returns how
// many went. Each copy is read back and compared with the journal's tree; then
// an entry of kind JOURNAL_ARCHIVED, made from event, tells of it; and only when
// that is on disk are the originals removed. If it is interrupted anywhere, or
// fails, it can be run again.
//
// A copy that is there already and is right is used. One that is not is another
// journal's, and Archive fails with reason ARCHIVE_IN_USE.
func (j *Journal) Archive(ctx context.Context, to string, upTo uint64, event care.Event) (n int, err error) {
	j.retiring.Lock()
	defer j.retiring.Unlock()
	closed, err := j.Closed()
	if err != nil {
		return 0, err
	}
	if err := j.checkArchive(to); err != nil {
		return 0, err
	}
	for n < len(closed) && closed[n].Last <= upTo {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := j.copySegment(&closed[n], to); err != nil {
			return 0, failed("audit.Archive", err)
		}
		n++
	}
	event.Kind, event.Detail = care.JournalArchived, to
	return j.remove(ctx, closed[:n], event)
}

// checkArchive refuses a folder in which the archive would be part of the
// journal itself.
func (j *Journal) checkArchive(to string) error {
	if err := makeFolder(j.files, to); err != nil {
		return err
	}
	own, err := filepath.EvalSymlinks(j.folder)
	if err != nil {
		return failed("audit.Archive", err)
	}
	other, err := filepath.EvalSymlinks(to)
	if err != nil {
		return failed("audit.Archive", err)
	}
	if inside, err := filepath.Rel(own, other); err == nil && filepath.IsLocal(inside) {
		return &care.Error{Kind: care.BadRequest, Op: "audit.Archive", Reason: ReasonArchive,
			Detail: "the archive cannot lie in the journal's own folder; give it another"}
	}
	return nil
}

// copySegment makes sure that there is a right and durable copy of a segment.
func (j *Journal) copySegment(s *Segment, to string) error {
	path := filepath.Join(to, filepath.Base(s.Path))
	_, err := j.files.stat(path)
	if os.IsNotExist(err) {
		err = copyFile(j.files, s.Path, path)
	}
	if err != nil {
		return err
	}
	if err := j.checkCopy(s, path); err != nil {
		return err
	}
	return j.files.syncFolder(to) // the copy may be one that an earlier run left
}

// checkCopy reads a segment and compares it with the tree: every entry has to be
// there, and be what it was.
func (j *Journal) checkCopy(s *Segment, path string) error {
	next := s.First
	wrong := &care.Error{Kind: care.Conflict, Op: "audit.Archive", Reason: ReasonArchive,
		Detail: "the copy of " + filepath.Base(path) + " in the archive is not what the journal's tree vouches for; it is another journal's, or the segment is damaged: see 'mcr-agent audit verify'"}
	for line, err := range scanFile(path) {
		if isDamage(err) {
			continue // what should stand there is missed below
		}
		if err != nil {
			return err
		}
		if line.Sequence < s.First || line.Sequence > s.Last {
			return wrong
		}
		leaf, err := j.tree.Leaf(line.Sequence - 1)
		switch {
		case err != nil:
			return err
		case leaf == tree.MissingLeaf: // what was written there failed
			continue
		case leaf != line.Leaf:
			return wrong
		}
		if next, err = j.skipMissing(next, line.Sequence); err != nil {
			return err
		}
		if next != line.Sequence {
			return wrong
		}
		next++
	}
	next, err := j.skipMissing(next, s.Last+1)
	if err == nil && next != s.Last+1 {
		return wrong
	}
	return err
}

// skipMissing returns the first number from next on, up to end, that is not
// stated as missing.
func (j *Journal) skipMissing(next, end uint64) (uint64, error) {
	for ; next < end; next++ {
		leaf, err := j.tree.Leaf(next - 1)
		if err != nil || leaf != tree.MissingLeaf {
			return next, err
		}
	}
	return next, nil
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
