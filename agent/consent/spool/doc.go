// Package spool keeps the rows of a long push on disk while they arrive, so
// that a push goes on after a broken connection or a restart, and gives them
// back sorted by key in bounded memory.
//
// The file is sealed: AES-256-GCM under a key of the caller. It is a sequence
// of frames that are only ever appended; each is bound to its place and to the
// push by its additional data, so that frames cannot be moved, left out in the
// middle or taken from another push. What is behind the last checkpoint is
// dropped when a spool is opened again: it was never promised to anyone. A
// spool cut short by an attacker or a disk loses rows that the region sends
// again, never makes wrong ones: what a push held is proved by the content hash
// of its manifest, which the caller keeps with its checkpoints.
//
// Start reading at Spool, then frame.go.
package spool

import "github.com/mycarerecord/edge-agent/agent/care"

// Reasons of errors.
const (
	ReasonDamaged = "SPOOL_DAMAGED" // the file is not a spool of this push and key, or cannot be read back
	ReasonFailed  = "SPOOL_FAILED"  // the disk did not take it; the spool is of no more use
	ReasonLarge   = "SPOOL_LARGE"   // more than the spool takes, or than one pass may hold
)

func failure(kind care.Kind, reason, detail string, cause error) *care.Error {
	return &care.Error{Kind: kind, Op: "consent/spool", Reason: reason, Detail: detail, Err: cause}
}

func damaged(detail string, cause error) *care.Error {
	return failure(care.ConsentUnavailable, ReasonDamaged, detail+"; begin the push anew", cause)
}
