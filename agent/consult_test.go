package agent

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/connectortest"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

func TestFlagsOf(t *testing.T) {
	d := newCounter(t)
	if _, ok := flagsOf(d.source); ok {
		t.Error("a source that holds no directives has flags")
	}
	if _, ok := flagsOf(struct{ care.Connector }{d.source}); ok {
		t.Error("a connector that is no source of directives has flags")
	}
	d.source.State(d.patient)
	if from, ok := flagsOf(d.source); !ok || from != care.DirectiveSource(d.source) {
		t.Error("a source that holds directives has no flags")
	}
}

func TestIdentifyLearns(t *testing.T) {
	d := newCounter(t)
	c := consult(d.source, d.flags)
	d.source.State(d.patient, coded("dissent", day), coded("type 1", day), coded("consent", day.AddDate(0, 0, 1)))
	for range 2 {
		if p, err := c.Identify(t.Context(), d.patient); err != nil || p.NHSNumber != d.patient {
			t.Fatalf("Identify: %v", err)
		}
	}
	got := d.store.learned[d.patient]
	if d.store.calls != 2 || len(got) != 2 || got[0].Kind != care.Dissent || got[1].Kind != care.ConsentGiven {
		t.Fatalf("after %d calls learned %+v", d.store.calls, got)
	}
	for _, directive := range got {
		if directive.Authority != care.SourceFlag || directive.Source != "gp" || directive.NHSNumber != d.patient || directive.Code.Code == "" {
			t.Errorf("learned %+v", directive)
		}
	}
	if d.news.calls != 0 {
		t.Errorf("a look at one patient was told of %d times; callers could find it in the journal's numbers", d.news.calls)
	}
}

// TestIdentifyOfWhoIsNotThere checks that the source is asked, and the store is
// told that nothing was said, for somebody unknown too.
func TestIdentifyOfWhoIsNotThere(t *testing.T) {
	d := newCounter(t)
	absent := someNumber(t, "9990000026")
	_, err := consult(d.source, d.flags).Identify(t.Context(), absent)
	if care.KindOf(err) != care.PatientNotFound || d.store.calls != 1 {
		t.Errorf("Identify: %v, the store was asked %d times", err, d.store.calls)
	}
	d.source.State(absent, coded("dissent", day))
	_, err = consult(d.source, d.flags).Identify(t.Context(), absent)
	if care.KindOf(err) != care.PatientNotFound || len(d.store.learned[absent]) != 1 {
		t.Errorf("Identify: %v, learned %+v", err, d.store.learned)
	}
}

// odd is a source of directives that answers as it is told.
type odd struct {
	care.DirectiveSource
	of  []care.Directive
	err error
}

func (o odd) DirectivesOf(context.Context, care.NHSNumber) ([]care.Directive, error) {
	return o.of, o.err
}

type panicking struct{ care.DirectiveSource }

func (panicking) DirectivesOf(context.Context, care.NHSNumber) ([]care.Directive, error) {
	panic("9990000042")
}

// TestIdentifyWithoutKnowing lets the directives be unknown in every way, for
// somebody who is there and for somebody who is not.
func TestIdentifyWithoutKnowing(t *testing.T) {
	for _, tc := range []struct {
		name   string
		reason string
		spoil  func(d *counter)
	}{
		{"cannot be read", "SOURCE", func(d *counter) { d.source.FailDirectives(true) }},
		{"an unknown code", "NOT_UNDERSTOOD", func(d *counter) {
			d.flags.from = odd{of: []care.Directive{{NHSNumber: d.patient, Code: care.Coding{Code: "?"}, Effective: day}}}
		}},
		{"somebody else's", "NOT_UNDERSTOOD", func(d *counter) {
			d.flags.from = odd{of: []care.Directive{{Kind: care.ConsentGiven, Effective: day}}}
		}},
		{"a row that cannot be mapped", "NOT_UNDERSTOOD", func(d *counter) {
			d.flags.from = odd{err: &care.Error{Kind: care.SourceUnavailable, Reason: "ROW_UNMAPPABLE"}}
		}},
		{"an error of no kind", "SOURCE", func(d *counter) { d.flags.from = odd{err: errors.New("dial 9990000042")} }},
		{"no time left at the source", "SOURCE", func(d *counter) { d.flags.from = odd{err: context.DeadlineExceeded} }},
		{"a cancellation that is not the caller's", "SOURCE", func(d *counter) { d.flags.from = odd{err: &care.Error{Kind: care.Cancelled}} }},
		{"a panic", "SOURCE", func(d *counter) { d.flags.from = panicking{} }},
		{"cannot be kept", "SOURCE", func(d *counter) {
			d.store.fail = &care.Error{Kind: care.Internal, Op: "consent", Reason: "DISK"}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newCounter(t)
			tc.spoil(d)
			for _, n := range []care.NHSNumber{d.patient, someNumber(t, "9990000026")} {
				p, err := consult(d.source, d.flags).Identify(t.Context(), n)
				if care.KindOf(err) != care.ConsentUnavailable || care.ReasonOf(err) != tc.reason {
					t.Errorf("Identify: %v", err)
				}
				if !p.NHSNumber.IsZero() || !p.LocalID.IsZero() || strings.Contains(err.Error(), "999000") {
					t.Errorf("the patient came back, or is quoted: %v", err)
				}
			}
			if len(d.news.list) > 0 || len(d.store.learned) > 0 {
				t.Error("something was learned all the same")
			}
		})
	}
}

// TestWhatWithholdsIsLearnedBesideAFault proves that a restriction counts at once
// although something else that the source says of the patient makes no sense,
// and that nothing else is learned then.
func TestWhatWithholdsIsLearnedBesideAFault(t *testing.T) {
	d := newCounter(t)
	of := func(k care.DirectiveKind) care.Directive {
		return care.Directive{NHSNumber: d.patient, Kind: k, Effective: day}
	}
	strange := care.Directive{NHSNumber: d.patient, Code: care.Coding{Code: "?"}, Effective: day}
	d.flags.from = odd{of: []care.Directive{strange, of(care.Unrestricted), of(care.Restriction), of(care.ConsentGiven)}}
	if _, err := consult(d.source, d.flags).Identify(t.Context(), d.patient); care.ReasonOf(err) != "NOT_UNDERSTOOD" {
		t.Errorf("Identify: %v", err)
	}
	if got := d.store.learned[d.patient]; len(got) != 1 || got[0].Kind != care.Restriction {
		t.Errorf("learned %+v", got)
	}
}

// restrictedRow is a source that marks its patient restricted.
type restrictedRow struct{ care.Connector }

func (r restrictedRow) Identify(ctx context.Context, n care.NHSNumber) (care.Patient, error) {
	p, err := r.Connector.Identify(ctx, n)
	p.Restricted = true
	return p, err
}

// TestARestrictedRowBesideAFault proves that the restriction is not lost when
// what the patient has said cannot be understood, and that it does not count
// when nobody's can be read: then everybody is answered the same.
func TestARestrictedRowBesideAFault(t *testing.T) {
	d := newCounter(t)
	d.flags.from = odd{of: []care.Directive{{NHSNumber: d.patient, Code: care.Coding{Code: "?"}, Effective: day}}}
	if p, err := consult(restrictedRow{d.source}, d.flags).Identify(t.Context(), d.patient); err != nil || !p.Restricted {
		t.Errorf("Identify: %v", err)
	}
	d.flags.from = odd{err: errors.New("down")}
	if _, err := consult(restrictedRow{d.source}, d.flags).Identify(t.Context(), d.patient); care.KindOf(err) != care.ConsentUnavailable {
		t.Errorf("Identify: %v", err)
	}
}

// TestIdentifyOfASourceThatIsReadWhole has the schedule only.
func TestIdentifyOfASourceThatIsReadWhole(t *testing.T) {
	d := newCounter(t)
	d.flags.from = odd{err: &care.Error{Kind: care.Unsupported, Op: "gp", Reason: "NOT_CONFIGURED"}}
	if p, err := consult(d.source, d.flags).Identify(t.Context(), d.patient); err != nil || p.NHSNumber != d.patient {
		t.Errorf("Identify: %v", err)
	}
	if d.store.calls > 0 {
		t.Error("the store was told that the source says nothing now, which nobody has asked")
	}
}

// slowConnector takes some time to identify, or panics.
type slowConnector struct {
	care.Connector
	takes  time.Duration
	panics bool
}

func (s slowConnector) Identify(ctx context.Context, n care.NHSNumber) (care.Patient, error) {
	time.Sleep(s.takes)
	if s.panics {
		panic("identify")
	}
	return s.Connector.Identify(ctx, n)
}

// TestIdentifySideBySide checks on a made-up clock that the two questions run
// side by side, and that nobody is quicker for not being there, or for being
// refused.
func TestIdentifySideBySide(t *testing.T) {
	for _, tc := range []struct {
		name                string
		identify, directive time.Duration
		number              string
		fail                bool
		want                time.Duration
	}{
		{"there", 3 * time.Second, 2 * time.Second, "9990000042", false, 3 * time.Second},
		{"slow directives", 2 * time.Second, 3 * time.Second, "9990000042", false, 3 * time.Second},
		{"not there", 2 * time.Second, 3 * time.Second, "9990000026", false, 3 * time.Second},
		{"unreadable directives", 3 * time.Second, time.Second, "9990000042", true, 3 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newCounter(t)
				d.source.SlowDirectives(tc.directive)
				d.source.FailDirectives(tc.fail)
				began := time.Now()
				_, err := consult(slowConnector{Connector: d.source, takes: tc.identify}, d.flags).Identify(t.Context(), someNumber(t, tc.number))
				if took := time.Since(began); took != tc.want {
					t.Errorf("it took %v, want %v (%v)", took, tc.want, err)
				}
			})
		})
	}
}

func TestIdentifyEndsWithItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newCounter(t)
		d.source.SlowDirectives(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := consult(d.source, d.flags).Identify(ctx, d.patient)
		if care.KindOf(err) != care.ConsentUnavailable || time.Since(began) != time.Second || d.store.calls > 0 {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// TestIdentifyPanics checks that nothing of the question is left behind.
func TestIdentifyPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it fails when a goroutine is left
		d := newCounter(t)
		d.source.SlowDirectives(time.Second)
		defer func() {
			if recover() == nil {
				t.Error("the panic of the connector was lost")
			}
			if d.store.calls != 1 {
				t.Error("Identify did not wait for what it had begun")
			}
		}()
		_, _ = consult(slowConnector{Connector: d.source, panics: true}, d.flags).Identify(t.Context(), d.patient)
	})
}

func TestConsultKeepsWhatTheConnectorCan(t *testing.T) {
	d := newCounter(t)
	c := consult(d.source, d.flags)
	p, err := c.Identify(t.Context(), d.patient)
	if err != nil {
		t.Fatal(err)
	}
	documents, ok := c.(care.DocumentReader)
	if !ok {
		t.Fatal("the documents are gone")
	}
	doc, err := documents.Document(t.Context(), p, "gp.document."+memory.SizedDocument)
	if err != nil || doc.Size != 100 {
		t.Errorf("Document: %+v, %v", doc, err)
	}
	if _, ok := consult(struct{ care.Connector }{d.source}, d.flags).(care.DocumentReader); ok {
		t.Error("a connector without documents reads documents")
	}
	if got, want := c.Describe(), d.source.Describe(); got != want {
		t.Errorf("Describe() = %+v, want %+v", got, want)
	}
}

// TestConsultKeepsTheContract runs the suite of connectors through consult.
func TestConsultKeepsTheContract(t *testing.T) {
	var patients []connectortest.Patient
	open := func(t testing.TB, spoil func(c *memory.Connector)) care.Connector {
		one, two := memory.Sized(someNumber(t, "9990000042"), 3*memory.SizedRecord, 0), memory.Sized(someNumber(t, "9990000034"), 3*memory.SizedRecord, 0)
		for _, row := range two.Rows { // keys are unique within a source
			row.(*ukcore.Observation).ID += "b"
		}
		c, err := memory.New(consultOrigin, []memory.Patient{one, two})
		if err != nil {
			t.Fatal(err)
		}
		c.State(someNumber(t, "9990000042"), coded("dissent", day))
		spoil(c)
		return consult(c, &flags{source: "gp", from: c, codes: codesFake{}, store: &storeFake{}, changed: (&news{}).hear})
	}
	for _, n := range []string{"9990000042", "9990000034"} {
		patients = append(patients, connectortest.Patient{NHSNumber: someNumber(t, n), Family: "Sized",
			Sections: map[care.Section]connectortest.Want{care.Observations: {State: care.Complete, Records: 3}}})
	}
	connectortest.Run(t, connectortest.Harness{Patients: patients, Absent: someNumber(t, "9990000026"),
		Open: func(t testing.TB) care.Connector { return open(t, func(*memory.Connector) {}) },
		Faults: connectortest.Faults{
			Hang: func(t testing.TB) (c care.Connector, asked <-chan struct{}) {
				return open(t, func(c *memory.Connector) { asked = c.Hang() }), asked
			},
		}})
}
