// Package export copies entries out of a journal, with the proofs that they are
// in it: a ZIP file that anyone can verify with public keys alone, by
// [verify.CheckExport] or by packaging/doc/journal-format.md, section 10.
package export

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/audit/verify"
	"github.com/mycarerecord/edge-agent/agent/care"
)

const op = "audit.Export"

// Options say what is exported.
type Options struct {
	Folder   string   // of the journal
	Archive  string   // folder of segments that were moved away; may be empty
	Keys     []string // verifier keys of the journal and of its witnesses
	From, To uint64   // entries, both included; To 0 means all that a head covers
}

// Export is what will be exported. Make it with Prepare.
type Export struct {
	From, To  uint64
	Head      tree.Head
	Witnesses []string // who countersigned the head

	options Options
	note    []byte
}

// Prepare chooses the head: the newest countersigned one that covers the
// entries, else the journal's newest. It fails with care.RecordNotFound if there
// are no such entries, or no head covers them yet.
func Prepare(o Options) (*Export, error) {
	notes, err := audit.Heads(o.Folder)
	if err != nil {
		return nil, err
	}
	x := &Export{From: max(o.From, 1), To: o.To, options: o}
	for _, note := range notes {
		head, witnesses, err := tree.ParseHead(note, o.Keys...)
		if care.ReasonOf(err) == tree.ReasonKey {
			return nil, err
		}
		if err == nil && head.Size >= o.To && x.better(head, len(witnesses) > 0) {
			x.Head, x.note, x.Witnesses = head, note, nil
			for _, w := range witnesses {
				x.Witnesses = append(x.Witnesses, w.Witness)
			}
		}
	}
	if x.To == 0 {
		x.To = x.Head.Size
	}
	switch {
	case x.note == nil && o.To == 0:
		return nil, &care.Error{Kind: care.RecordNotFound, Op: op, Reason: "NOT_SIGNED",
			Detail: "the journal has no signed head yet; the agent signs entries within a second"}
	case x.note == nil || x.From > x.To:
		return nil, &care.Error{Kind: care.RecordNotFound, Op: op, Reason: "NOT_SIGNED",
			Detail: fmt.Sprintf("no signed head covers entry %d; the agent signs new entries within a second", max(x.From, x.To))}
	case x.To-x.From >= verify.MaxExported:
		return nil, &care.Error{Kind: care.LimitExceeded, Op: op, Reason: "TOO_MANY",
			Detail: fmt.Sprintf("an export has at most %d entries; make several", verify.MaxExported)}
	}
	return x, nil
}

// better reports whether a head is to be taken instead of the one that was
// found. If all entries are wanted that is the one which covers most.
func (x *Export) better(head tree.Head, countersigned bool) bool {
	if has := len(x.Witnesses) > 0; has != countersigned && x.note != nil && x.To > 0 {
		return countersigned
	}
	return x.note == nil || head.Size > x.Head.Size || head.Size == x.Head.Size && countersigned
}

// Write writes the ZIP file. It fails with reason DAMAGED if entries are not
// those of the head, and with ARCHIVED if they are not at hand.
func (x *Export) Write(ctx context.Context, out io.Writer, made time.Time) error {
	t, err := tree.Open(x.options.Folder, x.Head.Size, x.leaves)
	if err != nil {
		return err
	}
	if t.Root() != x.Head.Root {
		return damaged("the journal's entries are not those that its head was signed for; see 'mcr-agent audit verify'")
	}
	archive := zip.NewWriter(out)
	for _, part := range []struct {
		name string
		fill func(io.Writer) error
	}{
		{verify.ExportReadme, func(w io.Writer) error { _, err := io.WriteString(w, x.readme(made)); return err }},
		{verify.ExportHead, func(w io.Writer) error { _, err := w.Write(x.note); return err }},
		{verify.ExportEntries, func(w io.Writer) error { return x.entries(ctx, w, t) }},
		{verify.ExportProofs, func(w io.Writer) error { return x.proofs(ctx, w, t) }},
	} {
		w, err := archive.CreateHeader(&zip.FileHeader{Name: part.name, Method: zip.Deflate, Modified: made.UTC()})
		if err == nil {
			err = part.fill(w)
		}
		if err != nil {
			return failed(err)
		}
	}
	return failed(archive.Close())
}

// entries writes the lines, each of which must have the hash that is signed.
func (x *Export) entries(ctx context.Context, w io.Writer, t *tree.Tree) error {
	next := x.From
	for line, err := range audit.ScanWith(x.options.Folder, x.options.Archive, x.From, x.To) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if next, err = present(t, next, line.Sequence); err != nil {
			return err
		}
		leaf, err := t.Leaf(line.Sequence - 1)
		if err != nil {
			return err
		}
		if leaf != line.Leaf || line.Sequence != next {
			return damaged(fmt.Sprintf("entry %d is not the one that was signed; see 'mcr-agent audit verify'", line.Sequence))
		}
		next++
		if _, err := w.Write(append(line.Raw[:len(line.Raw):len(line.Raw)], '\n')); err != nil {
			return err
		}
	}
	_, err := present(t, next, x.To+1)
	return err
}

// present fails if there are entries from a number on to before another. It
// returns the other if there are only numbers that never became entries.
func present(t *tree.Tree, from, to uint64) (uint64, error) {
	for n := from; n < to; n++ {
		leaf, err := t.Leaf(n - 1)
		if err != nil {
			return n, err
		}
		if leaf != tree.MissingLeaf {
			return n, &care.Error{Kind: care.RecordNotFound, Op: op, Reason: "ARCHIVED",
				Detail: fmt.Sprintf("entries from %d on are not in the journal's folder; they were archived or deleted, or are missing: see 'mcr-agent audit verify'", n)}
		}
	}
	return max(from, to), nil
}

// proofs writes a proof for each number.
func (x *Export) proofs(ctx context.Context, w io.Writer, t *tree.Tree) error {
	var line []byte
	for n := x.From; n <= x.To; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		leaf, err := t.Leaf(n - 1)
		if err != nil {
			return err
		}
		proof, err := t.Inclusion(n-1, x.Head.Size)
		if err != nil {
			return err
		}
		line = verify.AppendProof(line[:0], n, leaf, proof)
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// leaves gives the tree the hashes of entries that are in no tile.
func (x *Export) leaves(from, to uint64) iter.Seq2[tree.Hash, error] {
	return func(yield func(tree.Hash, error) bool) {
		next := from + 1
		give := func(h tree.Hash) bool { next++; return yield(h, nil) && next <= to }
		for line, err := range audit.ScanWith(x.options.Folder, x.options.Archive, from+1, 0) {
			if err != nil {
				yield(tree.Hash{}, err)
				return
			}
			unused := line.MissingFrom > 0 && line.MissingFrom <= next && line.MissingTo == line.Sequence-1
			for next < line.Sequence && next <= to {
				if !unused {
					yield(tree.Hash{}, damaged(fmt.Sprintf("entry %d is missing; see 'mcr-agent audit verify'", next)))
					return
				}
				if !give(tree.MissingLeaf) {
					return
				}
			}
			if next > to || !give(line.Leaf) {
				return
			}
		}
		yield(tree.Hash{}, damaged(fmt.Sprintf("entry %d is missing; see 'mcr-agent audit verify'", next)))
	}
}

func damaged(detail string) error {
	return &care.Error{Kind: care.AuditUnavailable, Op: op, Reason: audit.ReasonDamaged, Detail: detail}
}

// failed is the error for what could not be written.
func failed(cause error) error {
	if _, already := errors.AsType[*care.Error](cause); cause == nil || already || errors.Is(cause, context.Canceled) {
		return cause
	}
	return &care.Error{Kind: care.Internal, Op: op, Reason: "NOT_WRITTEN", Detail: "the export cannot be written; see the disk and the rights of the folder", Err: cause}
}
