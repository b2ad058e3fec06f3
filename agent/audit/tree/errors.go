package tree

import (
	"errors"
	"io/fs"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Reasons of the errors of this package. They are stable codes.
const (
	ReasonIOError = "IO_ERROR"      // a tile cannot be written or read; the cause is wrapped
	ReasonMissing = "MISSING"       // the folder of the tree is not there
	ReasonDamaged = "DAMAGED"       // tiles or leaves do not give the tree that they gave before
	ReasonRange   = "OUT_OF_RANGE"  // an index or size is beyond the tree
	ReasonProof   = "PROOF_INVALID" // a proof does not prove what it should
	ReasonHead    = "HEAD_INVALID"  // a signed head is malformed, or not signed by a known key
	ReasonKey     = "KEY_INVALID"   // a name or public key is malformed
)

// failed is the error for a failed call to the file system.
func failed(op string, cause error) error {
	if already, ok := errors.AsType[*care.Error](cause); ok {
		return already
	}
	reason, detail := ReasonIOError, "the hash tree's files cannot be used; repair the journal's disk or the rights of its folder"
	if errors.Is(cause, fs.ErrNotExist) {
		reason, detail = ReasonMissing, "the journal's folder is not there; put it back"
	}
	return &care.Error{Kind: care.AuditUnavailable, Op: op, Reason: reason, Detail: detail, Err: cause}
}

func damaged(op, detail string, cause error) error {
	return &care.Error{Kind: care.AuditUnavailable, Op: op, Reason: ReasonDamaged, Detail: detail, Err: cause}
}

func outOfRange(op string) error {
	return &care.Error{
		Kind: care.BadRequest, Op: op, Reason: ReasonRange,
		Detail: "the journal has no such entry or size; ask for one that a signed head covers",
	}
}

func badProof(op, detail string, cause error) error {
	return &care.Error{Kind: care.Conflict, Op: op, Reason: ReasonProof, Detail: detail, Err: cause}
}

func badHead(op, detail string, cause error) error {
	return &care.Error{Kind: care.BadRequest, Op: op, Reason: ReasonHead, Detail: detail, Err: cause}
}

func badKey(op, detail string, cause error) error {
	return &care.Error{Kind: care.BadRequest, Op: op, Reason: ReasonKey, Detail: detail, Err: cause}
}
