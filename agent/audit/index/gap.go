package index

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// Gap is a range of numbers among which a search could not look at all entries
// that it had to. How many lines are damaged at the very end of the journal
// cannot be told: such a gap has one number.
type Gap struct {
	From, To uint64 // both included
	Entries  uint64 // how many entries at most: all of the range, but for SEALED
	Reason   string // one of those below
}

// The reasons of gaps. They are stable codes.
const (
	GapArchived = "ARCHIVED" // moved to an archive that is not at hand
	GapPruned   = "PRUNED"   // deleted under the site's retention rules
	GapMissing  = "MISSING"  // not at hand, and no entry says why
	GapDamaged  = "DAMAGED"  // there, but not as written
	GapSealed   = "SEALED"   // what names the patient cannot be read: another site key, or damage
)

// clockSlack is how much later than the entry after it an entry may say that it
// was written, because clocks are set.
const clockSlack = 24 * time.Hour

// merge returns gaps in order, with those put together that have one reason and
// follow one another. Of sealed entries, which stand among others, one gap
// tells.
func merge(gaps []Gap) []Gap {
	slices.SortFunc(gaps, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.From, b.From))
	})
	var out []Gap
	for _, g := range gaps {
		if n := len(out); n > 0 && out[n-1].Reason == g.Reason && (g.Reason == GapSealed || out[n-1].To+1 >= g.From) {
			last := &out[n-1]
			last.To = max(last.To, g.To)
			last.Entries += g.Entries
			continue
		}
		out = append(out, g)
	}
	slices.SortStableFunc(out, func(a, b Gap) int { return cmp.Compare(a.From, b.From) })
	return out
}

// explain says for gaps of entries that are not at hand why that is so, and
// drops those that are older than what is wanted.
func (s *search) explain(ctx context.Context, gaps []Gap) []Gap {
	if !slices.ContainsFunc(gaps, func(g Gap) bool { return g.Reason == GapMissing }) {
		return gaps
	}
	gone := s.retired(ctx)
	var out []Gap
	for _, g := range gaps {
		switch {
		case g.Reason != GapMissing:
			out = append(out, g)
		case !s.tooOld(g):
			out = append(out, split(g, gone)...)
		}
	}
	return merge(out)
}

// tooOld reports whether all entries of a gap are older than what is wanted, by
// the first entry after it.
func (s *search) tooOld(g Gap) bool {
	l, ok := s.segments.firstLine(s.segments.holding(g.To) + 1)
	return ok && !s.q.From.IsZero() && l.Time.Add(clockSlack).Before(s.q.From)
}

// retired returns what the journal says of segments that were moved or deleted.
// A span that was archived first may have been pruned later.
func (s *search) retired(ctx context.Context) (gone []Gap) {
	for kind, reason := range map[care.EventKind]string{care.JournalArchived: GapArchived, care.JournalPruned: GapPruned} {
		lines, _ := s.Search(ctx, Query{Kind: string(kind)})
		for l, err := range lines {
			if err == nil && l.From > 0 && l.From <= l.To { // one that is not found leaves its entries MISSING
				gone = append(gone, Gap{From: l.From, To: l.To, Reason: reason})
			}
		}
	}
	return gone
}

// split cuts a gap where what was retired begins and ends.
func split(g Gap, gone []Gap) []Gap {
	cuts := []uint64{g.From, g.To + 1}
	for _, r := range gone {
		for _, cut := range [...]uint64{r.From, r.To + 1} {
			if g.From < cut && cut <= g.To {
				cuts = append(cuts, cut)
			}
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	var out []Gap
	for i, from := range cuts[:len(cuts)-1] {
		part := gapOf(span{from, cuts[i+1] - 1}, g.Reason)
		for _, r := range gone {
			if r.From <= part.From && part.To <= r.To && part.Reason != GapPruned {
				part.Reason = r.Reason
			}
		}
		out = append(out, part)
	}
	return out
}

func gapOf(s span, reason string) Gap { return Gap{s.from, s.to, s.to - s.from + 1, reason} }

// sealedGap tells of one entry.
func sealedGap(l *audit.Line) Gap { return Gap{l.Sequence, l.Sequence, 1, GapSealed} }
