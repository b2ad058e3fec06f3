package tree

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/mycarerecord/edge-agent/agent/care"
)

const origin = "care.example/A81001/journal"

func seed(b byte) *[32]byte { return &[32]byte{b, 2, 3, 31: b} }

func newLog(t testing.TB) *Signer {
	t.Helper()
	s, err := NewSigner(origin, seed(1))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newWitness(t testing.TB, name string, b byte) *Witness {
	t.Helper()
	w, err := NewWitness(name, seed(b))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

var (
	goldenTime = time.Date(2026, 11, 22, 9, 30, 0, 999, time.UTC)
	someHead   = Head{Origin: origin, Size: 1000, Root: leaf(1)}
)

// signedNote is the head signed by the journal and two witnesses.
func signedNote(t testing.TB, h Head) []byte {
	t.Helper()
	msg, err := newLog(t).Sign(h)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"broker.example/w1", "peer.example/w2"} {
		msg, err = newWitness(t, name, byte(2+i)).Cosign(msg, goldenTime.Add(time.Duration(i)*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
	}
	return msg
}

func allKeys(t testing.TB) []string {
	return []string{
		newLog(t).VerifierKey(),
		newWitness(t, "broker.example/w1", 2).VerifierKey(),
		newWitness(t, "peer.example/w2", 3).VerifierKey(),
	}
}

func TestGoldenNote(t *testing.T) {
	wantNote, err := os.ReadFile("testdata/head.note")
	if err != nil {
		t.Fatal(err)
	}
	wantKeys, err := os.ReadFile("testdata/head.keys")
	if err != nil {
		t.Fatal(err)
	}
	head := Head{Origin: origin, Size: 1000, Root: grown(t, t.TempDir(), 1000).Root()}
	if got := signedNote(t, head); string(got) != string(wantNote) {
		t.Errorf("note\n%s\nwant\n%s", got, wantNote)
	}
	if got := strings.Join(allKeys(t), "\n") + "\n"; got != string(wantKeys) {
		t.Errorf("keys\n%s\nwant\n%s", got, wantKeys)
	}
	got, witnesses, err := ParseHead(wantNote, strings.Fields(string(wantKeys))...)
	if err != nil || got != head {
		t.Fatalf("ParseHead = %v, %v, want %v", got, err, head)
	}
	at := goldenTime.Truncate(time.Second)
	want := []Cosignature{{"broker.example/w1", at}, {"peer.example/w2", at.Add(time.Hour)}}
	if !slices.Equal(witnesses, want) {
		t.Errorf("witnesses %v, want %v", witnesses, want)
	}
}

// The note package of the Go project reads what the signer signs.
func TestOthersReadTheHead(t *testing.T) {
	v, err := note.NewVerifier(newLog(t).VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signedNote(t, someHead), note.VerifierList(v))
	if err != nil || n.Text != someHead.text() || len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 2 {
		t.Errorf("Open = %+v, %v", n, err)
	}
}

func TestOnlyKnownWitnessesAreListed(t *testing.T) {
	keys, msg := allKeys(t), signedNote(t, someHead)
	_, witnesses, err := ParseHead(msg, keys[0], keys[2])
	if err != nil || len(witnesses) != 1 || witnesses[0].Witness != "peer.example/w2" {
		t.Errorf("ParseHead = %v, %v, want the peer alone", witnesses, err)
	}
	// A key given twice, and one that did not sign, change nothing.
	other := newWitness(t, "other.example", 9).VerifierKey()
	_, witnesses, err = ParseHead(msg, keys[0], keys[0], keys[1], keys[1], other)
	if err != nil || len(witnesses) != 1 || witnesses[0].Witness != "broker.example/w1" {
		t.Errorf("ParseHead = %v, %v, want the broker alone", witnesses, err)
	}
}

// A journal may change its key: the old one and the new one are both known.
func TestTwoKeysOfOneJournal(t *testing.T) {
	renewed, err := NewSigner(origin, seed(8))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Signer{newLog(t), renewed} {
		msg, err := s.Sign(someHead)
		if err != nil {
			t.Fatal(err)
		}
		h, _, err := ParseHead(msg, newLog(t).VerifierKey(), renewed.VerifierKey())
		if err != nil || h != someHead {
			t.Errorf("ParseHead = %v, %v, want %v", h, err, someHead)
		}
	}
}

func TestCosignAgainReplaces(t *testing.T) {
	w := newWitness(t, "broker.example/w1", 2)
	msg, err := w.Cosign(signedNote(t, someHead), goldenTime.Add(48*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	_, witnesses, err := ParseHead(msg, allKeys(t)...)
	if err != nil || len(witnesses) != 2 || !witnesses[1].At.Equal(goldenTime.Add(48*time.Hour).Truncate(time.Second)) {
		t.Errorf("ParseHead = %v, %v", witnesses, err)
	}
}

// sign signs any text as the journal.
func sign(t testing.TB, text string) []byte {
	s := newLog(t)
	return appendSignature([]byte(text+"\n"), s.key.name, s.key.id, s.sign([]byte(text)))
}

func TestHeadsThatAreRefused(t *testing.T) {
	root := base64.StdEncoding.EncodeToString(make([]byte, 32))
	good := signedNote(t, someHead)
	replaced := func(from, to string) []byte { return []byte(strings.Replace(string(good), from, to, 1)) }
	unknown := func(n int) []byte { // with n signatures
		msg, err := newLog(t).Sign(someHead)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n - 1 {
			msg = appendSignature(msg, fmt.Sprintf("w%d", i), 7, make([]byte, 64))
		}
		return msg
	}
	if _, _, err := ParseHead(unknown(MaxSignatures), allKeys(t)...); err != nil {
		t.Errorf("%d signatures: %v", MaxSignatures, err)
	}
	long := appendSignature(slices.Clone(good), "long", 7, make([]byte, 12<<10))
	if _, _, err := ParseHead(sign(t, someHead.text()), allKeys(t)...); err != nil {
		t.Errorf("the journal's own signature alone: %v", err)
	}
	late := newWitness(t, "broker.example/w1", 2).signer // by a time that C2SP forbids
	const never = 1 << 63
	never8 := binary.BigEndian.AppendUint64(nil, never)
	lateNote := appendSignature(sign(t, someHead.text()), late.key.name, late.key.id,
		append(never8, late.sign(cosigned(never, []byte(someHead.text())))...))
	stranger, err := NewSigner(origin, seed(8))
	if err != nil {
		t.Fatal(err)
	}
	strange, err := stranger.Sign(someHead)
	if err != nil {
		t.Fatal(err)
	}
	for name, msg := range map[string][]byte{
		"empty":               nil,
		"no signature":        []byte(someHead.text()),
		"another key":         strange,
		"size changed":        replaced("\n1000\n", "\n1001\n"),
		"origin changed":      replaced(origin, "care.example/A81002/journal"),
		"without the journal": replaced("— "+origin, "— someone.example"),
		"cosignature changed": changeSignature(good, 4+8+63),
		"time changed":        changeSignature(good, 4+7),
		"time beyond 2^63":    lateNote,
		"33 signatures":       unknown(MaxSignatures + 1),
		"17 KiB":              long,
		"carriage returns":    []byte(strings.ReplaceAll(string(good), "\n", "\r\n")),
		"extension line":      sign(t, someHead.text()+"more\n"),
		"two lines":           sign(t, origin+"\n5\n"),
		"no root":             sign(t, origin+"\n5\n\n"),
		"short root":          sign(t, origin+"\n5\nAAAA\n"),
		"root not base64":     sign(t, origin+"\n5\n"+strings.Repeat("!", 44)+"\n"),
		"root in two lines":   sign(t, origin+"\n5\n"+root[:4]+"\n"+root[4:]+"\n"),
		"leading zero":        sign(t, origin+"\n05\n"+root+"\n"),
		"plus":                sign(t, origin+"\n+5\n"+root+"\n"),
		"negative":            sign(t, origin+"\n-5\n"+root+"\n"),
		"too large":           sign(t, origin+"\n281474976710657\n"+root+"\n"),
		"empty with a root":   sign(t, origin+"\n0\n"+root+"\n"),
		"origin of another":   sign(t, "care.example/A81002/journal\n5\n"+root+"\n"),
		"no origin":           sign(t, "\n5\n"+root+"\n"),
		"unused bits in root": sign(t, origin+"\n5\n"+root[:42]+"B=\n"),
	} {
		t.Run(name, func(t *testing.T) {
			h, witnesses, err := ParseHead(msg, allKeys(t)...)
			refused(t, err, care.BadRequest, ReasonHead)
			if h != (Head{}) || witnesses != nil {
				t.Errorf("ParseHead = %v, %v, want nothing", h, witnesses)
			}
		})
	}
	_, _, err = ParseHead(good)
	refused(t, err, care.BadRequest, ReasonHead)
	_, _, err = ParseHead(good, allKeys(t)[1:]...)
	refused(t, err, care.BadRequest, ReasonHead)
}

// changeSignature changes a byte of the first witness's signature line: the key
// ID, the time, or the signature.
func changeSignature(msg []byte, at int) []byte {
	lines := strings.Split(string(msg), "\n")
	name, text, _ := strings.Cut(strings.TrimPrefix(lines[5], "— "), " ")
	raw, _ := base64.StdEncoding.DecodeString(text)
	raw[at] ^= 1
	lines[5] = "— " + name + " " + base64.StdEncoding.EncodeToString(raw)
	return []byte(strings.Join(lines, "\n"))
}

// A witness that is also a journal of that name signs with another key.
func TestCosignatureIsNotTheJournals(t *testing.T) {
	w := newWitness(t, origin, 5)
	msg, err := w.Cosign(sign(t, someHead.text()), goldenTime)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = ParseHead(msg, w.VerifierKey())
	refused(t, err, care.BadRequest, ReasonHead)
}

func TestSignRefuses(t *testing.T) {
	for name, h := range map[string]Head{
		"other journal": {Origin: "x", Size: 5},
		"too large":     {Origin: origin, Size: maxSize + 1},
		"empty":         {Origin: origin, Root: Hash{1}},
	} {
		msg, err := newLog(t).Sign(h)
		refused(t, err, care.BadRequest, ReasonHead)
		if msg != nil {
			t.Errorf("%s: signed", name)
		}
	}
	if _, err := newLog(t).Sign(Head{Origin: origin, Root: emptyRoot}); err != nil {
		t.Errorf("the empty journal: %v", err)
	}
}

func TestCosignRefuses(t *testing.T) {
	full, err := newLog(t).Sign(someHead)
	if err != nil {
		t.Fatal(err)
	}
	for i := range MaxSignatures - 1 {
		full = appendSignature(full, fmt.Sprintf("w%d", i), 7, make([]byte, 64))
	}
	for name, c := range map[string]struct {
		msg []byte
		at  time.Time
	}{
		"before 1970": {signedNote(t, someHead), time.Unix(-1, 0)},
		"no room":     {full, goldenTime},
		"no note":     {[]byte("x"), goldenTime},
		"no head":     {sign(t, "a\nb\nc\n"), goldenTime},
		"too long":    {append(signedNote(t, someHead), make([]byte, MaxNote)...), goldenTime},
	} {
		t.Run(name, func(t *testing.T) {
			msg, err := newWitness(t, "w", 7).Cosign(c.msg, c.at)
			refused(t, err, care.BadRequest, ReasonHead)
			if msg != nil {
				t.Error("countersigned")
			}
		})
	}
}
