package gate

import (
	"context"
	"errors"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/records"
)

// Refused is a refusal as the caller may see it.
type Refused struct {
	Kind      care.Kind
	Reason    string
	Detail    string
	RequestID string
	Sequence  uint64 // of the journal entry of the decision; 0 when there is none
}

// Error returns the code and what to do.
func (r *Refused) Error() string { return r.Kind.String() + ": " + r.Detail }

// whom returns whom the sources are asked for. For a restricted patient that is
// nobody, so that what the sources hold of the patient, how long they take to
// find it, and whatever is wrong with it cannot show: the answer is that of a
// number they do not know.
func (r *release) whom() care.Subject {
	s := r.Request.Subject
	if r.consent.Refusal != care.OK {
		s.NHSNumber = care.Nobody()
	}
	return s
}

// restriction reports whether the patient is not to be found, and why. again is
// what stillAllowed says: that nobody is served any more is told of a restricted
// patient, too.
func (r *release) restriction(again error) (reason string, hidden bool) {
	switch kind := care.KindOf(again); {
	case kind == care.PatientNotFound:
		return care.ReasonOf(again), true
	case r.consent.Refusal != care.OK && (kind == care.OK || kind == care.NoPatientConsent):
		return r.consent.Reason, true // as it was when the request came
	}
	return "", false
}

// hide turns what Identify said into what it would have said had there been no
// such patient: only a source that cannot be read for anybody still shows.
func hide(match *records.Match, err error, reason string) error {
	if match != nil {
		err = match.WithoutPatient()
	}
	if kind := care.KindOf(err); kind == care.SourceUnavailable || kind == care.ConsentUnavailable {
		return err
	}
	return &care.Error{Kind: care.PatientNotFound, Op: "gate.admit", Reason: reason, Detail: records.NotFoundDetail}
}

// defect is how a request ends whose code failed.
var defect = &care.Error{Kind: care.Internal, Op: "gate", Reason: "DEFECT", Detail: "the agent failed on this request; what was sent is not whole"}

// ended names the end of a context.
func ended(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &care.Error{Kind: care.LimitExceeded, Op: "gate", Reason: "TIME", Detail: "the request took longer than the site allows; what was sent is not whole"}
	case errors.Is(err, context.Canceled):
		return &care.Error{Kind: care.Cancelled, Op: "gate", Reason: "CALLER_GONE", Detail: "the caller went away"}
	}
	return err
}

// unwritten is the refusal of a request whose entry is not on disk.
func unwritten(err error) error {
	if kind := care.KindOf(err); kind == care.AuditUnavailable || kind == care.Cancelled || kind == care.LimitExceeded {
		return ended(err)
	}
	return &care.Error{Kind: care.AuditUnavailable, Op: "gate", Detail: "the journal cannot be written, so nothing may leave", Err: err}
}

// refusal is what the caller is told of a consent decision.
func refusal(kind care.Kind, reason string) error {
	e := &care.Error{Kind: kind, Op: "gate.consent", Reason: reason}
	switch kind {
	case care.NoPatientConsent:
		e.Detail = "the patient does not want what was asked for to be shared; this cannot be overridden"
	case care.NoPermissionToView:
		e.Detail = "ask the patient, or state why the record is viewed without asking"
	case care.PatientNotFound:
		e.Detail = records.NotFoundDetail
	case care.ConsentUnavailable:
		e.Detail = "the site cannot tell at present whether the patient agrees, so nothing may leave; try later, or ask the site"
	}
	return e
}
