package audit

import (
	"bytes"
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
