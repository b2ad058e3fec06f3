//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// TestWritableLogin gives the agent a login that may change one table. It is
// refused; where the site insists it is served, and everybody can see it.
func TestWritableLogin(t *testing.T) {
	servers(t, func(t *testing.T, d *database) {
		all := generated(t)
		d.load(t, all)
		d.exec(t, "GRANT INSERT ON conditions TO "+writer)
		before := d.contents(t, all)
		t.Run("refused", func(t *testing.T) {
			w := newWorld(t, d, all, nil, d.source(t, "pas").with(source{"user": writer}))
			w.refused(t, w.patients[0], care.SourceUnavailable, "WRITABLE_LOGIN")
			if done := w.ctl(t, "", "status"); !strings.Contains(done.stdout, "the login could write") {
				t.Errorf("the status does not tell why nothing is read:\n%s", done.stdout)
			}
			w.end(t)
			w.wantEntry(t, "SOURCE_WRITABLE", 0)
		})
		t.Run("the site insists", func(t *testing.T) {
			w := newWorld(t, d, all, nil, d.source(t, "pas").with(source{"user": writer, "allow_writable_login": true}))
			w.wholeAgain(t)
			if done := w.ctl(t, "", "status"); !strings.Contains(done.stdout, "has a login that can write") {
				t.Errorf("the status does not warn of the login:\n%s", done.stdout)
			}
			w.end(t)
			w.wantEntry(t, "SOURCE_WRITABLE", 1)
		})
		wantNothingWritten(t, d, all, before)
	})
}

// wantEntry checks how many entries of a kind the journal has.
func (w *world) wantEntry(t *testing.T, kind string, want int) {
	t.Helper()
	n := 0
	for _, e := range w.entries(t) {
		if e.Kind == kind {
			n++
		}
	}
	if n != want {
		t.Errorf("the journal has %d entries %s, want %d", n, kind, want)
	}
}

// TestSilentSource has a source that is silent for longer than source_timeout
// allows although its own statements may take a minute.
func TestSilentSource(t *testing.T) {
	servers(t, func(t *testing.T, d *database) {
		all := generated(t)
		d.load(t, all)
		w := newWorld(t, d, all, source{"source_timeout": "1s"}, d.source(t, "pas").with(source{"statement_timeout": "1m"}))
		mend := d.edit(t, "vw_mcr_problems", "ON c.id = d.encounter", d.words.Replace("ON c.id = d.encounter WHERE SLEEP"))
		record := w.ask(t, w.patients[0])
		wantEnd(t, record, care.Problems, care.Unavailable, "TIMEOUT")
		for _, s := range record.Sections {
			if state := s.State(); counts[s.Section] != nil && s.Section > care.Problems && state != care.Unavailable {
				t.Errorf("%v, which comes after the silence, ended as %v", s.Section, state)
			}
		}
		mend()
		w.wholeAgain(t)
		w.end(t)
	})
}

// TestTwoSources has a site whose record is in two databases, of which one is
// down: what the other holds is served, and what is missing is said.
func TestTwoSources(t *testing.T) {
	all := generated(t)
	pas, lab := startPostgres(t), startMariaDB(t)
	pas.load(t, all)
	lab.load(t, all)
	tests := []string{"INVESTIGATIONS", "OBSERVATIONS"}
	rest := slices.DeleteFunc(sections(), func(s string) bool { return slices.Contains(tests, s) })
	w := newWorld(t, pas, all, source{"source_timeout": "2s"}, pas.source(t, "pas", rest...), lab.source(t, "lab", tests...))
	w.wholeAgain(t)
	thaw := lab.freeze(t)
	w.wantMissing(t, "TIMEOUT", care.Investigations, care.Observations)
	thaw()
	w.wholeAgain(t)
	restart := lab.crash(t)
	w.wantMissing(t, "DOWN", care.Investigations, care.Observations)
	restart()
	w.wholeAgain(t)
	w.end(t)
}

// wantMissing reads the victim's record, of which exactly the given sections
// must be unavailable.
func (w *world) wantMissing(t *testing.T, reason string, missing ...care.Section) {
	t.Helper()
	record := w.ask(t, w.patients[0])
	for _, s := range record.Sections {
		switch {
		case slices.Contains(missing, s.Section):
			wantEnd(t, record, s.Section, care.Unavailable, reason)
		case counts[s.Section] != nil && s.State() != care.Complete:
			t.Errorf("%v ended as %v, want COMPLETE", s.Section, s.State())
		}
	}
}
