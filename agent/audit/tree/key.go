package tree

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
)

// The signature types of C2SP signed-note that are used here.
const (
	algSignature   = 1 // Ed25519
	algCosignature = 4 // Ed25519 with the time, C2SP tlog-cosignature
)

// maxName is the longest name of a log or witness, in bytes. It is the limit of
// the newer signature types of C2SP.
const maxName = 255

// keyID returns the ID of a key of a type: C2SP signed-note, "Signatures".
func keyID(name string, key []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	return binary.BigEndian.Uint32(sum[:])
}

// validName reports whether a note can bear the name of its signer.
func validName(name string) bool {
	return name != "" && len(name) <= maxName && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return r == '+' || unicode.IsSpace(r) || unicode.IsControl(r) })
}

// verifier checks the signatures of one key. It is a [note.Verifier].
type verifier struct {
	name   string
	id     uint32
	alg    byte
	public ed25519.PublicKey
}

var _ note.Verifier = (*verifier)(nil)

// text returns the public key as text: name+ID+base64(type || key), C2SP
// signed-note, "Verifier keys".
func (v *verifier) text() string {
	key := append([]byte{v.alg}, v.public...)
	return fmt.Sprintf("%s+%08x+%s", v.name, v.id, base64.StdEncoding.EncodeToString(key))
}

// parseVerifier is the reverse of text.
func parseVerifier(vkey string) (*verifier, error) {
	const op = "tree.ParseHead"
	name, rest, _ := strings.Cut(vkey, "+")
	_, text, _ := strings.Cut(rest, "+")
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != 1+ed25519.PublicKeySize || !validName(name) {
		return nil, badKey(op, "a public key is not of the form name+ID+key; copy it anew", err)
	}
	if key[0] != algSignature && key[0] != algCosignature {
		return nil, badKey(op, "a public key is of an unknown type; use one of type 1 for a log, 4 for a witness", nil)
	}
	v := &verifier{name: name, id: keyID(name, key), alg: key[0], public: key[1:]}
	if v.text() != vkey {
		return nil, badKey(op, "a public key is damaged or belongs to another name; copy it anew", nil)
	}
	return v, nil
}

// Name implements [note.Verifier].
func (v *verifier) Name() string { return v.name }

// KeyHash implements [note.Verifier].
func (v *verifier) KeyHash() uint32 { return v.id }

// Verify implements [note.Verifier].
func (v *verifier) Verify(text, sig []byte) bool {
	if v.alg == algSignature {
		return ed25519.Verify(v.public, text, sig)
	}
	at, sig, ok := cutTime(sig)
	return ok && ed25519.Verify(v.public, cosigned(at, text), sig)
}

// keyring is the keys that are known. It is [note.Verifiers].
type keyring []*verifier

func parseKeys(vkeys []string) (keyring, error) {
	keys := make(keyring, len(vkeys))
	for i, vkey := range vkeys {
		var err error
		if keys[i], err = parseVerifier(vkey); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// find returns the first key of a name and ID, or nil. Should two different
// keys share both, the signatures of the second are wrong.
func (k keyring) find(name string, id uint32) *verifier {
	for _, v := range k {
		if v.name == name && v.id == id {
			return v
		}
	}
	return nil
}

// Verifier implements [note.Verifiers].
func (k keyring) Verifier(name string, id uint32) (note.Verifier, error) {
	if v := k.find(name, id); v != nil {
		return v, nil
	}
	return nil, &note.UnknownVerifierError{Name: name, KeyHash: id}
}
