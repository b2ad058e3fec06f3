package audit

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
)

func TestReadRanges(t *testing.T) {
	folder := newFolder(t)
	j := openTest(t, folder, Options{SegmentBytes: 4096})
	for n := range 30 {
		mustWait(t, j.Append(refusalOf(n)))
	}
	for _, r := range []struct{ from, to, first, count uint64 }{
		{0, 0, 1, 30}, {1, 0, 1, 30}, {1, 1, 1, 1}, {17, 17, 17, 1}, {7, 23, 7, 17}, {30, 99, 30, 1}, {31, 0, 0, 0}, {5, 4, 0, 0},
	} {
		var got []uint64
		for line, err := range Read(folder, r.from, r.to) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, line.Sequence)
		}
		if uint64(len(got)) != r.count || r.count > 0 && got[0] != r.first || !slices.IsSorted(got) {
			t.Errorf("Read(%d, %d) yields %v", r.from, r.to, got)
		}
	}
	for range Read(folder, 1, 0) {
		break // must not yield again
	}
}

func TestReadWhileWriting(t *testing.T) {
	folder := newFolder(t)
	j := openTest(t, folder, Options{SegmentBytes: 16 << 10})
	const entries = 600
	written := make(chan error, 1)
	go func() {
		for n := range entries {
			e := j.Append(refusalOf(n))
			if n%7 == 0 {
				if err := e.Wait(t.Context()); err != nil {
					written <- err
					return
				}
			}
		}
		written <- j.Close()
	}()
	for ended := false; !ended; {
		select {
		case err := <-written:
			if err != nil {
				t.Fatal(err)
			}
			ended = true
		default:
		}
		mustVerify(t, folder) // at every moment a reader sees an unbroken beginning
	}
	if report := mustVerify(t, folder); report.Entries != entries {
		t.Errorf("%d entries in the end, want %d", report.Entries, entries)
	}
}

func TestFollow(t *testing.T) {
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		j := openTest(t, folder, Options{SegmentBytes: 4096})
		mustWait(t, j.Append(refusalOf(0)))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		next := 0
		for line, err := range Follow(ctx, folder, 1) {
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("refusal %d", next); line.Detail != want || line.Sequence != uint64(next+1) {
				t.Fatalf("Follow yields %v %q, want %q", line, line.Detail, want)
			}
			next++
			if next == 20 { // over several segments
				cancel()
				continue
			}
			mustWait(t, j.Append(refusalOf(next)))
		}
		if next != 20 {
			t.Errorf("Follow yielded %d entries, want 20", next)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestFollowWaitsForTheFirstEntry(t *testing.T) {
	folder := newFolder(t)
	j := openTest(t, folder, Options{})
	go j.Append(refusalOf(1))
	for line, err := range Follow(t.Context(), folder, 0) {
		if err != nil || line.Sequence != 1 {
			t.Fatalf("Follow yields %v, %v", line, err)
		}
		return
	}
}

func TestALineThatIsBeingWritten(t *testing.T) {
	durable, batch := capture(t, 2, 2)
	for cut := range batch {
		content := append(bytes.Clone(durable), batch[:cut]...)
		folder := crashed(t, content)
		want := bytes.Count(content, []byte("\n"))
		if got := len(readAll(t, folder)); got != want {
			t.Fatalf("cut at %d: %d entries, want %d", cut, got, want)
		}
		if err := os.WriteFile(filepath.Join(folder, segmentName(5)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		report, err := Verify(folder) // what is half-written in a finished segment is damage
		if whole := bytes.HasSuffix(content, []byte("\n")); err != nil || whole != (len(report.Faults) == 0) {
			t.Fatalf("cut at %d: report is %+v, %v", cut, report, err)
		}
	}
}

func TestReadingWhatIsNotThere(t *testing.T) {
	for _, err := range Read(newFolder(t), 1, 0) {
		wantReason(t, err, ReasonMissing)
		return
	}
	t.Fatal("nothing was said of a folder that does not exist")
}

func TestReadGoesOnAfterDamage(t *testing.T) {
	durable, _ := capture(t, 3, 0)
	content := bytes.Clone(durable)
	second := bytes.IndexByte(content, '\n') + 1
	content[second+3] = 'x'
	folder := crashed(t, content)
	var got []string
	for line, err := range Read(folder, 1, 0) {
		if err != nil {
			wantReason(t, err, ReasonDamaged)
			got = append(got, "damage")
			continue
		}
		got = append(got, line.Detail)
	}
	if want := []string{"start 0", "damage", "start 2"}; !slices.Equal(got, want) {
		t.Errorf("Read yields %q, want %q", got, want)
	}
}

func TestVerifyFindsChanges(t *testing.T) {
	source := newFolder(t)
	j := openTest(t, source, Options{SegmentBytes: 4096})
	for n := range 30 {
		mustWait(t, j.Append(refusalOf(n)))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	firsts, err := newListing(source)
	if err != nil || len(firsts) < 4 {
		t.Fatalf("segments %v, %v", firsts, err)
	}
	second := segmentName(firsts[1])
	swap := func(content []byte) []byte {
		lines := bytes.SplitAfter(content, []byte("\n"))
		lines[0], lines[1] = lines[1], lines[0]
		return bytes.Join(lines, nil)
	}
	tests := map[string]func(folder string) error{
		"a text":              edit(second, func(c []byte) []byte { return bytes.Replace(c, []byte("refusal"), []byte("consent"), 1) }),
		"a NUL":               edit(second, func(c []byte) []byte { c[300] = 0; return c }),
		"a removed line":      edit(second, func(c []byte) []byte { return c[bytes.IndexByte(c, '\n')+1:] }),
		"an inserted line":    edit(second, func(c []byte) []byte { return append(bytes.Clone(c[:bytes.IndexByte(c, '\n')+1]), c...) }),
		"swapped lines":       edit(second, swap),
		"a segment cut short": edit(second, func(c []byte) []byte { return c[:len(c)-20] }),
		"a removed segment":   func(folder string) error { return os.Remove(filepath.Join(folder, second)) },
		"a removed beginning": func(folder string) error { return os.Remove(filepath.Join(folder, segmentName(1))) },
		"an emptied segment":  edit(second, func([]byte) []byte { return nil }),
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			folder := newFolder(t)
			if err := os.CopyFS(folder, os.DirFS(source)); err != nil {
				t.Fatal(err)
			}
			mustVerify(t, folder)
			if err := change(folder); err != nil {
				t.Fatal(err)
			}
			report, err := Verify(folder)
			if err != nil || len(report.Faults) == 0 {
				t.Errorf("report is %+v, %v: the change does not show", report, err)
			}
		})
	}
}

// edit rewrites the content of one file.
func edit(name string, change func([]byte) []byte) func(folder string) error {
	return func(folder string) error {
		path := filepath.Join(folder, name)
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, change(data), 0o600)
	}
}

func newListing(folder string) ([]uint64, error) {
	entries, err := os.ReadDir(folder)
	return segmentsOf(entries), err
}

func TestVerifyBoundsItsReport(t *testing.T) {
	var report Report
	for n := range maxFaults + 5 {
		report.add(&Line{Sequence: uint64(2*n + 2), Prev: report.Last.Leaf})
	}
	if len(report.Faults) != maxFaults || report.More != 5 {
		t.Errorf("%d faults and %d more", len(report.Faults), report.More)
	}
}

func TestALinePrintsNoPersonalData(t *testing.T) {
	event := sampleEvent()
	raw := appendLine(nil, &header{sequence: 7, batch: 7}, testBox.appendBody(nil, &event, repairNote{}))
	line, err := decodeLine(raw)
	if err != nil {
		t.Fatal(err)
	}
	const want = `journal entry 7 "RELEASE_DECIDED"`
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		if got := fmt.Sprintf(verb, line); got != want {
			t.Errorf("%s prints %s", verb, got)
		}
		if got := fmt.Sprintf(verb, struct{ L Line }{line}); bytes.Contains([]byte(got), []byte("9990000042")) {
			t.Errorf("%s of a struct prints the number", verb)
		}
	}
}
