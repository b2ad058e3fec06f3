package audit

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/mycarerecord/edge-agent/agent/care"
)

const (
	// boxContext is the additional data of every sealed text, before the id of
	// the entry's request. It keeps what was sealed for one request from being
	// put into the entry of another.
	boxContext = "mcr-journal-v1\n"
	nonceSize  = 12 // bytes, NIST SP 800-38D section 8.2
	keyIDSize  = 8  // hexadecimal digits

	maxSealed = 8 << 10 // bytes that Reveal takes, more than any line can hold
)

// Box seals what names a patient in an entry: the NHS number, the id of a
// document, and the reason that a user typed. It uses AES-256-GCM with random
// nonces, which is safe for 2^32 entries under one key (NIST SP 800-38D
// section 8.3). Without the key a journal names nobody, and can still be
// verified. A Box prints as the id of its key; its methods may be called from
// many goroutines.
type Box struct {
	keyID   string
	aead    cipher.AEAD
	nonce   io.Reader
	scratch sync.Pool // of *scratch, so that sealing allocates nothing
}

// scratch is the room that sealing one text takes.
type scratch struct{ text, bound, sealed []byte }

// NewBox returns a Box for a secret key. The id, 8 hexadecimal digits, tells
// keys apart and stands in every entry.
func NewBox(key [32]byte, keyID string) (*Box, error) {
	if len(keyID) != keyIDSize {
		return nil, &care.Error{Kind: care.Internal, Op: "audit.NewBox", Reason: "KEY", Detail: "the id of the journal's key is 8 hexadecimal digits"}
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Box{keyID: keyID, aead: aead, nonce: rand.Reader, scratch: sync.Pool{New: func() any { return new(scratch) }}}, nil
}

// KeyID returns the id of the Box's key.
func (b *Box) KeyID() string { return b.keyID }

// String returns the id of the key.
func (b *Box) String() string { return "journal key " + b.keyID }

// Format writes what String returns, for every verb.
func (b *Box) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, b.String()) }

// Sealed is what an entry says of a patient, under a key.
type Sealed struct {
	Key string `json:"key"` // id of the key
	Box []byte `json:"box"` // nonce, ciphertext, tag; base64 in the line
}

// patient is what a Sealed holds.
type patient struct {
	NHSNumber  string `json:"nhs_number"`
	Linked     string `json:"linked"` // another NHS number, for CONSENT_LINKED
	DocumentID string `json:"document_id"`
	Reason     string `json:"reason"`
}

// appendPatient appends what the event says of a patient, sealed.
func (b *Box) appendPatient(o *object, e *care.Event) {
	room := b.scratch.Get().(*scratch)
	defer b.scratch.Put(room)
	inner := object{buf: append(room.text[:0], '{')}
	id := ""
	if r := e.Request; r != nil {
		id = r.ID
		inner.text("nhs_number", r.Subject.NHSNumber.Reveal(), maxCode)
		inner.text("linked", e.Linked.Reveal(), maxCode)
		inner.text("document_id", r.DocumentID, maxCode)
		inner.text("reason", r.Reason, maxText)
	} else if e.Directive != nil {
		inner.text("nhs_number", e.Directive.NHSNumber.Reveal(), maxCode)
	}
	if !inner.more {
		return
	}
	room.text = append(inner.buf, '}')
	o.key("patient")
	o.buf = append(o.buf, `{"key":"`...)
	o.buf = append(o.buf, b.keyID...)
	o.buf = append(o.buf, `","box":"`...)
	o.buf = b.appendSealed(o.buf, room, id)
	o.buf = append(o.buf, `"}`...)
}

// appendSealed appends the text of room, sealed for the request of the given
// id, as base64.
func (b *Box) appendSealed(dst []byte, room *scratch, requestID string) []byte {
	room.sealed = append(room.sealed[:0], make([]byte, nonceSize)...)
	_, _ = io.ReadFull(b.nonce, room.sealed) // crypto/rand ends the process where it cannot be had
	room.bound = appendBound(room.bound[:0], requestID)
	room.sealed = b.aead.Seal(room.sealed, room.sealed, room.text, room.bound)
	clear(room.text)
	return base64.StdEncoding.AppendEncode(dst, room.sealed)
}

// appendBound appends the additional data for a request. An id that does not
// stand in the entry as it is counts as none.
func appendBound(dst []byte, requestID string) []byte {
	if len(requestID) > maxCode || !utf8.ValidString(requestID) {
		requestID = ""
	}
	return append(append(dst, boxContext...), requestID...)
}

// Reveal opens what the entry says of a patient and sets the fields for it. An
// entry that names none is left as it is. It fails with reason OTHER_KEY if
// another key is needed, and with reason DAMAGED if what is sealed was changed.
func (b *Box) Reveal(l *Line) error {
	if len(l.Patient.Box) == 0 {
		return nil
	}
	entry := "entry " + strconv.FormatUint(l.Sequence, 10)
	if l.Patient.Key != b.keyID {
		return &care.Error{Kind: care.AuditUnavailable, Op: "audit.Reveal", Reason: ReasonOtherKey,
			Detail: "the patient of " + entry + " was sealed under another site key; restore that key from its sealed copy to see it"}
	}
	var p patient
	text := b.open(l)
	if text == nil || json.Unmarshal(text, &p) != nil || !numbered(&l.NHSNumber, p.NHSNumber) || !numbered(&l.Linked, p.Linked) {
		return damaged("audit.Reveal", "what "+entry+" says of its patient was changed after it was written")
	}
	l.DocumentID, l.Reason = p.DocumentID, p.Reason
	return nil
}

// numbered sets n to the number of a text that holds one or is empty.
func numbered(n *care.NHSNumber, text string) bool {
	if text == "" {
		*n = care.NHSNumber{}
		return true
	}
	read, err := care.ParseNHSNumber(text)
	*n = read
	return err == nil
}

// open returns what is sealed, or nil.
func (b *Box) open(l *Line) []byte {
	box := l.Patient.Box
	if len(box) <= nonceSize || len(box) > maxSealed {
		return nil
	}
	for _, id := range []string{l.RequestID, ""} {
		if text, err := b.aead.Open(nil, box[:nonceSize], box[nonceSize:], appendBound(nil, id)); err == nil {
			return text
		}
	}
	return nil
}
