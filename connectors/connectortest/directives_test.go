package connectortest

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// said is what the fake's two patients have said.
var said = map[care.NHSNumber][]care.Directive{
	firstNumber: {
		{NHSNumber: firstNumber, Code: care.Coding{System: "http://snomed.info/sct", Code: "416409005"},
			Effective: time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC), By: "clerk"},
		{NHSNumber: firstNumber, Kind: care.ConsentGiven, Effective: time.Date(2025, 5, 6, 7, 8, 9, 0, time.UTC),
			Recorded: time.Date(2025, 5, 7, 0, 0, 0, 0, time.UTC)},
	},
	secondNumber: {
		{NHSNumber: secondNumber, Kind: care.Dissent, Effective: time.Date(2023, 1, 2, 0, 0, 0, 0, time.UTC),
			Scope: care.Scope{Organisations: []care.ODSCode{"RWH", "E82001"}}},
	},
}

func (f *fake) HoldsDirectives() bool { return true }

func (f *fake) Directives(ctx context.Context) iter.Seq2[care.Directive, error] {
	return func(yield func(care.Directive, error) bool) {
		all := slices.Concat(slices.Collect(maps.Values(said))...)
		for i := 0; ; i++ {
			if err := f.ready(ctx); err != nil {
				yield(care.Directive{}, err)
				return
			}
			if f.unreadable && i == 1 {
				yield(care.Directive{}, errUnreadable)
				return
			}
			if i == len(all) || !yield(all[i], nil) {
				return
			}
		}
	}
}

func (f *fake) DirectivesOf(ctx context.Context, n care.NHSNumber) ([]care.Directive, error) {
	if err := f.ready(ctx); err != nil {
		return nil, err
	}
	if f.unreadable {
		return nil, errUnreadable
	}
	return said[n], nil
}

var errUnreadable = &care.Error{Kind: care.SourceUnavailable, Op: "fake", Reason: "ROW_UNMAPPABLE", Detail: "row 2, column code"}

// TestSourceThatIsReadWhole is a source that cannot tell about one patient.
func TestSourceThatIsReadWhole(t *testing.T) {
	h := everywhere(func(s *spoilt) {
		s.directivesOf = func(ctx context.Context, _ care.NHSNumber) ([]care.Directive, error) {
			return nil, &care.Error{Kind: care.Unsupported, Op: "fake", Detail: "all or none"}
		}
	})
	for _, c := range everyCheck() {
		if complaints := verdict(t, c, h); len(complaints) > 0 {
			t.Errorf("%s: %q", c.name, complaints)
		}
	}
}

// editingDirectives passes each directive through change, in both methods.
func editingDirectives(change func(d *care.Directive)) func(*spoilt) {
	return func(s *spoilt) {
		editingAll(func(d care.Directive) []care.Directive { change(&d); return []care.Directive{d} })(s)
		s.directivesOf = func(ctx context.Context, n care.NHSNumber) ([]care.Directive, error) {
			list, err := s.source().DirectivesOf(ctx, n)
			list = slices.Clone(list)
			for i := range list {
				change(&list[i])
			}
			return list, err
		}
	}
}

// editingAll makes none, one or several of each directive of a whole reading.
func editingAll(change func(care.Directive) []care.Directive) func(*spoilt) {
	return func(s *spoilt) {
		s.directives = func(ctx context.Context) iter.Seq2[care.Directive, error] {
			return func(yield func(care.Directive, error) bool) {
				for d, err := range s.source().Directives(ctx) {
					if err != nil {
						yield(d, err)
						return
					}
					for _, d := range change(d) {
						if !yield(d, nil) {
							return
						}
					}
				}
			}
		}
	}
}

// answering replaces what DirectivesOf gives.
func answering(change func(n care.NHSNumber, list []care.Directive, err error) ([]care.Directive, error)) func(*spoilt) {
	return func(s *spoilt) {
		s.directivesOf = func(ctx context.Context, n care.NHSNumber) ([]care.Directive, error) {
			list, err := s.source().DirectivesOf(ctx, n)
			return change(n, list, err)
		}
	}
}

// onError replaces what follows the error of a whole reading.
func onError(instead func(err error, yield func(care.Directive, error) bool)) func(*spoilt) {
	return func(s *spoilt) {
		s.directives = func(ctx context.Context) iter.Seq2[care.Directive, error] {
			return func(yield func(care.Directive, error) bool) {
				for d, err := range s.source().Directives(ctx) {
					if err != nil {
						instead(err, yield)
						return
					}
					if !yield(d, nil) {
						return
					}
				}
			}
		}
	}
}

// directiveMutants spoil what a source says of patients' choices.
func directiveMutants() []mutant {
	const all, of, broken = "all directives", "directives of one patient", "directives that cannot be read"
	return []mutant{
		{"holds directives and does not say so", all, func(s *spoilt) { s.silent = true }},
		{"a directive of nobody", all, editingDirectives(func(d *care.Directive) { d.NHSNumber = care.NHSNumber{} })},
		{"a directive of no time", all, editingDirectives(func(d *care.Directive) { d.Effective = time.Time{} })},
		{"a directive of no meaning", all, editingDirectives(func(d *care.Directive) { d.Kind, d.Code = 0, care.Coding{} })},
		{"a directive with code and kind", all, editingDirectives(func(d *care.Directive) { d.Kind, d.Code.Code, d.Code.System = care.Dissent, "1", "x" })},
		{"a directive with its authority", all, editingDirectives(func(d *care.Directive) { d.Authority = care.Region })},
		{"a code of no system", all, editingDirectives(func(d *care.Directive) { d.Code.System = "" })},
		{"a scope of two kinds", all, editingDirectives(func(d *care.Directive) { d.Scope.Sections = care.SetOf(care.Problems) })},
		{"a scope that got lost", all, editingDirectives(func(d *care.Directive) { d.Scope = care.Scope{} })},
		{"a dissent that became a consent", all, editingDirectives(func(d *care.Directive) {
			if d.Kind == care.Dissent {
				d.Kind = care.ConsentGiven
			}
		})},
		{"another effective date", all, editingDirectives(func(d *care.Directive) { d.Effective = d.Effective.Add(time.Hour) })},
		{"whoever recorded it got lost", all, editingDirectives(func(d *care.Directive) { d.By = "" })},
		{"a recording date made up", all, editingDirectives(func(d *care.Directive) { d.Recorded = d.Effective })},
		{"one directive left out", all, editingAll(func(d care.Directive) []care.Directive {
			if d.Kind == care.Dissent {
				return nil
			}
			return []care.Directive{d}
		})},
		{"each directive twice", all, editingAll(func(d care.Directive) []care.Directive { return []care.Directive{d, d} })},
		{"an error at the end that is none", all, func(s *spoilt) {
			s.directives = func(ctx context.Context) iter.Seq2[care.Directive, error] {
				return func(yield func(care.Directive, error) bool) {
					s.source().Directives(ctx)(yield)
					yield(care.Directive{}, errUnreadable)
				}
			}
		}},
		{"everybody's directives for one", of, answering(func(_ care.NHSNumber, _ []care.Directive, err error) ([]care.Directive, error) {
			return slices.Concat(said[firstNumber], said[secondNumber]), err
		})},
		{"another patient's directives", of, answering(func(n care.NHSNumber, _ []care.Directive, err error) ([]care.Directive, error) {
			return said[secondNumber], err
		})},
		{"only the latest directive", of, answering(func(_ care.NHSNumber, list []care.Directive, err error) ([]care.Directive, error) {
			return list[max(len(list)-1, 0):], err
		})},
		{"supported for some", of, answering(func(n care.NHSNumber, list []care.Directive, err error) ([]care.Directive, error) {
			if n == secondNumber {
				return nil, &care.Error{Kind: care.Unsupported, Op: "fake"}
			}
			return list, err
		})},
		{"nothing said is an error", "directives of nobody", answering(func(_ care.NHSNumber, list []care.Directive, err error) ([]care.Directive, error) {
			if len(list) == 0 {
				err = errUnreadable
			}
			return list, err
		})},
		{"somebody's for nobody", "directives of nobody", answering(func(_ care.NHSNumber, list []care.Directive, err error) ([]care.Directive, error) {
			return append(list, said[secondNumber]...), err
		})},
		{"a reading that broke off is whole", broken, onError(func(error, func(care.Directive, error) bool) {})},
		{"goes on after an error", broken, onError(func(err error, yield func(care.Directive, error) bool) {
			_ = yield(care.Directive{}, err) && yield(said[firstNumber][0], nil)
		})},
		{"an error that quotes the patient", broken, onError(func(_ error, yield func(care.Directive, error) bool) {
			yield(care.Directive{}, &care.Error{Kind: care.SourceUnavailable, Op: "fake", Detail: "row of 999 000 0026"})
		})},
		{"an unreadable patient has said nothing", broken, answering(func(_ care.NHSNumber, list []care.Directive, _ error) ([]care.Directive, error) {
			return list, nil
		})},
		{"statements beside an error", broken, answering(func(n care.NHSNumber, _ []care.Directive, err error) ([]care.Directive, error) {
			return said[n], err
		})},
	}
}

// directiveConductMutants misbehave where directives are read.
func directiveConductMutants() []mutant {
	return []mutant{
		{"goes on when stopped", "stop at every directive", func(s *spoilt) {
			s.directives = func(ctx context.Context) iter.Seq2[care.Directive, error] {
				return func(yield func(care.Directive, error) bool) {
					for d, err := range s.source().Directives(ctx) {
						yield(d, err)
					}
				}
			}
		}},
		{"reads on when cancelled before", "directives cancelled before", withoutCancel},
		{"reads on when cancelled", "directives cancelled between", withoutCancel},
		{"hangs on", "source hangs in directives", withoutCancel},
		{"hangs on for one patient", "source hangs in directives", func(s *spoilt) {
			s.directivesOf = func(ctx context.Context, n care.NHSNumber) ([]care.Directive, error) {
				return s.source().DirectivesOf(context.WithoutCancel(ctx), n)
			}
		}},
		{"answers whoever asked last", "concurrent use of directives", crossedDirectives()},
		{"a closed source says nothing", "directives of a closed source", onError(func(error, func(care.Directive, error) bool) {})},
		{"a source that is down says nothing", "directives of a source that is down", onError(func(error, func(care.Directive, error) bool) {})},
		{"a source that is down says nothing of one", "directives of a source that is down",
			answering(func(care.NHSNumber, []care.Directive, error) ([]care.Directive, error) { return nil, nil })},
		{"leaves a goroutine", "no goroutine left by directives", func(s *spoilt) {
			s.directives = func(ctx context.Context) iter.Seq2[care.Directive, error] {
				go func() { select {} }()
				return s.source().Directives(ctx)
			}
		}},
	}
}

func withoutCancel(s *spoilt) {
	s.directives = func(ctx context.Context) iter.Seq2[care.Directive, error] {
		return s.source().Directives(context.WithoutCancel(ctx))
	}
}

// crossedDirectives lets two callers who ask at once get each other's answer.
func crossedDirectives() func(*spoilt) {
	var first, second sync.Once
	var other atomic.Pointer[care.NHSNumber]
	meet := make(chan struct{})
	return func(s *spoilt) {
		s.directivesOf = func(ctx context.Context, n care.NHSNumber) ([]care.Directive, error) {
			asked := n
			switch n {
			case firstNumber:
				first.Do(func() { other.Store(&asked); close(meet) })
			case secondNumber:
				second.Do(func() { <-meet; n = *other.Load() })
			}
			return s.source().DirectivesOf(ctx, n)
		}
	}
}

func TestHarnessWithoutDirectives(t *testing.T) {
	h := goodHarness()
	if !h.holdsDirectives() {
		t.Error("the good harness has none")
	}
	for i := range h.Patients {
		h.Patients[i].Directives = nil
	}
	if h.holdsDirectives() || h.tooWeak() != "" {
		t.Errorf("without directives it is refused: %s", h.tooWeak())
	}
}
