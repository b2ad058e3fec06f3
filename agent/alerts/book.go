package alerts

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// restEvery is after how many lines a reader of the journal may rest, and looks
// whether it is still wanted.
const restEvery = 4096

// book is what is known of a journal's alerts up to one of its entries.
type book struct {
	read care.Position // the last entry that was read; zero: none
	told uint64        // alerts up to this number were told of
	open []item        // in the order of their numbers

	whole bool    // seen is kept
	seen  []Alert // those that were dealt with
}

// advance reads what is new in the journal. It calls rest now and then; an error
// of rest ends it. A stretch that cannot be read is passed over: verifying the
// journal is what finds those, and raises an alert.
func (b *book) advance(ctx context.Context, f *Files, rest func(context.Context) error) error {
	fits, err := b.pass(ctx, f, rest)
	if err == nil && !fits {
		*b = book{whole: b.whole}
		_, err = b.pass(ctx, f, rest)
	}
	return err
}

// pass reads on from the last entry that was read. It does not if that entry is
// not the one in the journal: entries that a crash tore are not there any more,
// and a lost journal is begun anew.
func (b *book) pass(ctx context.Context, f *Files, rest func(context.Context) error) (fits bool, err error) {
	last, n := b.read, 0
	fits = last.Sequence == 0
	for l, err := range audit.SkimWith(f.Folder, f.archive(), last.Sequence, 0) {
		if n++; n%restEvery == 0 {
			if err := rest(ctx); err != nil {
				return true, err
			}
		}
		switch {
		case care.ReasonOf(err) == audit.ReasonDamaged:
			fits = true // as far as can be told
		case err != nil:
			return true, err
		case l.Sequence == last.Sequence:
			if l.Leaf != last.Leaf {
				return false, nil
			}
			fits = true
		default:
			fits = true // the entry may have been pruned since
			b.take(&l)
		}
	}
	return fits, nil
}

// marked stands in every line of an alert and, because texts are escaped, in no
// other.
var marked = []byte(`,"alert":true`)

// take adds the next entry, as audit.SkimWith yields it. A marked line that cannot be
// decoded counts as an alert. A line with an earlier number than the one before
// was put there by somebody; verifying the journal finds it.
func (b *book) take(scanned *audit.Line) {
	if scanned.Sequence <= b.read.Sequence {
		return
	}
	b.read = scanned.Position()
	if from := scanned.MissingFrom; from > 0 {
		b.remove(from, min(scanned.MissingTo, scanned.Sequence-1)) // they never became entries
	}
	if scanned.Kind != care.AlertSeen && !bytes.Contains(scanned.Raw, marked) {
		return
	}
	l, err := audit.Decode(scanned)
	if err != nil {
		l = *scanned
		l.Alert = true
	}
	switch {
	case isAlert(&l):
		b.open = append(b.open, newItem(&l))
	case l.Kind == care.AlertSeen && l.From > 0:
		b.deal(&l)
	}
}

// deal closes the alerts that an entry names. None that came after it can be
// meant.
func (b *book) deal(l *audit.Line) {
	by := Seen{Number: l.Sequence, Time: when(l), By: l.Actor, Note: l.Detail}
	for _, closed := range b.remove(l.From, min(l.To, l.Sequence-1)) {
		if b.whole {
			a := closed.alert()
			a.Seen = by
			b.seen = append(b.seen, a)
		}
	}
}

// remove takes the alerts of a range of numbers out of those that are open.
func (b *book) remove(from, to uint64) []item {
	if from > to {
		return nil
	}
	first, last := b.at(from), b.at(to+1)
	removed := slices.Clone(b.open[first:last])
	b.open = slices.Delete(b.open, first, last)
	return removed
}

// at returns where in open the alert with a number stands, or would.
func (b *book) at(number uint64) int {
	i, _ := slices.BinarySearchFunc(b.open, number, func(i item, n uint64) int { return cmp.Compare(i.number, n) })
	return i
}

// untold returns the open alerts that were not told of.
func (b *book) untold() []item { return b.open[b.at(b.told+1):] }

// alerts returns all that is known, in the order of their numbers.
func (b *book) alerts() []Alert {
	all := slices.Clone(b.seen)
	for i := range b.open {
		all = append(all, b.open[i].alert())
	}
	slices.SortFunc(all, func(x, y Alert) int { return cmp.Compare(x.Number, y.Number) })
	return all
}
