package audit

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestBisect wants to come close to every entry of a segment, and never past
// it, whatever else stands in it.
func TestBisect(t *testing.T) {
	event := sampleEvent()
	body := testBox.appendBody(nil, &event, repairNote{})
	var text []byte
	begins := map[uint64]int64{}
	for n := uint64(1001); n < 2001; n++ {
		begins[n] = int64(len(text))
		text = append(appendLine(text, &header{sequence: n, batch: n}, body), '\n')
	}
	damaged := bytes.Clone(text)
	copy(damaged[begins[1400]:begins[1700]], bytes.Repeat([]byte{'x'}, len(text)))
	for name, test := range map[string]struct {
		text []byte
		near int64 // how far before the line reading may begin
	}{
		"whole":         {text, bisectBytes},
		"not used up":   {append(bytes.Clone(text), make([]byte, 5*len(text))...), bisectBytes},
		"a torn end":    {append(bytes.Clone(text), text[:100]...), bisectBytes},
		"damaged":       {damaged, int64(len(text))},
		"one long line": {bytes.ReplaceAll(text, []byte{'\n'}, nil), int64(len(text))},
		"rubbish":       {bytes.Repeat([]byte("rubbish\n"), len(text)/8), int64(len(text))},
	} {
		t.Run(name, func(t *testing.T) {
			for n := uint64(1); n < 2010; n++ {
				at := bisect(bytes.NewReader(test.text), int64(len(test.text)), n)
				begin, there := begins[n]
				switch {
				case at > 0 && at != begins[sequenceAt(t, test.text[at:])]:
					t.Fatalf("entry %d: %d is not where a line begins", n, at)
				case n < 1001 && at > 0:
					t.Fatalf("entry %d comes before the segment, and it goes to %d", n, at)
				case there && (at > begin || at < begin-test.near):
					t.Fatalf("entry %d begins at %d, and it goes to %d", n, begin, at)
				}
			}
		})
	}
}

func sequenceAt(t *testing.T, text []byte) uint64 {
	t.Helper()
	line, _, _ := bytes.Cut(text, []byte{'\n'})
	h, _, ok := parseHeader(line)
	if !ok {
		t.Fatal("no line begins there")
	}
	return h.sequence
}

// TestNothingIsPassedOver puts an older line, or a block of older lines, where
// going by halves first looks: what stands before it is read all the same.
func TestNothingIsPassedOver(t *testing.T) {
	event := sampleEvent()
	body := testBox.appendBody(nil, &event, repairNote{})
	var lines [][]byte
	for n := uint64(1); n <= 2000; n++ {
		lines = append(lines, append(appendLine(nil, &header{sequence: n, batch: n}, body), '\n'))
	}
	const from = 700
	for name, planted := range map[string][]int{"a line": {0}, "a block": {0, 1, 2, 3, 4, 5, 6, 7}} {
		for place := 900; place < 1100; place += len(planted) {
			spoiled := slices.Clone(lines)
			for i, n := range planted {
				spoiled[place+i] = lines[n]
			}
			folder := t.TempDir()
			if err := errors.Join(os.Chmod(folder, 0o700), os.WriteFile(filepath.Join(folder, segmentName(1)), bytes.Join(spoiled, nil), 0o600)); err != nil {
				t.Fatal(err)
			}
			read := map[uint64]bool{}
			for l, err := range Read(folder, from, 0) {
				if err == nil {
					read[l.Sequence] = true
				}
			}
			for n := uint64(from); n <= 2000; n++ {
				if spoilt := int(n) > place && int(n) <= place+len(planted); read[n] == spoilt {
					t.Fatalf("%s at %d: entry %d is read: %v", name, place, n, read[n])
				}
			}
		}
	}
}
