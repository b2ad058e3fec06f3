package connectortest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestGoodConnectorPasses(t *testing.T) { Run(t, goodHarness()) }

// recorder stands in for a test: it notes failures instead of failing.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	messages []string
	cleanups []func()
}

func (r *recorder) note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = append(r.messages, text)
}

func (r *recorder) Helper()                           {}
func (r *recorder) Cleanup(f func())                  { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Error(args ...any)                 { r.note(fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.note(fmt.Sprintf(format, args...)) }
func (r *recorder) Fatal(args ...any)                 { r.Error(args...); runtime.Goexit() }
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); runtime.Goexit() }

// everyCheck lists the whole suite, faults included.
func everyCheck() []check {
	all := append(contract(), directiveChecks()...)
	for _, f := range append(faults(), directiveFaults()...) {
		all = append(all, f.check)
	}
	return all
}

// verdict runs one check as a test would and returns what it complained of.
func verdict(t *testing.T, c check, h Harness) []string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, f := range slices.Backward(r.cleanups) {
				f()
			}
		}()
		c.run(r, h)
	}()
	<-done
	return r.messages
}

// spoilt is a connector with replaced methods; those left nil are the good
// ones.
type spoilt struct {
	good     care.Connector
	describe func() care.Description
	identify func(context.Context, care.NHSNumber) (care.Patient, error)
	fetch    func(context.Context, care.Query) iter.Seq2[care.Item, error]
	probe    func(context.Context) (care.Readiness, error)
	close    func() error

	directives   func(context.Context) iter.Seq2[care.Directive, error]
	directivesOf func(context.Context, care.NHSNumber) ([]care.Directive, error)
	silent       bool // it does not say that it holds directives
}

func (s *spoilt) Describe() care.Description {
	if s.describe != nil {
		return s.describe()
	}
	return s.good.Describe()
}

func (s *spoilt) Identify(ctx context.Context, n care.NHSNumber) (care.Patient, error) {
	if s.identify != nil {
		return s.identify(ctx, n)
	}
	return s.good.Identify(ctx, n)
}

func (s *spoilt) Fetch(ctx context.Context, q care.Query) iter.Seq2[care.Item, error] {
	if s.fetch != nil {
		return s.fetch(ctx, q)
	}
	return s.good.Fetch(ctx, q)
}

func (s *spoilt) Probe(ctx context.Context) (care.Readiness, error) {
	if s.probe != nil {
		return s.probe(ctx)
	}
	return s.good.Probe(ctx)
}

func (s *spoilt) Close() error {
	if s.close != nil {
		return s.close()
	}
	return s.good.Close()
}

func (s *spoilt) source() care.DirectiveSource { return s.good.(care.DirectiveSource) }

func (s *spoilt) HoldsDirectives() bool { return !s.silent && s.source().HoldsDirectives() }

func (s *spoilt) Directives(ctx context.Context) iter.Seq2[care.Directive, error] {
	if s.directives != nil {
		return s.directives(ctx)
	}
	return s.source().Directives(ctx)
}

func (s *spoilt) DirectivesOf(ctx context.Context, n care.NHSNumber) ([]care.Directive, error) {
	if s.directivesOf != nil {
		return s.directivesOf(ctx, n)
	}
	return s.source().DirectivesOf(ctx, n)
}

// edit is a change to each item: none, one or several come out.
type edit func(item care.Item) []care.Item

// editing returns a spoiler that passes every item through an edit made anew
// for each fetch.
func editing(newEdit func() edit) func(*spoilt) {
	return func(s *spoilt) {
		s.fetch = func(ctx context.Context, q care.Query) iter.Seq2[care.Item, error] {
			return func(yield func(care.Item, error) bool) {
				change := newEdit()
				for item, err := range s.good.Fetch(ctx, q) {
					if err != nil {
						yield(item, err)
						return
					}
					for _, out := range change(item) {
						if !yield(out, nil) {
							return
						}
					}
				}
			}
		}
	}
}

// onRecord edits a copy of each record of a section.
func onRecord(s care.Section, change func(r *care.Record)) func(*spoilt) {
	return editing(func() edit {
		return func(item care.Item) []care.Item {
			if item.Record != nil && item.Record.Section == s {
				r := *item.Record
				change(&r)
				item.Record = &r
			}
			return []care.Item{item}
		}
	})
}

// onEnd replaces the end of a section.
func onEnd(s care.Section, change func(e care.End) []care.End) func(*spoilt) {
	return editing(func() edit {
		return func(item care.Item) []care.Item {
			if item.End == nil || item.End.Section != s {
				return []care.Item{item}
			}
			var out []care.Item
			for _, e := range change(*item.End) {
				out = append(out, care.Item{End: &e})
			}
			return out
		}
	})
}

// everywhere spoils every connector that the harness opens.
func everywhere(spoil func(*spoilt)) Harness {
	wrap := func(good care.Connector) care.Connector {
		s := &spoilt{good: good}
		spoil(s)
		return s
	}
	h, good := goodHarness(), goodHarness()
	h.Open = func(t testing.TB) care.Connector { return wrap(good.Open(t)) }
	h.Faults.Down = func(t testing.TB) care.Connector { return wrap(good.Faults.Down(t)) }
	h.Faults.Hang = func(t testing.TB) (care.Connector, <-chan struct{}) {
		c, asked := good.Faults.Hang(t)
		return wrap(c), asked
	}
	h.Faults.Ambiguous = func(t testing.TB) (care.Connector, care.NHSNumber) {
		c, n := good.Faults.Ambiguous(t)
		return wrap(c), n
	}
	h.Faults.Stranger = func(t testing.TB) (care.Connector, care.NHSNumber) {
		c, n := good.Faults.Stranger(t)
		return wrap(c), n
	}
	h.Faults.Unmappable = func(t testing.TB) (care.Connector, care.NHSNumber, care.Section) {
		c, n, s := good.Faults.Unmappable(t)
		return wrap(c), n, s
	}
	h.Faults.Broken = func(t testing.TB) (care.Connector, care.NHSNumber, care.Section) {
		c, n, s := good.Faults.Broken(t)
		return wrap(c), n, s
	}
	h.Faults.Unreadable = func(t testing.TB) care.Connector { return wrap(good.Faults.Unreadable(t)) }
	return h
}

// TestSuiteFailsFaultyConnectors is the proof of the suite: each mutant breaks
// one promise, and the check that guards that promise has to fail. Only that
// check is run: some mutants race on purpose where others are at work.
func TestSuiteFailsFaultyConnectors(t *testing.T) {
	proved := map[string]bool{}
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) {
			i := slices.IndexFunc(everyCheck(), func(c check) bool { return c.name == m.check })
			if i < 0 {
				t.Fatalf("there is no check %q", m.check)
			}
			h := everywhere(m.spoil)
			h.patience = 200 * time.Millisecond // a mutant that hangs does so for ever
			complaints := verdict(t, everyCheck()[i], h)
			if len(complaints) == 0 {
				t.Fatalf("the check %q let it pass", m.check)
			}
			proved[m.check] = true
			t.Log(complaints[0])
		})
	}
	for _, c := range everyCheck() {
		if !proved[c.name] {
			t.Errorf("no mutant proves the check %q", c.name)
		}
	}
}

// TestVerdictOfAGoodConnector is the control: without a fault nothing fails,
// through the same wrappers.
func TestVerdictOfAGoodConnector(t *testing.T) {
	same := editing(func() edit { return func(i care.Item) []care.Item { return []care.Item{i} } })
	for _, c := range everyCheck() {
		for name, spoil := range map[string]func(*spoilt){"untouched": func(*spoilt) {}, "through an edit": same} {
			if complaints := verdict(t, c, everywhere(spoil)); len(complaints) > 0 {
				t.Errorf("%s, %s: %q", c.name, name, complaints)
			}
		}
	}
}

func TestWeakHarnessIsRefused(t *testing.T) {
	for name, weaken := range map[string]func(*Harness){
		"one patient":     func(h *Harness) { h.Patients = h.Patients[:1] },
		"nobody absent":   func(h *Harness) { h.Absent = care.NHSNumber{} },
		"opens nothing":   func(h *Harness) { h.Open = nil },
		"nothing to cut":  func(h *Harness) { h.Patients[0].Sections, h.Patients[1].Sections = nil, nil },
		"nameless person": func(h *Harness) { h.Patients[0].Family = "" },
		"one has spoken":  func(h *Harness) { h.Patients[1].Directives = nil },
		"not the first":   func(h *Harness) { h.Patients[0].Directives = nil },
	} {
		t.Run(name, func(t *testing.T) {
			h := goodHarness()
			weaken(&h)
			if h.tooWeak() == "" {
				t.Error("it was accepted")
			}
		})
	}
}

var errPlain = errors.New("dial tcp: no route")

// leaky counts the goroutines that a mutant leaves behind.
func leaky() func(*spoilt) {
	return func(s *spoilt) {
		s.fetch = func(ctx context.Context, q care.Query) iter.Seq2[care.Item, error] {
			go func() { select {} }()
			return s.good.Fetch(ctx, q)
		}
	}
}

// sharedBuffer hands out every record of every fetch in one buffer.
func sharedBuffer() func(*spoilt) {
	var mu sync.Mutex
	buffer := make([]byte, 0, 4096)
	return onRecord(care.Problems, func(r *care.Record) {
		mu.Lock()
		defer mu.Unlock()
		buffer = append(buffer[:0], r.Resource...)
		r.Resource = buffer
	})
}

// lastIdentified fetches whoever was identified last, whoever is asked for.
func lastIdentified() func(*spoilt) {
	var last atomic.Pointer[care.Patient]
	return func(s *spoilt) {
		s.identify = func(ctx context.Context, n care.NHSNumber) (care.Patient, error) {
			p, err := s.good.Identify(ctx, n)
			if err == nil {
				last.Store(&p)
			}
			return p, err
		}
		s.fetch = func(ctx context.Context, q care.Query) iter.Seq2[care.Item, error] {
			if p := last.Load(); p != nil {
				q.Patient = *p
			}
			return s.good.Fetch(ctx, q)
		}
	}
}

// crossed gives the first caller for each of two patients the other's record,
// if both call at once.
func crossed() func(*spoilt) {
	var turn [2]atomic.Bool
	at := [2]chan care.Patient{make(chan care.Patient, 1), make(chan care.Patient, 1)}
	return func(s *spoilt) {
		s.fetch = func(ctx context.Context, q care.Query) iter.Seq2[care.Item, error] {
			me := 0
			if q.Patient.NHSNumber == secondNumber {
				me = 1
			}
			if turn[me].CompareAndSwap(false, true) {
				at[me] <- q.Patient
				q.Patient = <-at[1-me]
			}
			return s.good.Fetch(ctx, q)
		}
	}
}

// poisoned fails for ever once a call has been cancelled.
func poisoned() func(*spoilt) {
	return func(s *spoilt) {
		var dead atomic.Bool
		s.fetch = func(ctx context.Context, q care.Query) iter.Seq2[care.Item, error] {
			return func(yield func(care.Item, error) bool) {
				if dead.Load() {
					yield(care.Item{}, &care.Error{Kind: care.SourceUnavailable, Op: "x", Detail: "poisoned"})
					return
				}
				s.good.Fetch(ctx, q)(yield)
				if ctx.Err() != nil {
					dead.Store(true)
				}
			}
		}
	}
}

// deaf reads on whatever the caller says.
func deaf() func(*spoilt) {
	return func(s *spoilt) {
		s.fetch = func(ctx context.Context, q care.Query) iter.Seq2[care.Item, error] {
			return func(yield func(care.Item, error) bool) {
				stopped := false
				for item, err := range s.good.Fetch(ctx, q) {
					if !yield(item, err) {
						stopped = true
						continue
					}
					if stopped {
						return
					}
				}
			}
		}
	}
}

// uncancellable works on when the caller has gone.
func uncancellable() func(*spoilt) {
	return func(s *spoilt) {
		s.fetch = func(ctx context.Context, q care.Query) iter.Seq2[care.Item, error] {
			return s.good.Fetch(context.WithoutCancel(ctx), q)
		}
	}
}

// mutated replaces old by new in a resource, before its checksum is made.
func mutated(old, new string) func(r *care.Record) {
	return func(r *care.Record) {
		r.Resource = bytes.ReplaceAll(r.Resource, []byte(old), []byte(new))
		r.Checksum = care.Checksum(r.Resource)
	}
}
