package consent

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

var (
	steps = flag.Int("steps", 6_000, "steps of the simulation")
	seed  = flag.Uint64("seed", 0, "seed of the simulation; 0 takes one of the clock")
)

// step does something.
func (w *world) step() {
	switch w.rng.IntN(20) {
	case 0:
		w.act([]func(){w.sleep, w.jump, w.setRight})
	case 1:
		w.act([]func(){w.restart, w.putBack, w.damage, w.breakDisk, w.abandon})
	case 2:
		w.act([]func(){w.copy, w.restoreSite, func() { w.pass(time.Duration(w.rng.IntN(120)) * time.Minute) }})
	case 3:
		if w.rng.IntN(20) == 0 {
			w.pass(time.Duration(20+w.rng.IntN(10)) * time.Hour)
		}
	case 4, 5:
		w.readAll()
	case 6, 7, 8:
		w.sync()
	default:
		w.act([]func(){w.speak, w.decide, w.record, w.look})
	}
}

// ask asks for a patient and holds the answer against the oracle.
func (w *world) ask() {
	i := w.rng.IntN(people)
	got := w.s.Check(ask(i))
	w.counts[got.Refusal.String()+" "+got.Reason]++
	if got.Refusal != care.OK {
		return
	}
	dissent, restricted := w.told.flagged(i)
	for what, wrong := range map[string]bool{
		"the site's last word is no":       w.word[i] == care.Dissent || w.word[i] == care.Restriction,
		"the patient has dissented":        dissent,
		"the patient is restricted":        restricted,
		"the store is not whole":           len(w.missing) > 0,
		"nobody has vouched":               !w.trust,
		"the region was not heard lately":  w.now.Sub(w.pushed) > w.b.opts.MaxAge+2*nearly,
		"the source was not read lately":   w.now.Sub(w.read) > w.b.opts.Sources[0].MaxAge+2*nearly,
		"a change could not be written":    w.s.vault.Err() != nil,
		"the answer's epoch is not of now": got.Epoch != w.s.Committed(),
	} {
		if wrong {
			w.t.Fatalf("patient %d was released although %s: %+v\n%s", i, what, w.s.Status(), strings.Join(w.trace, "\n"))
		}
	}
}

// heal does all that honest parties do, and proves that the store then answers
// as they say.
func (w *world) heal() {
	w.restart()
	w.setRight()
	w.pass(2 * nearly) // so that no reading is dated ahead by what clocks may differ
	w.sync()           // or is told that the store was put back
	w.sync()
	w.b.opts.Anchor = w.anchor
	w.readAll()
	w.restoreSite()
	if doubt := w.s.Status().Doubt; doubt != "" && w.s.Lost() == (len(w.missing) > 0) {
		check(w.t, w.b.snapshot(w.s))
		delete(w.missing, "region")
		w.told.region, w.pushed, w.trust = cloned(w.real.region), w.now, true
	}
	for i := range people {
		want := care.OK
		if dissent, restricted := w.told.flagged(i); restricted {
			want = care.PatientNotFound
		} else if dissent {
			want = care.NoPatientConsent
		}
		if got := w.s.Check(ask(i)); got.Refusal != want {
			w.t.Fatalf("healed, patient %d is answered %+v, want %v: %+v\n%s", i, got, want, w.s.Status(), strings.Join(w.trace, "\n"))
		}
	}
	w.counts["healed"]++
}

// TestSimulation lets region, site, source, clock and disk do what they like.
// Nothing is ever released that somebody whose word was taken has refused, or on
// the strength of silence that proves nothing; and after honest parties have had
// their turn, everything is right again.
func TestSimulation(t *testing.T) {
	from := *seed
	if from == 0 {
		from = uint64(time.Now().UnixNano())
	}
	for done, run := 0, from; done < *steps; run++ {
		t.Logf("seed %d", run)
		w := newWorld(t, rand.New(rand.NewPCG(run, 0)))
		length := min(2000, *steps-done)
		for n := range length {
			if w.step(); n%200 == 199 {
				w.heal()
			}
			for range 3 {
				w.ask()
			}
		}
		check(t, w.s.Close())
		done += length
		var lines []string
		for what, n := range w.counts {
			lines = append(lines, fmt.Sprintf("%s %d", what, n))
		}
		slices.Sort(lines)
		t.Logf("%d steps: %q", length, lines)
	}
}
