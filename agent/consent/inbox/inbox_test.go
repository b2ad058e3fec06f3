package inbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	for _, want := range []string{"File: optouts.CSV of " + f.Owner, fmt.Sprintf("SHA-256: %x", f.SHA256), "Recorded: 2 statements, all that the file holds. 1 of them changed", "Journal entry: 77"} {
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
