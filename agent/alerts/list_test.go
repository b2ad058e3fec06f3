package alerts

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestWhatIsAnAlert(t *testing.T) {
	for _, c := range []struct {
		name string
		e    care.Event
		kind string // empty: no alert
	}{
		{"an ordinary release", ordinary(), ""},
		{"break-glass", breakGlass(), BreakGlass},
		{"a refused break-glass", care.Event{Kind: care.ReleaseRefused, Request: request(care.BreakGlass, care.PermissionAbsent), Alert: true}, BreakGlass},
		{"break-glass that nobody is to be told of", care.Event{Kind: care.ReleaseEnded, Request: request(care.BreakGlass, care.PermissionNotAsked)}, ""},
		{"an absent patient", care.Event{Kind: care.ReleaseDecided, Request: request(care.Treatment, care.PermissionAbsent), Alert: true}, SelfClaimed},
		{"a patient who could not be asked", care.Event{Kind: care.ReleaseDecided, Request: request(care.EmergencyTreatment, care.PermissionEmergency), Alert: true}, Unasked},
		{"a budget", care.Event{Kind: care.BudgetReached, Alert: true}, "BUDGET_REACHED"},
		{"a bad journal", care.Event{Kind: care.IntegrityChecked, Alert: true}, "INTEGRITY_CHECKED"},
		{"a good journal", care.Event{Kind: care.IntegrityChecked}, ""},
		{"a bad consent store", care.Event{Kind: care.ConsentDoubted, Alert: true, TrueReason: "ROLLED_BACK"}, "CONSENT_DOUBTED"},
		{"a kind that is no code", care.Event{Kind: `odd kind`, Alert: true}, "UNKNOWN"},
		{"a long kind", care.Event{Kind: "A_KIND_THAT_IS_LONGER_THAN_ANY_OTHER_KIND", Alert: true}, "UNKNOWN"},
		{"alerts seen", care.Event{Kind: care.AlertSeen, Alert: true, From: 1, To: 1}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := newJournal(t)
			before := time.Now().Add(-time.Second)
			number := j.add(t, c.e)
			all := must(List(t.Context(), j.Files, true))
			a, entry, err := Find(t.Context(), j.Files, number)
			if c.kind == "" {
				if len(all) > 0 || care.KindOf(err) != care.RecordNotFound {
					t.Fatalf("it is an alert: %v; found %v, %v", all, a, err)
				}
				return
			}
			if _, _, err := Find(t.Context(), j.Files, 0); care.KindOf(err) != care.RecordNotFound {
				t.Errorf("entry 0 is an alert: %v", err)
			}
			if err != nil || entry.Sequence != number || entry.Kind != c.e.Kind || len(all) != 1 || a != all[0] {
				t.Fatalf("found %v, %v, %v; listed %v", a, entry, err, all)
			}
			if a.Number != number || a.Kind != c.kind || !a.Open() || a.Time.Before(before) || a.Time.After(time.Now()) {
				t.Errorf("the alert is %+v", a)
			}
		})
	}
}

func TestSeen(t *testing.T) {
	j := newJournal(t)
	j.add(t, seen(1, 100)) // 1: nothing yet, and nothing to come
	j.add(t, many(3, breakGlass())...)
	j.add(t, ordinary())
	j.add(t, many(2, breakGlass())...)
	expect(t, list(t, j.Files, false), "2", "3", "4", "6", "7")
	j.add(t, seen(3, 3))
	expect(t, list(t, j.Files, false), "2", "4", "6", "7")
	j.add(t, seen(4, 6), seen(0, 7), seen(7, 2), seen(3, 4))
	expect(t, list(t, j.Files, false), "2", "7")
	expect(t, list(t, j.Files, true), "2", "3-", "4-", "6-", "7")
	last := j.add(t, care.Event{Kind: care.AlertSeen, From: 7, To: ^uint64(0), Actor: "site:bob"}, breakGlass())
	expect(t, list(t, j.Files, true), "2", "3-", "4-", "6-", "7-", strconv.FormatUint(last, 10))
	for _, c := range []struct {
		number, by uint64
		who, note  string
	}{{3, 8, "site:ann", "spoke to them"}, {4, 9, "site:ann", "spoke to them"}, {7, last - 1, "site:bob", ""}} {
		a, _, err := Find(t.Context(), j.Files, c.number)
		if err != nil || a.Number != c.number || a.Kind != BreakGlass || a.Open() ||
			a.Seen.Number != c.by || a.Seen.By != c.who || a.Seen.Note != c.note || a.Seen.Time.Before(a.Time) {
			t.Errorf("alert %d is %+v, %v", c.number, a, err)
		}
	}
	for _, number := range []uint64{0, 1, 5, 8, last + 1, 1 << 60} {
		if a, _, err := Find(t.Context(), j.Files, number); care.KindOf(err) != care.RecordNotFound {
			t.Errorf("entry %d is the alert %v, %v", number, a, err)
		}
	}
}

// TestModel compares with a map what is listed after random events, from states
// that were saved at random times.
func TestModel(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			j := newJournal(t)
			open := map[uint64]bool{}
			var kept book
			for range 250 {
				switch rng.IntN(4) {
				case 0:
					open[j.add(t, breakGlass())] = true
				case 1:
					from := 1 + rng.Uint64N(260)
					e := seen(from, from+rng.Uint64N(9))
					before := j.add(t, e)
					for n := e.From; n <= e.To && n < before; n++ {
						delete(open, n)
					}
				default:
					j.add(t, ordinary())
				}
				if rng.IntN(10) == 0 {
					kept = must(j.load())
					if err := errors.Join(kept.advance(t.Context(), &j.Files, ended), j.save(&kept)); err != nil {
						t.Fatal(err)
					}
				}
				got := must(List(t.Context(), j.Files, false))
				if len(got) != len(open) {
					t.Fatalf("%d alerts are open, want %d", len(got), len(open))
				}
				for i, a := range got {
					if !open[a.Number] || i > 0 && got[i-1].Number >= a.Number {
						t.Fatalf("the open alerts are %v, want %v", got, open)
					}
				}
			}
			if j.Journal.Status().Segments < 3 {
				t.Error("the journal has too few segments to prove anything")
			}
		})
	}
}

// TestAnotherJournal has a state that does not fit the journal.
func TestAnotherJournal(t *testing.T) {
	save := func(t *testing.T, j *journal) {
		t.Helper()
		var b book
		if err := errors.Join(b.advance(t.Context(), &j.Files, ended), j.save(&b)); err != nil {
			t.Fatal(err)
		}
	}
	for name, events := range map[string][]care.Event{"shorter": {breakGlass()}, "longer": append(many(8, ordinary()), breakGlass())} {
		t.Run(name, func(t *testing.T) {
			old := newJournal(t)
			old.add(t, breakGlass(), breakGlass(), breakGlass(), ordinary())
			save(t, old)
			j := newJournal(t)
			want := strconv.FormatUint(j.add(t, events...), 10)
			j.State = old.State
			expect(t, list(t, j.Files, false), want)
		})
	}
	t.Run("empty", func(t *testing.T) {
		j := newJournal(t)
		j.add(t, breakGlass())
		save(t, j)
		j.Folder = t.TempDir()
		expect(t, list(t, j.Files, false))
	})
	t.Run("not there", func(t *testing.T) {
		f := Files{Folder: filepath.Join(t.TempDir(), "none")}
		for _, all := range []bool{false, true} {
			if _, err := List(t.Context(), f, all); care.KindOf(err) != care.AuditUnavailable {
				t.Errorf("error is %v", err)
			}
		}
		if _, _, err := Find(t.Context(), f, 1); care.KindOf(err) != care.AuditUnavailable {
			t.Errorf("error is %v", err)
		}
	})
}

// TestArchived moves the segments away in which alerts stand.
func TestArchived(t *testing.T) {
	j := newJournal(t)
	j.add(t, breakGlass(), breakGlass())
	for j.Journal.Status().Entries < 600 { // only what is in full tiles of hashes can go
		j.add(t, many(50, ordinary())...)
	}
	j.add(t, seen(2, 2), breakGlass())
	var b book
	if err := errors.Join(b.advance(t.Context(), &j.Files, ended), j.save(&b)); err != nil {
		t.Fatal(err)
	}
	last := strconv.FormatUint(b.open[1].number, 10)
	expect(t, list(t, j.Files, true), "1", "2-", last)
	closed := must(j.Closed())
	if _, err := j.Journal.Archive(t.Context(), j.Files.Archive, closed[len(closed)-1].Last, care.Event{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	expect(t, list(t, j.Files, true), "1", "2-", last)
	expect(t, list(t, j.Files, false), "1", last)
	if a, _, err := Find(t.Context(), j.Files, 1); err != nil || !a.Open() {
		t.Errorf("alert 1 is %v, %v", a, err)
	}
	if a, _, err := Find(t.Context(), j.Files, 2); err != nil || a.Open() {
		t.Errorf("alert 2 is %v, %v", a, err)
	}
	if err := os.RemoveAll(j.Files.Archive); err != nil {
		t.Fatal(err)
	}
	expect(t, list(t, j.Files, true), last)
	expect(t, list(t, j.Files, false), "1", last) // the state remembers it
	b.read.Sequence = 1
	if err := j.save(&b); err != nil { // up to an entry that is not at hand
		t.Fatal(err)
	}
	if got := list(t, j.Files, false); len(got) < 2 || got[0] != "1" {
		t.Errorf("the alerts are %v", got)
	}
}

func TestReadingEndsWithItsContext(t *testing.T) {
	j := newJournal(t)
	j.add(t, many(restEvery, ordinary())...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := List(ctx, j.Files, true); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if _, err := List(ctx, j.Files, false); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if _, _, err := Find(ctx, j.Files, 1); err == nil {
		t.Error("found without an error")
	}
}
