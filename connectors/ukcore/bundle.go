package ukcore

import (
	"iter"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// BundleEntry is one resource of a Bundle.
type BundleEntry struct {
	Reference
	Resource []byte // JSON
}

// AppendBundle appends a Bundle of type collection as JSON. base, such as
// "https://example.nhs.uk/fhir/", comes before Type/id in each fullUrl, so that
// references between the entries resolve.
func AppendBundle(dst []byte, base string, made time.Time, entries iter.Seq[BundleEntry]) ([]byte, error) {
	w := &writer{buf: dst}
	start := len(dst)
	at := w.object("")
	w.text("resourceType", "Bundle")
	w.profile("Bundle")
	w.text("type", "collection")
	w.date("timestamp", care.Instant(made.UTC().Truncate(time.Second)))
	list := w.array("entry")
	for e := range entries {
		one := w.object("")
		w.text("fullUrl", base+e.Type+"/"+e.ID)
		w.name("resource")
		w.buf = append(w.buf, e.Resource...)
		w.buf = append(w.buf, ',')
		w.closeObject(one)
	}
	w.closeArray(list)
	w.closeObject(at)
	return w.done(start)
}

// Issue is one refusal, failure or warning.
type Issue struct {
	Kind     care.Kind
	Warning  bool // the answer is there all the same
	Text     string
	Sections []string // names of the sections it is about; empty means all
}

// AppendOperationOutcome appends an OperationOutcome (UKCore-OperationOutcome)
// as JSON. Its codes are the stable codes of care.Kind.
func AppendOperationOutcome(dst []byte, issues ...Issue) ([]byte, error) {
	if len(issues) == 0 {
		return dst, &care.Error{Kind: care.Internal, Op: "ukcore.AppendOperationOutcome", Detail: "there is no issue to tell"}
	}
	w := &writer{buf: dst}
	start := len(dst)
	at := w.object("")
	w.text("resourceType", "OperationOutcome")
	w.profile("OperationOutcome")
	list := w.array("issue")
	for i := range issues {
		w.issue(&issues[i])
	}
	w.closeArray(list)
	w.closeObject(at)
	return w.done(start)
}

func (w *writer) issue(i *Issue) {
	at := w.object("")
	severity := "error"
	if i.Warning {
		severity = "warning"
	}
	w.text("severity", severity)
	w.text("code", issueType(i.Kind))
	details := w.object("details")
	w.text("text", i.Kind.String())
	w.closeObject(details)
	w.text("diagnostics", i.Text)
	w.texts("expression", i.Sections...)
	w.closeObject(at)
}

// issueType returns the FHIR issue type nearest to a kind (FHIR R4, issue
// type).
func issueType(k care.Kind) string {
	switch k {
	case care.OK:
		return "informational"
	case care.BadRequest, care.InvalidNHSNumber, care.InvalidDemographics:
		return "invalid"
	case care.PatientNotFound, care.RecordNotFound:
		return "not-found"
	case care.NoPatientConsent, care.NoPermissionToView, care.AccessDenied:
		return "forbidden"
	case care.Unauthenticated:
		return "login"
	case care.ConsentUnavailable, care.AuditUnavailable, care.SourceUnavailable:
		return "transient"
	case care.LimitExceeded:
		return "too-costly"
	case care.Unsupported:
		return "not-supported"
	case care.Conflict:
		return "conflict"
	}
	return "exception"
}
