package audit

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// Archive moves the closed segments whose entries are all numbered upTo or
// lower to another folder, which it makes if there is none, and returns how
// many went. Each copy is read back and compared with the journal's tree; then
// an entry of kind JOURNAL_ARCHIVED, made from event, tells of it; and only when
// that is on disk are the originals removed. If it is interrupted anywhere, or
// fails, it can be run again.
//
// A segment that is not what the tree vouches for goes too, byte by byte as it
// is: the tree keeps what it was, and a damaged disk is to be emptied. The entry
// is an alert then, with reason DAMAGED.
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
	event.Kind, event.Detail = care.JournalArchived, to
	for n < len(closed) && closed[n].Last <= upTo {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		whole, err := j.copySegment(&closed[n], to)
		if err != nil {
			return 0, inArchive(to, err)
		}
		if !whole {
			event.TrueReason, event.Alert = ReasonDamaged, true
		}
		n++
	}
	return j.remove(ctx, closed[:n], event)
}

// checkArchive refuses a folder in which the archive would be part of the
// journal itself.
func (j *Journal) checkArchive(to string) error {
	if err := makeFolder(j.files, to); err != nil {
		return inArchive(to, err)
	}
	own, err := filepath.EvalSymlinks(j.folder)
	if err != nil {
		return failed("audit.Archive", err)
	}
	other, err := filepath.EvalSymlinks(to)
	if err != nil {
		return inArchive(to, err)
	}
	if inside, err := filepath.Rel(own, other); err == nil && filepath.IsLocal(inside) {
		return &care.Error{Kind: care.BadRequest, Op: "audit.Archive", Reason: ReasonArchive,
			Detail: "the archive cannot lie in the journal's own folder; give it another"}
	}
	return nil
}

// inArchive is failed for a copy: the journal itself goes on.
func inArchive(to string, cause error) error {
	e := failed("audit.Archive", cause)
	if e.Kind != care.AuditUnavailable {
		return e
	}
	return &care.Error{Kind: e.Kind, Op: "audit.Archive", Reason: e.Reason, Err: cause,
		Detail: "a segment of the journal cannot be copied to " + to + "; check the disk there, its mount, and that the folder is the agent's account's own with mode 0700"}
}

// copySegment makes sure that there is a right and durable copy of a segment,
// and reports whether the segment itself is whole.
func (j *Journal) copySegment(s *Segment, to string) (whole bool, err error) {
	path := filepath.Join(to, filepath.Base(s.Path))
	_, err = j.files.stat(path)
	if os.IsNotExist(err) {
		err = copyFile(j.files, s.Path, path)
	}
	if err == nil {
		whole, err = j.isWhole(s, path)
	}
	if err == nil && !whole {
		err = sameFiles(s.Path, path)
	}
	if err != nil {
		return false, err
	}
	return whole, j.files.syncFolder(to) // the copy may be one that an earlier run left
}

// isWhole reads the copy of a segment and compares it with the tree: every entry
// has to be there, and be what it was.
func (j *Journal) isWhole(s *Segment, path string) (bool, error) {
	next := s.First
	for line, err := range scanFile(path) {
		if isDamage(err) {
			continue // what should stand there is missed below
		}
		if err != nil {
			return false, err
		}
		if line.Sequence < s.First || line.Sequence > s.Last {
			return false, nil
		}
		leaf, err := j.tree.Leaf(line.Sequence - 1)
		switch {
		case err != nil:
			return false, err
		case leaf == tree.MissingLeaf: // what was written there failed
			continue
		case leaf != line.Leaf:
			return false, nil
		}
		if next, err = j.skipMissing(next, line.Sequence); err != nil || next != line.Sequence {
			return false, err
		}
		next++
	}
	next, err := j.skipMissing(next, s.Last+1)
	return next == s.Last+1, err
}

// sameFiles fails unless a segment and its copy have the same bytes.
func sameFiles(original, copied string) error {
	a, err := digestOf(original)
	if err != nil {
		return err
	}
	b, err := digestOf(copied)
	if err == nil && a != b {
		err = &care.Error{Kind: care.Conflict, Op: "audit.Archive", Reason: ReasonArchive,
			Detail: "the archive holds another " + filepath.Base(copied) + " than the journal; it is another journal's, or was damaged there: give the archive another folder, or move that file away"}
	}
	return err
}

func digestOf(path string) (sum [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer func() { _ = f.Close() }() // only read from
	h := sha256.New()
	_, err = io.Copy(h, f)
	h.Sum(sum[:0])
	return sum, err
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
