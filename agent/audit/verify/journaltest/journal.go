// Package journaltest makes journals for tests of verifiers, good ones and
// damaged ones, without the code that writes journals in the agent: from the
// format document alone, with keys that everyone knows.
package journaltest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
)

// Origin is the name of every journal made here.
const Origin = "example.org/Y99901/journal"

// Signer and Witness sign every journal made here; Stranger is the signer of
// the same name with another key.
var (
	Signer   = must(tree.NewSigner(Origin, &[32]byte{4, 5, 6}))
	Stranger = must(tree.NewSigner(Origin, &[32]byte{7, 8, 9}))
	Witness  = must(tree.NewWitness("broker.example.org/east", &[32]byte{1, 1, 2}))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Keys are the verifier keys of Signer and Witness.
func Keys() []string { return []string{Signer.VerifierKey(), Witness.VerifierKey()} }

// Segment is one file of lines.
type Segment struct {
	First uint64
	Lines [][]byte // without line feeds
}

// Journal is a journal in memory.
type Journal struct {
	Segments []*Segment
	Leaves   []tree.Hash
	Notes    map[string][]byte // heads, by the names of their files
	Signer   *tree.Signer

	clock time.Time
	prev  tree.Hash
	batch uint64
}

// New returns a journal without entries.
func New() *Journal {
	return &Journal{
		Segments: []*Segment{{First: 1}}, Notes: map[string][]byte{}, Signer: Signer,
		clock: time.Date(2026, 11, 22, 14, 3, 7, 0, time.UTC),
	}
}

// Size returns the number of the last entry.
func (j *Journal) Size() uint64 { return uint64(len(j.Leaves)) }

// Add writes an entry down. Fields are what follows the kind, such as
// `,"actor":"systemd"`. Every third entry begins a batch.
func (j *Journal) Add(kind, fields string) {
	seq := j.Size() + 1
	if seq%3 == 1 || j.batch == 0 {
		j.batch = seq
	}
	j.clock = j.clock.Add(1234567 * time.Microsecond)
	line := fmt.Appendf(nil, `{"v":1,"seq":%d,"batch":%d,"prev":"%s","time":"%s","kind":"%s"%s}`,
		seq, j.batch, hex.EncodeToString(j.prev[:]), j.clock.Format("2006-01-02T15:04:05.000000Z"), kind, fields)
	last := j.Segments[len(j.Segments)-1]
	last.Lines = append(last.Lines, line)
	j.prev = tree.LeafHash(line)
	j.Leaves = append(j.Leaves, j.prev)
}

// Fill adds n entries of the kinds that most entries are of.
func (j *Journal) Fill(n int) {
	for range n {
		seq := j.Size() + 1
		switch seq % 4 {
		case 0:
			j.Add("RELEASE_ENDED", fmt.Sprintf(`,"request_id":"r-%d","decision":%d,"outcomes":[{"section":"ALLERGIES","state":"COMPLETE","read":3,"sent":3}],"records":3`, seq-1, seq-1))
		case 2:
			j.Add("RELEASE_REFUSED", fmt.Sprintf(`,"request_id":"r-%d","user_name":"Dr \"Ann\" O'Neil £ 漢\n","refusal":"PATIENT_NOT_FOUND","alert":true`, seq))
		default:
			j.Add("RELEASE_DECIDED", fmt.Sprintf(`,"request_id":"r-%d","broker":"east","patient":{"key":"0a1b2c3d","box":"AAAA"},"sections":["ALLERGIES","MEDICATIONS"]`, seq))
		}
	}
}

// Rotate begins another segment.
func (j *Journal) Rotate() {
	j.Segments = append(j.Segments, &Segment{First: j.Size() + 1})
	j.batch = 0
}

// Fail has the next n numbers never become entries: the lines stay in the old
// segment if left is set, and a new one begins with an entry that states it.
func (j *Journal) Fail(n int, left bool) {
	from, before := j.Size()+1, j.prev
	j.Fill(n)
	last := j.Segments[len(j.Segments)-1]
	if !left {
		last.Lines = last.Lines[:len(last.Lines)-n]
	}
	for i := range n {
		j.Leaves[int(from)-1+i] = tree.MissingLeaf
	}
	j.prev = before
	to := j.Size()
	j.Rotate()
	j.Add("JOURNAL_REPAIRED", fmt.Sprintf(`,"true_reason":"IO_ERROR","missing_from":%d,"missing_to":%d`, from, to))
}

// Checkpoint signs a head of all entries.
func (j *Journal) Checkpoint() []byte {
	note := j.Head(j.Size())
	j.Notes["checkpoint"] = note
	return note
}

// Head returns the signed head of the first size entries.
func (j *Journal) Head(size uint64) []byte {
	return must(j.Signer.Sign(tree.Head{Origin: j.Signer.Origin(), Size: size, Root: Root(j.Leaves[:size])}))
}

// Countersign has the witness sign a head of all entries, keeps it and adds the
// entry that says so.
func (j *Journal) Countersign() []byte {
	size := j.Size()
	note := must(Witness.Cosign(j.Head(size), j.clock))
	j.Notes[fmt.Sprintf("heads/%020d.note", size)] = note
	j.Add("JOURNAL_WITNESSED", fmt.Sprintf(`,"actor":"broker.example.org/east","to":%d`, size))
	return note
}

// Remove takes out the segments before one and adds the entry that says so, of
// kind JOURNAL_ARCHIVED or JOURNAL_PRUNED. It returns what was taken out.
func (j *Journal) Remove(before int, kind string) []*Segment {
	gone := j.Segments[:before]
	j.Segments = j.Segments[before:]
	to := j.Segments[0].First - 1
	for j.Unused(to) {
		to--
	}
	j.Add(kind, fmt.Sprintf(`,"from":%d,"to":%d`, gone[0].First, to))
	return gone
}

// Files returns the journal's files by their names, each time in memory of their
// own. The newest segment has room
// for more.
func (j *Journal) Files() map[string][]byte {
	files := map[string][]byte{}
	for i, s := range j.Segments {
		name, data := s.File()
		if i == len(j.Segments)-1 {
			data = append(data, make([]byte, 5000)...)
		}
		files[name] = data
	}
	for name, note := range j.Notes {
		files[name] = bytes.Clone(note)
	}
	level := j.Leaves
	for l := 0; len(level) >= 256; l++ {
		var above []tree.Hash
		for n := 0; n+256 <= len(level); n += 256 {
			var tile []byte
			for _, h := range level[n : n+256] {
				tile = append(tile, h[:]...)
			}
			files[fmt.Sprintf("tile/%d/%03d", l, n/256)] = tile
			above = append(above, Root(level[n:n+256]))
		}
		level = above
	}
	return files
}

// File returns the segment's name and content.
func (s *Segment) File() (string, []byte) {
	var data []byte
	for _, line := range s.Lines {
		data = append(append(data, line...), '\n')
	}
	return fmt.Sprintf("journal-%020d.jsonl", s.First), data
}

// Write puts files into a folder that it makes.
func Write(folder string, files map[string][]byte) error {
	for name, data := range files {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return err
		}
	}
	return os.MkdirAll(folder, 0o700)
}

// Root returns the hash of a tree (RFC 6962 section 2.1), as the definition has
// it: of the largest power of two that is smaller than the whole, and the rest.
func Root(leaves []tree.Hash) tree.Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	left, right := Root(leaves[:k]), Root(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

// Turn sets the clock by some hours.
func (j *Journal) Turn(hours int) { j.clock = j.clock.Add(time.Duration(hours) * time.Hour) }

// Unused reports whether a number is stated as never having become an entry.
func (j *Journal) Unused(seq uint64) bool { return j.Leaves[seq-1] == tree.MissingLeaf }

// Relink returns the journal with one line changed, in the segment at or after
// an index, and every line after it linked anew. choose returns a number below
// the one it is given. Lines that numbers which were never used left behind are
// not kept, and neither are heads.
func (j *Journal) Relink(at int, choose func(int) int) *Journal {
	out := &Journal{Notes: map[string][]byte{}, Signer: j.Signer, clock: j.clock, batch: j.batch}
	out.Leaves = append(out.Leaves, j.Leaves[:j.Segments[0].First-1]...)
	edit := choose(len(j.Segments[at].Lines))
	for i, s := range j.Segments {
		copied := &Segment{First: s.First}
		out.Segments = append(out.Segments, copied)
		for n, line := range s.Lines {
			if j.Unused(s.First + uint64(n)) {
				break
			}
			if i == at && n <= edit && (n == edit || n == 0) {
				line = bytes.Replace(line, []byte(`"kind":"`), []byte(`"kind":"X`), 1)
			}
			if i > at || i == at && n > 0 {
				line = relinked(line, out.prev)
			}
			copied.Lines = append(copied.Lines, line)
			for uint64(len(out.Leaves)) < s.First+uint64(n)-1 {
				out.Leaves = append(out.Leaves, tree.MissingLeaf)
			}
			out.prev = tree.LeafHash(line)
			out.Leaves = append(out.Leaves, out.prev)
		}
	}
	return out
}

// relinked returns a line with another link.
func relinked(line []byte, prev tree.Hash) []byte {
	before, after, _ := bytes.Cut(line, []byte(`,"prev":"`))
	return fmt.Appendf(nil, `%s,"prev":"%s%s`, before, hex.EncodeToString(prev[:]), after[2*len(prev):])
}
