package audit

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/mycarerecord/edge-agent/agent/care"
)

const (
	lostMark   = "-lost-" // between the name of a journal's folder and the time
	freshMark  = ".new"   // after the name of a folder that is to take its place
	lostLayout = "20060102T150405Z"
)

// Renew begins a new journal in the place of one that is lost: one that Open
// opens for looking at it only, or cannot read. The old folder is kept beside
// it, under its name with "-lost-" and the time. The first entry of the new
// journal, of kind JOURNAL_RENEWED, tells the reason, which is a person's, and
// the last signed head of the old one.
//
// It fails with reason NOT_LOST if the journal is as it was written, and with
// reason LOCKED while an agent has it open. If it is interrupted it can be run
// again.
func Renew(folder string, opts Options, reason string) error {
	const op = "audit.Renew"
	j := newJournal(folder, opts)
	fresh := folder + freshMark
	if _, err := j.files.stat(folder); os.IsNotExist(err) {
		if _, err := j.files.stat(fresh); err == nil { // interrupted between the two renames
			return j.putInPlace(fresh)
		}
	}
	lock, err := j.files.lock(filepath.Join(folder, lockName))
	if err != nil {
		return failed(op, err)
	}
	defer func() { _ = lock.Close() }()
	rec, err := j.look()
	rec.close()
	if err != nil && care.ReasonOf(err) != ReasonIOError {
		return err
	}
	if err == nil && !j.lost {
		return &care.Error{Kind: care.Conflict, Op: op, Reason: ReasonNotLost, Detail: "the journal is as it was written; there is nothing to renew"}
	}
	if err := writeRenewed(fresh, opts, j.obituary(reason)); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		_ = lock.Close() // a folder with an open file cannot be renamed there
	}
	if err := j.files.rename(folder, folder+lostMark+j.now().UTC().Format(lostLayout)); err != nil {
		return failed(op, err)
	}
	return j.putInPlace(fresh)
}

// obituary tells why a journal ended and where.
func (j *Journal) obituary(reason string) string {
	if head, err := j.newestHead(); err == nil && head.Size > 0 {
		return fmt.Sprintf("%s; the last signed head of the old journal has size %d and root %s", reason, head.Size, hex.EncodeToString(head.Root[:]))
	}
	return reason + "; the old journal has no signed head"
}

// writeRenewed makes a journal that holds one entry.
func writeRenewed(folder string, opts Options, detail string) error {
	if err := os.RemoveAll(folder); err != nil { // an earlier attempt's
		return failed("audit.Renew", err)
	}
	j, err := Open(folder, opts)
	if err != nil {
		return err
	}
	err = j.Append(care.Event{Kind: care.JournalRenewed, Detail: detail}).Wait(context.Background())
	if closed := j.Close(); err == nil {
		err = closed
	}
	return err
}

// putInPlace gives a new journal's folder its name.
func (j *Journal) putInPlace(fresh string) error {
	err := j.files.rename(fresh, j.folder)
	if err == nil {
		err = j.files.syncFolder(filepath.Dir(j.folder))
	}
	if err != nil {
		return failed("audit.Renew", err)
	}
	return nil
}
