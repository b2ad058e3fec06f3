package connectortest

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// fake is a small connector that keeps the whole contract. The mutants of
// suite_test.go spoil it in one place each.
type fake struct {
	people     map[care.NHSNumber]*person
	down       bool
	hang       chan struct{} // closed when asked; nil when the source answers
	ambiguous  bool
	stranger   bool
	unmappable care.Section
	broken     care.Section
	unreadable bool // the directives
	closed     atomic.Bool
	asked      atomic.Bool
}

type person struct {
	patient care.Patient
	records []care.Record
}

var fakeOrigin = &care.Origin{Source: "fake", System: "Fake", Organisation: "RWH", OrganisationName: "Fake Trust"}

func number(text string) care.NHSNumber {
	n, err := care.ParseNHSNumber(text)
	if err != nil {
		panic(err)
	}
	return n
}

var (
	firstNumber  = number("9990000026")
	secondNumber = number("9990000034")
	absentNumber = number("9990000042")
)

func newPerson(id, family string, n care.NHSNumber) *person {
	p := &person{patient: care.Patient{LocalID: care.NewPrivate("local-" + id), NHSNumber: n, Verified: true, Active: true,
		Names: []care.Name{{Family: care.NewPrivate(family)}}, BirthDate: care.Day(1950, 1, 2)}}
	p.add(care.Demographics, "Patient", id, fmt.Sprintf(`,"identifier":[{"system":%q,"value":%q}]`, care.NHSNumberSystem, n.Reveal()))
	subject := fmt.Sprintf(`,"subject":{"reference":"Patient/%s"}`, id)
	for i := range 3 {
		p.add(care.Allergies, "AllergyIntolerance", fmt.Sprintf("a%s%d", id, i), subject)
		p.add(care.Problems, "Condition", fmt.Sprintf("p%s%d", id, i), subject)
	}
	p.add(care.Appointments, "Appointment", "ap"+id, subject)
	return p
}

func (p *person) add(s care.Section, typ, id, rest string) {
	resource := fmt.Appendf(nil, `{"resourceType":%q,"id":%q,"meta":{"profile":["https://example.org/%s"]}%s}`, typ, id, typ, rest)
	p.records = append(p.records, care.Record{Section: s, Type: typ, ID: id, Origin: fakeOrigin,
		Effective: care.Day(2024, 5, 28-len(p.records)), Resource: resource, Checksum: care.Checksum(resource)})
}

func newFake() *fake {
	return &fake{people: map[care.NHSNumber]*person{
		firstNumber:  newPerson("one", "Featherstonehaugh", firstNumber),
		secondNumber: newPerson("two", "Cholmondeley", secondNumber),
	}}
}

// goodHarness opens fakes that keep the contract.
func goodHarness() Harness {
	sections := map[care.Section]Want{
		care.Demographics: {State: care.Complete, Records: 1},
		care.Allergies:    {State: care.Complete, Records: 3},
		care.Problems:     {State: care.Complete, Records: 3},
		care.Appointments: {State: care.Complete, Records: 1},
	}
	with := func(spoil func(*fake)) *fake {
		f := newFake()
		spoil(f)
		return f
	}
	return Harness{
		Open: func(testing.TB) care.Connector { return newFake() },
		Patients: []Patient{
			{NHSNumber: firstNumber, Family: "Featherstonehaugh", Sections: sections, Directives: said[firstNumber]},
			{NHSNumber: secondNumber, Family: "Cholmondeley", Sections: sections, Directives: said[secondNumber]},
		},
		Absent: absentNumber,
		Faults: Faults{
			Down: func(testing.TB) care.Connector { return with(func(f *fake) { f.down = true }) },
			Hang: func(testing.TB) (care.Connector, <-chan struct{}) {
				f := with(func(f *fake) { f.hang = make(chan struct{}) })
				return f, f.hang
			},
			Ambiguous: func(testing.TB) (care.Connector, care.NHSNumber) {
				return with(func(f *fake) { f.ambiguous = true }), firstNumber
			},
			Stranger: func(testing.TB) (care.Connector, care.NHSNumber) {
				return with(func(f *fake) { f.stranger = true }), firstNumber
			},
			Unmappable: func(testing.TB) (care.Connector, care.NHSNumber, care.Section) {
				return with(func(f *fake) { f.unmappable = care.Problems }), firstNumber, care.Problems
			},
			Broken: func(testing.TB) (care.Connector, care.NHSNumber, care.Section) {
				return with(func(f *fake) { f.broken = care.Problems }), firstNumber, care.Problems
			},
			Unreadable: func(testing.TB) care.Connector { return with(func(f *fake) { f.unreadable = true }) },
		},
	}
}

func (f *fake) Describe() care.Description {
	return care.Description{Origin: *fakeOrigin, Kind: "fake",
		Sections: care.SetOf(care.Demographics, care.Allergies, care.Problems, care.Appointments, care.Alerts)}
}

// ready waits for the source and says why it cannot be asked.
func (f *fake) ready(ctx context.Context) error {
	if f.hang != nil {
		if f.asked.CompareAndSwap(false, true) {
			close(f.hang)
		}
		<-ctx.Done()
	}
	switch {
	case ctx.Err() != nil:
		return &care.Error{Kind: care.Cancelled, Op: "fake", Detail: "the caller went away"}
	case f.down || f.closed.Load():
		return &care.Error{Kind: care.SourceUnavailable, Op: "fake", Reason: "DOWN", Detail: "the source is down"}
	}
	return nil
}

func (f *fake) Identify(ctx context.Context, n care.NHSNumber) (care.Patient, error) {
	if err := f.ready(ctx); err != nil {
		return care.Patient{}, err
	}
	switch p := f.people[n]; {
	case f.ambiguous:
		return care.Patient{}, &care.Error{Kind: care.SourceUnavailable, Op: "fake", Reason: "AMBIGUOUS", Detail: "two patients"}
	case f.stranger:
		return care.Patient{}, &care.Error{Kind: care.SourceUnavailable, Op: "fake", Reason: "WRONG_PATIENT", Detail: "somebody else"}
	case p == nil:
		return care.Patient{}, &care.Error{Kind: care.PatientNotFound, Op: "fake", Detail: "no such patient"}
	default:
		return p.patient, nil
	}
}

func (f *fake) Fetch(ctx context.Context, q care.Query) iter.Seq2[care.Item, error] {
	return func(yield func(care.Item, error) bool) {
		if q.Sections == 0 {
			return
		}
		for s := range q.Sections.All() {
			if err := f.ready(ctx); err != nil {
				yield(care.Item{}, err)
				return
			}
			if !f.section(ctx, s, q, yield) {
				return
			}
		}
	}
}

// section yields one section and reports whether to go on.
func (f *fake) section(ctx context.Context, s care.Section, q care.Query, yield func(care.Item, error) bool) bool {
	end := care.End{Section: s, State: care.Empty}
	switch {
	case !f.Describe().Sections.Has(s):
		end.State = care.NotSupported
		return yield(care.Item{End: &end}, nil)
	case s == f.broken:
		end.State, end.Reason = care.Unavailable, "QUERY"
		return yield(care.Item{End: &end}, nil)
	}
	var rows []care.Record
	for _, r := range f.people[q.Patient.NHSNumber].records {
		if r.Section == s {
			rows = append(rows, r)
		}
	}
	if s == care.Allergies && len(rows) > q.MaxRows {
		end.State, end.Reason = care.Unavailable, "LIMIT"
		return yield(care.Item{End: &end}, nil)
	}
	for i := range rows {
		if i == q.MaxRows {
			end.State, end.Limit, end.Boundary = care.Truncated, q.MaxRows, rows[i-1].Effective
			break
		}
		end.Read++
		if s == f.unmappable && i == 1 {
			end.Failed++
			continue
		}
		end.State = care.Complete
		if err := f.ready(ctx); err != nil {
			yield(care.Item{}, err)
			return false
		}
		if !yield(care.Item{Record: &rows[i]}, nil) {
			return false
		}
	}
	if end.Failed > 0 {
		end.State, end.Reason, end.Detail = care.Unavailable, "ROW_UNMAPPABLE", "table problems, row 1, column code"
	}
	return yield(care.Item{End: &end}, nil)
}

func (f *fake) Probe(ctx context.Context) (care.Readiness, error) {
	if err := f.ready(ctx); err != nil {
		return care.Readiness{}, err
	}
	return care.Readiness{Detail: "fake, cannot write"}, nil
}

func (f *fake) Close() error {
	f.closed.Store(true)
	return nil
}
