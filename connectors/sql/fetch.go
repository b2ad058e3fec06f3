package sql

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// defaultRows is the row limit of a query that names none.
const defaultRows = 10_000

// errStopped says that the caller wants no more.
var errStopped = errors.New("sql: the caller stopped")

// Fetch reads the sections one after the other in one transaction.
func (s *source) Fetch(ctx context.Context, query care.Query) iter.Seq2[care.Item, error] {
	return func(yield func(care.Item, error) bool) {
		if query.Sections == 0 {
			return
		}
		f := fetch{s: s, ctx: ctx, query: query, yield: yield, encoder: ukcore.NewEncoder(s.origin, query.Patient.LocalID)}
		defer f.endTransaction()
		if err := s.admit(ctx); err != nil {
			yield(care.Item{}, err)
			return
		}
		for section := range query.Sections.All() {
			if !f.section(section) {
				return
			}
		}
	}
}

// fetch is one Fetch under way.
type fetch struct {
	s        *source
	ctx      context.Context
	query    care.Query
	yield    func(care.Item, error) bool
	encoder  *ukcore.Encoder
	t        *transaction // nil before the first query and after a failed one
	boundary boundary
	slow     int // sections that the server left without an answer
}

// section yields one section with its end and reports whether to go on.
func (f *fetch) section(section care.Section) bool {
	end := care.End{Section: section, State: care.NotSupported}
	var err error
	if f.s.Describe().Sections.Has(section) {
		end, err = f.read(section)
	}
	switch {
	case errors.Is(err, errStopped):
		return false
	case err == nil && f.ctx.Err() == nil:
		return f.yield(care.Item{End: &end}, nil)
	}
	e := f.s.explain(f.ctx, err)
	f.endTransaction()
	if endsFetch(e) || f.ctx.Err() != nil || f.frozen(err) {
		f.yield(care.Item{}, e)
		return false
	}
	end.State, end.Reason, end.Detail = care.Unavailable, e.Reason, e.Detail
	return f.yield(care.Item{End: &end}, nil)
}

// frozen reports whether the server seems to be gone without a word: for the
// second time it has not answered within the time limit, not even to say that
// the limit is over. Each further section would wait as long again, and the
// request would run out of time before the sections that were read are ended.
func (f *fetch) frozen(err error) bool {
	if errors.Is(err, errSlow) {
		f.slow++
	}
	return f.slow >= 2
}

// read yields the records of a section and returns its end. When it fails, the
// end counts what came before.
func (f *fetch) read(section care.Section) (care.End, error) {
	end := care.End{Section: section}
	c, err := f.open(f.s.plan.sections[section])
	defer c.close()
	if err != nil {
		return end, err
	}
	b, err := f.s.bind(section, c)
	if err != nil {
		return end, err
	}
	next := c.row
	if section == care.Allergies {
		if next, err = f.whole(c); err != nil {
			end.Limit = f.limit()
			return end, err
		}
	}
	f.boundary = boundary{}
	m := b.Mapper(f.encoder, f.s.plan.zone)
	cut, err := f.rows(m, next, c.numberColumn())
	if err == nil {
		err = f.held(m)
	}
	if end = m.End(); err == nil && cut {
		f.truncate(&end)
	}
	return end, err
}

// open runs a statement for the patient, in a new transaction if need be.
func (f *fetch) open(st statement) (*cursor, error) {
	if f.t == nil {
		t, err := f.s.begin(f.ctx)
		if err != nil {
			return &cursor{}, err
		}
		f.t = t
	}
	return f.t.query(st, patientParams(f.query.Patient))
}

func patientParams(p care.Patient) map[string]string {
	return map[string]string{paramLocalID: p.LocalID.Reveal(), paramNumber: p.NHSNumber.Reveal()}
}

func (f *fetch) endTransaction() {
	if f.t != nil {
		f.t.end()
		f.t = nil
	}
}

func (f *fetch) limit() int {
	if f.query.MaxRows > 0 {
		return f.query.MaxRows
	}
	return defaultRows
}

// rows maps and yields rows up to the limit and reports whether there were
// more. number is the position of the NHS number, or -1.
func (f *fetch) rows(m *ukcore.Mapper, next func() ([]ukcore.Value, error), number int) (cut bool, err error) {
	for n := 0; ; n++ {
		values, err := next()
		if err != nil || values == nil {
			return false, err
		}
		if n == f.limit() {
			return true, nil
		}
		if !isOf(f.query.Patient, values, number) {
			return false, f.s.stranger()
		}
		record, _ := m.Row(values) // a row that cannot be mapped is counted, and told by the end
		if err := f.send(record); err != nil {
			return false, err
		}
	}
}

// row returns the next row, or nil after the last.
func (c *cursor) row() ([]ukcore.Value, error) {
	more, err := c.next()
	if err != nil || !more {
		return nil, err
	}
	return c.values, nil
}

// held yields what had to wait for other rows.
func (f *fetch) held(m *ukcore.Mapper) error {
	f.boundary.last = care.DateTime{}
	for record := range m.Held() {
		if err := f.send(record); err != nil {
			return err
		}
	}
	return nil
}

// send yields a record, if there is one, to a caller who is still there.
func (f *fetch) send(record *care.Record) error {
	switch {
	case f.ctx.Err() != nil:
		return f.ctx.Err()
	case record == nil:
		return nil
	}
	f.boundary.add(record.Effective)
	if !f.yield(care.Item{Record: record}, nil) {
		return errStopped
	}
	return nil
}

// truncate says that rows are missing, unless the section failed anyway.
func (f *fetch) truncate(end *care.End) {
	end.Limit = f.limit()
	if end.State != care.Unavailable {
		end.State, end.Boundary = care.Truncated, f.boundary.date()
	}
}

// boundary finds the oldest date of a list that runs from new to old.
type boundary struct {
	oldest, last care.DateTime
	mixed        bool // the list is in another order: there is no boundary
}

func (b *boundary) add(d care.DateTime) {
	if d.IsZero() {
		return
	}
	start, _ := d.Span()
	if !b.last.IsZero() {
		if _, end := b.last.Span(); !start.Before(end) {
			b.mixed = true
		}
	}
	if oldest, _ := b.oldest.Span(); b.oldest.IsZero() || start.Before(oldest) {
		b.oldest = d
	}
	b.last = d
}

func (b *boundary) date() care.DateTime {
	if b.mixed {
		return care.DateTime{}
	}
	return b.oldest
}

// bind matches the columns of a section's query with its layout. The match is
// kept until the query gives other columns.
func (s *source) bind(section care.Section, c *cursor) (*ukcore.Binding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.bindings[section]; ok && slices.Equal(b.columns, c.columns) {
		return b.layout, nil
	}
	layout, _ := ukcore.LayoutOf(section) // every section has one
	b, problems := layout.Bind(c.columns)
	if problems = append(problems, s.vague(c)...); len(problems) > 0 {
		return nil, s.columnError("queries."+section.String(), problems)
	}
	s.bindings[section] = binding{c.columns, b}
	return b, nil
}
