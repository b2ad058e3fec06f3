package audit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
)

const (
	// headsFolder holds the heads that a witness countersigned, each in a file
	// named after its size.
	headsFolder = "heads"
	headSuffix  = ".note"
)

// Consistency returns the newest signed head and the proof that its journal
// begins with the one that had the old size (RFC 6962 section 2.1.2), for
// [tree.CheckConsistency]. It fails with reason OUT_OF_RANGE if the journal
// never had that size: whoever saw a head of it has proof of a cut.
func (j *Journal) Consistency(old uint64) (size uint64, note []byte, proof [][32]byte, err error) {
	size, note, err = j.Head()
	if err == nil {
		proof, err = j.tree.Consistency(old, size)
	}
	if err != nil {
		return 0, nil, nil, err
	}
	return size, note, proof, nil
}

// Countersigned keeps a head of this journal that a witness has countersigned,
// and returns the witness's name; of several, the one that signed last. A
// countersignature that was not known is written down as an entry of kind
// JOURNAL_WITNESSED, whose place is returned too, and both are on disk before
// Countersigned returns nil. The place of one that was known is zero.
//
// It fails with reason NOT_WITNESS if no configured witness signed, with
// tree.ReasonHead if a signature is wrong or the head is not this journal's,
// and with reason REWRITTEN if the journal never had such a head.
func (j *Journal) Countersigned(note []byte) (witness string, at care.Position, err error) {
	if j.lost {
		return "", at, j.broken
	}
	j.witnessing.Lock()
	defer j.witnessing.Unlock()
	c, err := j.countersigned(note)
	if err != nil {
		return "", at, err
	}
	known, err := j.keepNote(c)
	if err != nil {
		return "", at, failed("audit.Countersigned", err)
	}
	newest := c.witnesses[0]
	for _, w := range c.witnesses {
		if !w.At.Before(newest.At) {
			newest = w
		}
		if !slices.Contains(known, w) {
			event := care.Event{Kind: care.JournalWitnessed, Actor: w.Witness, To: c.size}
			entry := j.Append(event)
			err = cmp.Or(entry.Wait(context.Background()), err)
			at = entry.Position()
		}
	}
	return newest.Witness, at, err
}

// countersignature is a head of this journal with what witnesses signed.
type countersignature struct {
	size      uint64
	note      []byte   // the head with the journal's signature only
	lines     []string // a line for each witness
	witnesses []tree.Cosignature
}

// countersigned checks a note. Signatures of keys that are not configured are
// left out.
func (j *Journal) countersigned(note []byte) (countersignature, error) {
	var c countersignature
	keys := append([]string{j.heads.signer.VerifierKey()}, j.witnesses...)
	head, witnesses, err := tree.ParseHead(note, keys...)
	if err != nil {
		return c, err
	}
	if len(witnesses) == 0 {
		return c, &care.Error{Kind: care.BadRequest, Op: "audit.Countersigned", Reason: ReasonNotWitness,
			Detail: "no witness that the site knows has countersigned this head; the witness's key belongs in journal.witnesses of the site's agent.yaml"}
	}
	if err := j.checkHead(head); err != nil {
		return c, err
	}
	c.size = head.Size
	if c.note, err = j.heads.signer.Sign(head); err != nil {
		return c, err
	}
	_, signatures, _ := strings.Cut(string(note), "\n\n")
	for line := range strings.Lines(signatures) {
		_, one, err := tree.ParseHead(append(bytes.Clone(c.note), line...), keys...)
		if err == nil && len(one) == 1 {
			c.add(line, one[0])
		}
	}
	return c, nil
}

// add adds a witness's line, in the place of an older one of the same witness.
func (c *countersignature) add(line string, w tree.Cosignature) {
	at := slices.IndexFunc(c.witnesses, func(o tree.Cosignature) bool { return o.Witness == w.Witness })
	switch {
	case at < 0:
		c.lines, c.witnesses = append(c.lines, line), append(c.witnesses, w)
	case c.witnesses[at].At.Before(w.At):
		c.lines[at], c.witnesses[at] = line, w
	}
}

// checkHead returns nil if the journal had that head.
func (j *Journal) checkHead(head tree.Head) error {
	rewritten := &care.Error{Kind: care.Conflict, Op: "audit.Countersigned", Reason: ReasonRewritten,
		Detail: "the head carries the journal's signature but is not one of this journal: another copy of the journal or of its key is in use"}
	if head.Size == 0 || head.Size > j.tree.Size() {
		return rewritten
	}
	root, err := j.tree.RootAt(head.Size)
	if err != nil {
		return err
	}
	if root != head.Root {
		return rewritten
	}
	return nil
}

// keepNote stores a head together with the countersignatures that it has on
// disk, which it returns, and then removes those that it makes needless.
func (j *Journal) keepNote(c countersignature) ([]tree.Cosignature, error) {
	folder := filepath.Join(j.folder, headsFolder)
	if err := makeFolder(j.files, folder); err != nil {
		return nil, err
	}
	path := headPath(j.folder, c.size)
	merged := c
	stored, err := readSmall(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var known countersignature
	if err == nil {
		known, _ = j.countersigned(stored) // what cannot be used is written anew
		merged.lines, merged.witnesses = slices.Clone(c.lines), slices.Clone(c.witnesses)
		for i, line := range known.lines {
			merged.add(line, known.witnesses[i])
		}
	}
	note := append(bytes.Clone(c.note), strings.Join(merged.lines, "")...)
	if !bytes.Equal(note, stored) {
		if err := writeNote(j.files, path, note); err != nil {
			return nil, err
		}
	}
	return known.witnesses, j.thin(merged)
}

// thin removes the older heads of the segment that a head ends in, if all their
// witnesses have signed this one too.
func (j *Journal) thin(c countersignature) error {
	entries, err := j.files.readDir(j.folder)
	if err != nil {
		return err
	}
	firsts := segmentsOf(entries)
	at, _ := slices.BinarySearch(firsts, c.size+1)
	if at == 0 {
		return nil // its segment is archived
	}
	sizes, err := headFiles(j.folder)
	if err != nil {
		return err
	}
	for _, size := range sizes {
		if size < firsts[at-1] || size >= c.size {
			continue
		}
		stored, err := readSmall(headPath(j.folder, size))
		if err != nil {
			return err
		}
		older, err := j.countersigned(stored)
		if err != nil || slices.ContainsFunc(older.witnesses, func(w tree.Cosignature) bool { return !c.has(w.Witness) }) {
			continue
		}
		if err := j.files.remove(headPath(j.folder, size)); err != nil {
			return err
		}
	}
	return nil
}

// has reports whether a witness has signed.
func (c *countersignature) has(witness string) bool {
	return slices.ContainsFunc(c.witnesses, func(w tree.Cosignature) bool { return w.Witness == witness })
}

// Heads returns the signed heads that are kept in a folder: those that a
// witness countersigned, from the oldest on, and then the newest of all. They
// are not checked.
func Heads(folder string) ([][]byte, error) {
	sizes, err := headFiles(folder)
	if err != nil {
		return nil, failed("audit.Heads", err)
	}
	var notes [][]byte
	for _, size := range sizes {
		note, err := readSmall(headPath(folder, size))
		if err != nil {
			return nil, failed("audit.Heads", err)
		}
		notes = append(notes, note)
	}
	note, err := readSmall(filepath.Join(folder, checkpointFile))
	if errors.Is(err, fs.ErrNotExist) {
		return notes, nil
	}
	if err != nil {
		return nil, failed("audit.Heads", err)
	}
	return append(notes, note), nil
}

// headPath is where a head of a size is kept once it is countersigned.
func headPath(folder string, size uint64) string {
	return filepath.Join(folder, headsFolder, fmt.Sprintf("%020d%s", size, headSuffix))
}

// headFiles returns the sizes of the heads that are kept, in order.
func headFiles(folder string) ([]uint64, error) {
	entries, err := os.ReadDir(filepath.Join(folder, headsFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var sizes []uint64
	for _, e := range entries {
		digits, ok := strings.CutSuffix(e.Name(), headSuffix)
		size, err := strconv.ParseUint(digits, 10, 64)
		if ok && err == nil && len(digits) == 20 && size > 0 {
			sizes = append(sizes, size)
		}
	}
	slices.Sort(sizes)
	return sizes, nil
}
