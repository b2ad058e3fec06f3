package alerts

import (
	"context"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRestart neither forgets nor repeats.
func TestRestart(t *testing.T) {
	j, elsewhere := newJournal(t), outside(t)
	elsewhere(func() { j.add(t, breakGlass()) })
	synctest.Test(t, func(t *testing.T) {
		o := tell(t, j.Files, nil)
		o.end()
		elsewhere(func() { j.add(t, breakGlass()) })
		hung := make(chan struct{})
		cut := tell(t, j.Files, func(o *Options) {
			o.tell = func(ctx context.Context, m notice) error {
				close(hung)
				<-ctx.Done()
				return nil // too late to count
			}
		})
		<-hung
		cut.end()
		again := tell(t, j.Files, nil)
		pass(20 * time.Minute)
		again.end()
		last := tell(t, j.Files, nil)
		pass(20 * time.Minute)
		last.end()
		if len(o.told) != 1 || len(again.told) != 1 || again.told[0].Reference != 2 || again.told[0].New != 1 || len(last.told) != 0 {
			t.Errorf("the officer was told %+v, %+v and %+v", o.told, again.told, last.told)
		}
		if err := os.WriteFile(j.State, []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
		anew := tell(t, j.Files, nil)
		pass(20 * time.Minute)
		anew.end()
		if len(anew.told) != 1 || anew.told[0].New != 2 || strings.Count(anew.log.String(), reading) != 1 || anew.Status().ReadFailure != nil {
			t.Errorf("without the position the officer was told %+v; the log says\n%s", anew.told, anew.log)
		}
	})
}

// TestAJournalThatWasBegunAnew does not hide its alerts behind the position in
// the old one.
func TestAJournalThatWasBegunAnew(t *testing.T) {
	old, j, elsewhere := newJournal(t), newJournal(t), outside(t)
	elsewhere(func() { old.add(t, many(5, breakGlass())...) })
	j.State = old.State
	synctest.Test(t, func(t *testing.T) {
		tell(t, old.Files, nil).end()
		elsewhere(func() { j.add(t, ordinary(), breakGlass()) })
		o := tell(t, j.Files, nil)
		pass(time.Minute)
		o.end()
		if len(o.told) != 1 || o.told[0].Reference != 2 || o.told[0].Open != 1 {
			t.Errorf("the officer was told %+v", o.told)
		}
	})
}
