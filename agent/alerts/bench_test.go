package alerts

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

var (
	benchEntries = flag.Int("alerts.entries", 20_000, "entries of the benchmarks' journal; one in a thousand is an alert")
	benchFolder  = flag.String("alerts.folder", "", "where that journal is kept from one run to the next")
)

// benchJournal returns the files of a journal in segments as large as in life.
func benchJournal(b *testing.B) Files {
	b.Helper()
	dir := *benchFolder
	if dir == "" {
		dir = b.TempDir()
	}
	j := &journal{Files: Files{Folder: filepath.Join(dir, "journal"), State: filepath.Join(b.TempDir(), FileName)}}
	if _, err := os.Stat(j.Folder); err == nil {
		return j.Files
	}
	j.begin(b, 0)
	for i := range *benchEntries / 1000 {
		j.Append(breakGlass())
		for range 499 {
			j.AppendLazily(ordinary())
			j.AppendLazily(care.Event{Kind: care.ReleaseEnded, Request: ordinary().Request, Decision: uint64(i)})
		}
		if err := j.AppendLazily(ordinary()).Wait(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	return j.Files
}

// BenchmarkListAll reads the whole journal, as the first start does.
func BenchmarkListAll(b *testing.B) {
	f := benchJournal(b)
	for b.Loop() {
		if got := must(List(b.Context(), f, true)); len(got) != *benchEntries/1000 {
			b.Fatalf("%d alerts", len(got))
		}
	}
}

// BenchmarkListOpen is what an agent does when one entry was added, and
// "alerts list" beside it.
func BenchmarkListOpen(b *testing.B) {
	f := benchJournal(b)
	var read book
	if err := read.advance(b.Context(), &f, ended); err != nil {
		b.Fatal(err)
	}
	if err := f.save(&read); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if got := must(List(b.Context(), f, false)); len(got) != *benchEntries/1000 {
			b.Fatalf("%d alerts", len(got))
		}
	}
}
