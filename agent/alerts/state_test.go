package alerts

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// sample is a book with something in every field that is saved.
func sample() book {
	return book{read: care.Position{Sequence: 99, Leaf: [32]byte{9}}, told: 42, open: []item{
		{number: 7, leaf: [32]byte{7}, kind: BreakGlass, at: 1_795_000_000_000_000}, {number: 98, leaf: [32]byte{98}, kind: "BUDGET_REACHED", at: -1}}}
}

// TestStateForm freezes the file, which newer builds are to read.
func TestStateForm(t *testing.T) {
	f := Files{Key: [32]byte{1}}
	b := sample()
	want := "mcr-alerts v1\nread 99 09" + strings.Repeat("0", 62) + "\ntold 42\nopen 2\n" +
		"alert 7 BREAK_GLASS 1795000000000000 07" + strings.Repeat("0", 62) + "\n" +
		"alert 98 BUDGET_REACHED -1 62" + strings.Repeat("0", 62) + "\n"
	text := string(f.text(&b))
	if rest, ok := strings.CutPrefix(text, want); !ok || len(rest) != len("mac \n")+64 {
		t.Fatalf("the file is\n%s", text)
	}
	got, ok := f.parse([]byte(text))
	if !ok || !reflect.DeepEqual(got, b) {
		t.Errorf("it is read as %+v, %v", got, ok)
	}
}

// TestStateIsWholeOrNothing changes every byte, cuts and extends.
func TestStateIsWholeOrNothing(t *testing.T) {
	f := Files{Key: [32]byte{1}}
	b := sample()
	text := f.text(&b)
	for i := range text {
		for _, bit := range []byte{1, 0x20, 0x80} {
			changed := bytes.Clone(text)
			changed[i] ^= bit
			if _, ok := f.parse(changed); ok {
				t.Fatalf("byte %d may be changed", i)
			}
		}
		if _, ok := f.parse(text[:i]); ok {
			t.Fatalf("it may end after %d bytes", i)
		}
	}
	if _, ok := f.parse(append(bytes.Clone(text), '\n')); ok {
		t.Error("something may follow")
	}
	if _, ok := (&Files{Key: [32]byte{2}}).parse(text); ok {
		t.Error("any key will do")
	}
	signed := func(text string) []byte { return append([]byte(text), f.mac([]byte(text))...) }
	for _, text := range []string{"", "mcr-alerts v2\n", "mcr-alerts v1\nread 1 00\ntold 0\nopen 0\n",
		"mcr-alerts v1\nread 1 " + strings.Repeat("0", 64) + "\ntold 0\nopen -1\n",
		"mcr-alerts v1\nread 1 " + strings.Repeat("0", 64) + "\ntold 0\nopen 999999999\n",
		"mcr-alerts v1\nread 1 " + strings.Repeat("0", 64) + "\ntold 0\nopen 1\n",
		"mcr-alerts v1\nread 1 " + strings.Repeat("0", 64) + "\ntold 0\nopen 0\nmore\n"} {
		if _, ok := f.parse(signed(text)); ok {
			t.Errorf("%q is read", text)
		}
	}
}

// TestManyOpenAlerts has more than the file has room for.
func TestManyOpenAlerts(t *testing.T) {
	j := newJournal(t)
	const n = maxSaved + 10
	j.add(t, many(n, breakGlass())...)
	var b book
	if err := b.advance(t.Context(), &j.Files, ended); err != nil {
		t.Fatal(err)
	}
	b.told = n
	for range 2 { // again with what was read back
		if err := j.save(&b); err != nil {
			t.Fatal(err)
		}
		if info := must(os.Stat(j.State)); info.Size() > maxState || info.Mode().Perm() != 0o600 {
			t.Errorf("the file has %d bytes, mode %v", info.Size(), info.Mode())
		}
		if b = must(j.load()); len(b.open) != maxSaved || b.read.Sequence != maxSaved || b.told != n {
			t.Fatalf("read back are %d alerts, up to entry %d", len(b.open), b.read.Sequence)
		}
		if err := b.advance(t.Context(), &j.Files, ended); err != nil {
			t.Fatal(err)
		}
		if len(b.open) != n || b.read.Sequence != n || b.told != n {
			t.Errorf("%d alerts are open, %d read, %d told of", len(b.open), b.read.Sequence, b.told)
		}
	}
}

func TestStateThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	huge := filepath.Join(dir, "huge")
	if err := os.WriteFile(huge, make([]byte, maxState+1), 0o600); err != nil {
		t.Fatal(err)
	}
	odd := filepath.Join(dir, "odd")
	if err := os.WriteFile(odd, []byte("mac "), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, huge, odd} {
		f := Files{State: path}
		if b, err := f.load(); care.ReasonOf(err) != "STATE" || errors.Is(err, fs.ErrInvalid) != (path != odd) || !reflect.DeepEqual(b, book{}) {
			t.Errorf("%s: %+v, %v", path, b, err)
		}
	}
	f := Files{State: filepath.Join(dir, "none", "alerts")}
	if b, err := f.load(); err != nil || !reflect.DeepEqual(b, book{}) {
		t.Errorf("without a file: %+v, %v", b, err)
	}
	if err := f.save(&book{}); care.ReasonOf(err) != "STATE" {
		t.Errorf("without a folder: %v", err)
	}
	if left := must(os.ReadDir(dir)); len(left) != 2 {
		t.Errorf("files were left: %v", left)
	}
}

func FuzzState(f *testing.F) {
	files := Files{Key: [32]byte{1}}
	b := sample()
	f.Add(files.text(&b))
	f.Add(files.text(&book{}))
	f.Add([]byte("mac "))
	f.Fuzz(func(t *testing.T, body []byte) {
		if end := bytes.LastIndex(body, []byte("mac ")); end >= 0 {
			body = body[:end]
		}
		text := append(bytes.Clone(body), files.mac(body)...) // whoever has the key may write anything
		b, ok := files.parse(text)
		if !ok {
			return
		}
		again, ok := files.parse(files.text(&b))
		if !ok || !reflect.DeepEqual(again, b) {
			t.Errorf("%q is read as %+v, and then as %+v", text, b, again)
		}
	})
}
