package agent

import (
	"slices"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestUnderstand(t *testing.T) {
	const dayEnd = 24*time.Hour - time.Millisecond
	for _, tc := range []struct {
		name string
		said care.Directive
		kind care.DirectiveKind
		at   time.Time
	}{
		{"a dissent of a day", care.Directive{Kind: care.Dissent, Effective: day}, care.Dissent, day.Add(dayEnd)},
		{"a restriction of a day", care.Directive{Kind: care.Restriction, Effective: day}, care.Restriction, day.Add(dayEnd)},
		{"a consent of a day", care.Directive{Kind: care.ConsentGiven, Effective: day}, care.ConsentGiven, day},
		{"a lifting of a day", care.Directive{Kind: care.Unrestricted, Effective: day}, care.Unrestricted, day},
		{"a coded dissent of a day", coded("dissent", day), care.Dissent, day.Add(dayEnd)},
		{"a coded consent of a day", coded("consent", day), care.ConsentGiven, day},
		{"an undated dissent", coded("dissent", time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)), care.Dissent,
			time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).Add(dayEnd)},
		{"a day in another zone", coded("dissent", day.In(time.FixedZone("", 3600))), care.Dissent, day.Add(dayEnd)},
		{"a dissent of an hour", coded("dissent", day.Add(time.Hour)), care.Dissent, day.Add(time.Hour)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := tc.said
			keep, err := (&flags{source: "gp", codes: codesFake{}}).understand(&d)
			if err != nil || !keep || d.Kind != tc.kind || !d.Effective.Equal(tc.at) || d.Authority != care.SourceFlag || d.Source != "gp" {
				t.Errorf("%+v, %v, %v; want %v of %v", d, keep, err, tc.kind, tc.at)
			}
		})
	}
	for code, unknown := range map[string]bool{"type 1": false, "?": true} {
		d := coded(code, day)
		if keep, err := (&flags{codes: codesFake{}}).understand(&d); keep || (err != nil) != unknown {
			t.Errorf("%s: %v, %v", code, keep, err)
		}
	}
}

func TestUnderstoodStopsAtTheFirstError(t *testing.T) {
	said := []care.Directive{coded("dissent", day), coded("type 1", day), coded("consent", day), coded("?", day), coded("dissent", day)}
	all := func(yield func(care.Directive, error) bool) {
		for _, d := range said {
			if !yield(d, nil) {
				return
			}
		}
	}
	var kinds []care.DirectiveKind
	var last error
	for d, err := range (&flags{codes: codesFake{}}).understood(all) {
		if last = err; err == nil {
			kinds = append(kinds, d.Kind)
		}
	}
	if !slices.Equal(kinds, []care.DirectiveKind{care.Dissent, care.ConsentGiven}) || care.ReasonOf(last) != "UNKNOWN_CODE" {
		t.Errorf("%v, %v", kinds, last)
	}
	n := 0
	for range (&flags{codes: codesFake{}}).understood(all) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("stopped after one, %d came", n)
	}
}
