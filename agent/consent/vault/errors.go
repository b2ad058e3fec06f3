package vault

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Reasons of the package's errors of kind ConsentUnavailable.
const (
	ReasonDamaged  = "DAMAGED"  // the file is missing, unreadable or fails a check
	ReasonPoisoned = "POISONED" // a change could not be written; the process must end
	ReasonClosed   = "CLOSED"   // the vault was closed
	ReasonLocked   = "LOCKED"   // another process has the file
)

// Causes of damage. They say where to look and nothing of the data.
var (
	errFault    = errors.New("bbolt panicked or touched memory beyond the file")
	errLayout   = errors.New("the pages of the file do not fit together")
	errNoBucket = errors.New("a bucket is missing")
	errBadRoot  = errors.New("the root is missing or does not match its seal")
	errBadGroup = errors.New("a group of the directory is missing or not the one last written")
	errBadPage  = errors.New("a page is missing or not the one last written")
	errExtra    = errors.New("the file holds what the root does not name")
	errCount    = errors.New("the entries of a set are not as many as the root says")
	errSense    = errors.New("an entry or the state is sealed as it must be, and makes no sense: it is of another version, or written by a defect")
	errReplaced = errors.New("the file was replaced or changed by another program while it was open")
)

// failure makes the package's errors.
func failure(kind care.Kind, reason, detail string, cause error) *care.Error {
	return &care.Error{Kind: kind, Op: "consent/vault", Reason: reason, Detail: detail, Err: cause}
}

// damage returns err as the error of a file that is not what it must be. An
// error that is already one of the package's stays.
func damage(err error) *care.Error {
	if e, ok := errors.AsType[*care.Error](err); ok {
		return e
	}
	return failure(care.ConsentUnavailable, ReasonDamaged,
		"the consent store is damaged, was changed by another program, or belongs to another site key", err)
}

// guard runs fn and returns a panic as an error that is errFault. bbolt panics
// on pages that make no sense, and a page beyond the end of the file is a
// memory fault, which only SetPanicOnFault makes recoverable.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer caught(&err)
	return fn()
}

// caught turns a panic into an error that is errFault. It must be deferred.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", errFault, p)
	}
}
