package feed

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// manifestOf returns the manifest of all.
func manifestOf(t testing.TB, l *Ledger) Manifest {
	t.Helper()
	m, err := l.Snapshot()
	check(t, err)
	return *m
}

// random returns a directive about one of a few patients.
func random(r *rand.Rand) care.Directive {
	d := care.Directive{NHSNumber: number(r.IntN(8)), Kind: care.DirectiveKind(1 + r.IntN(4)), By: string(rune('a' + r.IntN(2))),
		Effective: asOf.Add(-time.Duration(r.IntN(5)) * time.Hour)}
	if r.IntN(2) == 0 {
		d.Recorded = asOf.Add(-time.Duration(r.IntN(3)) * time.Minute)
	}
	if d.Kind == care.Dissent || d.Kind == care.ConsentGiven {
		switch r.IntN(3) {
		case 0:
			d.Scope.Organisations = []care.ODSCode{"RWH", "RAJ", "R1L"}[:1+r.IntN(3)]
		case 1:
			d.Scope.Sections = care.SetOf(care.Section(1+r.IntN(3)), care.Section(1+r.IntN(3)))
		}
	}
	return d
}

// TestLedgerKeepsUp checks that the running digest and counts are those of the
// set, that another ledger which takes the snapshot or the changes arrives at
// the same, and that order and repetition do not matter.
func TestLedgerKeepsUp(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		l, site := NewLedger("x", 1, asOf), NewLedger("x", 1, asOf)
		var all []care.Directive
		for sequence := uint64(2); sequence < 8; sequence++ {
			check(t, l.Next(sequence, asOf))
			for range r.IntN(20) {
				d := random(r)
				all = append(all, d)
				_, err := l.Admit(d)
				check(t, err)
			}
			base := site.Sequence()
			m, changes, ok := l.Changes(base)
			if !ok || m.Base != base || m.Rows != uint64(len(changes)) || r.IntN(3) == 0 {
				continue // a site that missed some
			}
			check(t, site.Next(sequence, asOf))
			check(t, site.AdmitAll(listed(changes...)))
			if is := site.manifest(); is.Digest != m.Digest || is.Patients != m.Patients || is.Directives != m.Directives {
				t.Fatalf("seed %d: changes lead to %+v, want %+v", seed, is, m)
			}
		}
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		shuffled := NewLedger("x", 7, asOf)
		check(t, shuffled.AdmitAll(listed(append(all, all...)...)))
		sent := NewLedger("x", 7, asOf)
		check(t, sent.AdmitAll(l.Directives()))
		if want := manifestOf(t, l); manifestOf(t, shuffled) != want || manifestOf(t, sent) != want {
			t.Fatalf("seed %d: shuffled %+v, sent %+v, want %+v", seed, manifestOf(t, shuffled), manifestOf(t, sent), want)
		}
		recount(t, l)
	}
}

// recount computes digest and counts from the statements in force.
func recount(t *testing.T, l *Ledger) {
	t.Helper()
	var digest Digest
	patients, directives := map[care.NHSNumber]bool{}, uint64(0)
	last := ""
	for d, err := range l.Directives() {
		check(t, err)
		digest.Add(AppendRows(nil, &d))
		patients[d.NHSNumber] = true
		directives++
		if n := d.NHSNumber.Reveal(); n < last {
			t.Error("not in the order of patients")
		} else {
			last = n
		}
	}
	if m := l.manifest(); m.Digest != digest || m.Patients != uint64(len(patients)) || m.Directives != directives {
		t.Errorf("the ledger says %+v, holds %d patients, %d directives", m, len(patients), directives)
	}
}

func TestLedgerChanges(t *testing.T) {
	l := NewLedger("x", 5, asOf)
	check(t, l.AdmitAll(listed(dissent(1), dissent(2))))
	rows := func(base uint64) string {
		m, changes, ok := l.Changes(base)
		if !ok {
			return "none"
		}
		var content Content
		for i := range changes {
			content.Add(&changes[i])
		}
		if m.Snapshot || m.Base != base || m.Sequence != l.Sequence() || m.Rows != uint64(len(changes)) || m.Content != content.Sum() {
			t.Errorf("manifest %+v", m)
		}
		return fmt.Sprint(len(changes))
	}
	admit := func(from, to int) {
		for i := from; i < to; i++ {
			_, err := l.Admit(dissent(i))
			check(t, err)
		}
	}
	want := func(want ...string) {
		t.Helper()
		var got []string
		for base := uint64(0); base <= l.Sequence()+1; base++ {
			got = append(got, rows(base))
		}
		if !slices.Equal(got, want) {
			t.Errorf("changes %v, want %v", got, want)
		}
	}
	want("none", "none", "none", "none", "none", "0", "none")
	check(t, l.Next(6, asOf))
	admit(1, 5) // two are known
	check(t, l.Next(7, asOf))
	want("none", "none", "none", "none", "none", "2", "0", "0", "none")
	admit(5, 1003)
	want("none", "none", "none", "none", "none", "1000", "998", "0", "none")
	check(t, l.Next(8, asOf))
	admit(1003, 1004)
	want("none", "none", "none", "none", "none", "none", "999", "1", "0", "none")
	admit(1004, 3000) // the history is cut
	want("none", "none", "none", "none", "none", "none", "none", "none", "0", "none")
}

func TestLedgerNeverGoesBack(t *testing.T) {
	l := NewLedger("x", 5, asOf)
	fails(t, l.Next(5, asOf), care.Conflict, "OLD")
	fails(t, l.Next(6, asOf.Add(-time.Millisecond)), care.Conflict, "OLD")
	check(t, l.Next(6, asOf.Add(time.Microsecond))) // the same millisecond
	if m := manifestOf(t, l); m.Sequence != 6 || !m.AsOf.Equal(asOf) {
		t.Errorf("manifest %+v", m)
	}
}

// TestLedgerRefuses checks that a directive is taken whole or not at all, and
// that the error says which it was.
func TestLedgerRefuses(t *testing.T) {
	l := NewLedger("x", 5, asOf)
	late := dissent(2)
	late.Kind, late.Effective = care.ConsentGiven, asOf.Add(time.Hour)
	err := l.AdmitAll(listed(dissent(1), late, dissent(3)))
	if fails(t, err, care.BadRequest, "FUTURE_DATED"); !strings.Contains(err.Error(), "directive 2: ") {
		t.Errorf("err %v", err)
	}
	if m := manifestOf(t, l); m.Patients != 1 {
		t.Errorf("manifest %+v", m)
	}
	// 254 organisations is all that fits beside statements about everything.
	full := dissent(1)
	for i := range 254 {
		full.Scope.Organisations = []care.ODSCode{care.ODSCode(fmt.Sprintf("X%03d", i))}
		full.Effective = asOf.Add(-time.Minute)
		_, err := l.Admit(full)
		check(t, err)
	}
	before := manifestOf(t, l)
	full.Scope.Organisations = []care.ODSCode{"X000", "Y000"}
	full.Effective = asOf
	_, err = l.Admit(full)
	if fails(t, err, care.LimitExceeded, "STATEMENTS"); manifestOf(t, l) != before {
		t.Error("half of a directive was taken")
	}
}

// TestLedgerTakesNobodysWord checks that the region need not say who recorded a
// statement.
func TestLedgerTakesNobodysWord(t *testing.T) {
	d := dissent(1)
	d.By, d.Authority = "", 0
	if changed, err := NewLedger("x", 5, asOf).Admit(d); !changed || err != nil {
		t.Errorf("changed %v, err %v", changed, err)
	}
}

// TestLedgerForgetsInTime checks bases around those whose changes were cut, with
// every change in a state of its own.
func TestLedgerForgetsInTime(t *testing.T) {
	l := NewLedger("x", 1, asOf)
	for i := range uint64(2*MaxChanges + 10) {
		check(t, l.Next(i+2, asOf))
		_, err := l.Admit(dissent(int(i)))
		check(t, err)
		if i%500 < 498 && i%500 > 2 {
			continue
		}
		for _, missing := range []uint64{0, 1, 500, MaxChanges - 1, MaxChanges, MaxChanges + 1, MaxChanges + 500} {
			if missing > i+1 {
				continue
			}
			_, changes, ok := l.Changes(i + 2 - missing)
			if ok != (missing <= MaxChanges) || ok && uint64(len(changes)) != missing {
				t.Errorf("state %d, %d missing: %d changes, %v", i+2, missing, len(changes), ok)
			}
		}
	}
}

// TestLedgerHoldsFutureDissentNow checks that a dissent of the end of today is
// sent as it holds at the sites.
func TestLedgerHoldsFutureDissentNow(t *testing.T) {
	l := NewLedger("x", 5, asOf)
	d := dissent(1)
	d.Effective = asOf.Add(time.Hour)
	check(t, l.AdmitAll(listed(d)))
	for d := range l.Directives() {
		if !d.Effective.Equal(asOf) {
			t.Errorf("effective %v", d.Effective)
		}
	}
}

// BenchmarkLedger admits 400,000 patients, about as many as there are numbers
// for tests, and makes the manifest of their snapshot.
func BenchmarkLedger(b *testing.B) {
	for b.Loop() {
		l := NewLedger("x", 1, asOf)
		for i := range 400_000 {
			if _, err := l.Admit(dissent(i)); err != nil {
				b.Fatal(err)
			}
		}
		_, err := l.Snapshot()
		check(b, err)
	}
}
