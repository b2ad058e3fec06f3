package consent

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

var history = flag.Int("history", 150, "changes of the history of which every state is restored")

// journal is what a site's journal would have kept.
type journal struct {
	said  []Restored
	epoch uint64 // the highest that was written down
}

func (j *journal) set(t *testing.T, s *Store, d care.Directive) {
	t.Helper()
	put(t, s, d)
	j.said = append(j.said, Restored{Directive: &d})
	j.epoch = s.Committed()
}

func (j *journal) link(t *testing.T, s *Store, l Link) {
	t.Helper()
	check(t, s.Link(context.Background(), &l))
	j.said = append(j.said, Restored{Link: &l})
	j.epoch = s.Committed()
}

// resync brings a lost store back, step by step, and proves after each step but
// the last that it refuses everybody.
func (b *bench) resync(t *testing.T, s *Store, j *journal, source ...care.Directive) {
	t.Helper()
	refuses := func(after string) {
		t.Helper()
		for i := range 8 {
			if got := s.Check(ask(i)); got.Refusal != care.ConsentUnavailable || got.Reason != rule.ReasonLost {
				t.Fatalf("%s patient %d is answered %+v", after, i, got)
			}
		}
	}
	refuses("at first")
	check(t, b.snapshot(s))
	refuses("after the snapshot")
	for i := range b.opts.Sources {
		reread(t, s, b.opts.Sources[i].Name, b.clocks.now(), source...)
		refuses("after the source")
	}
	check(t, s.RestoreSite(context.Background(), each(j.said...)))
	if s.Lost() {
		t.Fatal("still lost")
	}
}

// TestEveryEarlierState makes a history of changes by everyone, restores every
// earlier state of the file, and proves that nothing is released before all was
// brought back, and that all is right then: whether the journal remembers, or
// only the region does, because the whole machine was put back.
func TestEveryEarlierState(t *testing.T) {
	b := newBench(t).withSource("gp", 100*time.Hour)
	j := new(journal)
	s := b.filled(t)
	images, said := b.live(t, s, j)
	j.epoch = s.Committed()
	want := picture(s)
	check(t, s.Close())
	for restored, image := range images {
		for _, remembers := range []string{"journal", "region"} {
			check(t, os.WriteFile(b.path, image, 0o600))
			s := b.putBack(t, remembers, j)
			b.resync(t, s, j, said...)
			if got := picture(s); got != want {
				t.Fatalf("state %d, %s: answers %s, want %s", restored, remembers, got, want)
			}
			check(t, s.Close())
		}
	}
	t.Logf("%d earlier states, each noticed by the journal and by the region: all refused until everything was brought back", len(images))
}

// live makes a history of changes. It returns a copy of the store before each,
// and what the source holds in the end.
func (b *bench) live(t *testing.T, s *Store, j *journal) (images [][]byte, said []care.Directive) {
	t.Helper()
	for step := range *history {
		image, err := os.ReadFile(b.path)
		check(t, err)
		images = append(images, image)
		kind := care.DirectiveKind(step/3%2 + 1)
		i, at := step%7, start.AddDate(0, 0, -2000).Add(time.Duration(step)*time.Hour)
		d := care.Directive{NHSNumber: number(i), Kind: kind, By: "tester", Effective: at, Recorded: at}
		switch {
		case step == *history/2:
			j.link(t, s, Link{Old: number(5), New: number(6), What: SamePerson, At: at, By: "tester"})
		case step%3 == 0:
			j.set(t, s, d)
		case step%3 == 1:
			base := b.ledger.Sequence()
			b.next(t)
			b.admit(t, d)
			check(t, b.changes(s, base))
		default:
			said = append(said, d)
			reread(t, s, "gp", b.clocks.now(), said...)
		}
	}
	return images, said
}

// putBack opens a store that was put back from the past, as one who remembers
// finds out.
func (b *bench) putBack(t *testing.T, remembers string, j *journal) *Store {
	t.Helper()
	known := j.epoch
	if b.opts.Anchor = 0; remembers == "journal" {
		b.opts.Anchor = known
	}
	s := b.open(t)
	if remembers == "region" {
		put(t, s, care.Directive{NHSNumber: number(7), Kind: care.Restriction, By: "tester", Effective: start}) // before anyone notices
		reread(t, s, "gp", b.clocks.now())
		v := b.vouching(s)
		v.KnownEpoch = known
		fails(t, s.Meet(v), care.Conflict, ReasonRolledBack)
	}
	if s.Committed() <= known {
		t.Fatalf("%s: epoch %d, known %d", remembers, s.Committed(), known)
	}
	b.opts.Anchor, b.known = s.Committed(), 0
	return b.reopen(t, s) // it is not forgotten
}

// picture is the answers for the first patients.
func picture(s *Store) string {
	var all strings.Builder
	for i := range 7 {
		got := s.Check(ask(i))
		all.WriteString(got.Refusal.String() + " " + got.Reason + "; ")
	}
	return all.String()
}
