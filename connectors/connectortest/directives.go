package connectortest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// directiveChecks lists the checks of a source that holds directives.
func directiveChecks() []check {
	return []check{
		{"all directives", checkDirectives},
		{"directives of one patient", checkDirectivesOf},
		{"directives of nobody", checkDirectivesOfNobody},
		{"stop at every directive", checkDirectivesStop},
		{"directives cancelled before", checkDirectivesCancelledBefore},
		{"directives cancelled between", checkDirectivesCancelledBetween},
		{"concurrent use of directives", checkDirectivesConcurrent},
		{"directives of a closed source", checkDirectivesClosed},
		{"no goroutine left by directives", checkDirectivesLeaks},
	}
}

// directiveFaults lists those that need a fault.
func directiveFaults() []faultCheck {
	return []faultCheck{
		{check{"directives that cannot be read", checkUnreadable}, func(f Faults) bool { return f.Unreadable != nil }},
		{check{"directives of a source that is down", checkDirectivesDown}, func(f Faults) bool { return f.Down != nil }},
		{check{"source hangs in directives", checkDirectivesHang}, func(f Faults) bool { return f.Hang != nil }},
	}
}

// holdsDirectives reports whether the harness has directives to look for.
func (h Harness) holdsDirectives() bool {
	return slices.ContainsFunc(h.Patients, func(p Patient) bool { return p.Directives != nil })
}

// directives returns the connector as what it must be.
func directives(t testing.TB, c care.Connector) care.DirectiveSource {
	t.Helper()
	d, ok := c.(care.DirectiveSource)
	if !ok || !d.HoldsDirectives() {
		t.Fatal("the source holds directives and the connector does not say so")
	}
	return d
}

// wholeOnly reports whether the source can tell directives of all patients
// only, in which case DirectivesOf is Unsupported for everybody.
func (h Harness) wholeOnly(t testing.TB, d care.DirectiveSource) bool {
	t.Helper()
	_, err := d.DirectivesOf(t.Context(), h.Absent)
	return care.KindOf(err) == care.Unsupported
}

// statements counts directives by all that they say. Order does not matter,
// and neither does the order of what a scope names.
type statements map[string]int

func (s statements) add(d care.Directive) {
	organisations := slices.Sorted(slices.Values(d.Scope.Organisations))
	recorded := ""
	if !d.Recorded.IsZero() {
		recorded = d.Recorded.UTC().String()
	}
	s[fmt.Sprint(d.NHSNumber.Reveal(), d.Kind, organisations, d.Scope.Sections, d.Effective.UTC(), "/", recorded, "/", d.By, "/", d.Code.System, "|", d.Code.Code)]++
}

// wanted is what the source says of a patient.
func (p Patient) wanted() statements {
	s := statements{}
	for _, d := range p.Directives {
		d.NHSNumber = p.NHSNumber
		s.add(d)
	}
	return s
}

// wantedOfAll is what the source says of all.
func (h Harness) wantedOfAll() statements {
	s := statements{}
	for _, p := range h.Patients {
		for key, n := range p.wanted() {
			s[key] += n
		}
	}
	return s
}

// checkDirective checks what holds for every directive of a source.
func (h Harness) checkDirective(t testing.TB, d *care.Directive) {
	t.Helper()
	switch {
	case d.NHSNumber.IsZero():
		t.Error("a directive without an NHS number")
	case d.Effective.IsZero():
		t.Error("a directive that is not effective from any time")
	case d.Kind.Valid() == (d.Code.Code != ""):
		t.Error("a directive with neither a kind nor a code, or with both")
	case d.Code.Code != "" && d.Code.System == "":
		t.Error("a directive with a code of no code system")
	case d.Authority != 0 || d.Source != "":
		t.Error("a directive that says whose word it is: that is for the caller to say")
	case len(d.Scope.Organisations) > 0 && d.Scope.Sections != 0:
		t.Error("a directive about organisations and sections at once")
	}
}

// readDirectives reads everything and returns it with the error at its end.
func (h Harness) readDirectives(ctx context.Context, t testing.TB, d care.DirectiveSource) (statements, error) {
	t.Helper()
	s := statements{}
	var last error
	for directive, err := range d.Directives(ctx) {
		if last != nil {
			t.Error("Directives yielded something after an error")
			break
		}
		if last = err; err != nil {
			h.checkError(t, err)
			continue
		}
		h.checkDirective(t, &directive)
		s.add(directive)
	}
	return s, last
}

func checkDirectives(t testing.TB, h Harness) {
	d := directives(t, h.open(t))
	for range 2 {
		got, err := h.readDirectives(t.Context(), t, d)
		if err != nil {
			t.Errorf("Directives of a working source: %v", err)
		}
		if want := h.wantedOfAll(); !maps.Equal(got, want) {
			t.Errorf("%d kinds of statement came, want %d, or they are not those that the source holds", len(got), len(want))
		}
	}
}

func (h Harness) checkOf(t testing.TB, d care.DirectiveSource, p Patient) {
	t.Helper()
	list, err := d.DirectivesOf(t.Context(), p.NHSNumber)
	if err != nil {
		t.Errorf("DirectivesOf a patient of a working source: %v", err)
	}
	got := statements{}
	for i := range list {
		h.checkDirective(t, &list[i])
		got.add(list[i])
	}
	if !maps.Equal(got, p.wanted()) {
		t.Error("DirectivesOf gives other statements than the source holds of the patient")
	}
}

func checkDirectivesOf(t testing.TB, h Harness) {
	d := directives(t, h.open(t))
	whole := h.wholeOnly(t, d)
	for _, p := range h.Patients {
		if _, err := d.DirectivesOf(t.Context(), p.NHSNumber); (care.KindOf(err) == care.Unsupported) != whole {
			t.Error("DirectivesOf is supported for some patients and not for others")
		}
		if !whole {
			h.checkOf(t, d, p)
		}
	}
}

func checkDirectivesOfNobody(t testing.TB, h Harness) {
	d := directives(t, h.open(t))
	if h.wholeOnly(t, d) {
		return
	}
	if list, err := d.DirectivesOf(t.Context(), h.Absent); err != nil || len(list) > 0 {
		t.Errorf("DirectivesOf somebody unknown gives %d statements and %v, want none and no error", len(list), err)
	}
}

// checkDirectivesStop stops at each directive, and then uses the source.
func checkDirectivesStop(t testing.TB, h Harness) {
	d := directives(t, h.open(t))
	for n := 1; ; n++ {
		got := 0
		d.Directives(t.Context())(func(_ care.Directive, err error) bool {
			if got++; err != nil {
				t.Errorf("Directives of a working source: %v", err)
			}
			return got < n
		})
		if got > n {
			t.Errorf("stopped at directive %d, it went on to %d", n, got)
		}
		if got != n {
			break
		}
	}
	if !h.wholeOnly(t, d) {
		h.checkOf(t, d, h.Patients[0])
	}
}

func checkDirectivesCancelledBefore(t testing.TB, h Harness) {
	d := directives(t, h.open(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, err := h.readDirectives(ctx, t, d)
	h.wantError(t, err, care.Cancelled, "")
	if len(got) > 0 {
		t.Error("directives came although the caller had gone")
	}
	if !h.wholeOnly(t, d) {
		_, err = d.DirectivesOf(ctx, h.Patients[0].NHSNumber)
		h.wantError(t, err, care.Cancelled, "")
	}
}

// checkDirectivesCancelledBetween lets the caller go away while it holds a
// directive, each in turn: what came is then not all there is.
func checkDirectivesCancelledBetween(t testing.TB, h Harness) {
	d := directives(t, h.open(t))
	for n := 1; ; n++ {
		ctx, cancel := context.WithCancel(t.Context())
		var last error
		got := 0
		for _, err := range d.Directives(ctx) {
			if last = err; err == nil {
				got++
			}
			if got == n {
				cancel()
			}
		}
		cancel()
		if got < n {
			return
		}
		h.wantError(t, last, care.Cancelled, "")
		if got > n {
			t.Errorf("%d directives came after the caller had gone", got-n)
			return
		}
	}
}
