package connectortest

import (
	"bytes"
	"context"
	"iter"
	"slices"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// mutant breaks one promise of the contract.
type mutant struct {
	name  string
	check string // the check that guards the promise
	spoil func(*spoilt)
}

func mutants() []mutant {
	return slices.Concat(recordMutants(), endMutants(), identifyMutants(), conductMutants(), directiveMutants(), directiveConductMutants())
}

// recordMutants spoil single records.
func recordMutants() []mutant {
	const all = "fetch all sections"
	return []mutant{
		{"a resource is not JSON", all, onRecord(care.Problems, mutated("}", ""))},
		{"a resource names no profile", all, onRecord(care.Problems, mutated("profile", "prof1le"))},
		{"a resource changed after its checksum", all, onRecord(care.Problems, func(r *care.Record) {
			r.Resource = bytes.ReplaceAll(r.Resource, []byte("subject"), []byte("patient"))
		})},
		{"a resource has another id", all, onRecord(care.Problems, func(r *care.Record) { r.ID += "x" })},
		{"a resource has another type", all, onRecord(care.Problems, mutated(`"Condition"`, `"Procedure"`))},
		{"a type of another section", all, onRecord(care.Problems, func(r *care.Record) { r.Type = "Flag" })},
		{"an id that is no FHIR id", all, onRecord(care.Problems, func(r *care.Record) { r.ID = "a b" })},
		{"all ids the same", all, onRecord(care.Problems, func(r *care.Record) { r.ID = "same" })},
		{"no origin", all, onRecord(care.Problems, func(r *care.Record) { r.Origin = nil })},
		{"ended outside the allergies", all, onRecord(care.Problems, func(r *care.Record) { r.Ended = true })},
		{"a record of somebody else", all, onRecord(care.Problems, mutated("Patient/one", "Patient/three"))},
		{"a record of nobody", all, onRecord(care.Problems, mutated("reference", "display"))},
		{"a Patient with another number", all, onRecord(care.Demographics, mutated("9990000026", "9990000050"))},
		{"a record not asked for", "fetch one section", onRecord(care.Problems, func(r *care.Record) { r.Section = care.Alerts; r.Type = "Flag" })},
		{"one buffer for all", "items hold still", sharedBuffer()},
		{"whoever was identified last", "fetch keeps people apart", lastIdentified()},
		{"two callers at once get each other's record", "concurrent use", crossed()},
		{"one record in everybody's answer", "fetch keeps people apart", onRecord(care.Problems, func(r *care.Record) {
			r.ID = "shared" + r.ID[len(r.ID)-1:]
		})},
	}
}

// endMutants spoil the ends of sections.
func endMutants() []mutant {
	const all = "fetch all sections"
	same := func(change func(e *care.End)) func(care.End) []care.End {
		return func(e care.End) []care.End { change(&e); return []care.End{e} }
	}
	return []mutant{
		{"no end", all, onEnd(care.Problems, func(care.End) []care.End { return nil })},
		{"two ends", all, onEnd(care.Problems, func(e care.End) []care.End { return []care.End{e, e} })},
		{"an end not asked for", "fetch one section", onEnd(care.Problems, func(e care.End) []care.End {
			return []care.End{e, {Section: care.Alerts, State: care.Empty}}
		})},
		{"an end before the last record", all, endEarly()},
		{"read counts one more", all, onEnd(care.Problems, same(func(e *care.End) { e.Read++ }))},
		{"failed rows in a complete section", all, onEnd(care.Problems, same(func(e *care.End) { e.Read++; e.Failed++ }))},
		{"complete without a record", all, onEnd(care.Alerts, same(func(e *care.End) { e.State = care.Complete }))},
		{"a state that is not a source's to say", all, onEnd(care.Problems, same(func(e *care.End) { e.State = care.NotPermitted }))},
		{"unavailable without a reason", "a section that cannot be read", onEnd(care.Problems, same(func(e *care.End) { e.Reason = "" }))},
		{"unserved sections are empty", "fetch unserved sections", onEnd(care.AboutMe, same(func(e *care.End) { e.State = care.Empty }))},
		{"a failed row is skipped", "a row that cannot be mapped", onEnd(care.Problems, same(func(e *care.End) {
			e.State, e.Reason, e.Read, e.Failed = care.Complete, "", e.Read-e.Failed, 0
		}))},
		{"a broken section is empty", "a section that cannot be read", onEnd(care.Problems, same(func(e *care.End) {
			if e.Reason == "QUERY" {
				e.State = care.Empty
			}
		}))},
		{"a down source is empty", "source down", emptyWhenDown()},
		{"a cut list is complete", "row limit", onEnd(care.Problems, same(func(e *care.End) {
			if e.State == care.Truncated {
				e.State = care.Complete
			}
		}))},
		{"a boundary that is too late", "row limit", onEnd(care.Problems, same(func(e *care.End) { e.Boundary = care.Day(2025, 1, 1) }))},
		{"cut allergies", "row limit", cutAllergies(care.Truncated)},
		{"a part of the allergies beside UNAVAILABLE", "row limit", cutAllergies(care.Unavailable)},
		{"a failed row takes the sound ones with it", "a row that cannot be mapped", withoutSoundRows()},
		{"no row limit", "row limit", func(s *spoilt) {
			s.fetch = func(ctx context.Context, q care.Query) iter.Seq2[care.Item, error] {
				q.MaxRows = plenty
				return s.good.Fetch(ctx, q)
			}
		}},
		{"an end that quotes a name", all, onEnd(care.Problems, same(func(e *care.End) { e.Detail = "row of FEATHERSTONEHAUGH" }))},
		{"neither record nor end", all, editing(func() edit { return func(i care.Item) []care.Item { return []care.Item{i, {}} } })},
	}
}

// endEarly yields the first end of the problems after their first record.
func endEarly() func(*spoilt) {
	return editing(func() edit {
		early := false
		return func(item care.Item) []care.Item {
			switch {
			case item.Record != nil && item.Record.Section == care.Problems && !early:
				early = true
				return []care.Item{item, {End: &care.End{Section: care.Problems, State: care.Complete, Read: 3}}}
			case item.End != nil && item.End.Section == care.Problems:
				return nil
			}
			return []care.Item{item}
		}
	})
}

// withoutSoundRows yields no problem at all where one cannot be mapped.
func withoutSoundRows() func(*spoilt) {
	return func(s *spoilt) {
		if f := s.good.(*fake); f.unmappable == 0 {
			return
		}
		editing(func() edit {
			return func(item care.Item) []care.Item {
				switch {
				case item.Record != nil && item.Record.Section == care.Problems:
					return nil
				case item.End != nil && item.End.Section == care.Problems:
					e := *item.End
					e.Read = e.Failed
					item.End = &e
				}
				return []care.Item{item}
			}
		})(s)
	}
}

// emptyWhenDown takes an error for the end of the data.
func emptyWhenDown() func(*spoilt) {
	return func(s *spoilt) {
		s.fetch = func(ctx context.Context, q care.Query) iter.Seq2[care.Item, error] {
			return func(yield func(care.Item, error) bool) {
				for item, err := range s.good.Fetch(ctx, q) {
					if err != nil && ctx.Err() == nil {
						for sec := range q.Sections.All() {
							if !yield(care.Item{End: &care.End{Section: sec, State: care.Empty}}, nil) {
								return
							}
						}
						return
					}
					if !yield(item, err) {
						return
					}
				}
			}
		}
	}
}

// cutAllergies yields as many allergies as are allowed.
func cutAllergies(state care.State) func(*spoilt) {
	return func(s *spoilt) {
		s.fetch = func(ctx context.Context, q care.Query) iter.Seq2[care.Item, error] {
			if q.Sections != care.SetOf(care.Allergies) || q.MaxRows == plenty {
				return s.good.Fetch(ctx, q)
			}
			return func(yield func(care.Item, error) bool) {
				n := 0
				for item, err := range s.good.Fetch(ctx, care.Query{Patient: q.Patient, Sections: q.Sections, MaxRows: plenty}) {
					if item.Record != nil && n < q.MaxRows {
						n++
						yield(item, err)
					}
				}
				yield(care.Item{End: &care.End{Section: care.Allergies, State: state, Read: n, Limit: n, Reason: "LIMIT"}}, nil)
			}
		}
	}
}

// identifyMutants spoil the finding of the patient.
func identifyMutants() []mutant {
	answer := func(change func(care.Patient, error) (care.Patient, error)) func(*spoilt) {
		return func(s *spoilt) {
			s.identify = func(ctx context.Context, n care.NHSNumber) (care.Patient, error) {
				return change(s.good.Identify(ctx, n))
			}
		}
	}
	instead := func(reason string, p care.Patient) func(*spoilt) {
		return answer(func(got care.Patient, err error) (care.Patient, error) {
			if care.ReasonOf(err) == reason {
				return p, nil
			}
			return got, err
		})
	}
	quoting := func(text string) func(*spoilt) {
		return answer(func(got care.Patient, err error) (care.Patient, error) {
			if err != nil {
				err = &care.Error{Kind: care.KindOf(err), Op: "fake", Reason: care.ReasonOf(err), Detail: text}
			}
			return got, err
		})
	}
	first := newFake().people[firstNumber].patient
	second := newFake().people[secondNumber].patient
	return []mutant{
		{"the first of two", "two patients under one number", instead("AMBIGUOUS", first)},
		{"another person's row", "another person's row", instead("WRONG_PATIENT", second)},
		{"nobody, without an error", "identify absent", instead("", care.Patient{})},
		{"somebody beside an error", "identify absent", answer(func(_ care.Patient, err error) (care.Patient, error) { return first, err })},
		{"no date of birth", "identify", answer(func(p care.Patient, err error) (care.Patient, error) {
			p.BirthDate = care.DateTime{}
			return p, err
		})},
		{"an error that quotes the number", "identify absent", quoting("no patient 9990000042")},
		{"an error that quotes the printed number", "identify absent", quoting("no patient 999 000 0042")},
		{"an error of no kind", "identify absent", answer(func(p care.Patient, err error) (care.Patient, error) {
			if err != nil {
				err = errPlain
			}
			return p, err
		})},
	}
}

// conductMutants misbehave as a whole.
func conductMutants() []mutant {
	return []mutant{
		{"goes on when stopped", "stop at every item", deaf()},
		{"works on when cancelled", "cancelled between", uncancellable()},
		{"hangs on in identify", "source hangs in identify", func(s *spoilt) {
			s.identify = func(ctx context.Context, n care.NHSNumber) (care.Patient, error) {
				return s.good.Identify(context.WithoutCancel(ctx), n)
			}
		}},
		{"hangs on in fetch", "source hangs in fetch", func(s *spoilt) {
			s.fetch = func(ctx context.Context, q care.Query) iter.Seq2[care.Item, error] {
				return s.good.Fetch(context.WithoutCancel(ctx), q)
			}
		}},
		{"blames the source when the caller goes", "source hangs in identify", func(s *spoilt) {
			s.identify = func(ctx context.Context, n care.NHSNumber) (care.Patient, error) {
				p, err := s.good.Identify(ctx, n)
				if care.KindOf(err) == care.Cancelled {
					err = &care.Error{Kind: care.SourceUnavailable, Op: "fake", Detail: "no answer"}
				}
				return p, err
			}
		}},
		{"leaves a goroutine", "no goroutine left", leaky()},
		{"unusable after a failure", "use after failure", poisoned()},
		{"second close fails", "close twice", func(s *spoilt) {
			closed := false
			s.close = func() error {
				if closed {
					return errPlain
				}
				closed = true
				return s.good.Close()
			}
		}},
		{"serves on when closed", "close twice", func(s *spoilt) { s.close = func() error { return nil } }},
		{"describes less than it serves", "describe", func(s *spoilt) {
			s.describe = func() care.Description {
				d := s.good.Describe()
				d.Sections = d.Sections.Without(care.Problems)
				return d
			}
		}},
		{"promises documents", "describe", func(s *spoilt) {
			s.describe = func() care.Description {
				d := s.good.Describe()
				d.Documents = true
				return d
			}
		}},
		{"probe says nothing", "probe", func(s *spoilt) {
			s.probe = func(context.Context) (care.Readiness, error) { return care.Readiness{}, nil }
		}},
		{"probe of a down source succeeds", "source down", func(s *spoilt) {
			s.probe = func(context.Context) (care.Readiness, error) { return care.Readiness{Detail: "fine"}, nil }
		}},
		{"items after an error", "cancelled before", goesOnAfterError},
	}
}

// goesOnAfterError yields an end after every error.
func goesOnAfterError(s *spoilt) {
	s.fetch = func(ctx context.Context, q care.Query) iter.Seq2[care.Item, error] {
		return func(yield func(care.Item, error) bool) {
			for item, err := range s.good.Fetch(ctx, q) {
				if !yield(item, err) {
					return
				}
				if err != nil && !yield(care.Item{End: &care.End{Section: care.Alerts, State: care.Empty}}, nil) {
					return
				}
			}
		}
	}
}
