package sitekey

import (
	"bytes"
	"errors"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// FuzzUnseal feeds any text to Unseal. What it opens must be the copy of the
// golden file, as nobody else's can be opened or changed.
func FuzzUnseal(f *testing.F) {
	file := golden(f, "copy-x25519.txt")
	f.Add(file)
	f.Add(golden(f, "copy-hybrid.txt"))
	f.Add(golden(f, "copy-passphrase.txt"))
	f.Add(bytes.ReplaceAll(file, []byte("\n"), []byte("\r\n")))
	f.Add(file[len(file)/2:])
	opener, want := testOpener(f, "x25519"), testKey(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		c, err := Unseal(file, opener)
		if err == nil {
			if !c.Key.Equal(want) || c.Site != "Y99901" {
				t.Errorf("opened a copy that nobody made: %+v", c)
			}
			return
		}
		if e, ok := errors.AsType[*care.Error](err); !ok || e.Reason == "" || e.Detail == "" {
			t.Errorf("an error without reason or advice: %v", err)
		}
	})
}

// FuzzParsePayload feeds any text to the reader of what is encrypted. What it
// takes must be written again byte by byte.
func FuzzParsePayload(f *testing.F) {
	f.Add(testCopy(f).payload())
	f.Add([]byte("mcr site key copy 1\nsite \nid \nmade \nkey \n"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		c, err := parsePayload(payload)
		if err == nil && !bytes.Equal(c.payload(), payload) {
			t.Errorf("took %q for %q", payload, c.payload())
		}
		if err != nil && care.ReasonOf(err) == "" {
			t.Errorf("an error without reason: %v", err)
		}
	})
}
