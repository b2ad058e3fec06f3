package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/audit/verify"
	"github.com/mycarerecord/edge-agent/agent/audit/verify/journaltest"
)

// A segment of any bytes is read without a fault of the program; it is fine
// only if it is the one that was signed, up to what may follow the last head.
func FuzzSegment(f *testing.F) {
	j := journaltest.New()
	j.Fill(6)
	j.Countersign()
	j.Checkpoint()
	files := j.Files()
	name := segment(1)
	used := bytes.TrimRight(files[name], "\x00")
	f.Add(used)
	f.Add(used[:len(used)-40])
	f.Add(append(bytes.Clone(used), "\x00\x00x\n"...))
	f.Add(bytes.Replace(used, []byte(`"seq":3`), []byte(`"seq":9007199254740992`), 1))
	f.Add(bytes.Replace(used, []byte("RELEASE"), []byte("\x00ELEASE"), 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		folder := filepath.Join(t.TempDir(), "journal")
		files[name] = data
		if err := journaltest.Write(folder, files); err != nil {
			t.Fatal(err)
		}
		r, err := verify.Check(context.Background(), verify.Options{Folder: folder, Keys: journaltest.Keys()})
		if err != nil {
			t.Fatal(err)
		}
		if signed := bytes.HasPrefix(data, used); r.Fine() && !signed {
			t.Errorf("other lines are fine: %q", data)
		}
	})
}

// Every line that the verifier takes is JSON that can be written in one way
// only, so that no two programs read it differently.
func FuzzLine(f *testing.F) {
	golden, err := os.ReadFile("../testdata/v1.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(golden) {
		f.Add(bytes.TrimSuffix(line, []byte("\n")))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if !verify.Readable(line) {
			return
		}
		if !json.Valid(line) || bytes.ContainsAny(line, "\n\x00") {
			t.Errorf("%q is taken for a line", line)
		}
		if verify.Readable(append(bytes.Clone(line), ' ')) || verify.Readable(line[:len(line)-1]) {
			t.Errorf("%q has a second spelling", line)
		}
	})
}

// A file of any bytes is no export, and does no harm.
func FuzzExport(f *testing.F) {
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := verify.CheckExport(context.Background(), bytes.NewReader(data), int64(len(data)), journaltest.Keys())
		if err != nil || r.Fine() {
			t.Errorf("%v, %+v", err, r)
		}
	})
}

func FuzzProof(f *testing.F) {
	f.Add(bytes.TrimSuffix(verify.AppendProof(nil, 3, journaltest.Root(nil), nil), []byte("\n")))
	f.Fuzz(func(t *testing.T, line []byte) {
		again, ok := verify.Rewrite(line)
		if ok && !bytes.Equal(again, line) {
			t.Errorf("%q is written %q", line, again)
		}
	})
}
