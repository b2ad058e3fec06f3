// Package records reads one patient's record from all of a site's sources as
// one sequence: it makes sure that each source means the person asked for,
// reads the sources side by side within limits, holds back what is
// confidential, and ends every asked section with exactly one outcome.
//
// It knows nothing of who asks or whether they may: that is the gate's.
package records

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Source is one configured source.
type Source struct {
	Connector care.Connector
	Sections  care.SectionSet // what to read from it; the connector may serve less
}

// Limits bound the reading of one answer.
type Limits struct {
	Stall    time.Duration // how long a source may be silent before it is given up
	Rows     int           // rows of one section
	Bytes    int64         // bytes of all resources
	Resource int           // bytes of one resource
	Document int64         // bytes of one document
}

// DefaultLimits returns limits that fit a small site.
func DefaultLimits() Limits {
	return Limits{Stall: 10 * time.Second, Rows: 20_000, Bytes: 256 << 20, Resource: 2 << 20, Document: 100 << 20}
}

// Reader reads the sources of one site. It is safe for concurrent use.
type Reader struct {
	sources  []source
	limits   Limits
	withhold Withhold
	took     atomic.Int64 // how long Identify took lately, in nanoseconds
}

type source struct {
	connector care.Connector
	origin    care.Origin
	sections  care.SectionSet
}

// NewReader returns a reader of the sources, in the order in which they are
// asked. What withhold names never leaves.
func NewReader(sources []Source, limits Limits, withhold Withhold) *Reader {
	r := &Reader{limits: limits, withhold: withhold}
	for _, s := range sources {
		d := s.Connector.Describe()
		r.sources = append(r.sources, source{s.Connector, d.Origin, s.Sections & d.Sections})
	}
	return r
}

// quick is about how long it takes to hand work over to another goroutine.
const quick = 100 * time.Microsecond

// Quick reports whether Identify lately took so little time that doing
// something else meanwhile is not worth it.
func (r *Reader) Quick() bool { return r.took.Load() < int64(quick) }

// Sections returns what the sources serve between them.
func (r *Reader) Sections() care.SectionSet {
	var all care.SectionSet
	for _, s := range r.sources {
		all |= s.sections
	}
	return all
}

// Sink takes an answer as it is read. Calls come one at a time. What a record
// points to is valid during the call only. An error stops the reading.
type Sink interface {
	Record(*care.Record) error
	Outcome(*care.Outcome) error
}

// Query says what to read of a matched patient.
type Query struct {
	Sections care.SectionSet
	Period   care.Period
}

// Read reads the asked sections of the matched patient into sink and gives
// each of them exactly one outcome, whatever the sources do. It fails only
// when the sink fails or ctx ends; the sections that then have no outcome are
// incomplete.
func (r *Reader) Read(ctx context.Context, match *Match, query Query, sink Sink) error {
	return r.read(ctx, match, query, sink, r.shadow(query.Sections))
}

// shadow returns the sections that must be read although nobody asked for
// them, because what is withheld there must be withheld where it is named too:
// without its coded row, a consultation or a letter would still tell.
func (r *Reader) shadow(asked care.SectionSet) care.SectionSet {
	if asked&linking == 0 {
		return 0
	}
	return coded &^ asked
}

func (r *Reader) read(ctx context.Context, match *Match, query Query, sink Sink, shadow care.SectionSet) error {
	a := newAnswer(r, match, query, sink)
	if len(match.held) == 1 {
		a.readSource(ctx, match.held[0], shadow)
	} else {
		a.readAll(ctx, match.held, shadow)
	}
	if err := a.failure(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return a.finish()
}

// Document opens a document of the matched patient. It may leave only if its
// DocumentReference would, so that is read first. The caller closes the body.
func (r *Reader) Document(ctx context.Context, match *Match, id string) (care.Document, error) {
	seen := &reference{id: id}
	if err := r.Read(ctx, match, Query{Sections: care.SetOf(care.Documents)}, seen); err != nil {
		return care.Document{}, err
	}
	if !seen.released {
		if seen.unread {
			return care.Document{}, &care.Error{Kind: care.SourceUnavailable, Op: "records.Document",
				Reason: "DOCUMENTS_UNREADABLE", Detail: "the list of documents cannot be read whole, so it is not known whether this one may leave; try again later"}
		}
		return care.Document{}, noDocument()
	}
	for _, h := range match.held {
		reader, ok := h.source.connector.(care.DocumentReader)
		if !ok || h.state != confirmed || h.source.origin.Source != seen.source {
			continue
		}
		began := time.Now()
		doc, err := reader.Document(ctx, h.patient, id)
		match.log.add(h.source, "DOCUMENT", began, care.KindOf(err), care.ReasonOf(err))
		if err != nil {
			return care.Document{}, err
		}
		return r.checkDocument(doc)
	}
	return care.Document{}, noDocument()
}

// checkDocument applies to the content what was applied to its reference.
func (r *Reader) checkDocument(doc care.Document) (care.Document, error) {
	switch {
	case doc.Confidentiality != care.Normal || r.withhold.any(doc.Codes):
		return care.Document{}, errors.Join(noDocument(), doc.Body.Close())
	case doc.Size > r.limits.Document:
		return care.Document{}, errors.Join(&care.Error{Kind: care.LimitExceeded, Op: "records.Document", Reason: "DOCUMENT_SIZE",
			Detail: "the document is larger than the site allows; ask the site for it"}, doc.Body.Close())
	}
	return doc, nil
}

func noDocument() error {
	return &care.Error{Kind: care.RecordNotFound, Op: "records.Document", Detail: "the patient has no such document here"}
}

// reference is a Sink that looks for one document's reference.
type reference struct {
	id, source       string
	released, unread bool
}

func (f *reference) Record(r *care.Record) error {
	if r.ID == f.id && r.Type == "DocumentReference" {
		f.released = true
		if r.Origin != nil {
			f.source = r.Origin.Source
		}
	}
	return nil
}

func (f *reference) Outcome(o *care.Outcome) error {
	f.unread = f.unread || o.State == care.Unavailable
	return nil
}
