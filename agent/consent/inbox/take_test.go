package inbox

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// A faulty file is refused whole, with the place and without what stood there.
func TestAFileIsRefused(t *testing.T) {
	b := newBench(t)
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"kind":    {good + "9990000034,PERHAPS,2026-03-01,Reception\n", "line 4, column directive"},
		"number":  {good + "9990000019,DISSENT,2026-03-01,Reception\n", "line 4, column nhs_number"},
		"by":      {good + "9990000034,DISSENT,2026-03-01,\n", "line 4, column by"},
		"future":  {good + "9990000034,CONSENT,2027-03-01,Reception\n", "line 4: a consent or lifting cannot be effective in the future"},
		"nothing": {"nhs_number,directive,effective,by\n", "no line after its header"},
		"empty":   {"", "line 1"},
		"torn":    {good[:len(good)-12], "line 3"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.put("a.csv", c.text)
			b.settle()
			if len(b.files) > 0 {
				t.Error("something was recorded")
			}
			text := b.reportOf(refusedFolder)
			if !strings.Contains(text, c.want) || !strings.Contains(text, "Nothing was recorded") {
				t.Errorf("the report lacks %q:\n%s", c.want, text)
			}
			for _, secret := range []string{"99900000", "PERHAPS", "Reception"} {
				if strings.Contains(text+b.log.String(), secret) {
					t.Errorf("the report or the log quotes the file:\n%s%s", text, b.log.String())
				}
			}
		})
	}
	b.put("large.csv", "")
	if err := os.Truncate(filepath.Join(b.folder, "large.csv"), maxFile+1); err != nil {
		t.Fatal(err)
	}
	if b.settle(); !strings.Contains(b.reportOf(refusedFolder), "larger than 64 MiB") {
		t.Error("it is not said that the file is too large")
	}
}

// What the store refuses for good ends a file; anything else is tried again.
func TestRecordFails(t *testing.T) {
	for _, c := range []struct {
		fault error
		final bool
	}{
		{&care.Error{Kind: care.BadRequest, Detail: "directive 3"}, true},
		{&care.Error{Kind: care.InvalidNHSNumber}, true},
		{&care.Error{Kind: care.LimitExceeded, Detail: "too many"}, true},
		{&care.Error{Kind: care.Conflict}, true},
		{&care.Error{Kind: care.AuditUnavailable}, false},
		{&care.Error{Kind: care.ConsentUnavailable}, false},
		{&care.Error{Kind: care.Internal}, false},
		{context.Canceled, false},
		{context.DeadlineExceeded, false},
		{errors.New("other"), false},
	} {
		b := newBench(t)
		b.put("a.csv", good)
		b.fault, b.report = c.fault, Report{Statements: 1, Entry: 5}
		b.settle()
		if c.final {
			if text := b.reportOf(refusedFolder); !strings.Contains(text, "Recorded: 1 statement, the first of the file, up to journal entry 5") {
				t.Errorf("%v: the report is\n%s", c.fault, text)
			}
			continue
		}
		if names := b.in("."); !slices.Equal(names, []string{"a.csv"}) {
			t.Fatalf("%v: left are %q", c.fault, names)
		}
		b.fault = nil
		if b.wait(lookEvery); len(b.files) != 2 || len(b.in(doneFolder)) != 2 {
			t.Errorf("%v: the file was not taken again", c.fault)
		}
	}
}

// A file that cannot be moved is recorded once by one process, and again by the
// next, and in the end it is moved.
func TestAFileThatCannotBeMoved(t *testing.T) {
	b := newBench(t)
	b.put(doneFolder, "in the way")
	b.put("a.csv", good)
	b.settle()
	b.wait(lookEvery)
	if len(b.files) != 1 {
		t.Fatalf("recorded %d times", len(b.files))
	}
	b.reopen()
	if b.settle(); len(b.files) != 2 {
		t.Fatalf("recorded %d times by two processes", len(b.files))
	}
	if err := os.Remove(filepath.Join(b.folder, doneFolder)); err != nil {
		t.Fatal(err)
	}
	if b.wait(lookEvery); len(b.files) != 2 || !strings.Contains(b.reportOf(doneFolder), "2 statements") {
		t.Errorf("recorded %d times, left %q", len(b.files), b.in("."))
	}
	b.put("a.csv", good)
	if b.settle(); len(b.files) != 3 || len(b.in(doneFolder)) != 4 {
		t.Error("a later file of that name was taken for the one before")
	}
}

// A file that is put in the place of one that is being recorded is not lost.
func TestAFileIsReplacedMeanwhile(t *testing.T) {
	b := newBench(t)
	b.put("a.csv", good)
	b.during = func() {
		b.put("next", good+"9990000034,DISSENT,2026-03-01,Reception\n")
		if err := os.Rename(filepath.Join(b.folder, "next"), filepath.Join(b.folder, "a.csv")); err != nil {
			t.Fatal(err)
		}
		b.during = nil
	}
	b.settle()
	if names := b.in(doneFolder); len(names) != 0 {
		t.Fatalf("moved: %q", names)
	}
	if b.settle(); len(b.files) != 2 || len(b.said) != 3 || len(b.in(doneFolder)) != 2 {
		t.Errorf("recorded %d files, the last of %d statements; done holds %q", len(b.files), len(b.said), b.in(doneFolder))
	}
}

// Nor of one that is changed so that neither size nor time tell.
func TestAFileIsChangedUnseen(t *testing.T) {
	b := newBench(t)
	path := filepath.Join(b.folder, "a.csv")
	text := "nhs_number,directive,effective,by\n" + strings.Repeat("9990000018,DISSENT,2026-03-01,Reception\n", 1500)
	b.put("a.csv", text)
	b.during = func() {
		b.during = nil
		b.put("a.csv", text[:len(text)-2]+"s\n")
		if err := os.Chtimes(path, time.Time{}, b.seen["a.csv"].info.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
	b.settle()
	if len(b.in(doneFolder))+len(b.in(refusedFolder)) != 0 {
		t.Error("it was put away")
	}
	if b.wait(lookEvery); len(b.in(doneFolder)) != 2 {
		t.Error("it was not taken again")
	}
}

// Two files of one name in one millisecond both keep their place, and so does a
// file that somebody else has put there.
func TestTheSameNameTwice(t *testing.T) {
	b := newBench(t)
	const stamp = "20261122T210000.000Z-"
	if err := os.Mkdir(filepath.Join(b.folder, doneFolder), 0o770); err != nil {
		t.Fatal(err)
	}
	b.put(doneFolder+"/"+stamp+"a.csv", "another's")
	for range 2 {
		b.put("a.csv", good)
		b.wait(0)
		b.seen["a.csv"] = sight{b.seen["a.csv"].info, b.clock.Add(-settle)}
		b.wait(0)
	}
	want := []string{stamp + "1-a.csv", stamp + "1-a.csv.report.txt", stamp + "2-a.csv", stamp + "2-a.csv.report.txt", stamp + "a.csv"}
	if names := b.in(doneFolder); !slices.Equal(names, want) {
		t.Errorf("done holds %q", names)
	}
	if text, err := os.ReadFile(filepath.Join(b.folder, doneFolder, stamp+"a.csv")); err != nil || string(text) != "another's" {
		t.Errorf("what was there is now %q, %v", text, err)
	}
}

func TestParseIsBounded(t *testing.T) {
	line := "9990000018,DISSENT,2026-03-01,Reception," + strings.Repeat("ALLERGIES ", 400) + "\n"
	header := "nhs_number,directive,effective,by,sections\n"
	for _, c := range []struct {
		lines int
		want  string
	}{
		{maxFile / len(line), ""},
		{maxFile/len(line) + 1, "SIZE"},
		{maxFile/len(line) + 1000, "SIZE"},
	} {
		n, reason := 0, ""
		for _, err := range Parse(io.MultiReader(strings.NewReader(header), &repeated{line: line, left: c.lines}), time.Now()) {
			if n++; err != nil {
				reason = care.ReasonOf(err)
			}
		}
		if reason != c.want || n > c.lines {
			t.Errorf("%d lines of %d bytes: %d statements, %q", c.lines, len(line), n, reason)
		}
	}
}

// repeated is a file that holds a line again and again.
type repeated struct {
	line string
	rest string
	left int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.rest == "" {
		if r.left == 0 {
			return 0, io.EOF
		}
		r.rest, r.left = r.line, r.left-1
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// A file of many statements is recorded in batches, and reported as one.
func TestALargeFile(t *testing.T) {
	b := newBench(t)
	b.put("a.csv", "nhs_number,directive,effective,by\n"+strings.Repeat("9990000018,DISSENT,2026-03-01,Reception\n", 2500))
	b.report = Report{Statements: 10, Changed: 5, Entry: 7}
	b.settle()
	if text := b.reportOf(doneFolder); len(b.files) != 3 || len(b.said) != 500 || !strings.Contains(text, "Recorded: 30 statements") || !strings.Contains(text, "15 of them") {
		t.Errorf("recorded %d batches, the last of %d:\n%s", len(b.files), len(b.said), text)
	}
}

// Of a file that is changed between the check and the end nothing is said to be
// done: it is taken again.
func TestAFileIsWrittenToMeanwhile(t *testing.T) {
	b := newBench(t)
	b.put("a.csv", "nhs_number,directive,effective,by\n"+strings.Repeat("9990000018,DISSENT,2026-03-01,Reception\n", 1500))
	b.during = func() {
		b.put("a.csv", good)
		b.during = nil
	}
	b.settle()
	if len(b.in(doneFolder))+len(b.in(refusedFolder)) != 0 {
		t.Error("it was put away")
	}
	if b.settle(); len(b.said) != 2 || len(b.in(doneFolder)) != 2 {
		t.Errorf("the new content was not taken: %d statements", len(b.said))
	}
}
