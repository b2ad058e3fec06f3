package agent

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent"
	"github.com/mycarerecord/edge-agent/connectors/memory"
)

var consultOrigin = care.Origin{Source: "gp", System: "Test GP", Organisation: "Y99901", OrganisationName: "Test Surgery"}

// day is a working day on which the tests' patients speak.
var day = time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)

func someNumber(t testing.TB, text string) care.NHSNumber {
	t.Helper()
	n, err := care.ParseNHSNumber(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// codesFake knows two codes and ignores one.
type codesFake struct{}

func (codesFake) Apply(d *care.Directive) (bool, error) {
	switch d.Code.Code {
	case "":
	case "dissent":
		d.Kind = care.Dissent
	case "consent":
		d.Kind = care.ConsentGiven
	case "type 1":
		return false, nil
	default:
		return false, &care.Error{Kind: care.BadRequest, Op: "codes", Reason: "UNKNOWN_CODE", Detail: "the code is not in the list"}
	}
	return true, nil
}

// storeFake keeps what it is given. Where a hook is set it is asked first.
type storeFake struct {
	mu      sync.Mutex
	learned map[care.NHSNumber][]care.Directive
	calls   int
	filled  []care.Directive
	asOf    []time.Time
	fail    error
	during  func(ctx context.Context)
}

func (s *storeFake) Learn(source string, n care.NHSNumber, ds []care.Directive) error {
	if s.during != nil {
		s.during(context.Background())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls++; source != "gp" || s.fail != nil {
		return errors.Join(s.fail, fmt.Errorf("source %q", source))
	}
	if s.learned == nil {
		s.learned = map[care.NHSNumber][]care.Directive{}
	}
	s.learned[n] = ds
	return nil
}

func (s *storeFake) Fill(ctx context.Context, source string, asOf time.Time, all iter.Seq2[care.Directive, error]) (consent.FillReport, error) {
	if s.during != nil {
		s.during(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asOf = append(s.asOf, asOf)
	var list []care.Directive
	for d, err := range all {
		if err != nil {
			return consent.FillReport{}, err
		}
		list = append(list, d)
	}
	if s.fail != nil || source != "gp" {
		return consent.FillReport{Changed: list, MoreChanged: 3}, errors.Join(s.fail, fmt.Errorf("source %q", source))
	}
	s.filled = list
	return consent.FillReport{Patients: 7, Directives: uint64(len(list)), Changed: list, MoreChanged: 3}, nil
}

// readings returns when the whole readings began so far.
func (s *storeFake) readings() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asOf)
}

// news is what the callback was told.
type news struct {
	mu    sync.Mutex
	list  []care.Directive
	more  int
	calls int
}

func (n *news) hear(source string, list []care.Directive, more int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.calls++; source == "gp" {
		n.list, n.more = append(n.list, list...), n.more+more
	}
}

// counter is a source in memory with everything that consult puts before it.
type counter struct {
	source  *memory.Connector
	patient care.NHSNumber
	store   *storeFake
	news    *news
	flags   *flags
}

func newCounter(t testing.TB) *counter {
	t.Helper()
	d := &counter{patient: someNumber(t, "9990000042"), store: &storeFake{}, news: &news{}}
	source, err := memory.New(consultOrigin, []memory.Patient{memory.Sized(d.patient, 1, 100)})
	if err != nil {
		t.Fatal(err)
	}
	d.source = source
	d.flags = &flags{source: "gp", from: source, codes: codesFake{}, store: d.store, changed: d.news.hear}
	return d
}

func coded(code string, at time.Time) care.Directive {
	return care.Directive{Code: care.Coding{System: "test", Code: code}, Effective: at}
}
