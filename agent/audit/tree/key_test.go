package tree

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestKeysThatAreRefused(t *testing.T) {
	good := newLog(t).VerifierKey()
	flip := []byte(good)
	flip[len(flip)-10] ^= 1
	spaced := newSigner("x y", algSignature, seed(1))
	key := func(alg byte, n int) string {
		raw := append([]byte{alg}, make([]byte, n)...)
		return fmt.Sprintf("x+%08x+%s", keyID("x", raw), base64.StdEncoding.EncodeToString(raw))
	}
	for name, vkey := range map[string]string{
		"empty": "", "no key": "x+12345678", "changed": string(flip), "other name": "x" + good,
		"short ID": strings.Replace(good, "+", "+0", 1), "type 2": key(2, 32), "long": key(1, 33), "short": key(4, 31), "none": key(1, 0),
		"name with a space": spaced.VerifierKey(),
		"in two lines":      good[:len(good)-9] + "\n" + good[len(good)-9:],
		"ID of another":     strings.Replace(good, "journal+", "journal+00000000+", 1),
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := ParseHead(signedNote(t, someHead), good, vkey)
			refused(t, err, care.BadRequest, ReasonKey)
		})
	}
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, origin: true, "ärztin.example": true, strings.Repeat("x", 255): true,
		"": false, "a b": false, "a+b": false, "a\nb": false, "a\x01b": false, "a\u00a0b": false, "a\xff": false,
		strings.Repeat("x", 256): false,
	} {
		_, signer := NewSigner(name, seed(1))
		_, witness := NewWitness(name, seed(1))
		for _, err := range []error{signer, witness} {
			if (err == nil) != ok {
				t.Errorf("name %q: %v, want ok %v", name, err, ok)
			}
			if err != nil {
				refused(t, err, care.BadRequest, ReasonKey)
			}
		}
	}
}

func TestKeysAreNeverPrinted(t *testing.T) {
	s, w := newLog(t), newWitness(t, "w", 1)
	secret := seed(1)
	leaks := []string{
		fmt.Sprintf("%x", secret[:4]), fmt.Sprintf("%X", secret[:4]), fmt.Sprint(secret[:4])[1:8],
		fmt.Sprintf("%#v", secret[:4])[8:20], base64.StdEncoding.EncodeToString(secret[:])[:5], string(secret[:4]),
	}
	type holder struct {
		s Signer
		p *Signer
		w Witness
	}
	for _, v := range []any{s, *s, w, *w, holder{*s, s, *w}, &holder{*s, s, *w}, []Signer{*s}, map[string]*Witness{"w": w}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			text := fmt.Sprintf(verb, v)
			for _, leak := range leaks {
				if strings.Contains(text, leak) {
					t.Errorf("%s of %T shows the key: %q", verb, v, text)
				}
			}
		}
		if text, err := json.Marshal(v); err == nil && strings.Contains(string(text), leaks[4]) {
			t.Errorf("JSON of %T shows the key: %s", v, text)
		}
	}
	for _, got := range []string{fmt.Sprintf("%v %s", s, w), fmt.Sprintf("%v %s", *s, *w)} {
		if got != "[signer "+origin+"] [witness w]" {
			t.Errorf("printed %q", got)
		}
	}
}
