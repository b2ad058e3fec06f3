package audit

import (
	"errors"
	"io/fs"
	"iter"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// plant makes the tree of the entries that recovery found and compares it with
// the newest head that was signed. What was signed and is no longer so is lost,
// which only a person can deal with: the journal is then opened for looking at
// it, and nothing on disk was changed. plant only reads, but for tiles.
func (j *Journal) plant(rec *recovered) error {
	if j.box == nil || j.heads.signer == nil {
		return &care.Error{Kind: care.Internal, Op: "audit.Open", Reason: "KEY", Detail: "the journal has no keys"}
	}
	head, err := j.newestHead()
	if err != nil {
		return failed("audit.Open", err)
	}
	switch {
	case head.Size > rec.last.Sequence:
		err = unavailable("audit.Open", ReasonRolledBack, nil)
	case rec.first > head.Size+1: // the entries before are in no file, and no head vouches for their tiles
		err = unavailable("audit.Open", ReasonNoHead, nil)
	default:
		err = j.grow(rec, head)
	}
	switch reason := care.ReasonOf(err); reason {
	case ReasonRolledBack, ReasonRewritten, ReasonNoHead, ReasonDamaged:
		j.lost, j.tree, j.broken = true, nil, unavailable("audit.Open", reason, err)
		j.log.Error("the journal is not as it was written, nothing is released", "reason", reason)
		return nil
	}
	if err != nil {
		return failed("audit.Open", err)
	}
	return nil
}

// grow makes the tree. Tiles are believed as far as the head vouches for them,
// because they are not synced as entries are; what came after is taken from the
// lines.
func (j *Journal) grow(rec *recovered, head tree.Head) error {
	leaves := leavesOf(j.folder)
	var err error
	if j.tree, err = tree.Open(j.folder, head.Size, leaves); err != nil {
		return err
	}
	if head.Size > 0 && j.tree.Root() != head.Root {
		root, err := rootOf(leaves(0, head.Size))
		if err != nil {
			return err
		}
		if root != head.Root {
			return unavailable("audit.Open", ReasonRewritten, nil)
		}
		if j.tree, err = tree.Rebuild(j.folder, head.Size, leaves); err != nil {
			return err
		}
		rec.repaired(ReasonDamaged, "tiles of the journal's tree were damaged and were made again from the entries")
	}
	for leaf, err := range leaves(head.Size, rec.last.Sequence) {
		if err != nil {
			return err
		}
		j.tree.Append(leaf)
	}
	return nil
}

// newestHead returns the newest signed head in the folder: the checkpoint, or a
// later one that a witness countersigned. Notes that are not of this journal
// count as none: they can be removed by whoever can remove entries, which is
// why witnesses keep heads too.
func (j *Journal) newestHead() (tree.Head, error) {
	var newest tree.Head
	note, err := readSmall(filepath.Join(j.folder, checkpointFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return newest, err
	}
	if err == nil {
		newest = j.own(note)
		j.kept = newest.Size
	}
	files, err := headFiles(j.folder)
	if err != nil {
		return newest, err
	}
	for i := len(files) - 1; i >= 0 && files[i] > newest.Size; i-- {
		note, err := readSmall(headPath(j.folder, files[i]))
		if err != nil {
			return newest, err
		}
		if head := j.own(note); head.Size > newest.Size {
			newest = head
		}
	}
	return newest, nil
}

// own returns the head of a note that this journal signed, and remembers the
// note; otherwise that of an empty journal.
func (j *Journal) own(note []byte) tree.Head {
	head, _, err := tree.ParseHead(note, j.heads.signer.VerifierKey())
	if err != nil {
		j.log.Warn("a signed head in the journal's folder cannot be used", "error", err)
		return tree.Head{}
	}
	j.heads.size, j.heads.note = head.Size, note
	return head
}

// rootOf returns the root of the tree of the leaves (RFC 6962 section 2.1).
func rootOf(leaves iter.Seq2[[32]byte, error]) (root [32]byte, err error) {
	var full []tlog.Hash // roots of full subtrees, the largest first
	n := 0
	for leaf, err := range leaves {
		if err != nil {
			return root, err
		}
		h := tlog.Hash(leaf)
		for left := n; left&1 == 1; left >>= 1 {
			h = tlog.NodeHash(full[len(full)-1], h)
			full = full[:len(full)-1]
		}
		full = append(full, h)
		n++
	}
	if n == 0 {
		return root, nil
	}
	for ; len(full) > 1; full = full[:len(full)-1] {
		full[len(full)-2] = tlog.NodeHash(full[len(full)-2], full[len(full)-1])
	}
	return full[0], nil
}

// leavesOf returns the leaf hashes of the entries in a folder by their indexes
// in the tree, from the lines alone. The hash of an entry is the one that the
// next entry names, or its own where there is no such entry: a line that cannot
// be read or was changed has the hash all the same. A number that is stated as
// missing has that of the empty line.
func leavesOf(folder string) tree.Leaves {
	return func(from, to uint64) iter.Seq2[[32]byte, error] {
		return func(yield func([32]byte, error) bool) {
			if from == to {
				return
			}
			l := leaves{yield: yield, next: from + 1, to: to}
			lines := read(func() *reader {
				r := newReader(folder, "", from+1, scanLine)
				r.ended = true // beyond a line that cannot be read there may be others
				return r
			}, 0)
			for line, err := range lines {
				if isDamage(err) {
					continue // the next entry tells, or nothing does
				}
				if err != nil {
					yield([32]byte{}, err)
					return
				}
				if !l.take(&line) {
					return
				}
			}
			l.end()
		}
	}
}

// leaves yields leaf hashes in order.
type leaves struct {
	yield func([32]byte, error) bool
	next  uint64   // number of the entry whose hash is due
	own   [32]byte // the hash of its line
	read  bool     // that line was read
	to    uint64   // the last
}

// take yields the hashes of all entries before the line's, and reports whether
// to go on.
func (l *leaves) take(line *Line) bool {
	before := line.Sequence - 1 // the entry that the line names
	gap := line.gap()
	if gap.from > 0 {
		before = gap.from - 1
	}
	for l.next < line.Sequence {
		var hash [32]byte
		switch {
		case l.next > before:
			hash = tree.MissingLeaf
		case l.next == before:
			hash = line.Prev
		case l.read:
			hash = l.own
		default:
			return l.fail()
		}
		if !l.give(hash) {
			return false
		}
	}
	if l.next == line.Sequence {
		l.own, l.read = line.Leaf, true
	}
	return true
}

// end is called after the last line.
func (l *leaves) end() {
	if l.read && !l.give(l.own) {
		return
	}
	l.fail()
}

func (l *leaves) fail() bool {
	l.yield([32]byte{}, damaged("audit.Open", "entries are missing"))
	return false
}

func (l *leaves) give(hash [32]byte) bool {
	l.read = false
	if !l.yield(hash, nil) {
		return false
	}
	l.next++
	return l.next <= l.to
}
