package consent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
	"pgregory.net/rapid"
)

// model is the store as a beginner would write it: all that was ever said.
type model struct {
	said     []care.Directive
	filled   [authorities + 1]bool
	sequence [authorities + 1]uint64
}

// answer works out what Check must say from everything that was said.
func (m *model) answer(n care.NHSNumber) care.Kind {
	latest := make(map[string]care.Directive)
	for _, d := range m.said {
		if d.NHSNumber != n {
			continue
		}
		slot := fmt.Sprint(d.Authority, d.Kind == care.Restriction || d.Kind == care.Unrestricted)
		if old, ok := latest[slot]; !ok || later(d, old) {
			latest[slot] = d
		}
	}
	kind := care.OK
	for _, d := range latest {
		switch {
		case d.Kind == care.Restriction:
			kind = care.PatientNotFound
		case d.Kind == care.Dissent && kind == care.OK:
			kind = care.NoPatientConsent
		}
	}
	if !m.filled[care.Region] {
		return care.ConsentUnavailable
	}
	return kind
}

func later(a, b care.Directive) bool {
	if c := a.Effective.Compare(b.Effective); c != 0 {
		return c > 0
	}
	if c := a.Recorded.Compare(b.Recorded); c != 0 {
		return c > 0
	}
	return a.Kind == care.Dissent && b.Kind == care.ConsentGiven || a.Kind == care.Restriction && b.Kind == care.Unrestricted
}

// drawDirective draws one of few directives, so that they often meet.
func drawDirective(t *rapid.T, a care.Authority) care.Directive {
	day := func(label string) time.Time { return start.AddDate(0, 0, -rapid.IntRange(0, 3).Draw(t, label)) }
	return care.Directive{NHSNumber: number(rapid.IntRange(0, 7).Draw(t, "patient")), Authority: a, By: "model",
		Kind: care.DirectiveKind(rapid.IntRange(1, kinds).Draw(t, "kind")), Effective: day("effective"), Recorded: day("recorded")}
}

// TestModel drives a store and the model with the same random changes, closing
// and opening in between, and compares every answer.
func TestModel(t *testing.T) {
	folder, run := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		clock := new(clock)
		clock.set(start)
		path := filepath.Join(folder, fmt.Sprint(run))
		key, err := sitekey.New([]byte("0123456789abcdef0123456789abcdef"))
		if err != nil {
			t.Fatal(err)
		}
		m := &machine{t: t, path: path, opts: Options{Key: key, Model: OptOut, MaxAge: time.Hour, Now: clock.now}}
		m.reopen()
		t.Repeat(map[string]func(*rapid.T){"set": m.set, "apply": m.apply, "replace": m.replace, "reopen": m.restart, "": m.compare})
		m.must(m.store.Close())
		m.must(os.Remove(path))
	})
}

// machine is a store beside its model.
type machine struct {
	t     *rapid.T
	path  string
	opts  Options
	store *Store
	model model
}

func (m *machine) must(err error) {
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) reopen() {
	var err error
	m.store, err = Open(m.path, m.opts)
	m.must(err)
	m.store.db.NoSync = true // hundreds of runs; syncs are not what is tested
}

func (m *machine) restart(*rapid.T) {
	epoch := m.store.Epoch()
	m.must(m.store.Close())
	m.reopen()
	if m.store.Epoch() != epoch {
		m.t.Fatalf("epoch %d, was %d", m.store.Epoch(), epoch)
	}
}

func drawAuthority(t *rapid.T) care.Authority {
	return care.Authority(rapid.IntRange(1, authorities).Draw(t, "authority"))
}

func drawAll(t *rapid.T, a care.Authority) []care.Directive {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) care.Directive { return drawDirective(t, a) }), 0, 6).Draw(t, "directives")
}

func (m *machine) set(t *rapid.T) {
	d := drawDirective(t, drawAuthority(t))
	before, epoch := m.model.answer(d.NHSNumber), m.store.Epoch()
	changed, err := m.store.Set(context.Background(), d)
	m.must(err)
	m.model.said = append(m.model.said, d)
	if changed != (m.store.Epoch() != epoch) || !changed && m.model.answer(d.NHSNumber) != before {
		t.Fatalf("changed %v, epoch %d to %d", changed, epoch, m.store.Epoch())
	}
}

func (m *machine) apply(t *rapid.T) {
	a := drawAuthority(t)
	all, base, sequence := drawAll(t, a), rapid.Uint64Range(0, 4).Draw(t, "base"), rapid.Uint64Range(0, 5).Draw(t, "sequence")
	err := m.store.Apply(context.Background(), a, base, sequence, start, all)
	switch {
	case m.model.filled[a] && sequence == m.model.sequence[a]:
		m.must(err)
	case !m.model.filled[a] || base != m.model.sequence[a] || sequence < base:
		if care.KindOf(err) != care.Conflict {
			t.Fatalf("out of order: %v", err)
		}
	default:
		m.must(err)
		m.model.said = append(m.model.said, all...)
		m.model.sequence[a] = sequence
	}
}

func (m *machine) replace(t *rapid.T) {
	a := drawAuthority(t)
	all, sequence := drawAll(t, a), rapid.Uint64Range(0, 5).Draw(t, "sequence")
	err := m.store.Replace(context.Background(), a, sequence, start, each(all...))
	if m.model.filled[a] && sequence < m.model.sequence[a] {
		if care.ReasonOf(err) != "OLD" {
			t.Fatalf("an old snapshot: %v", err)
		}
		return
	}
	m.must(err)
	m.model.said = slices.DeleteFunc(m.model.said, func(d care.Directive) bool { return d.Authority == a })
	m.model.said = append(m.model.said, all...)
	m.model.filled[a], m.model.sequence[a] = true, sequence
}

func (m *machine) compare(t *rapid.T) {
	for i := range 9 {
		if got, want := m.store.Check(ask(i)), m.model.answer(number(i)); got.Refusal != want {
			t.Fatalf("patient %d: %v %s, want %v", i, got.Refusal, got.Reason, want)
		}
	}
	m.must(m.store.Verify(context.Background()))
}
