package ukcore

import (
	"iter"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Mapper turns the rows of one section of one patient into records. It is for
// one goroutine and one answer: rows first, then Held, then End. How many rows
// it may have to hold back is bounded by how many the caller gives it.
type Mapper struct {
	binding *Binding
	encoder *Encoder
	reader  reader
	plans   []plan // by kind, made when the first such row comes
	held    []gatherer
	members map[ref][]ref
	notes   map[string]*Notes // by consultation
	read    int
	failed  int
	nilRows int
	detail  string // of the first row that failed
}

// ref names a row by its kind and key.
type ref struct{ kind, key string }

// gatherer is a row that waits for the end, because it names rows that name it:
// a report and its results, a consultation's notes and their headings.
type gatherer interface {
	Row
	gather(members []ref)
}

// member is a row that others gather.
type member interface {
	memberOf() ref
}

// Mapper returns a mapper for one answer. Times without an offset are local
// time in zone, normally Europe/London.
func (b *Binding) Mapper(e *Encoder, zone *time.Location) *Mapper {
	return &Mapper{binding: b, encoder: e, reader: reader{zone: zone},
		plans: make([]plan, len(b.layout.Kinds)), members: map[ref][]ref{}, notes: map[string]*Notes{}}
}

// Row maps one row, whose values are in the order of the columns that were
// bound. The record is valid until the next call; it is nil for a row that the
// source has deleted and for one that is held back for Held. The error of a row
// that cannot be mapped has Kind SourceUnavailable and Reason ROW_UNMAPPABLE,
// names the row key, the column and what was expected, and no value; mapping
// may go on, and End says that the section failed.
func (m *Mapper) Row(values []Value) (*care.Record, error) {
	row, err := m.decode(values)
	if err != nil {
		return nil, m.fail(err)
	}
	if row == nil {
		return nil, nil
	}
	if mem, ok := row.(member); ok {
		if parent := mem.memberOf(); parent.key != "" {
			m.members[parent] = append(m.members[parent], ref{row.shape().kind, row.entry().ID})
		}
	}
	if h, ok := row.(*headingRow); ok {
		return nil, m.join(h)
	}
	if g, ok := row.(gatherer); ok {
		m.held = append(m.held, g)
		m.reader.codings = nil // the row keeps them
		return nil, nil
	}
	return m.encode(row)
}

// join adds a heading to the notes of its consultation.
func (m *Mapper) join(h *headingRow) error {
	if h.Consultation == "" {
		return m.fail(unmappable("heading", h.ID, "the column consultation_id", "a value; a heading needs it"))
	}
	if h.visit() != consultationShape {
		return m.fail(unmappable("heading", h.ID, "the column consultation_section", "CONSULTATIONS; other contacts have no headings"))
	}
	whole := m.notes[h.Consultation]
	joined := h.join(whole)
	if whole == nil {
		m.notes[h.Consultation] = joined
		m.held = append(m.held, joined)
	}
	m.reader.codings = nil // the notes keep them
	return nil
}

func (m *Mapper) decode(values []Value) (Row, error) {
	r := &m.reader
	if len(values) != m.binding.width {
		return nil, unmappable("row", "", "it", "as many values as there are columns")
	}
	r.values, r.codings, r.fault = values, r.codings[:0], nil
	if m.gone() {
		return nil, nil
	}
	kind := m.kind()
	if r.fault != nil {
		return nil, m.unmappable("row")
	}
	if m.plans[kind] == nil {
		m.plans[kind] = m.binding.layout.Kinds[kind].bind(m.binding.position)
	}
	row := m.plans[kind](r)
	if r.fault != nil {
		return nil, m.unmappable(m.binding.layout.Kinds[kind].Name)
	}
	return row, nil
}

// gone reports whether the source has deleted the row.
func (m *Mapper) gone() bool {
	m.reader.slots = m.binding.gone
	return m.reader.flag(0) == Yes
}

// kind returns which of the layout's kinds the row is.
func (m *Mapper) kind() int {
	kinds := m.binding.layout.Kinds
	if len(kinds) == 1 {
		return 0
	}
	m.reader.slots = m.binding.kind
	name := m.reader.choice(0)
	for i := range kinds {
		if kinds[i].Name == name {
			return i
		}
	}
	m.reader.fail(0, "a value; it is required")
	return 0
}

// unmappable is the error of the row that the reader found a fault in.
func (m *Mapper) unmappable(kind string) error {
	key := ""
	if i := m.binding.position("id"); i >= 0 {
		key, _ = m.reader.values[i].text()
	}
	return unmappable(kind, key, "the column "+m.reader.fault.Name, m.reader.want)
}

func (m *Mapper) fail(err error) error {
	m.read++
	m.failed++
	if e, ok := err.(*care.Error); ok && m.detail == "" {
		m.detail = e.Detail
	}
	return err
}

func (m *Mapper) encode(row Row) (*care.Record, error) {
	if row.shape() == patientShape && m.read > 0 {
		return nil, m.fail(unmappable(patientShape.kind, "", "the section", "one row; there are several"))
	}
	record, err := m.encoder.Encode(row)
	if err != nil {
		return nil, m.fail(err)
	}
	m.read++
	if NilKnown(row) {
		m.nilRows++
	}
	return record, nil
}

// Held yields the records of the rows that were held back, once all rows were
// given. Each is valid until the next.
func (m *Mapper) Held() iter.Seq2[*care.Record, error] {
	return func(yield func(*care.Record, error) bool) {
		held := m.held
		m.held = nil
		for _, g := range held {
			g.gather(m.members[ref{g.shape().kind, g.entry().ID}])
			if !yield(m.encode(g)) {
				return
			}
		}
	}
}

// End returns the end of the section, once all rows were given and Held was
// run through. The caller adds what only it knows: limits, boundary, age.
func (m *Mapper) End() care.End {
	end := care.End{Section: m.binding.layout.Section, State: care.Complete, Read: m.read, Failed: m.failed}
	switch {
	case m.failed > 0:
		end.State, end.Reason, end.Detail = care.Unavailable, RowUnmappable, m.detail
	case m.read == 0:
		end.State = care.Empty
	case m.nilRows == m.read:
		end.State = care.NilKnown
	}
	return end
}

// NilKnown reports whether a row asserts that there is nothing to record in
// its section, such as "no known allergies". A section that holds only such
// rows is NilKnown.
func NilKnown(row Row) bool {
	n, ok := row.(interface{ nilKnown() bool })
	return ok && n.nilKnown()
}
