package verify

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// Where heads lie in a journal's folder.
const (
	checkpointFile = "checkpoint"
	headsFolder    = "heads"
)

// Head is a signed head that the journal was compared with.
type Head struct {
	Source    string   `json:"source"` // "checkpoint", a file in heads, or "given head 1"
	Size      uint64   `json:"size"`   // entries that it covers
	Witnesses []string `json:"witnesses,omitempty"`
	Given     bool     `json:"given,omitempty"` // it was kept where the journal is not
	Fits      bool     `json:"fits"`            // the entries have its root

	root     tree.Hash
	compared bool // the tree could be computed up to its size
}

// anchors reports whether more than the site's own key speaks for the head.
func (h *Head) anchors() bool { return h.Given || len(h.Witnesses) > 0 }

// heads are the signed heads of a journal, in the order of their sizes.
type heads struct {
	keys      []string
	witnesses bool // there is a key of a witness among them
	origin    string
	list      []*Head
}

// isWitness reports whether a verifier key, which is name, id and key joined by
// "+", is that of a witness: the first digit in base64 of a key of type 1 is A,
// of type 4 B. The base64 may hold a "+" itself.
func isWitness(key string) bool {
	_, rest, _ := strings.Cut(key, "+")
	_, public, _ := strings.Cut(rest, "+")
	return strings.HasPrefix(public, "B")
}

// newHeads checks the keys. One must be that of a journal.
func newHeads(keys []string) (*heads, error) {
	_, _, err := tree.ParseHead(nil, keys...)
	if care.ReasonOf(err) == tree.ReasonKey {
		return nil, err
	}
	h := &heads{keys: keys}
	journal := false
	for _, key := range keys {
		witness := isWitness(key)
		h.witnesses = h.witnesses || witness
		journal = journal || !witness
	}
	if !journal {
		return nil, &care.Error{Kind: care.BadRequest, Op: op, Reason: tree.ReasonKey, Detail: "the journal's own public key is needed; the site can show it"}
	}
	return h, nil
}

// load reads the heads in a journal's folder, and those that were given.
func (h *heads) load(folder string, given [][]byte, r *Report) error {
	note, err := readSmall(filepath.Join(folder, checkpointFile), maxNote)
	if err != nil {
		return err
	}
	if note != nil {
		h.add(note, Head{Source: checkpointFile}, r)
	}
	sizes, err := keptHeads(folder)
	if err != nil {
		return err
	}
	for _, size := range sizes {
		name := fmt.Sprintf("%s/%020d%s", headsFolder, size, headSuffix)
		if note, err = readSmall(filepath.Join(folder, filepath.FromSlash(name)), maxNote); err != nil {
			return err
		}
		if note != nil {
			h.add(note, Head{Source: name, Size: size}, r)
		}
	}
	for i, note := range given {
		h.add(note, Head{Source: fmt.Sprintf("given head %d", i+1), Given: true}, r)
	}
	slices.SortStableFunc(h.list, func(a, b *Head) int { return compare(a.Size, b.Size) })
	return nil
}

// keptHeads returns the sizes of the heads in the folder for those that a
// witness countersigned.
func keptHeads(folder string) ([]uint64, error) {
	entries, err := os.ReadDir(filepath.Join(folder, headsFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, failed(err)
	}
	var sizes []uint64
	for _, e := range entries {
		if size, ok := numberOf(e.Name(), "", headSuffix); ok {
			sizes = append(sizes, size)
		}
	}
	return sizes, nil
}

// add takes a head whose signatures are right.
func (h *heads) add(note []byte, head Head, r *Report) {
	parsed, witnesses, err := tree.ParseHead(note, h.keys...)
	why := ""
	switch {
	case err != nil:
		why = "it is no signed head, no known key signed it, or a signature is wrong"
	case h.origin != "" && parsed.Origin != h.origin:
		why = "it is of another journal, " + parsed.Origin
	case strings.HasPrefix(head.Source, headsFolder) && parsed.Size != head.Size:
		why = fmt.Sprintf("it is of %d entries, which its name does not say", parsed.Size)
	case strings.HasPrefix(head.Source, headsFolder) && h.witnesses && len(witnesses) == 0:
		why = "no known witness countersigned it"
	}
	if why != "" {
		r.fault(HeadInvalid, head.Size, head.Size, head.Source+": "+why)
		return
	}
	h.origin = parsed.Origin
	head.Size, head.root = parsed.Size, parsed.Root
	for _, w := range witnesses {
		head.Witnesses = append(head.Witnesses, w.Witness)
	}
	h.list = append(h.list, &head)
}

// has reports whether there is a head from a source, as far as it begins.
func (h *heads) has(source string) bool {
	return slices.ContainsFunc(h.list, func(head *Head) bool { return strings.HasPrefix(head.Source, source) })
}

// newest returns the size of the largest head that fits and of which ok holds.
func (h *heads) newest(ok func(*Head) bool) uint64 {
	size := uint64(0)
	for _, head := range h.list {
		if head.Fits && ok(head) {
			size = head.Size
		}
	}
	return size
}
