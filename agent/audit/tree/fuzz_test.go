package tree

import (
	"bytes"
	"testing"
)

// FuzzParseHead: whatever arrives, nothing panics; what is taken was signed in
// exactly the text of the head that is returned.
func FuzzParseHead(f *testing.F) {
	good := signedNote(f, someHead)
	f.Add(good)
	f.Add([]byte(someHead.text()))
	f.Add(bytes.Replace(good, []byte("w1 "), []byte("w1 AAAA"), 1))
	f.Add(bytes.Replace(good, []byte("\n\n"), []byte("\nextension\n\n"), 1))
	keys := allKeys(f)
	w := newWitness(f, "fuzz.example", 9)
	f.Fuzz(func(t *testing.T, msg []byte) {
		if h, _, err := ParseHead(msg, keys...); err == nil && !bytes.HasPrefix(msg, []byte(h.text()+"\n")) {
			t.Errorf("took %q for %v", msg, h)
		}
		if out, err := w.Cosign(msg, goldenTime); err == nil && !withinLimits(out) {
			t.Errorf("countersigned %d bytes", len(out))
		}
		// The text alone, signed by a journal that signs anything.
		signed := sign(t, string(msg)) // which may be a signed head before it is signed again
		h, _, err := ParseHead(signed, keys...)
		if err == nil && !bytes.HasPrefix(signed, []byte(h.text()+"\n")) {
			t.Errorf("took the text %q for %v", msg, h)
		}
	})
}

// FuzzParseVerifier: a key that is taken is written as it was read.
func FuzzParseVerifier(f *testing.F) {
	for _, vkey := range allKeys(f) {
		f.Add(vkey)
	}
	f.Add("x+00000000+AQ==")
	f.Fuzz(func(t *testing.T, vkey string) {
		if v, err := parseVerifier(vkey); err == nil && v.text() != vkey {
			t.Errorf("took %q for %q", vkey, v.text())
		}
	})
}

// FuzzProofs: no proof panics, however long or wrong.
func FuzzProofs(f *testing.F) {
	f.Add(uint64(3), uint64(7), make([]byte, 96))
	f.Add(uint64(0), uint64(0), []byte{})
	f.Add(uint64(1), uint64(1<<63), make([]byte, 64*32))
	f.Fuzz(func(t *testing.T, a, b uint64, raw []byte) {
		var proof []Hash
		for ; len(raw) >= 32; raw = raw[32:] {
			proof = append(proof, Hash(raw))
		}
		if CheckInclusion(a, b, leaf(1), leaf(2), proof) == nil {
			t.Error("a leaf is in a tree that has never been")
		}
		if CheckConsistency(a, b, leaf(1), leaf(2), proof) == nil {
			t.Error("trees that have never been are consistent")
		}
	})
}
