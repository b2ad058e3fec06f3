package inbox

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// Folders that files are moved to.
const (
	doneFolder    = "done"
	refusedFolder = "refused"
)

// stampLayout is how the time stands before the name of a file that was taken.
const stampLayout = "20060102T150405.000Z"

// verdict is what became of a file: where it is to be moved, and the report.
type verdict struct {
	file           fs.FileInfo
	folder, report string
}

// take records a file and moves it. An error leaves the file where it is. One
// that was dealt with and could not be moved is only moved: to record it again
// would do no harm, but fill the journal.
func (b *box) take(ctx context.Context, root *os.Root, name string, seen fs.FileInfo) error {
	v, dealt := b.dealt[name]
	if !dealt || !(sight{info: v.file}).same(seen) {
		var err error
		if v, err = b.judge(ctx, root, name, seen); err != nil {
			return err
		}
	}
	if err := b.putAway(root, name, v); err != nil {
		b.dealt[name] = v
		return err
	}
	return nil
}

// judge reads, checks and records a file. An error says that it is to be tried
// again.
func (b *box) judge(ctx context.Context, root *os.Root, name string, seen fs.FileInfo) (verdict, error) {
	file := Info{Name: name, Size: seen.Size()}
	report, fault := b.record(ctx, root, &file, seen)
	switch {
	case fault == nil:
		b.Log.Info("a consent file was recorded", "file", name, "statements", report.Statements, "changed", report.Changed, "journal_entry", report.Entry)
		return verdict{seen, doneFolder, doneText(file, report, b.now())}, nil
	case final(fault):
		b.Log.Warn("a consent file was refused", "file", name, "error", fault)
		return verdict{seen, refusedFolder, refusedText(file, report, fault, b.now())}, nil
	}
	return verdict{}, fault
}

// final reports whether a file would be refused again however often it was tried.
func final(err error) bool {
	switch care.KindOf(err) {
	case care.BadRequest, care.InvalidNHSNumber, care.Conflict:
		return true
	case care.LimitExceeded: // a context that ended is none of the file's doing
		_, ours := errors.AsType[*care.Error](err)
		return ours
	}
	return false
}

// record reads a file twice: once to check all of it, and once to record it, so
// that a large file takes little memory. What comes second is what was checked:
// the file must be the one that was seen, and nobody must write to it meanwhile.
func (b *box) record(ctx context.Context, root *os.Root, file *Info, seen fs.FileInfo) (report Report, err error) {
	if seen.Size() > maxFile {
		return report, tooLarge()
	}
	f, err := root.OpenFile(file.Name, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return report, failure(care.SourceUnavailable, "FILE", "it cannot be opened; check who may read it", err)
	}
	defer func() { _ = f.Close() }() // only read from
	file.Owner = ownerOf(f, seen)
	now := b.now()
	if file.SHA256, err = b.pass(f, seen, now, func([]care.Directive) error { return nil }); err != nil {
		return report, err
	}
	sum, err := b.pass(f, seen, now, func(batch []care.Directive) error {
		kept, err := b.Record(ctx, *file, batch)
		report.add(kept)
		return err
	})
	if err == nil && sum != file.SHA256 {
		err = changed(nil)
	}
	return report, err
}

// perRecord is how many statements are recorded at once.
const perRecord = 1000

// pass reads a file from its beginning and hands its statements on in batches.
// Of a file that changes meanwhile nothing else is said: what is found wrong may
// be half of what was to be written.
func (b *box) pass(f *os.File, seen fs.FileInfo, now time.Time, take func([]care.Directive) error) (sum [32]byte, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return sum, changed(err)
	}
	hash := sha256.New()
	batch := make([]care.Directive, 0, perRecord)
	for d, fault := range Parse(io.TeeReader(f, hash), now) {
		if err = fault; err != nil {
			break
		}
		if batch = append(batch, d); len(batch) == perRecord {
			if err = take(batch); err != nil {
				return sum, err
			}
			batch = batch[:0]
		}
	}
	if info, serr := f.Stat(); serr != nil || !(sight{info: seen}).same(info) {
		return sum, changed(serr)
	}
	if err == nil && len(batch) > 0 {
		err = take(batch)
	}
	return [32]byte(hash.Sum(nil)), err
}

func changed(err error) error {
	return failure(care.SourceUnavailable, "CHANGED", "it changed while it was read", err)
}

// Parse yields the statements of a file (feed.ParseFile), each checked as the
// store will, so that what is wrong can be known before anything is recorded.
// An error is the last thing yielded; it names line and column and quotes
// nothing. A file of more than 64 MiB, or without a statement, is an error.
func Parse(r io.Reader, now time.Time) iter.Seq2[care.Directive, error] {
	return func(yield func(care.Directive, error) bool) {
		limited := &io.LimitedReader{R: r, N: maxFile + 1}
		line := 1
		for d, err := range feed.ParseFile(limited) {
			line++
			if err == nil {
				err = check(&d, line, now)
			}
			if limited.N == 0 {
				err = tooLarge()
			}
			if !yield(d, err) || err != nil {
				return
			}
		}
		if line == 1 {
			yield(care.Directive{}, failure(care.BadRequest, "EMPTY", "the file has no line after its header", nil))
		}
	}
}

func tooLarge() error {
	return failure(care.LimitExceeded, "SIZE", "the file is larger than 64 MiB; hand it in as several", nil)
}

// check checks a statement of a line.
func check(d *care.Directive, line int, now time.Time) error {
	_, err := rule.Explode(d, now)
	if fault, ours := errors.AsType[*care.Error](err); ours {
		return failure(fault.Kind, fault.Reason, fmt.Sprintf("line %d: %s", line, fault.Detail), err)
	}
	return err
}

// putAway writes a report and then moves the file beside it: what lies in done
// or refused always has its report.
func (b *box) putAway(root *os.Root, name string, v verdict) error {
	err := makeFolder(root, v.folder)
	if err == nil {
		var to string
		if to, err = writeReport(root, v.folder+"/"+b.now().UTC().Format(stampLayout), name, v.report); err == nil {
			if err = move(root, name, to, v.file); err != nil {
				err = errors.Join(err, root.Remove(to+reportSuffix))
			}
		}
	}
	if err == nil {
		err = errors.Join(syncFolder(root, v.folder), syncFolder(root, "."))
	}
	if err != nil {
		return failure(care.SourceUnavailable, "MOVE", "what it says was dealt with, but it cannot be moved to the folder "+v.folder+"; check who may write there", err)
	}
	return nil
}

// makeFolder makes a folder unless it is there. A link in its place is none.
func makeFolder(root *os.Root, name string) error {
	if err := root.Mkdir(name, 0o770); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := root.Lstat(name)
	if err == nil && !info.IsDir() {
		err = fs.ErrInvalid
	}
	return err
}

// move moves the file that was taken. Another that was put in its place
// meanwhile stays, to be taken next.
func move(root *os.Root, name, to string, taken fs.FileInfo) error {
	if now, err := root.Lstat(name); err != nil || !os.SameFile(now, taken) {
		return errors.Join(err, fs.ErrNotExist)
	}
	if err := root.Rename(name, to); err != nil {
		return err
	}
	if moved, err := root.Lstat(to); err != nil || !os.SameFile(moved, taken) {
		return errors.Join(err, fs.ErrNotExist, root.Rename(to, name))
	}
	return nil
}

// reportSuffix stands after the name of a file in the name of its report.
const reportSuffix = ".report.txt"

// maxSame is how many files of one name can be put away in one millisecond.
const maxSame = 100

// writeReport writes the report of a file under a name that is free, and returns
// what the file is to be called.
func writeReport(root *os.Root, stamp, name, report string) (to string, err error) {
	for n := range maxSame {
		to = stamp + "-" + name
		if n > 0 {
			to = fmt.Sprintf("%s-%d-%s", stamp, n, name)
		}
		if _, err := root.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		f, err := root.OpenFile(to+reportSuffix, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o660)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = f.WriteString(report)
		return to, errors.Join(err, f.Sync(), f.Close())
	}
	return "", fs.ErrExist
}

// doneText is the report of a file that was recorded.
func doneText(f Info, r Report, now time.Time) string {
	return head(f, now) + fmt.Sprintf("Recorded: %s, all that the file holds. %d of them changed what is in force; the others were known, or a later statement stands over them.\r\nJournal entry: %d\r\n",
		care.Count(r.Statements, "statement"), r.Changed, r.Entry)
}

// refusedText is the report of a file that was refused. The text of an error
// never quotes a file.
func refusedText(f Info, r Report, fault error, now time.Time) string {
	text := head(f, now)
	if r.Statements > 0 {
		text += fmt.Sprintf("Recorded: %s, the first of the file, up to journal entry %d. The next could not be kept:\r\n", care.Count(r.Statements, "statement"), r.Entry)
	} else {
		text += "Nothing was recorded. The file is refused because of this:\r\n"
	}
	what := "the agent failed on it; its log says more"
	if e, ours := errors.AsType[*care.Error](fault); ours {
		what = e.Detail
	}
	return text + what + "\r\nPut it right and put the file into the folder again.\r\n"
}

// head is what every report begins with. Lines end as Windows has them, because
// that is where reports are read.
func head(f Info, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "File: %s\r\n", f)
	if f.SHA256 != [32]byte{} {
		fmt.Fprintf(&b, "SHA-256: %x\r\n", f.SHA256)
	}
	fmt.Fprintf(&b, "Taken: %s\r\n", now.Format("2006-01-02 15:04:05 -07:00"))
	return b.String()
}
