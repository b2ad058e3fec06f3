// Package connectortest is the conformance suite of connectors: it holds an
// implementation of care.Connector to every sentence of that contract. A new
// connector brings a Harness and calls Run; it needs no tests of its own for
// what is checked here.
//
// The suite is itself tested against connectors that are wrong on purpose, one
// for each promise: it has to fail every one of them.
//
// Run it with the race detector. It compares what a connector answers with
// what the harness says is in the source and takes nothing from the connector
// on trust. It imports no encoder, so a defect of the encoder shows.
package connectortest

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Harness is what an implementation brings.
type Harness struct {
	// Open returns a new connector over a working source that holds Patients.
	// The suite closes it.
	Open func(t testing.TB) care.Connector

	// Patients are in the source. There must be two or more, and among them a
	// section other than the allergies with two or more records, or the suite
	// could not see a mix-up or a cut.
	Patients []Patient

	// Absent is a valid number that no patient of the source has.
	Absent care.NHSNumber

	// Secrets are texts of the patients' records that must not occur in any
	// error: names, addresses, free text. The suite adds what Identify returns.
	Secrets []string

	// Faults are ways to make the source fail. Those left out are not checked,
	// and Run logs which.
	Faults Faults

	patience time.Duration // instead of watchdog, where the suite is tested itself
}

// Patient is one patient of the source.
type Patient struct {
	NHSNumber care.NHSNumber
	Family    string                // family name as the source holds it
	Sections  map[care.Section]Want // sections not named must be Empty or NotSupported

	// Directives are all that the source holds of the patient's choices, as the
	// connector must give them but for the NHS number. Where no patient has any,
	// care.DirectiveSource is not checked; where one has, Open's connector must
	// hold directives, and nobody's but these.
	Directives []care.Directive
}

// Want is how one section must come out.
type Want struct {
	State   care.State
	Records int
	Failed  int
}

// Faults are working connectors over sources with one fault each. Any may be
// nil. The suite closes the connectors.
type Faults struct {
	// Down has a source that does not answer at all. Opening must succeed.
	Down func(t testing.TB) care.Connector

	// Hang has a source that takes a question and never answers. asked is
	// closed once a question has arrived there.
	Hang func(t testing.TB) (c care.Connector, asked <-chan struct{})

	// Ambiguous has a source with two patients under the number.
	Ambiguous func(t testing.TB) (care.Connector, care.NHSNumber)

	// Stranger has a source that answers with another person's row when asked
	// for the number.
	Stranger func(t testing.TB) (care.Connector, care.NHSNumber)

	// Unmappable has a source in which one row of the section cannot be
	// mapped. The section has further rows and the patient further sections,
	// which are sound.
	Unmappable func(t testing.TB) (care.Connector, care.NHSNumber, care.Section)

	// Broken has a source in which reading the section fails, such as a table
	// that is missing. The patient's other sections are sound.
	Broken func(t testing.TB) (care.Connector, care.NHSNumber, care.Section)

	// Unreadable has a source whose directives cannot be read: all of them only
	// in part, and those of the first of Patients not at all. Nothing else is
	// wrong with it.
	Unreadable func(t testing.TB) care.Connector
}

// watchdog ends a check that would otherwise wait for ever. It asserts nothing
// about speed: it is far above what any source in a test takes.
const watchdog = 60 * time.Second

// check is one part of the suite.
type check struct {
	name string
	run  func(t testing.TB, h Harness)
}

// Run checks the connectors that h opens, each check in a subtest.
func Run(t *testing.T, h Harness) {
	t.Helper()
	if why := h.tooWeak(); why != "" {
		t.Fatalf("this harness proves too little: %s", why)
	}
	all, withFaults := contract(), faults()
	if h.holdsDirectives() {
		all, withFaults = append(all, directiveChecks()...), append(withFaults, directiveFaults()...)
	} else {
		t.Log("not checked, because no patient of the harness has any: directives")
	}
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) { c.run(t, h) })
	}
	for _, f := range withFaults {
		if !f.given(h.Faults) {
			t.Logf("not checked, because the harness has no such fault: %s", f.name)
			continue
		}
		t.Run(f.name, func(t *testing.T) { f.run(t, h) })
	}
}

// contract lists the checks that every harness can run.
func contract() []check {
	return []check{
		{"describe", checkDescribe},
		{"identify", checkIdentify},
		{"identify absent", checkAbsent},
		{"probe", checkProbe},
		{"fetch all sections", checkFetchAll},
		{"fetch one section", checkFetchOne},
		{"fetch unserved sections", checkUnserved},
		{"fetch keeps people apart", checkApart},
		{"stop at every item", checkStop},
		{"items hold still", checkHoldStill},
		{"row limit", checkLimit},
		{"cancelled before", checkCancelledBefore},
		{"cancelled between", checkCancelledBetween},
		{"concurrent use", checkConcurrent},
		{"use after failure", checkAfterFailure},
		{"close twice", checkCloseTwice},
		{"no goroutine left", checkLeaks},
	}
}

// tooWeak says why h could not show a fault, or nothing.
func (h Harness) tooWeak() string {
	switch {
	case h.Open == nil:
		return "it opens nothing"
	case len(h.Patients) < 2:
		return "it needs two patients"
	case h.Absent.IsZero():
		return "it names no absent patient"
	}
	for _, p := range h.Patients {
		if p.Family == "" || p.NHSNumber.IsZero() {
			return "a patient has no family name or no number"
		}
	}
	if n := len(h.wantedOfAll()); h.holdsDirectives() && (n < 2 || n == len(h.Patients[0].wanted()) || len(h.Patients[0].Directives) == 0) {
		return "it needs directives of two patients, one of them the first"
	}
	for _, p := range h.Patients {
		for s, w := range p.Sections {
			if s != care.Allergies && w.State == care.Complete && w.Records > 1 {
				return ""
			}
		}
	}
	return "it needs a complete section of two or more records that are not allergies"
}

// open returns a connector that is closed when the check ends.
func (h Harness) open(t testing.TB) care.Connector {
	t.Helper()
	return closing(t, h.Open(t))
}

func closing(t testing.TB, c care.Connector) care.Connector {
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

// checkLeaks runs a whole life of a connector and looks for what is left.
func checkLeaks(t testing.TB, h Harness) {
	before := goleak.IgnoreCurrent()
	c := h.Open(t)
	for _, p := range h.Patients {
		patient := h.identify(t, c, p)
		for range 2 {
			h.fetchAndStop(t, c, patient, 1)
		}
		gather(t.Context(), t, h, c, care.Query{Patient: patient, Sections: care.AllSections, MaxRows: plenty})
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := goleak.Find(before); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

func checkCloseTwice(t testing.TB, h Harness) {
	c := h.Open(t)
	h.identify(t, c, h.Patients[0])
	for _, which := range []string{"first", "second"} {
		if err := c.Close(); err != nil {
			t.Errorf("the %s Close: %v", which, err)
		}
	}
	if _, err := c.Identify(t.Context(), h.Patients[0].NHSNumber); err == nil {
		t.Error("a closed connector still identifies patients")
	} else {
		h.checkError(t, err)
	}
}

func checkDescribe(t testing.TB, h Harness) {
	c := h.open(t)
	d := c.Describe()
	if d.Kind == "" || d.Origin.Source == "" || !d.Origin.Organisation.Valid() {
		t.Errorf("Describe() = %+v: kind, source or organisation is missing", d)
	}
	if _, is := c.(care.DocumentReader); d.Documents && !is {
		t.Error("Describe() promises documents and the connector reads none")
	}
	if d.Sections&^care.AllSections != 0 {
		t.Errorf("Describe() names sections that do not exist: %b", d.Sections)
	}
	for _, p := range h.Patients {
		for s, w := range p.Sections {
			if w.Records > 0 && !d.Sections.Has(s) {
				t.Errorf("Describe() does not serve %v, of which the source has records", s)
			}
		}
	}
}

func checkProbe(t testing.TB, h Harness) {
	r, err := h.open(t).Probe(t.Context())
	if err != nil {
		t.Fatalf("Probe of a working source: %v", err)
	}
	if r.Detail == "" {
		t.Error("Probe says nothing about the source")
	}
	h.checkText(t, "Readiness.Detail", r.Detail)
}
