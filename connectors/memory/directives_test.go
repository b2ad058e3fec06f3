package memory

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors"
)

// TestWhoHoldsDirectives checks that a source says that it holds directives
// when it was given some, and the practice only where its settings say so.
func TestWhoHoldsDirectives(t *testing.T) {
	c, patient := sized(t)
	if c.HoldsDirectives() {
		t.Error("a source of which nobody has said anything holds directives")
	}
	if c.State(patient.NHSNumber); !c.HoldsDirectives() {
		t.Error("a source that was told that somebody has said nothing holds no directives")
	}
	for _, hold := range []bool{false, true} {
		s := &Settings{Practice: PracticeSynthetic, Patients: len(cast), Directives: hold}
		c, err := Kind().Open(t.Context(), connectors.Deps{Origin: origin, Sections: care.AllSections, Now: func() time.Time { return today }}, s)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.(care.DirectiveSource).HoldsDirectives(); got != hold {
			t.Errorf("directives: %v gives HoldsDirectives() = %v", hold, got)
		}
	}
	if Kind().NewSettings().(*Settings).Directives {
		t.Error("the practice holds directives unless it is told not to")
	}
}

// TestCastHasSaid checks that the source's own flags and its directives agree,
// and that there is one directive that must not withhold anything.
func TestCastHasSaid(t *testing.T) {
	c := opened(t, care.AllSections)
	want := map[Role][]care.Directive{
		CastSourceDissent:    {{Code: care.Coding{System: snomedSystem, Code: "416409005"}}},
		CastSourceRestricted: {{Kind: care.Restriction}},
		CastRenamed:          {{Code: care.Coding{System: snomedSystem, Code: "416409005"}}, {Code: care.Coding{System: snomedSystem, Code: "417528008"}}},
		CastLongTerm:         {{Code: care.Coding{System: snomedSystem, Code: "827241000000103"}}},
	}
	for _, m := range Synthetic(1, len(cast), today).Cast() {
		got, err := c.DirectivesOf(t.Context(), m.NHSNumber)
		if err != nil || len(got) != len(want[m.Role]) {
			t.Fatalf("%s: %d directives, %v", m.Story, len(got), err)
		}
		for i, d := range want[m.Role] {
			if got[i].Kind != d.Kind || got[i].Code != d.Code || got[i].NHSNumber != m.NHSNumber || !got[i].Effective.Before(today) {
				t.Errorf("%s: directive %d is %+v", m.Story, i, got[i])
			}
			if code := got[i].Code.Code; code != "" && !care.ValidSNOMED(code) {
				t.Errorf("%s is no SNOMED CT code", code)
			}
		}
		if len(got) == 2 && !got[1].Effective.After(got[0].Effective) {
			t.Error("the consent does not come after the dissent")
		}
	}
}

func TestStateReplacesAndKeepsItsOwn(t *testing.T) {
	c, patient := sized(t)
	orgs := []care.ODSCode{"RWH"}
	list := []care.Directive{{Kind: care.Dissent, Effective: today, Scope: care.Scope{Organisations: orgs}}, {Kind: care.ConsentGiven, Effective: today}}
	c.State(patient.NHSNumber, list...)
	list[0].Kind, orgs[0] = care.ConsentGiven, "E82001"
	got, err := c.DirectivesOf(t.Context(), patient.NHSNumber)
	if err != nil || len(got) != 2 || got[0].Kind != care.Dissent || got[0].Scope.Organisations[0] != "RWH" || got[1].NHSNumber != patient.NHSNumber {
		t.Fatalf("directives %+v, %v", got, err)
	}
	got[0].Kind = care.Unrestricted
	if again, _ := c.DirectivesOf(t.Context(), patient.NHSNumber); again[0].Kind != care.Dissent {
		t.Error("a caller has changed what the source holds")
	}
	c.State(patient.NHSNumber)
	if got, err := c.DirectivesOf(t.Context(), patient.NHSNumber); err != nil || len(got) != 0 {
		t.Errorf("taken back, %d directives are left, %v", len(got), err)
	}
}

func TestFailDirectivesLeavesTheRestAlone(t *testing.T) {
	c, patient := sized(t)
	c.State(patient.NHSNumber, care.Directive{Kind: care.Dissent, Effective: today}, care.Directive{Kind: care.ConsentGiven, Effective: today})
	read := func() (n int, last error) {
		for _, err := range c.Directives(t.Context()) {
			if last = err; err == nil {
				n++
			}
		}
		return n, last
	}
	c.FailDirectives(true)
	if n, err := read(); n != 1 || care.ReasonOf(err) != "QUERY" || care.KindOf(err) != care.SourceUnavailable {
		t.Errorf("a failing source gives %d directives and %v, want half of them and then the error", n, err)
	}
	if n := drain(t.Context(), c, askAll(patient)); n != 11 {
		t.Errorf("%d records came, want 11", n)
	}
	c.FailDirectives(false)
	if n, err := read(); n != 2 || err != nil {
		t.Errorf("afterwards %d directives came, %v", n, err)
	}
}

func TestSlowDirectives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, patient := sized(t)
		c.State(patient.NHSNumber, care.Directive{Kind: care.Dissent, Effective: today})
		c.SlowDirectives(time.Hour)
		began := time.Now()
		if _, err := c.DirectivesOf(t.Context(), patient.NHSNumber); err != nil || time.Since(began) != time.Hour {
			t.Errorf("it took %v, %v", time.Since(began), err)
		}
		for range c.Directives(t.Context()) {
		}
		if time.Since(began) != 2*time.Hour {
			t.Errorf("the whole reading took %v", time.Since(began)-time.Hour)
		}
		began = time.Now()
		if _, err := c.Identify(t.Context(), patient.NHSNumber); err != nil || time.Since(began) != 0 {
			t.Errorf("Identify took %v, %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := c.DirectivesOf(ctx, patient.NHSNumber); care.KindOf(err) != care.LimitExceeded || time.Since(began) != time.Minute {
			t.Errorf("after its caller's time: %v after %v", err, time.Since(began))
		}
	})
}
