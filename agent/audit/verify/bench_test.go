package verify_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/audit/verify"
	"github.com/mycarerecord/edge-agent/agent/audit/verify/journaltest"
)

// entries is how large a journal BenchmarkCheck verifies. The project's aim is
// 1,000,000 of 800 bytes in 10 s on two processors:
//
//	go test ./agent/audit/verify -run ^$ -bench Check -entries 1000000 -benchtime 1x
var entries = flag.Int("entries", 20_000, "entries that BenchmarkCheck verifies")

func BenchmarkCheck(b *testing.B) {
	folder := filepath.Join(b.TempDir(), "journal")
	j := journaltest.New()
	if err := os.Mkdir(folder, 0o700); err != nil {
		b.Fatal(err)
	}
	fields := `,"request_id":"7d9b3f0e-4c1a-4f58-9a53-0a4f7c1b2e66","user_name":"Dr Ann O'Neil","sections":["ALLERGIES","MEDICATIONS"],"detail":"` + strings.Repeat("x", 460) + `"`
	bytes := int64(0)
	for left := *entries; left > 0; left -= 80_000 {
		for range min(left, 80_000) {
			j.Add("RELEASE_DECIDED", fields)
		}
		bytes += flush(b, folder, j)
	}
	j.Checkpoint()
	if err := journaltest.Write(folder, j.Files()); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(bytes)
	b.ReportMetric(float64(bytes)/float64(*entries), "bytes/entry")
	for b.Loop() {
		r, err := verify.Check(context.Background(), verify.Options{Folder: folder, Keys: journaltest.Keys()})
		if err != nil || !r.Fine() || r.Signed != uint64(*entries) {
			b.Fatalf("%v, found %s", err, found(r))
		}
	}
}

// flush writes the newest segment to disk, forgets its lines and begins another.
func flush(b *testing.B, folder string, j *journaltest.Journal) int64 {
	last := j.Segments[len(j.Segments)-1]
	name, _ := (&journaltest.Segment{First: last.First}).File()
	f, err := os.Create(filepath.Join(folder, name))
	if err != nil {
		b.Fatal(err)
	}
	out := bufio.NewWriter(f)
	bytes := int64(0)
	for _, line := range last.Lines {
		n, _ := fmt.Fprintf(out, "%s\n", line) // Flush tells
		bytes += int64(n)
	}
	if err := out.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	j.Segments = nil
	j.Rotate()
	return bytes
}
