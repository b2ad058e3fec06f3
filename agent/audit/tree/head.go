package tree

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// The limits of a signed head.
const (
	MaxNote       = 16 << 10 // bytes
	MaxSignatures = 32       // lines, of known and unknown keys
)

// Head is the state of a journal: what its tree was at some size. Whoever has a
// signed head can be shown that a line is below it, and that later heads follow
// from it.
type Head struct {
	Origin string // name of the journal, such as "care.example/A81001/journal"
	Size   uint64 // lines
	Root   Hash   // of the tree of that size
}

// text returns what is signed: C2SP tlog-checkpoint, without extension lines.
func (h Head) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", h.Origin, h.Size, base64.StdEncoding.EncodeToString(h.Root[:]))
}

// valid reports whether a head is one of a tree that this package could have.
func (h Head) valid() bool {
	return validName(h.Origin) && h.Size <= maxSize && (h.Size > 0 || h.Root == emptyRoot)
}

// parseText is the reverse of text. It takes no other spelling of a head, and
// no extension lines: the agent writes none, and C2SP advises against them.
func parseText(text string) (Head, bool) {
	origin, rest, _ := strings.Cut(text, "\n")
	size, rest, _ := strings.Cut(rest, "\n")
	n, err := strconv.ParseUint(size, 10, 64)
	root, err2 := base64.StdEncoding.DecodeString(strings.TrimSuffix(rest, "\n"))
	if err != nil || err2 != nil || len(root) != len(Hash{}) {
		return Head{}, false
	}
	h := Head{Origin: origin, Size: n, Root: Hash(root)}
	return h, h.valid() && h.text() == text
}

// Signer signs the heads of one journal by Ed25519. It prints as its name: the
// key is out of reach of package fmt. Many goroutines may sign.
type Signer struct {
	key  verifier
	sign func([]byte) []byte // holds the private key, where no printing finds it
}

// NewSigner returns the signer of the journal named origin: up to 255 bytes of
// UTF-8 without spaces, pluses and control characters. Its key comes from the
// seed alone. The seed may be wiped afterwards.
func NewSigner(origin string, seed *[32]byte) (*Signer, error) {
	if !validName(origin) {
		return nil, badKey("tree.NewSigner", "the journal's name is empty or too long, or has a space, a plus or a control character", nil)
	}
	s := newSigner(origin, algSignature, seed)
	return &s, nil
}

func newSigner(name string, alg byte, seed *[32]byte) Signer {
	key := ed25519.NewKeyFromSeed(seed[:])
	public := key.Public().(ed25519.PublicKey)
	id := keyID(name, append([]byte{alg}, public...))
	return Signer{
		key:  verifier{name: name, id: id, alg: alg, public: public},
		sign: func(msg []byte) []byte { return ed25519.Sign(key, msg) },
	}
}

// Origin returns the name of the journal whose heads are signed.
func (s *Signer) Origin() string { return s.key.name }

// VerifierKey returns the public key as [ParseHead] takes it.
func (s *Signer) VerifierKey() string { return s.key.text() }

// Format prints what is public, for every verb.
func (s Signer) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[signer " + s.key.name + "]")) }

// Sign returns the head as a signed note. A journal signs no head that does not
// follow from all it signed before: that is for the caller to see to.
func (s *Signer) Sign(h Head) ([]byte, error) {
	const op = "tree.Sign"
	if h.Origin != s.key.name || !h.valid() {
		return nil, badHead(op, "the head is of another journal, or cannot be", nil)
	}
	text := h.text()
	return appendSignature([]byte(text+"\n"), s.key.name, s.key.id, s.sign([]byte(text))), nil
}

// appendSignature appends a signature line: C2SP signed-note, "Format".
func appendSignature(msg []byte, name string, id uint32, sig []byte) []byte {
	raw := append([]byte{byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}, sig...)
	return fmt.Appendf(msg, "— %s %s\n", name, base64.StdEncoding.EncodeToString(raw))
}

// ParseHead reads a signed head. One of the keys of type 1 must be that of the
// journal the head names, and its signature must be there; a signature of any
// key that is given must be right. Signatures of other keys are passed over, as
// C2SP signed-note has it. It returns which of the witnesses, whose keys are of
// type 4, countersigned, in the order of the note.
//
// What it takes is at most 16 KiB with 32 signatures. A head that is read is of
// use only with what the caller knows: compare its size and root with those of
// the head before ([CheckConsistency]).
func ParseHead(msg []byte, vkeys ...string) (Head, []Cosignature, error) {
	const op = "tree.ParseHead"
	keys, err := parseKeys(vkeys)
	if err != nil {
		return Head{}, nil, err
	}
	if !withinLimits(msg) {
		return Head{}, nil, badHead(op, "the signed head has more than 16 KiB or 32 signatures", nil)
	}
	n, err := note.Open(msg, keys)
	if err != nil {
		return Head{}, nil, badHead(op, "the head is not a signed note, or no known key signed it, or a signature is wrong", err)
	}
	head, ok := parseText(n.Text)
	if !ok {
		return Head{}, nil, badHead(op, "the note is signed, but is no head of a journal", nil)
	}
	signed := false
	var witnesses []Cosignature
	for _, sig := range n.Sigs {
		switch key := keys.find(sig.Name, sig.Hash); {
		case key.alg == algCosignature:
			witnesses = append(witnesses, cosignature(sig))
		case key.name == head.Origin:
			signed = true
		}
	}
	if !signed {
		return Head{}, nil, badHead(op, "the head is not signed by the journal it names", nil)
	}
	return head, witnesses, nil
}

// withinLimits reports whether a note is worth reading.
func withinLimits(msg []byte) bool {
	return len(msg) <= MaxNote && bytes.Count(msg, []byte("\n— ")) <= MaxSignatures
}

// unsigned returns the note that a message is, without verifying a signature.
func unsigned(msg []byte) (*note.Note, error) {
	_, err := note.Open(msg, nil)
	if e, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
		return e.Note, nil
	}
	return nil, err
}
