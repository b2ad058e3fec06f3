package tree

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Cosignature says that a witness had checked, at that time, that the head
// followed from all heads of the journal it had seen before.
type Cosignature struct {
	Witness string    // its name
	At      time.Time // to the second, by the witness's clock
}

// Witness countersigns heads by C2SP tlog-cosignature with Ed25519. It prints as
// its name. Many goroutines may countersign.
type Witness struct{ signer Signer }

// NewWitness returns the witness of that name, of the form that [NewSigner]
// asks for, with the key that comes from the seed. No other witness and no
// journal may have the same seed: a cosignature does not say who made it. The
// seed may be wiped afterwards.
func NewWitness(name string, seed *[32]byte) (*Witness, error) {
	if !validName(name) {
		return nil, badKey("tree.NewWitness", "the witness's name is empty or too long, or has a space, a plus or a control character", nil)
	}
	return &Witness{newSigner(name, algCosignature, seed)}, nil
}

// VerifierKey returns the public key as [ParseHead] takes it.
func (w *Witness) VerifierKey() string { return w.signer.VerifierKey() }

// Format prints what is public, for every verb.
func (w Witness) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte("[witness " + w.signer.key.name + "]"))
}

// Cosign returns the signed head with the witness's signature after the others;
// one it made earlier is left out. The caller has checked before, under a lock
// that it holds until this head is stored, that the journal signed the head
// ([ParseHead]) and that it follows from the last one of that journal
// ([CheckConsistency]). The time is cut to the second.
func (w *Witness) Cosign(msg []byte, at time.Time) ([]byte, error) {
	const op = "tree.Cosign"
	if !withinLimits(msg) || at.Unix() < 0 {
		return nil, badHead(op, "the signed head has more than 16 KiB or 32 signatures, or the time is before 1970", nil)
	}
	n, err := unsigned(msg)
	if err != nil {
		return nil, badHead(op, "the head is not a signed note", err)
	}
	if _, ok := parseText(n.Text); !ok {
		return nil, badHead(op, "the note is no head of a journal", nil)
	}
	out, err := note.Sign(n, timed{w, at})
	if err != nil {
		return nil, badHead(op, "the head cannot be countersigned", err)
	}
	if !withinLimits(out) {
		return nil, badHead(op, "the head has no room for another signature", nil)
	}
	return out, nil
}

// timed is a [note.Signer] that signs at a time.
type timed struct {
	*Witness
	at time.Time
}

// Name implements [note.Signer].
func (s timed) Name() string { return s.signer.key.name }

// KeyHash implements [note.Signer].
func (s timed) KeyHash() uint32 { return s.signer.key.id }

// Sign implements [note.Signer].
func (s timed) Sign(text []byte) ([]byte, error) {
	at := uint64(s.at.Unix())
	return append(binary.BigEndian.AppendUint64(nil, at), s.signer.sign(cosigned(at, text))...), nil
}

// cosigned returns what a witness signs: C2SP tlog-cosignature, "Ed25519 signed
// message".
func cosigned(at uint64, text []byte) []byte {
	return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", at), text...)
}

// cutTime takes the time, in seconds since 1970, off a cosignature.
func cutTime(raw []byte) (at uint64, sig []byte, ok bool) {
	if len(raw) != 8+ed25519.SignatureSize {
		return 0, nil, false
	}
	at = binary.BigEndian.Uint64(raw)
	return at, raw[8:], at <= math.MaxInt64
}

// cosignature returns who made a verified cosignature, and when.
func cosignature(sig note.Signature) Cosignature {
	raw, _ := base64.StdEncoding.DecodeString(sig.Base64) // decoded before, when it was verified
	at, _, _ := cutTime(raw[4:])
	return Cosignature{Witness: sig.Name, At: time.Unix(int64(at), 0).UTC()}
}
