package audit

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Reasons of the errors of this package, whose Kind is care.AuditUnavailable
// unless a function says otherwise. They are stable codes.
const (
	ReasonNoSpace     = "NO_SPACE"       // the volume or quota is full
	ReasonQuota       = "QUOTA"          // the journal is past the size that the site allows it
	ReasonIOError     = "IO_ERROR"       // the disk or file system failed
	ReasonReadOnly    = "READ_ONLY"      // the volume is mounted read-only
	ReasonMissing     = "MISSING"        // a file or the folder was removed, renamed, replaced or cut
	ReasonPermissions = "PERMISSIONS"    // access is denied, or is open to others
	ReasonLocked      = "LOCKED"         // another agent has the journal open
	ReasonDamaged     = "DAMAGED"        // lines cannot be read or do not follow from one another
	ReasonOverloaded  = "OVERLOADED"     // too much is queued: the disk does not keep up
	ReasonClosed      = "CLOSED"         // the agent is stopping
	ReasonRolledBack  = "ROLLED_BACK"    // entries are missing that a signed head vouches for
	ReasonRewritten   = "REWRITTEN"      // entries differ from what a signed head vouches for
	ReasonNoHead      = "NO_HEAD"        // entries are in no file of the folder, and no signed head vouches for their hashes
	ReasonOtherKey    = "OTHER_KEY"      // what names a patient was sealed under another site key
	ReasonArchive     = "ARCHIVE_IN_USE" // an archive's folder cannot take a segment
	ReasonRetention   = "RETENTION"      // entries are not old enough to be deleted
	ReasonNotLost     = "NOT_LOST"       // a journal that is to be renewed is as it was written
	ReasonNotWitness  = "NOT_WITNESS"    // a countersignature is not that of a configured witness
)

// reasonTorn is the true_reason of the repair of a torn tail, which is no error.
const reasonTorn = "TORN_TAIL"

// advice says for each reason what happened and what to do.
var advice = map[string]string{
	ReasonNoSpace:     "the journal's disk is full; free space on it",
	ReasonQuota:       "the journal has reached the size that the site allows it; allow more in agent.yaml and restart the agent, or archive old segments with 'mcr-agent audit archive'",
	ReasonIOError:     "the journal's disk or file system failed; see the system's log and repair it",
	ReasonReadOnly:    "the journal's volume is read-only; check it and mount it for writing",
	ReasonMissing:     "a file of the journal, or its folder, was removed, renamed, replaced or cut; put it back",
	ReasonPermissions: "the journal's folder or a file in it cannot be used by the agent's account, or is open to others; make it the account's own with mode 0700 for the folder and 0600 for files",
	ReasonLocked:      "another agent has this journal open; stop it or give this one a folder of its own",
	ReasonOverloaded:  "too many entries wait for the journal's disk; the disk is too slow or stalled",
	ReasonClosed:      "the journal is closed because the agent is stopping",
	ReasonRolledBack:  "entries at the end of the journal are missing: it was cut or an older copy was put in its place; put the newest copy back, or, if there is none, begin a new journal with 'mcr-agent audit renew'",
	ReasonRewritten:   "entries of the journal are not those that were written; look at 'mcr-agent audit verify', put an unchanged copy back, or begin a new journal with 'mcr-agent audit renew'",
	ReasonNoHead:      "the journal's signed heads are gone, and entries at its beginning are archived or gone, so that nothing vouches for their hashes; put the file checkpoint, or a head that a witness kept, back from a copy, or, if there is none, begin a new journal with 'mcr-agent audit renew'",
	ReasonDamaged:     "entries of the journal cannot be read and their hashes are kept nowhere else; look at 'mcr-agent audit verify', put a whole copy back, or begin a new journal with 'mcr-agent audit renew'",
}

// unavailable is the error for a reason.
func unavailable(op, reason string, cause error) *care.Error {
	return &care.Error{Kind: care.AuditUnavailable, Op: op, Reason: reason, Detail: advice[reason], Err: cause}
}

// retried is failed for what an open journal tries again by itself.
func retried(op string, cause error) *care.Error {
	e := *failed(op, cause)
	e.Detail += ", and the agent resumes by itself"
	return &e
}

// damaged is the error for lines that are not as they were written.
func damaged(op, detail string) *care.Error {
	return &care.Error{Kind: care.AuditUnavailable, Op: op, Reason: ReasonDamaged, Detail: detail}
}

// failed is the error for a failed call to the file system.
func failed(op string, cause error) *care.Error {
	var already *care.Error
	switch {
	case errors.As(cause, &already):
		return already
	case isNoSpace(cause):
		return unavailable(op, ReasonNoSpace, cause)
	case errors.Is(cause, syscall.EROFS):
		return unavailable(op, ReasonReadOnly, cause)
	case errors.Is(cause, fs.ErrNotExist):
		return unavailable(op, ReasonMissing, cause)
	case errors.Is(cause, fs.ErrPermission):
		return unavailable(op, ReasonPermissions, cause)
	}
	return unavailable(op, ReasonIOError, cause)
}
