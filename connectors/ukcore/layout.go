package ukcore

import (
	"slices"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// maxColumns is the most columns a source may offer for one section.
const maxColumns = 256

// Layout is the set of columns through which a flat source gives the rows of
// one section. Layouts are shared and never changed.
type Layout struct {
	Section care.Section
	Kinds   []Kind // one, or several told apart by the column record_type
}

// Kind is one kind of row of a layout.
type Kind struct {
	Name     string // value of record_type
	Resource string // FHIR resource type that it becomes
	Doc      string
	Columns  []Column // common columns first, without those of rows of any kind (RecordType, Deleted, NHSNumberColumn)
	bind     func(position func(name string) int) plan
}

// plan decodes rows of one kind with the columns that one source has. It holds
// a row that it fills again and again; each Mapper makes its own.
type plan func(r *reader) Row

// define makes a kind of its fields. P is *R.
func define[R any, P interface {
	*R
	Row
}](name string, s *shape, doc string, fields ...field[R]) Kind {
	k := Kind{Name: name, Resource: s.resource, Doc: doc}
	k.Columns = CommonColumns()
	for _, f := range fields {
		k.Columns = append(k.Columns, f.columns...)
	}
	k.bind = func(position func(string) int) plan {
		common, own := place(entryFields, position), place(fields, position)
		row := new(R)
		_, kept := any(row).(gatherer)
		return func(r *reader) Row {
			if kept {
				row = new(R)
			}
			var empty R
			*row = empty
			p := P(row)
			fill(common, p.entry(), r)
			fill(own, row, r)
			return p
		}
	}
	return k
}

// lift makes fields of a part into fields of the row that holds it.
func lift[R, Part any](fields []field[Part], part func(*R) *Part) []field[R] {
	list := make([]field[R], len(fields))
	for i, f := range fields {
		list[i] = field[R]{columns: f.columns, needed: f.needed, set: func(row *R, r *reader) { f.set(part(row), r) }}
	}
	return list
}

// placed is a field with the positions of its columns in a source's rows.
type placed[R any] struct {
	field[R]
	at []int
}

// place keeps the fields of which the source has a column, and those that a
// row cannot do without.
func place[R any](fields []field[R], position func(string) int) []placed[R] {
	var list []placed[R]
	for _, f := range fields {
		at, wanted := make([]int, len(f.columns)), f.needed
		for i, c := range f.columns {
			at[i] = position(c.Name)
			wanted = wanted || at[i] >= 0 || c.Required
		}
		if wanted {
			list = append(list, placed[R]{f, at})
		}
	}
	return list
}

// fill sets the fields of a row and checks that required cells hold something.
func fill[R any](fields []placed[R], row *R, r *reader) {
	for i := range fields {
		f := &fields[i]
		r.columns, r.at = f.columns, f.at
		for j := range f.columns {
			if f.columns[j].Required && r.fault == nil && r.empty(j) {
				r.fail(j, "a value; it is required")
			}
		}
		f.set(row, r)
	}
}

// empty reports whether a cell holds nothing.
func (r *reader) empty(i int) bool {
	v := r.cell(i)
	if v == nil {
		return true
	}
	s, ok := v.text()
	return ok && strings.TrimSpace(s) == ""
}

// entryFields are the columns that rows of every kind have.
var entryFields = []field[Entry]{
	required(key("id", "Key of the row, unique among rows of its kind.", func(e *Entry) *string { return &e.ID })),
	effectiveField(),
	date("recorded_at", "When it was written down.", func(e *Entry) *care.DateTime { return &e.Recorded }),
	one(Column{Name: "confidential", Type: BoolColumn, Doc: "True when the row is marked confidential, private or sealed: it is withheld and announced."},
		func(e *Entry, r *reader) {
			if r.flag(0) == Yes {
				e.Confidentiality = care.Restricted
			}
		}),
	organisation("organisation", "Organisation where it was done, if not this one", func(e *Entry) *Organisation { return &e.Organisation }),
	person("author", "Who wrote it or is answerable for it", func(e *Entry) *Person { return &e.Author }),
	key("consultation_id", "Id of the contact during which it was written: a row consultation or encounter.", func(e *Entry) *string { return &e.Consultation }),
	consultationSection(),
	keys("problem_ids", "Ids of the problems it belongs to.", func(e *Entry) *[]string { return &e.Problems }),
	text("note", "Free text about it.", func(e *Entry) *string { return &e.Note }),
}

// consultationSection says where the row is that consultation_id names: ids are
// unique among rows of their kind only.
func consultationSection() field[Entry] {
	c := Column{Name: "consultation_section", Type: CodeColumn,
		Allowed: care.SetOf(care.Consultations, care.HospitalActivity, care.UrgentCareEvents).Names(),
		Doc:     "Section of the row that consultation_id names; empty means CONSULTATIONS."}
	return one(c, func(e *Entry, r *reader) {
		e.ConsultationSection, _ = care.ParseSection(r.choice(0)) // an empty one is 0
	})
}

var precisions = []string{"YEAR", "MONTH", "DAY", "TIME"}

// effectiveField reads the effective date and cuts it to the precision the
// source says it has.
func effectiveField() field[Entry] {
	return field[Entry]{
		columns: []Column{
			{Name: "effective", Type: DateTimeColumn, Doc: "When it was true or done, as precise as is known; empty means the date is not known."},
			{Name: "effective_precision", Type: CodeColumn, Allowed: precisions, Doc: "How much of effective is known, where the source keeps partial dates as whole ones."},
		},
		set: func(e *Entry, r *reader) {
			e.Effective = cut(r.date(0), r.choice(1))
		},
	}
}

// cut keeps of d what is known.
func cut(d care.DateTime, precision string) care.DateTime {
	y, m, day := d.Time.Date()
	switch {
	case d.IsZero():
	case precision == "YEAR":
		d = care.Day(y, 1, 1)
		d.Precision = care.ToYear
	case precision == "MONTH" && d.Precision > care.ToMonth:
		d = care.Day(y, m, 1)
		d.Precision = care.ToMonth
	case precision == "DAY" && d.Precision > care.ToDay:
		d = care.Day(y, m, day)
	}
	return d
}

// CommonColumns returns the columns that every kind of row has: its first ones.
func CommonColumns() []Column {
	var list []Column
	for _, f := range entryFields {
		list = append(list, f.columns...)
	}
	return list
}

// Columns returns the columns of all kinds of the layout, each once, with
// record_type (where there are several kinds), deleted and nhs_number. A column
// that kinds share is required when all of them require it, and may hold what any of them
// allows.
func (l *Layout) Columns() []Column {
	list := []Column{deletedColumn, numberColumn}
	if len(l.Kinds) > 1 {
		list = append(list, l.recordType())
	}
	for k := range l.Kinds {
		for _, c := range l.Kinds[k].Columns {
			c.Required = c.Required && l.allRequire(c.Name)
			if seen := find(list, c.Name); seen == nil {
				list = append(list, c)
			} else {
				seen.Allowed = union(seen.Allowed, c.Allowed)
			}
		}
	}
	return list
}

// allRequire reports whether every kind has the column and requires it.
func (l *Layout) allRequire(name string) bool {
	for k := range l.Kinds {
		if c := find(l.Kinds[k].Columns, name); c == nil || !c.Required {
			return false
		}
	}
	return true
}

// union returns the texts of a and b, each once.
func union(a, b []string) []string {
	list := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// Binding is a layout matched with the columns of one source. It is shared by
// all requests to that source.
type Binding struct {
	layout *Layout
	width  int // columns of the source
	kind   slots
	gone   slots
	at     map[string]int
}

// Bind matches the layout with the columns of a source, in their order. Names
// are compared without regard to case. A required column that is missing and a
// column that the layout does not know are problems; Path is the column's name
// and the caller puts its own path before it. With a problem there is no
// Binding.
func (l *Layout) Bind(columns []string) (*Binding, []care.Problem) {
	if len(columns) > maxColumns {
		return nil, []care.Problem{{Path: l.Section.String(), Detail: "it has more than 256 columns"}}
	}
	offered := l.Columns()
	b := &Binding{layout: l, width: len(columns), at: make(map[string]int, len(columns))}
	var problems []care.Problem
	for i, name := range columns {
		name = strings.ToLower(name)
		if find(offered, name) == nil {
			problems = append(problems, care.Problem{Path: name, Detail: "the section " + l.Section.String() + " has no such column"})
		} else if _, twice := b.at[name]; twice {
			problems = append(problems, care.Problem{Path: name, Detail: "the column is there twice"})
		}
		b.at[name] = i
	}
	for _, c := range offered {
		if c.Required && b.position(c.Name) < 0 {
			problems = append(problems, care.Problem{Path: c.Name, Detail: "the section " + l.Section.String() + " needs this column"})
		}
	}
	if problems != nil {
		return nil, problems
	}
	b.kind = slots{[]Column{l.recordType()}, []int{b.position(RecordType)}}
	b.gone = slots{[]Column{deletedColumn}, []int{b.position(Deleted)}}
	return b, nil
}

func (b *Binding) position(name string) int {
	if i, ok := b.at[name]; ok {
		return i
	}
	return -1
}

func find(columns []Column, name string) *Column {
	for i := range columns {
		if columns[i].Name == name {
			return &columns[i]
		}
	}
	return nil
}
