package verify

import (
	"context"
	"fmt"
)

// Options say what is verified, and against what.
type Options struct {
	Folder   string                  // of the journal
	Archive  string                  // folder of segments that were moved away; may be empty
	Keys     []string                // verifier keys of the journal, at least one, and of witnesses
	Heads    [][]byte                // signed heads that were kept elsewhere
	Progress func(done, total int64) // is told of the bytes read; may be nil
}

// Check verifies a journal. It reads the files alone, takes no lock, and may be
// used while an agent writes: it then checks what was there when it began. What
// is wrong with the journal is in the Report; the error is about reading it, or
// about the options.
func Check(ctx context.Context, o Options) (Report, error) {
	var r Report
	// Heads first: what they cover was on disk before they were signed.
	heads, err := newHeads(o.Keys)
	if err == nil {
		err = heads.load(o.Folder, o.Heads, &r)
	}
	if err != nil {
		return r, err
	}
	segments, err := segmentsOf(o.Folder, o.Archive)
	if err != nil {
		return r, err
	}
	gaps, err := statedGaps(segments)
	if err != nil {
		return r, err
	}
	m := &merkle{folder: o.Folder, report: &r, heads: heads}
	order := &order{report: &r, chain: &chain{report: &r, leaf: m.leaf, proven: m.proven}, gaps: gaps, next: 1}
	m.compare() // with heads of no entries
	if err := order.follow(ctx, segments, o.Progress); err != nil {
		return r, err
	}
	order.judge(m.unused)
	m.end()
	err = r.conclude(o.Folder, order, m)
	return r, err
}

// follow goes through the segments.
func (o *order) follow(ctx context.Context, segments []segment, progress func(done, total int64)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	total := int64(0)
	for _, s := range segments {
		total += s.size
	}
	p := startPipeline(ctx, segments)
	o.run(p.all(func(done int64) {
		if progress != nil {
			progress(done, total)
		}
	}))
	p.ended.Wait()
	if p.err != nil {
		return p.err
	}
	o.chain.end()
	return nil
}

// conclude compares what was read with the heads as a whole, and says what
// cannot be known.
func (r *Report) conclude(folder string, o *order, m *merkle) error {
	h := m.heads
	r.Entries, r.Origin = o.next-1, h.origin
	for _, s := range o.absent {
		if s.holds(m.lost) {
			r.fault(HashesMissing, m.lost, s.to, "")
		}
	}
	if n := len(h.list); n > 0 && h.list[n-1].Size > r.Entries {
		last := h.list[n-1]
		r.fault(Truncated, r.Entries+1, last.Size, "the head is "+last.Source)
	}
	if err := r.missHeads(folder, h, o.witnessed); err != nil {
		return err
	}
	for _, head := range h.list {
		r.Heads = append(r.Heads, *head)
	}
	r.Signed = h.newest(func(*Head) bool { return true })
	r.Anchored = h.newest((*Head).anchors)
	r.finish()
	r.Unknown = r.unknown(h.witnesses)
	return nil
}

// missHeads finds heads that must be there and are not. They may have been
// written after the others were read, so it looks again.
func (r *Report) missHeads(folder string, h *heads, witnessed uint64) error {
	now := heads{keys: h.keys, witnesses: h.witnesses}
	var ignored Report
	if err := now.load(folder, nil, &ignored); err != nil {
		return err
	}
	if r.Entries > 0 && !h.has(checkpointFile) && !now.has(checkpointFile) {
		r.fault(HeadMissing, 0, 0, "the journal's checkpoint, its newest signed head, is not there or cannot be used; the agent writes one before the first entry")
	}
	for _, list := range [][]*Head{h.list, now.list} {
		for _, head := range list {
			if head.Source != checkpointFile && !head.Given && head.Size >= witnessed {
				return nil
			}
		}
	}
	if witnessed > 0 {
		r.fault(HeadMissing, witnessed, witnessed, "entries say that a witness countersigned a head of that size")
	}
	return nil
}

// unknown says what cannot be known about a journal.
func (r *Report) unknown(witnesses bool) []string {
	var said []string
	last := max(r.Entries, r.Signed)
	switch {
	case r.Signed == 0:
		said = append(said, "No signed head fits this journal. That entries were not removed at its end, or all of it made anew, cannot be shown.")
	case r.Anchored == 0 && witnesses:
		said = append(said, fmt.Sprintf("No head of this journal that fits was countersigned by a witness, and none was given. That entries 1 to %d were not rewritten by someone who holds the site's key, or that none was removed after %d, cannot be shown.", last, last))
	case r.Anchored == 0:
		said = append(said, fmt.Sprintf("No key of a witness is known, and no head was given that was kept elsewhere. That entries 1 to %d were not rewritten by someone who holds the site's key, or that none was removed after %d, cannot be shown.", last, last))
	case r.Anchored < last:
		said = append(said, fmt.Sprintf("Entries %d to %d came after the last head that a witness countersigned or that was given. That none was removed after %d, or that these were not rewritten by someone who holds the site's key, cannot be shown.", r.Anchored+1, last, last))
	default:
		said = append(said, fmt.Sprintf("That no entry was removed after %d cannot be shown: no head that was kept elsewhere covers more.", last))
	}
	if r.Signed > 0 && r.Signed < r.Entries {
		said = append(said, fmt.Sprintf("Entries %d to %d came after the last signed head. They follow from one another; anyone who can write the files could have made them.", r.Signed+1, r.Entries))
	}
	for _, s := range r.Archived {
		said = append(said, fmt.Sprintf("Entries %d to %d were moved to an archive and were not read. Their hashes are part of the tree; give the archive's folder to verify them.", s.From, s.To))
	}
	for _, s := range r.Pruned {
		said = append(said, fmt.Sprintf("Entries %d to %d were deleted when their time had passed. Their hashes are part of the tree; what they said is gone.", s.From, s.To))
	}
	if r.Unused > 0 {
		said = append(said, fmt.Sprintf("%d numbers were given out and never became entries, because the disk failed; the journal states which.", r.Unused))
	}
	if r.Torn > 0 {
		said = append(said, fmt.Sprintf("%d bytes at the end are no whole line: an agent is writing them, or a crash ended it. Nothing was released on them.", r.Torn))
	}
	return said
}
