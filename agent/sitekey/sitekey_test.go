package sitekey

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// testSecret is the secret of the golden files: bytes 1 to 32.
func testSecret() []byte {
	secret := make([]byte, size)
	for i := range secret {
		secret[i] = byte(i + 1)
	}
	return secret
}

func testKey(t testing.TB) Key {
	t.Helper()
	k, err := New(testSecret())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// wantReason fails unless err has kind and reason, and says what to do.
func wantReason(t *testing.T, err error, kind care.Kind, reason string) {
	t.Helper()
	if care.ReasonOf(err) != reason || care.KindOf(err) != kind {
		t.Fatalf("got %v; want %v (%s)", err, kind, reason)
	}
}

func TestNewRefusesWhatIsNoKey(t *testing.T) {
	for name, secret := range map[string][]byte{
		"nothing": nil, "short": testSecret()[:31], "long": append(testSecret(), 1), "zeros": make([]byte, 32),
	} {
		t.Run(name, func(t *testing.T) {
			k, err := New(secret)
			wantReason(t, err, care.Internal, "KEY_DAMAGED")
			if !k.IsZero() {
				t.Error("a key was made all the same")
			}
		})
	}
}

func TestNewCopies(t *testing.T) {
	secret := testSecret()
	k, err := New(secret)
	if err != nil {
		t.Fatal(err)
	}
	clear(secret)
	if !k.Equal(testKey(t)) {
		t.Error("the key changed with the caller's bytes")
	}
}

func TestEqual(t *testing.T) {
	k := testKey(t)
	other := testSecret()
	other[31]++
	o, err := New(other)
	if err != nil {
		t.Fatal(err)
	}
	if !k.Equal(testKey(t)) || k.Equal(o) || k.Equal(Key{}) || (Key{}).Equal(k) || (Key{}).Equal(Key{}) {
		t.Error("Equal does not compare the secrets")
	}
}

// What was written under a derived key must be readable for ever. The values
// were computed apart from this code, as HMAC-SHA256(secret, purpose || 0x01).
// The three purposes of the consent store are those of its version 1.
func TestDeriveIsFrozen(t *testing.T) {
	for purpose, want := range map[string]string{
		"mcr consent v1: patient key": "0fabdea05979d3a191c4e2320b0a350952b8cb16b7c2ee54cf7b2f99a468013d",
		"mcr consent v1: entry":       "52baee4ecad1344a4e18d8cd3b3a37ef47f92f09c321ff90193c10f4a4272d66",
		"mcr consent v1: state":       "824068334a4020b7f2260be1662b7d5309f3fd443241347086275b19de75ff61",
		"":                            "e8ad8c1d8e445d45f79f2258b38297fc247dd7b03c7a5f6b098ac8519d5a1559",
	} {
		derived := testKey(t).Derive(purpose)
		if got := hex.EncodeToString(derived[:]); got != want {
			t.Errorf("Derive(%q) = %s; want %s", purpose, got, want)
		}
	}
}

// Sealed copies on paper carry IDs. The values were computed apart from this
// code: HMAC-SHA256(Derive("mcr key id v1"), purpose), 4 bytes.
func TestIDIsFrozen(t *testing.T) {
	for purpose, want := range map[string]string{Self: "c35c7e1c", "mcr consent v1: entry": "18630f3f", "": "525b4c41"} {
		if got := testKey(t).ID(purpose); got != want {
			t.Errorf("ID(%q) = %s; want %s", purpose, got, want)
		}
	}
}

// The key must not show, however it is printed, in whatever it is held.
func TestKeyRedactsItself(t *testing.T) {
	k := testKey(t)
	type open struct{ Key Key }
	type hidden struct{ key Key }
	type pointed struct{ key *Key }
	holders := []any{k, &k, open{k}, &open{k}, hidden{k}, &hidden{k}, pointed{&k}, []Key{k}, []hidden{{k}}, map[string]Key{"k": k}, any(k)}
	var out bytes.Buffer
	for _, h := range holders {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%U", "%t", "%e", "% x", "%#x", "%T"} {
			fmt.Fprintf(&out, verb+"\n", h)
		}
		encoded, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(encoded)
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "k", h)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "k", h)
		hclog.New(&hclog.LoggerOptions{Output: &out}).Error("m", "k", h)
		hclog.New(&hclog.LoggerOptions{Output: &out, JSONFormat: true}).Error("m", "k", h)
	}
	checkNoSecret(t, out.String())
	if n := strings.Count(fmt.Sprintf("%d %x %#v %s", k, k, k, open{k}), redacted); n != 4 {
		t.Errorf("the key says %d times that it is redacted; want 4", n)
	}
	if text, err := json.Marshal(open{k}); string(text) != `{"Key":"[redacted]"}` {
		t.Errorf("as JSON it is %s, %v", text, err)
	}
	if got := k.String() + k.GoString() + k.LogValue().String(); got != strings.Repeat(redacted, 3) {
		t.Errorf("it shows itself as %s", got)
	}
}

// checkNoSecret fails when a text holds the test key in any usual writing.
func checkNoSecret(t testing.TB, text string) {
	t.Helper()
	secret := testSecret()[8:14] // any piece of it
	for _, form := range []string{"%x", "%X", "% x", "% X", "%d", "%#v", "%o", "%b", "%U", "%c", "%q", "%s"} {
		piece := strings.Trim(fmt.Sprintf(form, secret), "[]\"")
		if form == "%#v" {
			piece = "0x9, 0xa, 0xb"
		}
		if strings.Contains(strings.ToLower(text), strings.ToLower(piece)) {
			t.Errorf("the secret shows as %s", form)
		}
	}
}
