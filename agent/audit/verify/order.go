package verify

import (
	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// order follows the numbers of entries through the files.
type order struct {
	report *Report
	chain  *chain
	gaps   []span // numbers that entries state as never written
	next   uint64 // number of the entry that comes next

	noise   bool   // what cannot be read stands before the next entry
	before  entry  // the entry before, if it was read
	read    bool   // it was
	missing []span // numbers that were passed over
	absent  []span // the same, where whole files are not there
	strayed []stray

	moved, pruned []span // what entries say of such files
	witnessed     uint64 // the largest head that an entry says was countersigned
}

// maxStrayed bounds how many lines in wrong places are kept.
const maxStrayed = 10 * maxFindings

// stray is a line that does not bear the number of its place.
type stray struct {
	place  uint64 // where it stands instead of the entry of that number; 0 if between two
	number uint64
}

// run takes all items.
func (o *order) run(items func(func(*item) bool)) {
	var held item // one is held back, to see what follows it
	holding := false
	items(func(it *item) bool {
		if it.line && holds(o.gaps, it.seq) {
			return true
		}
		if holding {
			o.take(&held, it)
		}
		held, holding = *it, true
		return true
	})
	if holding {
		o.take(&held, &item{})
	}
	if o.noise {
		o.report.fault(Unreadable, o.next, o.next, "")
	}
}

// take takes one item; follows is the one after it.
func (o *order) take(it, follows *item) {
	switch {
	case it.rest != nil:
		o.behind(it.rest)
	case !it.line:
		o.noise = o.noise || !holds(o.gaps, o.next)
	case it.seq == o.next:
		o.accept(it)
	case it.seq > o.next && it.first == it.seq:
		o.leap(it)
		o.accept(it)
	case follows.line && follows.seq == o.next+1:
		o.stray(stray{o.next, it.seq})
		o.pass(slot{from: o.next, to: o.next})
	case it.seq < o.next || follows.line && follows.seq == o.next:
		o.stray(stray{0, it.seq})
	default:
		o.lack(it.seq - 1)
		o.accept(it)
	}
}

// accept takes the entry that comes next.
func (o *order) accept(it *item) {
	e := &it.entry
	if o.noise {
		o.report.fault(Unreadable, max(e.seq-1, 1), e.seq, "what is no line stands between them")
		o.noise = false
	}
	if it.first > 0 && it.first != e.seq && (o.read || e.seq == 1) {
		o.report.fault(Misnamed, e.seq, e.seq, "")
	}
	if e.seq == 1 && e.prev != (tree.Hash{}) {
		o.report.fault(Edited, 1, 1, "")
	}
	if o.read && e.batch != e.seq && e.batch != o.before.batch {
		o.report.fault(BatchWrong, e.seq, e.seq, "")
	}
	if o.read && e.time.Before(o.before.time) && keepsTime(e) && keepsTime(&o.before) && e.kind != care.ClockJumped {
		o.report.fault(ClockBack, e.seq, e.seq, "")
	}
	o.listen(e)
	o.report.Read++
	o.chain.add(slot{from: e.seq, to: e.seq, own: e.leaf, prev: e.prev, read: true})
	o.next, o.before, o.read = e.seq+1, *e, true
}

// keepsTime reports whether an entry was written when it occurred. One that was
// not, and one that tells of a repair, does not say that the clock was set.
func keepsTime(e *entry) bool { return !e.late && e.kind != care.JournalRepaired }

// listen keeps what an entry states of others.
func (o *order) listen(e *entry) {
	if e.said == nil || e.said.From > e.said.To || e.said.To >= e.seq {
		return
	}
	s := span{max(e.said.From, 1), e.said.To}
	switch e.kind {
	case care.JournalWitnessed:
		o.witnessed = max(o.witnessed, s.to)
	case care.JournalArchived:
		o.moved = append(o.moved, s)
	case care.JournalPruned:
		o.pruned = append(o.pruned, s)
	}
}

// leap takes the first entry of a file whose name too says that numbers were
// passed over: because they were never written, which the entry states, or
// because files are gone.
func (o *order) leap(it *item) {
	unused, ok := it.gap()
	to := it.seq - 1
	if ok && unused.from > o.next {
		to = unused.from - 1
	}
	if !ok || to < it.seq-1 {
		if o.noise {
			o.lack(to)
		} else {
			o.absent = append(o.absent, span{o.next, to})
			o.pass(slot{from: o.next, to: to})
		}
	}
	if ok {
		o.report.Unused += it.seq - o.next
		o.pass(slot{from: o.next, to: it.seq - 1, unused: true})
	}
}

// lack passes over numbers that should be there.
func (o *order) lack(to uint64) {
	if o.noise {
		o.report.fault(Unreadable, o.next, to, "")
		o.noise = false
	} else {
		o.missing = append(o.missing, span{o.next, to})
	}
	o.pass(slot{from: o.next, to: to})
}

// pass goes on after numbers that were not read.
func (o *order) pass(s slot) {
	o.chain.add(s)
	o.next, o.read = s.to+1, false
}

func (o *order) stray(s stray) {
	if len(o.strayed) == maxStrayed {
		o.report.fault(Reordered, 0, 0, "more lines stand in wrong places than are listed")
		return
	}
	o.strayed = append(o.strayed, s)
}

// behind judges what stands behind the end of the newest segment. A crash tears
// the last batch only: a whole line of a later one shows that more was there.
func (o *order) behind(r *rest) {
	if r.batch > o.next {
		o.report.fault(Unreadable, o.next, o.next, "whole lines stand behind it")
		return
	}
	o.report.Torn = r.bytes
}
