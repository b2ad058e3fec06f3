package consent

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

const people = 40 // patients of the simulation

// oracle is what was said and acknowledged, as the parties to it know: they do
// not keep it as the store does. A party's word is all it ever said of a
// patient, of which the last of each matter counts.
type oracle struct {
	region, site, source map[int][]care.Directive
}

// flagged returns what the last words of all parties come to.
func (o *oracle) flagged(patient int) (dissent, restricted bool) {
	for _, party := range []map[int][]care.Directive{o.region, o.site, o.source} {
		var sharing, finding care.Directive
		for _, d := range party[patient] {
			switch slot := &sharing; {
			case d.Kind == care.Restriction || d.Kind == care.Unrestricted:
				slot = &finding
				fallthrough
			default:
				if slot.Kind == 0 || !d.Effective.Before(slot.Effective) && (d.Effective.After(slot.Effective) || d.Kind == care.Dissent || d.Kind == care.Restriction) {
					*slot = d
				}
			}
		}
		dissent = dissent || sharing.Kind == care.Dissent
		restricted = restricted || finding.Kind == care.Restriction
	}
	return dissent, restricted
}

// world is a site, its region, its source, and the time, of which the site's
// clock may know nothing.
type world struct {
	t    *testing.T
	rng  *rand.Rand
	b    *bench
	s    *Store
	now  time.Time // what time it is
	told oracle    // acknowledged by the store, and never taken back
	real struct {  // what region and source say, told or not
		region, source map[int][]care.Directive
	}
	filled  map[int][]care.Directive   // what the source said at its last whole reading
	word    [people]care.DirectiveKind // the site's last word, if it was of no date but from then on
	journal []Restored
	anchor  uint64 // highest epoch in the journal
	images  []image
	pushed  time.Time       // what time it was when the region last knew its flags right
	read    time.Time       // and when the source was read
	trust   bool            // region has vouched, and nothing has cast doubt on that
	missing map[string]bool // what a lost store still needs
	counts  map[string]int
	trace   []string // the last steps, for whoever has to find out
}

// image is a copy of the store's file.
type image struct {
	file  []byte
	told  uint64 // what the region can have been told by then
	epoch uint64
}

func newWorld(t *testing.T, rng *rand.Rand) *world {
	w := &world{t: t, rng: rng, b: newBench(t).withSource("gp", 12*time.Hour), now: start, missing: map[string]bool{}, counts: map[string]int{}}
	if folder, err := os.MkdirTemp("/dev/shm", "consent"); err == nil { // syncing a disk a million times would prove nothing more
		t.Cleanup(func() { os.RemoveAll(folder) })
		w.b.path = filepath.Join(folder, "consent.db")
	}
	w.told = oracle{map[int][]care.Directive{}, map[int][]care.Directive{}, map[int][]care.Directive{}}
	w.real.region, w.real.source = map[int][]care.Directive{}, map[int][]care.Directive{}
	w.filled = map[int][]care.Directive{}
	w.open()
	return w
}

func (w *world) open() {
	s, err := Open(context.Background(), w.b.path, w.b.opts)
	check(w.t, err)
	w.s, w.trust = s, false
	w.told.source = cloned(w.filled) // what was learned in between is to be asked again
	w.journalled()
}

// says makes a directive about somebody, of some time in the past, so that the
// order in which parties speak is not that in which they are heard.
func (w *world) says(now time.Time) (int, care.Directive) {
	i := w.rng.IntN(people)
	at := now.Add(-time.Duration(w.rng.IntN(3600)) * time.Second).Truncate(time.Millisecond)
	kinds := []care.DirectiveKind{care.Dissent, care.ConsentGiven, care.ConsentGiven, care.ConsentGiven, care.Restriction, care.Unrestricted, care.Unrestricted, care.Unrestricted}
	return i, care.Directive{NHSNumber: number(i), Kind: kinds[w.rng.IntN(len(kinds))], Effective: at, Recorded: at, By: "sim"}
}

// pass lets true time go by, with the site's clock and eyes open.
func (w *world) pass(d time.Duration) {
	for ; d > 0; d -= time.Minute {
		step := min(d, time.Minute)
		w.now = w.now.Add(step)
		w.b.clocks.sleep(step)
		w.s.tick(context.Background())
	}
}

// journalled writes the store's epoch down, as the journal does with everything
// that happens: that a store was found to be put back, too.
func (w *world) journalled() {
	if epoch := w.s.Committed(); epoch != failedEpoch {
		w.anchor = max(w.anchor, epoch)
	}
}

// note counts a step that was done, and what the store has come to.
func (w *world) note(what string, err error) bool {
	if err != nil {
		what += " refused"
	}
	w.journalled()
	w.did(what)
	return err == nil
}

// speak is the site's own word: of a date, or from now on. A site whose store has
// lost its words is given them back before it speaks.
func (w *world) speak() {
	if w.missing["site"] {
		w.restoreSite()
	}
	i, d := w.says(w.b.clocks.now())
	fromNow := w.rng.IntN(2) == 0
	if fromNow {
		d.Effective, d.Recorded = time.Time{}, time.Time{}
	}
	kept := []care.Directive{d}
	if _, err := w.s.Set(context.Background(), kept); !w.note("set", err) {
		return
	}
	w.told.site[i] = append(w.told.site[i], kept[0])
	w.journal = append(w.journal, Restored{Directive: &kept[0]})
	if w.word[i] = 0; fromNow {
		w.word[i] = d.Kind
	}
}

// decide is the region's word, which it does not tell yet.
func (w *world) decide() {
	if err := w.b.ledger.Next(w.b.ledger.Sequence()+1, w.now); err != nil {
		return // twice within a millisecond
	}
	i, d := w.says(w.now)
	_, err := w.b.ledger.Admit(d)
	check(w.t, err)
	w.real.region[i] = append(w.real.region[i], d)
}

// sync is what a region does at every connection.
func (w *world) sync() {
	_ = w.b.ledger.Next(w.b.ledger.Sequence()+1, w.now)
	set := w.s.Status().Sets
	var err error
	if len(set) > 0 && set[0].Filled && w.rng.IntN(4) > 0 {
		err = w.b.changes(w.s, set[0].Sequence)
	} else {
		err = w.b.snapshot(w.s)
		if err == nil {
			delete(w.missing, "region")
		}
	}
	if w.note("sync", err) {
		w.told.region = cloned(w.real.region)
		w.pushed, w.trust = w.now, true
	}
	if care.ReasonOf(err) == ReasonRolledBack {
		w.lost()
	}
}

func cloned(m map[int][]care.Directive) map[int][]care.Directive {
	c := maps.Clone(m)
	for i := range c {
		c[i] = slices.Clone(c[i])
	}
	return c
}

// did counts a step and keeps it for the trace.
func (w *world) did(what string) {
	w.counts[what]++
	w.trace = append(w.trace, fmt.Sprintf("%s: epoch %d, told %d, known %d, journal %d, missing %v, lost %v, trust %v",
		what, w.s.vault.Root().Epoch, w.s.current().told, w.b.known, w.anchor, slices.Collect(maps.Keys(w.missing)), w.s.Lost(), w.trust))
	if len(w.trace) > 100 {
		w.trace = slices.Delete(w.trace, 0, 50)
	}
}
