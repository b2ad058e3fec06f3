package audit

import (
	"context"
	"io"
	"iter"
	"os"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// pollInterval is how often Follow looks for new entries.
const pollInterval = 250 * time.Millisecond

// Read yields the entries numbered from to to, both included, in order; a to
// of 0 means all there are. It reads the files alone, takes no lock, and may be
// used while an agent writes. Entries that are being written are left out;
// entries that were written and are not yet known to be durable may be yielded.
//
// A stretch that cannot be read is yielded as an error with reason DAMAGED,
// and reading goes on after it. Any other error is the last thing yielded.
// Read does not check that entries follow from one another: Verify does.
//
// Entries that were archived or pruned are not yielded; see [ReadWith].
func Read(folder string, from, to uint64) iter.Seq2[Line, error] {
	return ReadWith(folder, "", from, to)
}

// ReadWith is Read that looks in the folder of the archive too, unless that is
// "". What is in both is read from the journal's own folder.
func ReadWith(folder, archive string, from, to uint64) iter.Seq2[Line, error] {
	return read(func() *reader { return newReader(folder, archive, from, decodeLine) }, to)
}

// Scan is Read for those who go through many entries: of a Line it sets the
// number, batch, times, kind, hashes and Raw, which is valid until the next
// step, and, where numbers are stated as missing, which.
func Scan(folder string, from, to uint64) iter.Seq2[Line, error] {
	return ScanWith(folder, "", from, to)
}

// ScanWith is Scan that looks in the folder of the archive too, as ReadWith
// does.
func ScanWith(folder, archive string, from, to uint64) iter.Seq2[Line, error] {
	return read(func() *reader { return newReader(folder, archive, from, scanLine) }, to)
}

// SkimWith is ScanWith for those who look for few entries among very many: a
// line whose beginning is whole is taken for an entry, whatever comes after.
func SkimWith(folder, archive string, from, to uint64) iter.Seq2[Line, error] {
	return read(func() *reader { return newReader(folder, archive, from, skimLine) }, to)
}

// Decode returns the whole entry of a Line from Scan, which it keeps nothing
// of.
func Decode(l *Line) (Line, error) { return decodeLine(l.Raw) }

func read(begin func() *reader, to uint64) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		r := begin()
		defer r.close()
		for {
			line, err := r.next()
			if err == io.EOF || err == nil && to > 0 && line.Sequence > to {
				return
			}
			if !yield(line, err) || err != nil && !isDamage(err) {
				return
			}
		}
	}
}

// scanFile yields what Scan would of one file that is not written to.
func scanFile(path string) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(Line{}, failed("audit.Read", err))
			return
		}
		defer func() { _ = f.Close() }()
		for scan := newScanner(f, maxLine+1, false); ; {
			raw, _, err := scan.next()
			if err == io.EOF {
				return
			}
			var line Line
			switch {
			case err == nil:
				line, err = scanLine(raw)
			case err == errDamaged:
				err = damaged("audit.Read", "a part of a segment holds no readable line")
			default:
				err = failed("audit.Read", err)
			}
			if !yield(line, err) || err != nil && !isDamage(err) {
				return
			}
		}
	}
}

// Follow yields what Read would and then waits for more, until ctx ends.
func Follow(ctx context.Context, folder string, from uint64) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		r := newReader(folder, "", from, decodeLine)
		defer r.close()
		tick := time.NewTicker(pollInterval)
		defer tick.Stop()
		for ctx.Err() == nil {
			line, err := r.next()
			if err == io.EOF {
				select {
				case <-ctx.Done():
				case <-tick.C:
				}
				continue
			}
			if !yield(line, err) || err != nil && !isDamage(err) {
				return
			}
		}
	}
}

// isDamage reports whether reading can go on after err.
func isDamage(err error) bool { return care.ReasonOf(err) == ReasonDamaged }
