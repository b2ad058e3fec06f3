package forward

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

var sampleState = state{last: care.Position{Sequence: 12, Leaf: [32]byte{0xab, 31: 1}}, dropped: Dropped{Count: 7, From: 3, To: 5}, rejected: 2}

// The file lasts longer than the program, so its form is frozen here.
const sampleText = "mcr-forward v1\nposition 12 ab00000000000000000000000000000000000000000000000000000000000001\ndropped 7 3 5\nrejected 2\n"

func TestState(t *testing.T) {
	if got := sampleState.text(); got != sampleText {
		t.Errorf("%q", got)
	}
	path := filepath.Join(t.TempDir(), "forward-a")
	if got, err := readState(path); err != nil || got != (state{}) {
		t.Errorf("with no file: %+v, %v", got, err)
	}
	for range 2 {
		if err := writeState(path, sampleState); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := readState(path); err != nil || got != sampleState {
		t.Errorf("%+v, %v", got, err)
	}
	if entries := must(os.ReadDir(filepath.Dir(path))); len(entries) != 1 {
		t.Errorf("%d files are left", len(entries))
	}
}

// Run does not begin with a state that it cannot read: sending all again has to
// be somebody's decision.
func TestADamagedState(t *testing.T) {
	j := newJournal(t)
	s := j.settings(Receiver{Name: "a", Kind: Syslog, Address: "localhost:1"})
	for name, text := range map[string]string{
		"empty": "", "cut": sampleText[:len(sampleText)-1], "longer": sampleText + "\n", "other": "x" + sampleText,
		"a sign": strings.Replace(sampleText, "12", "+12", 1), "short hash": strings.Replace(sampleText, "ab00", "ab", 1),
		"upper case": strings.Replace(sampleText, "ab", "AB", 1), "huge": strings.Repeat(sampleText, 10),
	} {
		if err := os.WriteFile(filepath.Join(j.state, "forward-a"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := must(New(s)).Run(context.Background()); care.ReasonOf(err) != "STATE" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAStateThatCannotBeWritten(t *testing.T) {
	j, got := newJournal(t), newCollected()
	j.add(t, 3)
	j.close(t)
	s := j.settings(serve(t, nil, got.handle).receiver(Syslog))
	s.State = filepath.Join(j.state, "none")
	r := run(t, s)
	got.expect(t, 1, 3) // it is forwarded all the same
	r.until(t, "told", func(s Status) bool { return care.ReasonOf(s.LastError) == "STATE" })
}

func TestHeadsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "checkpoint")
	if n, err := durable(dir); n != 0 || err != nil {
		t.Errorf("with no head: %d, %v", n, err)
	}
	for text, want := range map[string]uint64{"o\n7\nroot\n": 7, "o\n\nroot\n": 0, "o\n-1\nr": 0, "o\n7": 0, "": 0, "o\n7\n" + strings.Repeat("x", maxCheckpoint): 0} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := durable(dir); n != want || (want == 0) != (care.ReasonOf(err) == "HEAD") {
			t.Errorf("%.20q: %d, %v", text, n, err)
		}
	}
}

func FuzzState(f *testing.F) {
	f.Add([]byte(sampleText))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, ok := parseState(text); ok && s.text() != string(text) {
			t.Errorf("%q is read as %+v", text, s)
		}
	})
}
