package audit

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func FuzzDecodeLine(f *testing.F) {
	for line := range bytes.Lines(goldenLines()) {
		f.Add(bytes.TrimSuffix(line, []byte("\n")))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		line, err := decodeLine(raw)
		if err != nil {
			wantReason(t, err, ReasonDamaged)
			return
		}
		if !json.Valid(raw) || line.Sequence == 0 || line.Batch == 0 || line.Batch > line.Sequence || line.Leaf != leafHash(raw) || !bytes.Equal(line.Raw, raw) {
			t.Fatalf("%q was read as %v", raw, line)
		}
		h, body, _ := parseHeader(raw)
		if again := appendLine(nil, &h, body); !bytes.Equal(again, raw) {
			t.Fatalf("%q is written as %q", raw, again)
		}
	})
}

// FuzzScanner checks that the scanner accounts for every byte: lines hold none
// that ends a line, and what is not in a line is damage or the NULs at the end.
func FuzzScanner(f *testing.F) {
	f.Add([]byte("one\ntwo\n\x00\x00\x00"), false)
	f.Add([]byte("one\n\x00two\nthr"), true)
	f.Add([]byte("\n\n\x00\n"), false)
	f.Fuzz(func(t *testing.T, content []byte, live bool) {
		s := newScanner(bytes.NewReader(content), 64, live)
		for at := int64(0); ; at = s.offset {
			line, began, err := s.next()
			if began != at {
				t.Fatalf("a piece begins at %d, want %d", began, at)
			}
			if err == io.EOF {
				if rest := content[at:]; !live && len(bytes.Trim(rest, "\x00")) > 0 {
					t.Fatalf("%q is left over", rest)
				}
				return
			}
			if s.offset <= at {
				t.Fatal("no progress")
			}
			if err == nil && (bytes.ContainsAny(line, "\n\x00") || !bytes.Equal(append(line[:len(line):len(line)], '\n'), content[at:s.offset])) {
				t.Fatalf("%q is no line", line)
			}
		}
	})
}

// FuzzSegment opens a journal over any content: it must open, keep what it
// cannot read, and either go on and find no fault in what it has written itself,
// or say that hashes are lost and leave the file as it is.
func FuzzSegment(f *testing.F) {
	golden := goldenLines()
	f.Add(golden)
	f.Add(golden[:len(golden)-40])
	f.Add(append(bytes.Clone(golden), 0, 0, 'x'))
	f.Add(bytes.Replace(golden, []byte("version"), []byte("\x00ersion"), 1))
	f.Fuzz(func(t *testing.T, content []byte) {
		folder := newFolder(t)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, segmentName(1)), content, 0o600); err != nil {
			t.Fatal(err)
		}
		before, err := Verify(folder)
		if err != nil {
			t.Fatal(err)
		}
		j := openTest(t, folder, Options{SegmentBytes: 4096, files: quickFiles{}})
		if err := j.Check(); err != nil {
			wantReason(t, err, ReasonDamaged)
			after, err := os.ReadFile(filepath.Join(folder, segmentName(1)))
			if err != nil || !bytes.Equal(after, content) || len(before.Faults) == 0 {
				t.Fatalf("the journal is lost; its file was changed or had no fault (%v)", err)
			}
			return
		}
		first := mustWait(t, j.Append(smallEvent(1)))
		second := mustWait(t, j.Append(smallEvent(2)))
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		after, err := Verify(folder)
		if err != nil || after.Last != second || second.Sequence != first.Sequence+1 {
			t.Fatalf("the journal ends at %v (%v), want %v", after.Last.Sequence, err, second.Sequence)
		}
		if len(before.Faults) == 0 && len(after.Faults) > 0 {
			t.Fatalf("the journal was whole and now has faults: %+v", after.Faults)
		}
	})
}
