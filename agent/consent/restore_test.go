package consent

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// TestSiteSpeaksWhileLost proves that what is said before the journal was read
// back is not undone by that.
func TestSiteSpeaksWhileLost(t *testing.T) {
	b, j := newBench(t), new(journal)
	s := b.filled(t)
	j.set(t, s, said(care.Site, 1, care.ConsentGiven, 3))
	check(t, s.Close())
	check(t, os.Remove(b.path))
	s = b.open(t)
	put(t, s, said(care.Site, 1, care.Dissent, 2))
	b.known = 0
	b.resync(t, s, j)
	answers(t, s, 1, care.NoPatientConsent, rule.ReasonDissent)
}

// TestRestoreFaults proves that half a journal is not taken for the whole.
func TestRestoreFaults(t *testing.T) {
	b, ctx := newBench(t), context.Background()
	b.opts.Anchor = 5
	s := b.open(t)
	check(t, b.snapshot(s))
	broken := errors.New("broken off")
	for _, c := range []struct {
		bad    Restored
		err    error
		kind   care.Kind
		reason string
	}{
		{Restored{}, broken, care.Internal, ""},
		{Restored{Directive: &care.Directive{}}, nil, care.InvalidNHSNumber, ""},
		{Restored{Link: &Link{New: number(1), Old: number(2)}}, nil, care.BadRequest, "LINK"},
	} {
		d := said(care.Site, 1, care.Dissent, 2)
		err := s.RestoreSite(ctx, func(yield func(Restored, error) bool) {
			for i := 0; i <= MaxSet; i++ { // more than one change takes
				if !yield(Restored{Directive: &d}, nil) {
					return
				}
			}
			yield(c.bad, c.err)
		})
		fails(t, err, c.kind, c.reason)
		answers(t, s, 1, care.ConsentUnavailable, rule.ReasonLost)
	}
	check(t, s.RestoreSite(ctx, each[Restored]()))
	answers(t, s, 2, care.OK, "")
}

// TestRestoredLinks proves that a journal read back over an older copy leaves
// the links as they were, those undone since and those never to be made too.
func TestRestoredLinks(t *testing.T) {
	b, j := newBench(t), new(journal)
	s := b.filled(t, said(0, 1, care.Dissent, 90), said(0, 4, care.Dissent, 90))
	at := func(days int) time.Time { return start.AddDate(0, 0, -days) }
	j.link(t, s, Link{number(1), number(2), SamePerson, at(40), "tester"})
	j.link(t, s, Link{number(1), number(3), SamePerson, at(39), "tester"})
	j.link(t, s, Link{number(4), number(5), SamePerson, at(38), "tester"})
	check(t, s.Close())
	image, err := os.ReadFile(b.path)
	check(t, err)
	s = b.open(t)
	j.link(t, s, Link{number(1), number(2), NotSamePerson, at(30), "tester"})
	j.link(t, s, Link{care.NHSNumber{}, number(5), NeverLink, at(30), "tester"})
	b.beat(t, s)
	want := picture(s)
	check(t, s.Close())
	check(t, os.WriteFile(b.path, image, 0o600))
	b.opts.Anchor = j.epoch
	s = b.open(t)
	b.resync(t, s, j)
	check(t, s.RestoreSite(context.Background(), each(j.said...))) // once more does no harm
	if got := picture(s); got != want || strings.Count(got, "DISSENT") != 3 {
		t.Errorf("answers %s, want %s", got, want)
	}
	fails(t, tryLink(s, 4, 5, SamePerson, 1), care.Conflict, ReasonNeverLink)
}

// TestRestoreOfATimeAhead proves that what was said while the clock was wrong is
// brought back all the same.
func TestRestoreOfATimeAhead(t *testing.T) {
	b, j := newBench(t), new(journal)
	s := b.filled(t)
	put(t, s, said(care.Site, 1, care.Dissent, 3))
	b.clocks.jump(48 * time.Hour)
	j.set(t, s, said(care.Site, 1, care.ConsentGiven, -2))
	j.link(t, s, Link{number(2), number(3), SamePerson, b.clocks.now(), "tester"})
	check(t, s.Close())
	b.clocks.jump(-48 * time.Hour)
	check(t, os.Remove(b.path))
	b.known = 0
	s = b.open(t)
	b.resync(t, s, j)
	if held, err := s.Show(number(1)); err != nil || len(held.Directives) != 1 {
		t.Errorf("held %+v, %v", held, err)
	}
	if held, err := s.Show(number(2)); err != nil || held.Linked != 1 {
		t.Errorf("held %+v, %v", held, err)
	}
}

// TestRestoreOfManyLinks proves that numbers which were parted again do not count
// against the bound of a person's numbers while a journal is read back, whatever
// of it the store knows already.
func TestRestoreOfManyLinks(t *testing.T) {
	b, j := newBench(t), new(journal)
	s := b.filled(t, said(0, 1, care.Dissent, 90), said(0, 30, care.Dissent, 90))
	at := func(i int) time.Time { return start.Add(time.Duration(i-1000) * time.Minute) }
	for i := 1; i < maxPerson; i++ {
		j.link(t, s, Link{number(0), number(i), SamePerson, at(i), "tester"})
	}
	check(t, s.Close())
	image, err := os.ReadFile(b.path)
	check(t, err)
	s = b.open(t)
	for i := 1; i < maxPerson; i++ { // each makes room for the next
		j.link(t, s, Link{number(i), number(0), NotSamePerson, at(100 + 2*i), "tester"})
		j.link(t, s, Link{number(0), number(40 + i), SamePerson, at(101 + 2*i), "tester"})
	}
	j.link(t, s, Link{care.NHSNumber{}, number(41), NeverLink, at(200), "tester"})
	j.link(t, s, Link{number(30), number(0), SamePerson, at(201), "tester"})
	b.beat(t, s)
	want := picture(s)
	for name, file := range map[string][]byte{"lost": nil, "an older copy": image} {
		check(t, s.Close())
		check(t, os.Remove(b.path))
		if file != nil {
			check(t, os.WriteFile(b.path, file, 0o600))
		}
		b.opts.Anchor, b.known = j.epoch, 0
		s = b.open(t)
		b.resync(t, s, j)
		check(t, s.RestoreSite(context.Background(), each(j.said...))) // over what is there
		if got := picture(s); got != want {
			t.Errorf("%s: answers %s, want %s", name, got, want)
		}
		if held, err := s.Show(number(0)); err != nil || held.Linked != maxPerson-1 {
			t.Errorf("%s: linked with %d, %v", name, held.Linked, err)
		}
	}
}

// TestRestoreOfUnorderedLinks proves that what was found while clocks went back
// and forth is brought back as it was.
func TestRestoreOfUnorderedLinks(t *testing.T) {
	for _, what := range [][]LinkKind{
		{SamePerson, NotSamePerson}, {SamePerson, NotSamePerson, SamePerson}, {NotSamePerson, SamePerson}, {SamePerson, SamePerson, NotSamePerson},
	} {
		for _, at := range [][]int{{3, 2, 1}, {1, 2, 3}, {2, 3, 1}, {3, 1, 2}, {2, 2, 2}} {
			b, j := newBench(t), new(journal)
			s := b.filled(t, said(0, 1, care.Dissent, 90))
			for i, kind := range what {
				j.link(t, s, Link{number(1 + i%2), number(2 - i%2), kind, start.AddDate(0, 0, -at[i]), "tester"})
			}
			want, err := s.Show(number(2))
			check(t, err)
			check(t, s.Close())
			check(t, os.Remove(b.path))
			b.opts.Anchor, b.known = j.epoch, 0
			s = b.open(t)
			b.resync(t, s, j)
			if got, err := s.Show(number(2)); err != nil || got.Linked != want.Linked {
				t.Errorf("%v on %v days ago: linked with %d, want %d, %v", what, at, got.Linked, want.Linked, err)
			}
		}
	}
}
