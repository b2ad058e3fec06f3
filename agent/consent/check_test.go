package consent

import (
	"context"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// TestCheckFileReadsEntries proves that what is sealed as it must be, but makes
// no sense, is found before the store is opened, in whatever set it stands; and
// that a store without it is sound.
func TestCheckFileReadsEntries(t *testing.T) {
	for name, spoil := range map[string]func(c *change) error{
		"nothing":                   func(*change) error { return nil },
		"a statement of another":    func(c *change) error { return c.Put(regionSet, c.keys.key(number(7)), []byte{9, 9}) },
		"an entry without any":      func(c *change) error { return c.Put(siteSet, c.keys.key(number(7)), []byte{1}) },
		"a source's, cut off":       func(c *change) error { return c.Put(firstSource, c.keys.key(number(7)), []byte{1, 0, 0, 0}) },
		"a link":                    func(c *change) error { return c.Put(linkSet, c.keys.key(number(7)), []byte{1, 0, 5}) },
		"a link of another version": func(c *change) error { return c.Put(linkSet, c.keys.key(number(7)), []byte{9, 0}) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t).withSource("gp", time.Hour)
			s := b.filled(t, said(0, 1, care.Dissent, 3))
			put(t, s, said(care.Site, 2, care.Dissent, 3))
			link(t, s, 1, 2, SamePerson, 1)
			check(t, s.update(context.Background(), func(c *change) error { c.moved = true; return spoil(c) }))
			check(t, s.Close())
			report, err := CheckFile(t.Context(), b.path, b.opts.Key)
			if name == "nothing" {
				if check(t, err); report.Entries != 4 {
					t.Errorf("%+v", report)
				}
				return
			}
			fails(t, err, care.ConsentUnavailable, rule.ReasonDamaged)
			b.opts.Check = func(ctx context.Context) error {
				_, err := CheckFile(ctx, b.path, b.opts.Key)
				return err
			}
			if s = b.open(t); !s.Lost() {
				t.Error("it was opened as if nothing were wrong")
			}
		})
	}
}

// BenchmarkCheckFile is what the agent's child does before each start.
func BenchmarkCheckFile(b *testing.B) {
	bench := newBench(b)
	s := bench.open(b)
	pushCrowd(b, s, *patients, 1)
	check(b, s.Close())
	b.ReportAllocs()
	for b.Loop() {
		_, err := CheckFile(context.Background(), bench.path, bench.opts.Key)
		check(b, err)
	}
}
