package care

import (
	"context"
	"iter"
)

// Connector reads one source system. It is the contract that everything in
// connectors/ fulfils and connectors/connectortest checks.
//
// A connector reads and never writes: no statement, request or message of it
// can change the source. All methods may be called from many goroutines at
// once, and after a failed call the connector stays usable. When ctx ends a
// method stops its work at the source, frees everything and returns soon.
// Errors are of type *Error and quote nothing of a patient.
type Connector interface {
	// Describe says what the source serves. It does no input or output.
	Describe() Description

	// Identify returns the one patient that the source holds under the number,
	// served or not: the caller judges. It fails with PatientNotFound when
	// there is none, and with SourceUnavailable and Reason "AMBIGUOUS" when
	// there is more than one: never the first of several.
	Identify(ctx context.Context, number NHSNumber) (Patient, error)

	// Fetch yields the records of one patient and, for each section asked,
	// exactly one End after the last record of that section. That a section
	// holds nothing is an End, not an error. An error is the last thing
	// yielded and leaves the sections without an End unread. What an Item
	// points to is the connector's and valid until the loop body returns.
	// Fetch may be stopped at any record and yields nothing thereafter.
	Fetch(ctx context.Context, query Query) iter.Seq2[Item, error]

	// Probe checks, without touching a patient, that the source can be read
	// and, where the source can tell, that it cannot be written to.
	Probe(ctx context.Context) (Readiness, error)

	// Close frees what the connector holds. It may be called more than once.
	Close() error
}

// DocumentReader is fulfilled by connectors whose source holds documents.
type DocumentReader interface {
	// Document opens one document of the patient by the id of its
	// DocumentReference. It fails with RecordNotFound when this patient has no
	// such document, whoever else may have it.
	Document(ctx context.Context, patient Patient, id string) (Document, error)
}

// DirectiveSource is fulfilled by connectors whose source holds what patients
// have said about sharing, as coded entries.
type DirectiveSource interface {
	// HoldsDirectives reports whether the site's settings say where the source
	// keeps them. If not, the other methods are not called.
	HoldsDirectives() bool

	// Directives yields every statement that the source holds, in any order. An
	// error is the last thing yielded; what came before it must not be used.
	// NHSNumber, Effective and either Kind or Code are set, Recorded and By
	// where the source has them; where only the day is known Effective is
	// midnight UTC of it. What a Code means is for the caller to know. A
	// row that cannot be read is an error: a source that cannot be read whole is
	// not a source that says nothing.
	Directives(ctx context.Context) iter.Seq2[Directive, error]

	// DirectivesOf returns the statements about one patient as they are now;
	// none is not an error. It fails with Unsupported where the source can only
	// be read whole.
	DirectivesOf(ctx context.Context, number NHSNumber) ([]Directive, error)
}

// Description says what a source is and serves.
type Description struct {
	Origin    Origin
	Kind      string     // kind of connector, such as "sql"
	Sections  SectionSet // sections it can serve at all
	Documents bool       // whether it is a DocumentReader
}

// Readiness is what Probe found.
type Readiness struct {
	Writable bool   // the login could change the source; the site insists on it
	Detail   string // server product and version, rights of the login; no secret
}

// Query asks one source for one patient, whom Identify returned.
type Query struct {
	Patient  Patient
	Sections SectionSet
	MaxRows  int // for each section; the source stops there and says Truncated
}

// Item is one thing a source yields: either a Record or an End.
type Item struct {
	Record *Record
	End    *End
}
