package verify

import (
	"slices"
)

// judge says what became of numbers that were passed over and of lines that
// stand in wrong places. Of numbers whose files are not there, some are unused.
func (o *order) judge(unused []span) {
	found := o.judgeStrayed()
	for _, s := range o.missing {
		for _, rest := range without(s, found) {
			o.report.fault(Missing, rest.from, rest.to, "")
		}
	}
	for _, s := range o.absent {
		o.judgeAbsent(s, unused)
	}
}

// judgeStrayed says of each line in a wrong place what it is, and returns the
// missing numbers that such lines bear.
func (o *order) judgeStrayed() []span {
	places := map[uint64]bool{}
	for _, s := range o.strayed {
		if s.place > 0 {
			places[s.place] = true
		}
	}
	var found []span
	for _, s := range o.strayed {
		lacking := within(o.missing, s.number)
		if lacking {
			found = append(found, span{s.number, s.number})
		}
		switch {
		case s.place > 0 && (lacking || places[s.number]):
			o.report.fault(Reordered, s.place, s.place, "")
			if lacking {
				o.report.fault(Reordered, s.number, s.number, "")
			}
		case s.place > 0:
			o.report.fault(Edited, s.place, s.place, "the line in its place bears another number")
		case lacking || places[s.number]:
			o.report.fault(Reordered, s.number, s.number, "")
		case s.number < o.next:
			o.report.fault(Duplicated, s.number, s.number, "")
		default:
			o.report.fault(Inserted, s.number, s.number, "")
		}
	}
	slices.SortFunc(found, func(a, b span) int { return compare(a.from, b.from) })
	return found
}

// within reports whether one of spans, which are in order, holds a number.
func within(spans []span, n uint64) bool {
	_, ok := slices.BinarySearchFunc(spans, n, func(s span, n uint64) int {
		if s.holds(n) {
			return 0
		}
		return compare(s.from, n)
	})
	return ok
}

// without returns what is left of a span without others, which are in order of
// their beginnings.
func without(s span, others []span) []span {
	var rest []span
	for _, o := range others {
		if o.to < s.from {
			continue
		}
		if o.from > s.to {
			break
		}
		if o.from > s.from {
			rest = append(rest, span{s.from, o.from - 1})
		}
		s.from = o.to + 1
	}
	if s.from <= s.to {
		rest = append(rest, s)
	}
	return rest
}

// judgeAbsent compares numbers whose files are not there with what entries say
// of files that were moved away or deleted.
func (o *order) judgeAbsent(s span, unused []span) {
	byStart := func(a, b span) int { return compare(a.from, b.from) }
	slices.SortFunc(o.pruned, byStart)
	slices.SortFunc(o.moved, byStart)
	for _, kept := range without(s, o.pruned) {
		for _, gone := range without(kept, o.moved) {
			for _, gone := range without(gone, unused) {
				o.report.fault(Missing, gone.from, gone.to, "")
			}
		}
		for _, moved := range common(kept, o.moved) {
			o.report.Archived = append(o.report.Archived, Span{moved.from, moved.to})
		}
	}
	for _, pruned := range common(s, o.pruned) {
		o.report.Pruned = append(o.report.Pruned, Span{pruned.from, pruned.to})
	}
}

// common returns what a span has in common with others.
func common(s span, others []span) []span {
	rest := without(s, others)
	return without(s, rest)
}
