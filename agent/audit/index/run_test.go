package index

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

// startRun runs an index in the background. The first result tells the number of
// the last entry that it has, once all is at rest; the second ends it.
func startRun(t *testing.T, x *Index, entries *atomic.Uint64) (last func() uint64, end func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- x.Run(ctx, time.Second, entries.Load, hclog.NewNullLogger()) }()
	last = func() uint64 {
		synctest.Wait()
		blocks, err := openBlocks(x.folder, newSealer(&x.key))
		if err != nil || len(blocks) == 0 {
			return 0
		}
		return blocks[0].lastRun().to
	}
	return last, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestRunWaitsForQuiet(t *testing.T) {
	sampleBodies()
	synctest.Test(t, func(t *testing.T) {
		w := newWriter(t)
		for n := range 10 {
			w.add(sampleBodies()[n])
		}
		w.save()
		var entries atomic.Uint64
		entries.Store(10)
		last, end := startRun(t, w.index(), &entries)
		defer end()
		if n := last(); n != 0 {
			t.Errorf("%d entries are indexed before the journal was quiet", n)
		}
		entries.Store(11) // not quiet
		time.Sleep(time.Second)
		if n := last(); n != 0 {
			t.Errorf("%d entries are indexed while more come", n)
		}
		time.Sleep(time.Second)
		if n := last(); n != 10 {
			t.Errorf("%d entries are indexed when it is quiet", n)
		}
		w.add(sampleBodies()[1])
		w.save()
		entries.Store(11 + farBehind)
		time.Sleep(time.Second)
		if n := last(); n != 11 {
			t.Errorf("%d entries are indexed when far behind", n)
		}
	})
}

// A part of the newest block that is damaged while the agent runs is mended by
// the next update, although that does not check all.
func TestRunMendsTheNewestBlock(t *testing.T) {
	m := newModel(t)
	m.grow(8, 0)
	x := m.index(false)
	want := mustUpdate(t, x)
	file := blockFiles(t, m)[0]
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)-1] ^= 1
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	m.grow(1, 0)
	got, err := x.update(t.Context(), false, func(context.Context) error { return nil })
	if err != nil || got.Entries != want.Entries+1 {
		t.Errorf("covers %+v, %v; before %+v", got, err, want)
	}
}

// politely rests three times as long as was worked, or thirty-one times if
// entries came, and not past the end.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entries := uint64(7)
		pace := politely(func() uint64 { return entries })
		time.Sleep(time.Second) // the work
		began := time.Now()
		if err := pace(t.Context()); err != nil || time.Since(began) != 3*time.Second {
			t.Errorf("it rested %v, %v", time.Since(began), err)
		}
		entries++
		time.Sleep(time.Second)
		began = time.Now()
		if err := pace(t.Context()); err != nil || time.Since(began) != 31*time.Second {
			t.Errorf("while entries came it rested %v, %v", time.Since(began), err)
		}
		time.Sleep(time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := pace(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
	})
}
