package index

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// drawQuery makes a query that some entries fit.
func (m *model) drawQuery(t *rapid.T) Query {
	var q Query
	text := func(name string, values ...string) string {
		if rapid.IntRange(0, 3).Draw(t, name+"?") > 0 {
			return ""
		}
		return rapid.SampledFrom(values).Draw(t, name)
	}
	if rapid.Bool().Draw(t, "patient?") {
		q.Patient = testNumber(rapid.IntRange(0, samplePatients).Draw(t, "patient"))
	}
	q.User = text("user", "555000111222", "J.Smith", "admin", "nobody")
	q.Organisation = text("organisation", "Y99901", "y99902")
	q.Role = text("role", "R0260", "555111222333")
	q.Broker = text("broker", "east", "WEST")
	q.Outcome = text("outcome", "OK", "PATIENT_NOT_FOUND", "restricted")
	q.Section = text("section", "ALLERGIES", "MEDICATIONS", "RECALLS")
	q.Kind = text("kind", "RELEASE_DECIDED", "AGENT_STARTED", "JOURNAL_REPAIRED")
	if rapid.Bool().Draw(t, "times?") {
		q.From = epoch.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "from")) * time.Second)
		q.To = q.From.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "for")) * time.Second)
	}
	if numbers := m.numbers(); rapid.Bool().Draw(t, "entries?") && len(numbers) > 0 {
		q.FirstEntry = rapid.SampledFrom(numbers).Draw(t, "first")
		q.LastEntry = q.FirstEntry + uint64(rapid.SampledFrom([]int{0, 5, 50, 10_000}).Draw(t, "count"))
	}
	q.Newest = rapid.Bool().Draw(t, "newest")
	q.Limit = rapid.SampledFrom([]int{0, 0, 1, 7}).Draw(t, "limit")
	return q
}

// naive reports whether an entry fits all of a query but patient and numbers.
func naive(q *Query, l *audit.Line) bool {
	is := func(wanted string, values ...string) bool {
		return wanted == "" || slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, wanted) })
	}
	outcome := l.Refusal
	if outcome == "" && (l.Kind == care.ReleaseDecided || l.Kind == care.ReleaseEnded) {
		outcome = "OK"
	}
	return is(q.User, l.UserID, l.Actor) && is(q.Organisation, string(l.Organisation)) && is(q.Role, l.RoleCode, l.RoleProfile) &&
		is(q.Broker, l.Broker) && is(q.Outcome, outcome, l.TrueReason) && is(q.Section, l.Sections...) && is(q.Kind, string(l.Kind)) &&
		(q.From.IsZero() || !l.Time.Before(q.From)) && (q.To.IsZero() || l.Time.Before(q.To))
}

// check compares a search with the naive one.
func (m *model) check(t *rapid.T, q Query, archive bool) {
	got, gaps := mustSearch(m.t, m.index(archive), q)
	inGap := func(n uint64, sealed bool) bool {
		return slices.ContainsFunc(gaps, func(g Gap) bool { return g.From <= n && n <= g.To && (g.Reason == GapSealed) == sealed })
	}
	var want []uint64
	limited := q.Limit > 0 && len(got) == q.Limit
	for _, n := range m.numbers() {
		e := m.entries[n]
		if n < q.FirstEntry || q.LastEntry > 0 && n > q.LastEntry {
			continue
		}
		readable := !e.gone && !e.ruined && (archive || !m.moved[e.segment])
		switch fits := naive(&q, &e.line); {
		case !readable:
			// The index may know that it is about somebody else.
			wanted := q.Patient.IsZero() || e.line.NHSNumber == q.Patient
			if fits && wanted && !limited && !inGap(n, false) {
				t.Fatalf("entry %d cannot be read and is in no gap: %v", n, gaps)
			}
		case inGap(n, false) && !limited:
			t.Fatalf("entry %d can be read and is in a gap: %v", n, gaps)
		case !fits:
		case q.Patient.IsZero() || e.line.NHSNumber == q.Patient:
			want = append(want, n)
		case e.sealed && !limited && !inGap(n, true):
			t.Fatalf("the patient of entry %d cannot be told, and no gap says so: %v", n, gaps)
		}
	}
	if q.Newest {
		slices.Reverse(want)
	}
	if q.Limit > 0 && len(want) > q.Limit {
		want = want[:q.Limit]
	}
	if !slices.Equal(got, want) {
		t.Fatalf("found %v, want %v; gaps %v", got, want, gaps)
	}
}

// What Search finds is what one finds who reads all lines, and what it could
// not look at is said, whatever happened to the journal and to the index.
func TestSearchAgreesWithReadingAll(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newModel(t)
		m.grow(5, 0)
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			m.step(rt)
			if rapid.Bool().Draw(rt, "update") {
				mustUpdate(t, m.index(true))
			}
		}
		for range 4 {
			m.check(rt, m.drawQuery(rt), rapid.Bool().Draw(rt, "archive"))
		}
	})
}

func TestSearchIsCancelled(t *testing.T) {
	m := indexed(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	lines, _ := m.index(false).Search(ctx, Query{})
	n := 0
	for _, err := range lines {
		if n++; !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
	}
	if n != 1 {
		t.Errorf("%d steps", n)
	}
}

func TestProgress(t *testing.T) {
	w := newWriter(t)
	for len(w.text) < 3*progressEvery {
		w.add(sampleBodies()[0])
	}
	w.save()
	var done []int64
	q := Query{User: "nobody", Progress: func(d, total int64) {
		if total < int64(len(w.text)) || d > total {
			t.Errorf("%d of %d", d, total)
		}
		done = append(done, d)
	}}
	mustSearch(t, w.index(), q)
	if len(done) != 2 || !slices.IsSorted(done) {
		t.Errorf("progress was told as %v", done)
	}
	mustUpdate(t, w.index())
	done = nil
	if mustSearch(t, w.index(), q); len(done) != 0 {
		t.Errorf("with an index %v bytes were read", done)
	}
}

// A query can be written down: it names no patient.
func TestQueryText(t *testing.T) {
	q := Query{Patient: testNumber(3), User: "O'Neil \"x\"\n", From: epoch, LastEntry: 7, Newest: true, Limit: 3}
	want := `patient="given" user="O'Neil \"x\"\n" from="2026-01-05T09:00:00Z" last_entry="7" newest="yes" limit="3"`
	if got := q.String(); got != want || strings.Contains(got, "999") {
		t.Errorf("the text is %s, want %s", got, want)
	}
	if got := (Query{}).String(); got != "" {
		t.Errorf("the text of an empty query is %q", got)
	}
}
