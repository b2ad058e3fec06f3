package consent

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// read takes a whole reading of the source.
func (w *world) readAll() {
	wall := w.b.clocks.now()
	var all []care.Directive
	for _, i := range slices.Sorted(maps.Keys(w.real.source)) {
		all = append(all, w.real.source[i]...)
	}
	if _, err := w.s.Fill(context.Background(), "gp", wall, each(all...)); w.note("fill", err) {
		w.told.source, w.filled = cloned(w.real.source), cloned(w.real.source)
		delete(w.missing, "source")
		w.read = w.now.Add(min(0, wall.Sub(w.now))) // a clock behind makes it look older
		if ahead := wall.Sub(w.now); ahead > 0 {
			w.read = w.read.Add(ahead) // and one ahead younger, until somebody knows better
		}
	}
}

// look is a request that asks the source about its patient.
func (w *world) look() {
	i := w.rng.IntN(people)
	if w.note("learn", w.s.Learn("gp", number(i), w.real.source[i])) {
		w.told.source[i] = slices.Clone(w.real.source[i])
	}
}

// record changes what the source holds; sometimes an entry was an error.
func (w *world) record() {
	i, d := w.says(w.now)
	if w.rng.IntN(4) == 0 {
		delete(w.real.source, i)
		return
	}
	w.real.source[i] = append(w.real.source[i], d)
}

func (w *world) sleep() {
	d := longestGap + time.Duration(w.rng.Int64N(int64(3*time.Hour)))
	w.now = w.now.Add(d)
	w.b.clocks.sleep(d)
	w.trust = false
}

func (w *world) jump() {
	d := time.Duration(w.rng.Int64N(int64(4*time.Hour))) - 2*time.Hour
	w.b.clocks.jump(d)
	w.trust = w.trust && d.Abs() <= clockStep
	w.s.tick(context.Background())
}

// setRight sets the clock right.
func (w *world) setRight() {
	d := w.now.Sub(w.b.clocks.now())
	w.b.clocks.jump(d)
	w.trust = w.trust && d.Abs() <= clockStep
	w.s.tick(context.Background())
}

func (w *world) restart() {
	check(w.t, w.s.Close())
	w.b.opts.Anchor = w.anchor
	w.open()
	w.did("restarted")
}

// lost notes that everything has to be brought back.
func (w *world) lost() { w.missing = map[string]bool{"region": true, "site": true, "source": true} }

func (w *world) copy() {
	file, err := os.ReadFile(w.b.path)
	check(w.t, err)
	if w.images = append(w.images, image{file, w.s.current().told, w.s.vault.Root().Epoch}); len(w.images) > 20 {
		w.images = slices.Delete(w.images, 0, 1)
	}
	w.did("copied")
}

// putBack restores a copy of the store: of the store alone, or of the whole
// machine, whose journal then remembers no more than the copy.
func (w *world) putBack() {
	if len(w.images) == 0 {
		return
	}
	old := w.images[w.rng.IntN(len(w.images))]
	machine := w.rng.IntN(2) == 0
	if machine && w.b.known <= old.told {
		return // nobody outside was told of anything later
	}
	check(w.t, w.s.Close())
	check(w.t, os.WriteFile(w.b.path, old.file, 0o600))
	what := "newest copy put back"
	if machine {
		what, w.anchor = "machine put back", old.epoch
		// What was copied later is of a time that this machine will never know.
		w.images = slices.DeleteFunc(w.images, func(i image) bool { return i.epoch > old.epoch })
	} else if old.epoch < w.anchor {
		what = "store put back"
		w.lost()
	}
	w.b.opts.Anchor = w.anchor
	w.open()
	w.did(what)
}

// damage flips a bit.
func (w *world) damage() {
	check(w.t, w.s.Close())
	file, err := os.ReadFile(w.b.path)
	check(w.t, err)
	file[w.rng.IntN(len(file))] ^= 1 << w.rng.IntN(8)
	check(w.t, os.WriteFile(w.b.path, file, 0o600))
	w.b.opts.Anchor = w.anchor
	w.open()
	aside, err := filepath.Glob(w.b.path + ".damaged-*")
	check(w.t, err)
	if len(aside) > 0 { // else the bit was of no page in use
		w.lost()
	}
	for _, file := range aside {
		check(w.t, os.Remove(file))
	}
	w.did("damaged")
}

// breakDisk makes the disk fail in the middle of things.
func (w *world) breakDisk() {
	failWrites(w.t, w.b.path)
	w.act([]func(){w.speak, w.sync, w.look, w.readAll, w.restoreSite})
	w.ask()
	w.restart()
}

func (w *world) restoreSite() {
	if w.note("restore", w.s.RestoreSite(context.Background(), each(w.journal...))) {
		delete(w.missing, "site")
	}
}

// abandon begins a snapshot that breaks off.
func (w *world) abandon() {
	m, err := w.b.ledger.Snapshot()
	check(w.t, err)
	if n, err := w.s.BeginSnapshot(context.Background(), m.Unsigned(), 0); err == nil {
		for d := range w.b.ledger.Directives() {
			if err := n.Add([]care.Directive{d}); err != nil || w.rng.IntN(3) == 0 {
				break
			}
		}
		n.Abandon()
	}
}

func (w *world) act(choice []func()) { choice[w.rng.IntN(len(choice))]() }
