package memory

import (
	"context"
	"iter"
	"slices"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// Patient is one patient of the source.
type Patient struct {
	// Person is what Identify returns. LocalID must be unique; two patients
	// with one NHS number make that number ambiguous, as in a real source.
	Person care.Patient
	// Rows are the record, in any order: New sorts each section, newest first.
	Rows []ukcore.Row
	// Deleted are those of Rows that the source has marked deleted or entered
	// in error: they are neither served nor counted.
	Deleted map[ukcore.Row]bool
	// Ends say how sections end that do not end as their rows say; Section and
	// Read are filled in, and so is State where it is zero. A section that is
	// Unavailable yields no records, unless some rows are said to have Failed.
	Ends map[care.Section]care.End
	// Documents are the contents of documents by the key of their row. A
	// document row without one is a placeholder.
	Documents map[string]Content
	// Directives are what the patient has said about sharing; New fills in the
	// NHS number. A connector none of whose patients has any holds none.
	Directives []care.Directive
}

// Connector reads the patients it was made of. It is a care.Connector, a
// care.DocumentReader and a care.DirectiveSource, and safe for concurrent use.
type Connector struct {
	origin   *care.Origin
	sections care.SectionSet
	byNumber map[care.NHSNumber]*person // nil where several have the number
	byKey    map[care.Private]*person
	empty    [care.AboutMe + 1]care.End // for sections in which somebody has nothing
	unserved [care.AboutMe + 1]care.End
	switches switches

	directives directives
}

var (
	_ care.Connector       = (*Connector)(nil)
	_ care.DocumentReader  = (*Connector)(nil)
	_ care.DirectiveSource = (*Connector)(nil)
)

// New returns a connector over the given patients, whose records it builds now.
// The patients and their rows are not used afterwards. It fails, like the
// encoder, when a row cannot be mapped.
func New(origin care.Origin, patients []Patient) (*Connector, error) {
	return build(origin, slices.Values(patients))
}

func build(origin care.Origin, patients iter.Seq[Patient]) (*Connector, error) {
	c := &Connector{origin: &origin, sections: care.AllSections,
		byNumber: map[care.NHSNumber]*person{}, byKey: map[care.Private]*person{}}
	for s := range care.AllSections.All() {
		c.empty[s] = care.End{Section: s, State: care.Empty}
		c.unserved[s] = care.End{Section: s, State: care.NotSupported}
	}
	r := newRenderer(c.origin)
	for patient := range patients {
		p, err := r.render(&patient)
		if err != nil {
			return nil, err
		}
		c.byKey[p.patient.LocalID] = p
		if patient.Directives != nil {
			c.State(p.patient.NHSNumber, patient.Directives...)
		}
		if number := p.patient.NHSNumber; !number.IsZero() {
			if _, taken := c.byNumber[number]; taken {
				p = nil
			}
			c.byNumber[number] = p
		}
	}
	return c, nil
}

// Describe says what the source serves.
func (c *Connector) Describe() care.Description {
	return care.Description{Origin: *c.origin, Kind: KindName, Sections: c.sections, Documents: true}
}

// Identify returns the one patient with the number.
func (c *Connector) Identify(ctx context.Context, number care.NHSNumber) (care.Patient, error) {
	if err := c.switches.ready(ctx); err != nil {
		return care.Patient{}, err
	}
	p, found := c.byNumber[number]
	switch {
	case !found:
		return care.Patient{}, notHere("memory.Identify")
	case p == nil:
		return care.Patient{}, &care.Error{Kind: care.SourceUnavailable, Op: "memory.Identify", Reason: "AMBIGUOUS",
			Detail: "the source holds several patients under this number; none of them was returned"}
	}
	return p.patient, nil
}

// Fetch yields the records of a patient. It allocates once, whatever the
// number of records, unless a section is cut at MaxRows.
func (c *Connector) Fetch(ctx context.Context, query care.Query) iter.Seq2[care.Item, error] {
	return func(yield func(care.Item, error) bool) {
		if query.Sections == 0 {
			return
		}
		p, err := c.find(ctx, &query.Patient, "memory.Fetch")
		if err != nil {
			yield(care.Item{}, err)
			return
		}
		for s := range query.Sections.All() {
			records, end := c.section(p, s, query.MaxRows)
			if !c.send(ctx, records, end, yield) {
				return
			}
		}
	}
}

// send yields one section and reports whether to go on.
func (c *Connector) send(ctx context.Context, records []care.Record, end *care.End, yield func(care.Item, error) bool) bool {
	for i := range records {
		if err := c.switches.spend(ctx); err != nil {
			yield(care.Item{}, err)
			return false
		}
		if !yield(care.Item{Record: &records[i]}, nil) {
			return false
		}
	}
	if err := c.switches.ready(ctx); err != nil {
		yield(care.Item{}, err)
		return false
	}
	return yield(care.Item{End: end}, nil)
}

// section returns the records of one section, at most limit, and its end.
func (c *Connector) section(p *person, s care.Section, limit int) ([]care.Record, *care.End) {
	if !c.sections.Has(s) {
		return nil, &c.unserved[s]
	}
	sec := p.section(s)
	if sec == nil {
		return nil, &c.empty[s]
	}
	if len(sec.records) <= limit {
		return sec.records, &sec.end
	}
	return sec.cut(max(limit, 0))
}

// find returns the patient whom Identify returned.
func (c *Connector) find(ctx context.Context, patient *care.Patient, op string) (*person, error) {
	if err := c.switches.ready(ctx); err != nil {
		return nil, err
	}
	p := c.byKey[patient.LocalID]
	if p == nil || p.patient.NHSNumber != patient.NHSNumber {
		return nil, notHere(op)
	}
	return p, nil
}

// Probe checks that the source runs.
func (c *Connector) Probe(ctx context.Context) (care.Readiness, error) {
	if err := c.switches.ready(ctx); err != nil {
		return care.Readiness{}, err
	}
	return care.Readiness{Detail: "patients in memory; nothing can be written"}, nil
}

// Close stops the source for good.
func (c *Connector) Close() error {
	c.switches.close()
	return nil
}

func notHere(op string) error {
	return &care.Error{Kind: care.PatientNotFound, Op: op, Detail: "the source holds no such patient"}
}
