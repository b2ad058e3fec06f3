package inbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/care"
)

const good = "nhs_number,directive,effective,by\n9990000018,DISSENT,2026-03-01,Reception\n9990000026,CONSENT,2026-03-01,Reception\n"

// bench is a box whose clock and store are the test's.
type bench struct {
	*testing.T
	*box
	folder string
	clock  time.Time
	log    bytes.Buffer
	files  []Info
	said   []care.Directive
	report Report
	fault  error
	during func() // called while a file is recorded
}

func newBench(t *testing.T) *bench {
	b := &bench{T: t, folder: filepath.Join(t.TempDir(), "in"), clock: time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC), report: Report{Statements: 2, Changed: 1, Entry: 77}}
	if err := os.Mkdir(b.folder, 0o770); err != nil {
		t.Fatal(err)
	}
	b.reopen()
	return b
}

// reopen stands for a new process.
func (b *bench) reopen() {
	record := func(_ context.Context, file Info, statements []care.Directive) (Report, error) {
		b.files, b.said = append(b.files, file), slices.Clone(statements)
		if b.during != nil {
			b.during()
		}
		return b.report, b.fault
	}
	b.box = newBox(Options{Folder: b.folder, Record: record, Log: hclog.New(&hclog.LoggerOptions{Output: &b.log})})
	b.box.now = func() time.Time { return b.clock }
}

func (b *bench) put(name, text string) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(b.folder, name), []byte(text), 0o660); err != nil {
		b.Fatal(err)
	}
}

// wait lets time pass and looks.
func (b *bench) wait(d time.Duration) (soon bool) {
	b.clock = b.clock.Add(d)
	return b.look(b.Context())
}

// settle looks twice, two seconds apart.
func (b *bench) settle() {
	b.wait(0)
	b.wait(2 * time.Second)
}

// in returns the names in a folder below that of the box.
func (b *bench) in(folder string) []string {
	b.Helper()
	entries, err := os.ReadDir(filepath.Join(b.folder, folder))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		b.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// reportOf returns the only report in a folder.
func (b *bench) reportOf(folder string) string {
	b.Helper()
	names := b.in(folder)
	if len(names) != 2 || names[0]+reportSuffix != names[1] {
		b.Fatalf("the folder %s holds %q, want a file and its report", folder, names)
	}
	text, err := os.ReadFile(filepath.Join(b.folder, folder, names[1]))
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

func TestAFileIsTaken(t *testing.T) {
	b := newBench(t)
	b.put("optouts.CSV", good)
	b.put("readme.txt", good)
	b.put(".hidden.csv", good)
	if soon := b.wait(0); !soon || len(b.files) > 0 {
		t.Fatalf("at first sight: looks again soon: %v, recorded %d files", soon, len(b.files))
	}
	if b.wait(time.Second); len(b.files) > 0 {
		t.Fatal("it was recorded after a second")
	}
	if soon := b.wait(time.Second); soon || len(b.files) != 1 || len(b.said) != 2 {
		t.Fatalf("after two: looks again soon: %v, recorded %d files, %d statements", soon, len(b.files), len(b.said))
	}
	f := b.files[0]
	if f.Name != "optouts.CSV" || f.Owner == "" || f.Size != int64(len(good)) || f.String() != "optouts.CSV of "+f.Owner {
		t.Errorf("the file is told as %+v", f)
	}
	text := b.reportOf(doneFolder)
	for _, want := range []string{"File: optouts.CSV of " + f.Owner, fmt.Sprintf("SHA-256: %x", f.SHA256), "All 2 statements are in force. 1 of them changed", "Journal entry: 77"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text+b.log.String(), "9990000018") {
		t.Error("the report or the log names a patient")
	}
	if names := b.in("."); !slices.Equal(names, []string{".hidden.csv", doneFolder, "readme.txt"}) {
		t.Errorf("left are %q", names)
	}
	if name := b.in(doneFolder)[0]; name != "20261122T210002.000Z-optouts.CSV" {
		t.Errorf("it lies as %s", name)
	}
	if b.wait(time.Minute); len(b.files) != 1 {
		t.Error("it was taken twice")
	}
}

// A file that is still written to is left alone.
func TestAFileMustLieStill(t *testing.T) {
	b := newBench(t)
	path := filepath.Join(b.folder, "a.csv")
	b.put("a.csv", good[:60])
	b.wait(0)
	b.put("a.csv", good)
	b.wait(2 * time.Second) // larger
	if err := os.Chtimes(path, time.Time{}, b.clock); err != nil {
		t.Fatal(err)
	}
	b.wait(2 * time.Second) // of another time
	b.put("b.csv", good)
	if err := os.Chtimes(filepath.Join(b.folder, "b.csv"), time.Time{}, b.seen["a.csv"].info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(b.folder, "b.csv"), path); err != nil {
		t.Fatal(err)
	}
	b.wait(2 * time.Second) // another file
	if len(b.files) > 0 {
		t.Fatal("a file that changes was taken")
	}
	if b.wait(2 * time.Second); len(b.files) != 1 {
		t.Fatal("it was not taken although it lay still")
	}
}

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
			if text := b.reportOf(refusedFolder); !strings.Contains(text, "Only the first 1 statements are in force, up to journal entry 5") {
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

// What is no plain file of its own, or has a name that cannot be shown, is left.
func TestFilesThatAreLeftAlone(t *testing.T) {
	b := newBench(t)
	elsewhere := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(elsewhere, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	b.put("one.txt", good)
	in := func(name string) string { return filepath.Join(b.folder, name) }
	for _, err := range []error{os.Symlink(elsewhere, in("away.csv")), os.Symlink("one.txt", in("link.csv")), os.Link(in("one.txt"), in("twice.csv")), os.Mkdir(in("folder.csv"), 0o770)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	b.put("999 000 0018.csv", good)
	b.put("x9990000018-.csv", good)
	b.put("a\x1b[2J.csv", good)
	b.put(strings.Repeat("n", 97)+".csv", good)
	b.put("2026-11-22.csv", good)
	b.settle()
	if len(b.files) != 1 || b.files[0].Name != "2026-11-22.csv" {
		t.Errorf("recorded %v", b.files)
	}
	if n := strings.Count(b.log.String(), "cannot be taken"); n != 8 {
		t.Errorf("%d files were told of, want 8:\n%s", n, b.log.String())
	}
	if n := strings.Count(b.log.String(), "(LINK)"); n != 4 {
		t.Errorf("%d were no plain files, want 4:\n%s", n, b.log.String())
	}
	if strings.Contains(b.log.String(), "0018") || strings.Contains(b.log.String(), "999 000") || strings.ContainsRune(b.log.String(), 0x1b) {
		t.Errorf("the log names a patient:\n%s", b.log.String())
	}
	b.log.Reset()
	if b.wait(lookEvery); b.log.Len() > 0 {
		t.Errorf("told again:\n%s", b.log.String())
	}
}

func TestAFolderThatOthersCanWriteTo(t *testing.T) {
	b := newBench(t)
	b.put("a.csv", good)
	for _, mode := range []os.FileMode{0o777, 0o772} {
		if err := os.Chmod(b.folder, mode); err != nil {
			t.Fatal(err)
		}
		b.settle()
	}
	if len(b.files) > 0 || strings.Count(b.log.String(), "everybody on this machine") != 1 {
		t.Fatalf("recorded %d files, told:\n%s", len(b.files), b.log.String())
	}
	if err := os.Chmod(b.folder, 0o775); err != nil {
		t.Fatal(err)
	}
	if b.settle(); len(b.files) != 1 {
		t.Error("the file was not taken once the folder was in order")
	}
}

func TestTheFolderGoesAndComesBack(t *testing.T) {
	b := newBench(t)
	if err := os.RemoveAll(b.folder); err != nil {
		t.Fatal(err)
	}
	b.settle()
	b.makeFolder()
	b.put("a.csv", good)
	if b.settle(); len(b.files) != 1 {
		t.Error("nothing was taken after the folder came back")
	}
}

func (b *bench) makeFolder() {
	if err := os.Mkdir(b.folder, 0o770); err != nil {
		b.Fatal(err)
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

func TestTooManyFiles(t *testing.T) {
	b := newBench(t)
	for i := range maxFiles + 1 {
		b.put(fmt.Sprint(i), "")
	}
	if b.settle(); !strings.Contains(b.log.String(), "more than 2,000 files") {
		t.Errorf("told:\n%s", b.log.String())
	}
}

// Run takes a file that is put into the folder while it runs, and ends.
func TestRun(t *testing.T) {
	folder := t.TempDir()
	taken := make(chan Info)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- Run(ctx, Options{Folder: folder, Record: func(_ context.Context, file Info, _ []care.Directive) (Report, error) {
			taken <- file
			return Report{}, nil
		}})
	}()
	if err := os.WriteFile(filepath.Join(folder, "a.csv"), []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	select {
	case file := <-taken:
		if file.Name != "a.csv" {
			t.Errorf("took %v", file)
		}
	case <-time.After(lookEvery / 2):
		t.Error("no hint was heard")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestDescribe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, err := Describe(f); err != nil || info.Name != "a.csv" || info.Owner == "" || info.Size != int64(len(good)) {
		t.Errorf("%+v, %v", info, err)
	}
	named, err := os.Create(filepath.Join(t.TempDir(), "9990000018.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer named.Close()
	if _, err := Describe(named); care.ReasonOf(err) != "NAME" {
		t.Errorf("a name that names a patient: %v", err)
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
	if text := b.reportOf(doneFolder); len(b.files) != 3 || len(b.said) != 500 || !strings.Contains(text, "All 30 statements") || !strings.Contains(text, "15 of them") {
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

// FuzzPlain: a name that may be shown holds no NHS number and steers nothing.
func FuzzPlain(f *testing.F) {
	for _, seed := range []string{"a.csv", "9990000018.csv", "999-000-0018 b.csv", "20261122T210000.csv", "\x1b", "\u202e.csv"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !plain(name) {
			return
		}
		if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) || len(name) > maxName {
			t.Errorf("%q may be shown", name)
		}
		if _, err := care.ParseNHSNumber(name); err == nil {
			t.Errorf("%q may be shown", name)
		}
	})
}
