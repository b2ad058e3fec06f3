package alerts

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// TestDamaged has stretches of the journal that cannot be read.
func TestDamaged(t *testing.T) {
	j := newJournal(t)
	j.add(t, breakGlass(), breakGlass(), ordinary(), breakGlass())
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(j.Folder, "journal-00000000000000000001.jsonl")
	text := must(os.ReadFile(path))
	lines := bytes.SplitAfter(text, []byte("\n"))
	write := func(change func()) {
		t.Helper()
		change()
		if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, bytes.Join(lines, nil), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	var b book
	if err := errors.Join(b.advance(t.Context(), &j.Files, ended), j.save(&b)); err != nil {
		t.Fatal(err)
	}
	// The lines are still JSON with a mark, but no entry: in doubt it is an alert.
	write(func() { lines[0] = bytes.Replace(lines[0], []byte(`"purpose":"BTG"`), []byte(`"purpose":77777`), 1) })
	got := must(List(t.Context(), j.Files, true))
	expect(t, list(t, j.Files, true), "1", "2", "4")
	if got[0].Kind != "RELEASE_DECIDED" {
		t.Errorf("the damaged alert is %+v", got[0])
	}
	write(func() { lines[0][0] = 'x' })
	expect(t, list(t, j.Files, true), "2", "4")
	expect(t, list(t, j.Files, false), "1", "2", "4")
	// What cannot be read where the state ends proves nothing against it.
	write(func() { lines[3][0] = 'x' })
	expect(t, list(t, j.Files, false), "1", "2", "4")
	if _, _, err := Find(t.Context(), j.Files, 4); care.ReasonOf(err) != audit.ReasonDamaged {
		t.Errorf("error is %v", err)
	}
}

// line is what audit.Scan yields of an entry of a test.
func line(number uint64, text string) *audit.Line {
	return &audit.Line{Sequence: number, Kind: care.ReleaseDecided, Raw: []byte(text)}
}

// TestNumbersThatNeverWere has numbers that were written, read, and then stated
// as missing; and such statements that cannot be true.
func TestNumbersThatNeverWere(t *testing.T) {
	for _, c := range []struct{ from, to, open uint64 }{{3, 4, 3}, {4, 4, 4}, {0, 4, 5}, {5, 4, 5}, {1, 1 << 63, 0}, {1, ^uint64(0), 0}, {^uint64(0), ^uint64(0), 5}} {
		var b book
		for n := range uint64(5) {
			b.take(line(n+1, `,"alert":true`)) // cannot be decoded
		}
		b.take(&audit.Line{Sequence: 6, Kind: care.JournalRepaired, MissingFrom: c.from, MissingTo: c.to})
		if uint64(len(b.open)) != c.open || b.read.Sequence != 6 {
			t.Errorf("missing from %d to %d leaves %d alerts, want %d", c.from, c.to, len(b.open), c.open)
		}
	}
}

func TestLinesInTheWrongPlace(t *testing.T) {
	var b book
	for _, n := range []uint64{5, 3, 5, 7, 6} {
		b.take(line(n, `,"alert":true`))
	}
	if len(b.open) != 2 || b.open[0].number != 5 || b.open[1].number != 7 || b.read.Sequence != 7 {
		t.Errorf("taken are %+v, up to %d", b.open, b.read.Sequence)
	}
}
