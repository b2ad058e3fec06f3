package consent

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
)

// TestDigests proves that the digest of each set is that of what it holds,
// whatever way it came to hold it.
func TestDigests(t *testing.T) {
	b := newBench(t).withSource("gp", time.Hour)
	s := b.filled(t, said(care.Region, 1, care.Dissent, 3), said(care.Region, 2, care.Dissent, 3))
	put(t, s, said(care.Site, 1, care.Dissent, 3))
	put(t, s, said(care.Site, 1, care.ConsentGiven, 2))
	reread(t, s, "gp", start, said(care.SourceFlag, 1, care.Dissent, 9), said(care.SourceFlag, 1, care.ConsentGiven, 8), said(care.SourceFlag, 2, care.Dissent, 7))
	reread(t, s, "gp", start, said(care.SourceFlag, 1, care.ConsentGiven, 8), said(care.SourceFlag, 2, care.Dissent, 7), said(care.SourceFlag, 2, care.Restriction, 1))
	want := []feed.Digest{
		digestOf(t, said(0, 1, care.Dissent, 3), said(0, 2, care.Dissent, 3)),
		digestOf(t, said(0, 1, care.ConsentGiven, 2)),
		digestOf(t, said(0, 1, care.ConsentGiven, 8), said(0, 2, care.Dissent, 7), said(0, 2, care.Restriction, 1)),
	}
	for i, set := range s.Status().Sets {
		if set.Digest != want[i] {
			t.Errorf("set %d: %x, want %x", i, set.Digest, want[i])
		}
	}
}

func digestOf(t *testing.T, all ...care.Directive) (sum feed.Digest) {
	t.Helper()
	for _, d := range all {
		sum.Add(feed.AppendRows(nil, &d))
	}
	return sum
}

func TestOptions(t *testing.T) {
	for name, change := range map[string]func(o *Options){
		"no key":           func(o *Options) { o.Key = testKey(t); *o = Options{Model: o.Model, MaxAge: o.MaxAge} },
		"no model":         func(o *Options) { o.Model = 0 },
		"no age":           func(o *Options) { o.MaxAge = 0 },
		"too long an age":  func(o *Options) { o.MaxAge = LongestMaxAge + 1 },
		"too many sources": func(o *Options) { o.Sources = make([]Source, MaxSources+1) },
		"no name":          func(o *Options) { o.Sources = []Source{{"", time.Hour}} },
		"long name":        func(o *Options) { o.Sources = []Source{{strings.Repeat("x", 65), time.Hour}} },
		"twice":            func(o *Options) { o.Sources = []Source{{"a", time.Hour}, {"a", time.Hour}} },
		"source's age":     func(o *Options) { o.Sources = []Source{{"a", 0}} },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			change(&b.opts)
			_, err := Open(context.Background(), b.path, b.opts)
			fails(t, err, care.BadRequest, "OPTIONS")
		})
	}
	b := newBench(t)
	b.opts.RegionKeys = []string{"nonsense"}
	_, err := Open(context.Background(), b.path, b.opts)
	fails(t, err, care.BadRequest, feed.ReasonKey)
}
