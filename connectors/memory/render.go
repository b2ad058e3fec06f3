package memory

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// person is a patient with the record as it goes out. It never changes.
type person struct {
	patient   care.Patient
	sections  []section // those that do not end as Empty, in order of section
	documents []document
}

type section struct {
	records []care.Record
	end     care.End
}

// section returns a section of the person, or nil when it is empty.
func (p *person) section(s care.Section) *section {
	for i := range p.sections {
		if p.sections[i].end.Section == s {
			return &p.sections[i]
		}
	}
	return nil
}

// cut returns the first records of a section and an end that says so.
// Allergies are never cut: a part of them is more dangerous than none
// (GP Connect 1.6, search of structured records).
func (sec *section) cut(limit int) ([]care.Record, *care.End) {
	end := sec.end
	end.Limit = limit
	if end.Section == care.Allergies {
		end.State, end.Read, end.Failed, end.Reason = care.Unavailable, 0, 0, "LIMIT"
		end.Detail = "more allergies than rows allowed; they are not cut"
		return nil, &end
	}
	end.Read = limit + end.Failed
	if end.Failed == 0 {
		end.State = care.Truncated
		end.Boundary = care.DateTime{}
	}
	if limit > 0 {
		end.Boundary = sec.records[limit-1].Effective
	}
	return sec.records[:limit], &end
}

// slabBytes is how much memory is taken at a time for resources. Records are
// about one kilobyte; an allocation for each would cost a pointer to scan and
// the rounding to a size class.
const slabBytes = 256 << 10

// renderer builds the records of one patient after another.
type renderer struct {
	origin   *care.Origin
	slab     []byte
	concepts map[string][]care.Coding // lists of codes in use; most recur
	key      []byte
	bySect   [care.AboutMe + 1]gathering // of the present patient
}

// gathering is one section while it is being built.
type gathering struct {
	records []care.Record
	nilRows int
}

func newRenderer(origin *care.Origin) *renderer {
	return &renderer{origin: origin, concepts: map[string][]care.Coding{}}
}

func (r *renderer) render(patient *Patient) (*person, error) {
	for s := range r.bySect {
		r.bySect[s] = gathering{records: r.bySect[s].records[:0]}
	}
	encoder := ukcore.NewEncoder(r.origin, patient.Person.LocalID)
	for _, row := range patient.Rows {
		if patient.Deleted[row] {
			continue
		}
		record, err := encoder.Encode(row)
		if err != nil {
			return nil, err
		}
		r.gather(record, ukcore.NilKnown(row))
	}
	p := &person{patient: patient.Person}
	p.keep(r, patient.Ends)
	p.keepDocuments(encoder, patient)
	return p, nil
}

// gather keeps a copy of a record.
func (r *renderer) gather(record *care.Record, nilKnown bool) {
	g := &r.bySect[record.Section]
	if nilKnown {
		g.nilRows++
	}
	kept := *record
	kept.Resource = r.keepBytes(record.Resource)
	kept.Codes = r.keepCodes(record.Codes)
	kept.Links = slices.Clone(record.Links)
	g.records = append(g.records, kept)
}

func (r *renderer) keepBytes(b []byte) []byte {
	if len(b) > cap(r.slab)-len(r.slab) {
		r.slab = make([]byte, 0, max(slabBytes, len(b)))
	}
	start := len(r.slab)
	r.slab = append(r.slab, b...)
	return r.slab[start:len(r.slab):len(r.slab)]
}

func (r *renderer) keepCodes(codes []care.Coding) []care.Coding {
	if len(codes) == 0 {
		return nil
	}
	r.key = r.key[:0]
	for _, c := range codes {
		for _, part := range [...]string{c.System, c.Code, c.Display} {
			r.key = append(append(r.key, part...), 0)
		}
	}
	kept, ok := r.concepts[string(r.key)]
	if !ok {
		kept = slices.Clone(codes)
		r.concepts[string(r.key)] = kept
	}
	return kept
}

// keep takes over what was gathered.
func (p *person) keep(r *renderer, ends map[care.Section]care.End) {
	total, served := 0, 0
	for s := range care.AllSections.All() {
		total += len(r.bySect[s].records)
		if end := r.bySect[s].end(s, ends); end.served() {
			served++
		}
	}
	all := make([]care.Record, 0, total)
	p.sections = make([]section, 0, served)
	for s := range care.AllSections.All() {
		g := &r.bySect[s]
		end := g.end(s, ends)
		if !end.served() {
			continue
		}
		start := len(all)
		if end.State != care.Unavailable || end.Failed > 0 {
			slices.SortStableFunc(g.records, newestFirst)
			all = append(all, g.records...)
		}
		end.Read = len(all) - start + end.Failed
		p.sections = append(p.sections, section{all[start:len(all):len(all)], end.End})
	}
}

// ending is the end of a section while it is being built.
type ending struct{ care.End }

// served reports whether there is more to say than Empty.
func (e *ending) served() bool { return e.State != care.Empty || e.Warnings != nil }

// end returns how a section ends: as its rows say, unless the patient says
// otherwise.
func (g *gathering) end(s care.Section, ends map[care.Section]care.End) ending {
	state := care.Complete
	switch len(g.records) {
	case 0:
		state = care.Empty
	case g.nilRows:
		state = care.NilKnown
	}
	end := ends[s]
	end.Section, end.State = s, cmp.Or(end.State, state)
	return ending{end}
}

// newestFirst orders the records of a section so that a cut leaves out the
// oldest: what is undated comes first, because it may be the newest.
func newestFirst(a, b care.Record) int {
	if a.Effective.IsZero() || b.Effective.IsZero() {
		return cmp.Compare(rank(a.Effective), rank(b.Effective))
	}
	from, _ := a.Effective.Span()
	to, _ := b.Effective.Span()
	return cmp.Or(to.Compare(from), strings.Compare(a.ID, b.ID))
}

func rank(d care.DateTime) int {
	if d.IsZero() {
		return 0
	}
	return 1
}
