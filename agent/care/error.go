package care

import (
	"context"
	"errors"
)

// Kind is the stable code of a refusal or failure. Kinds are closed and
// numbered: they are written to the journal and sent over the wire, so a
// number is never reused and the order never changes.
//
// The names follow GP Connect's Spine error codes where one exists
// (GP Connect 1.6, FHIR error handling guidance).
type Kind uint8

// The kinds. The comment of each says who can act on it.
const (
	OK                  Kind = iota // no error
	Internal                        // a defect in the agent; report it
	BadRequest                      // the caller's message is malformed or incomplete
	InvalidNHSNumber                // the caller sent something that is no NHS number
	InvalidDemographics             // the caller's demographics are missing or not those of this patient
	PatientNotFound                 // no patient to serve here; also said of restricted patients
	RecordNotFound                  // the patient is served, the document is not there
	NoPatientConsent                // the patient has dissented; nobody can override it
	NoPermissionToView              // the caller gave no permission to view, or break-glass without a reason
	AccessDenied                    // the site does not share this with that requester
	Unauthenticated                 // the peer's certificate is missing, expired, revoked or unknown
	ConsentUnavailable              // the consent store is empty, stale or damaged
	AuditUnavailable                // the journal cannot be written, so nothing may leave
	SourceUnavailable               // the source is down, slow or unreadable
	LimitExceeded                   // a budget is used up: size, rows, time, calls
	Cancelled                       // the caller went away
	Unsupported                     // the agent or the source cannot do that
	Conflict                        // the change does not fit what is there: an old sequence, a gap
)

var kindCodes = [...]string{
	OK:                  "OK",
	Internal:            "INTERNAL_ERROR",
	BadRequest:          "BAD_REQUEST",
	InvalidNHSNumber:    "INVALID_NHS_NUMBER",
	InvalidDemographics: "INVALID_PATIENT_DEMOGRAPHICS",
	PatientNotFound:     "PATIENT_NOT_FOUND",
	RecordNotFound:      "NO_RECORD_FOUND",
	NoPatientConsent:    "NO_PATIENT_CONSENT",
	NoPermissionToView:  "NO_PERMISSION_TO_VIEW",
	AccessDenied:        "ACCESS_DENIED",
	Unauthenticated:     "UNAUTHENTICATED",
	ConsentUnavailable:  "CONSENT_UNAVAILABLE",
	AuditUnavailable:    "AUDIT_UNAVAILABLE",
	SourceUnavailable:   "SOURCE_UNAVAILABLE",
	LimitExceeded:       "LIMIT_EXCEEDED",
	Cancelled:           "CANCELLED",
	Unsupported:         "NOT_SUPPORTED",
	Conflict:            "CONFLICT",
}

// String returns the stable code, such as "NO_PATIENT_CONSENT".
func (k Kind) String() string {
	if int(k) < len(kindCodes) {
		return kindCodes[k]
	}
	return "UNKNOWN"
}

// ParseKind returns the kind of a stable code.
func ParseKind(code string) (Kind, bool) {
	for k, c := range kindCodes {
		if c == code {
			return Kind(k), true
		}
	}
	return Internal, false
}

// Error is a refusal or failure with a stable Kind. Its text may be shown to
// anyone who may see that the request was made: Op and Detail never quote data
// of a person, and the cause in Err is never part of the text (drivers and
// parsers echo their input), only of errors.Is and errors.As.
type Error struct {
	Kind   Kind
	Op     string // where it happened: package.Function, or the name of a source
	Reason string // stable sub-code, such as NO_SPACE or ROW_UNMAPPABLE; may be empty
	Detail string // what happened and what to do, in plain words
	Err    error  // cause, for errors.Is; its text is not shown
}

// Error returns "op: CODE (REASON): detail", for logs. Plain is for people.
func (e *Error) Error() string {
	if e.Op == "" {
		return e.plain()
	}
	return e.Op + ": " + e.plain()
}

// plain returns "CODE (REASON): detail".
func (e *Error) plain() string {
	text := e.Kind.String()
	if e.Reason != "" {
		text += " (" + e.Reason + ")"
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of err: that of the outermost Error in its chain,
// Cancelled or LimitExceeded for the context's errors, OK for nil, and
// Internal for everything else.
func KindOf(err error) Kind {
	if err == nil {
		return OK
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	switch {
	case errors.Is(err, context.Canceled):
		return Cancelled
	case errors.Is(err, context.DeadlineExceeded):
		return LimitExceeded
	}
	return Internal
}

// ReasonOf returns the sub-code of the outermost Error in the chain of err, or
// the empty text.
func ReasonOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return ""
}
