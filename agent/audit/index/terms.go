package index

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"iter"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// A dimension is one thing that entries can be searched by. The numbers are
// part of what is hashed, so they never change within one format version.
type dimension byte

const (
	byPatient dimension = iota + 1
	byUser
	byOrganisation
	byRole
	byBroker
	byOutcome
	bySection
	byKind
	unrevealed // entries whose patient could not be told; its value is empty
)

// released is the outcome of a request that was allowed.
const released = "OK"

// A term is one value of one dimension. Except for a patient's number it is in
// upper case, because case does not matter in a search.
type term struct {
	dim   dimension
	value string
}

// newTerm returns the term of a value.
func newTerm(dim dimension, value string) term { return term{dim, strings.ToUpper(value)} }

// termsOf yields the terms of an entry, some perhaps twice. The index is built
// and its results are checked with it, so that the two cannot differ.
func termsOf(l *audit.Line) iter.Seq[term] {
	return func(yield func(term) bool) {
		for _, t := range [...]term{
			{byPatient, l.NHSNumber.Reveal()},
			newTerm(byUser, l.UserID),
			newTerm(byUser, l.Actor),
			newTerm(byOrganisation, string(l.Organisation)),
			newTerm(byRole, l.RoleCode),
			newTerm(byRole, l.RoleProfile),
			newTerm(byBroker, l.Broker),
			newTerm(byOutcome, outcomeOf(l)),
			newTerm(byOutcome, l.TrueReason),
			newTerm(byKind, string(l.Kind)),
		} {
			if t.value != "" && !yield(t) {
				return
			}
		}
		for _, s := range l.Sections {
			if s != "" && !yield(newTerm(bySection, s)) {
				return
			}
		}
	}
}

// outcomeOf returns how a request was answered, or nothing for other entries.
func outcomeOf(l *audit.Line) string {
	if l.Refusal == "" && (l.Kind == care.ReleaseDecided || l.Kind == care.ReleaseEnded) {
		return released
	}
	return l.Refusal
}

// hasTerm reports whether an entry has a term.
func hasTerm(l *audit.Line, wanted term) bool {
	for t := range termsOf(l) {
		if t == wanted {
			return true
		}
	}
	return false
}

// maxRemembered bounds the hashes that a hasher remembers.
const maxRemembered = 1 << 12

// hasher turns terms into the keys of posting lists: the first 8 bytes of
// HMAC-SHA256 under a key of its own, so that a copied index tells no value
// and no guess can be tried. Two values in one list cost a look at a line more,
// never a wrong result. It belongs to one goroutine.
type hasher struct {
	mac   hash.Hash
	known map[term]uint64 // of what repeats; patients are left out
	sum   []byte
}

// newHasher returns a hasher of terms under the key of the index.
func newHasher(key *[32]byte) *hasher {
	return &hasher{mac: hmac.New(sha256.New, derive(key, "terms")), known: map[term]uint64{}}
}

// derive returns the key for one use of the key of the index.
func derive(key *[32]byte, use string) []byte {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte("mcr-journal-index-v1 " + use))
	return mac.Sum(nil)
}

func (h *hasher) of(t term) uint64 {
	if sum, ok := h.known[t]; ok {
		return sum
	}
	h.mac.Reset()
	h.mac.Write([]byte{byte(t.dim)})
	h.mac.Write([]byte(t.value))
	h.sum = h.mac.Sum(h.sum[:0])
	sum := binary.BigEndian.Uint64(h.sum)
	if t.dim != byPatient && len(h.known) < maxRemembered {
		h.known[t] = sum
	}
	return sum
}
