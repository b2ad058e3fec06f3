package forward

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// Entries that were archived before they were sent come from the archive; those
// that were deleted are counted.
func TestArchivedAndPrunedEntries(t *testing.T) {
	j, got := newJournal(t), newCollected()
	s := serve(t, nil, got.handle)
	j.add(t, 5)
	j.close(t)
	first := run(t, j.settings(s.receiver(Syslog)))
	got.expect(t, 1, 5)
	first.until(t, "delivered", func(s Status) bool { return s.Position == 5 })
	first.stop()

	j.open(t)
	for range 30 {
		j.add(t, 50)
	}
	j.close(t)
	kept := thin(t, j)
	second := run(t, j.settings(s.receiver(Syslog)))
	for _, want := range kept {
		if n := got.sequence(t); n != want {
			t.Fatalf("entry %d came, want %d", n, want)
		}
	}
	end := uint64(kept[len(kept)-1])
	status := second.until(t, "delivered", func(s Status) bool { return s.Position == end })
	last := audit.Line{}
	for line := range audit.ReadWith(j.folder, j.archive, status.Dropped.To+1, status.Dropped.To+1) {
		last = line
	}
	if d := status.Dropped; d.Count != end-5-uint64(len(kept)) || d.From >= d.To || last.Sequence == 0 || status.Behind != 0 {
		t.Errorf("%+v of %d entries", status, end)
	}
	second.stop()
	third := must(New(j.settings(s.receiver(Syslog))))
	if err := third.workers[0].load(); err != nil || third.Status()[0].Dropped != status.Dropped {
		t.Errorf("after a restart %+v, %v", third.Status()[0], err)
	}
}

// thin archives some of a journal's segments, deletes others, and returns the
// numbers of the entries after the fifth that are left.
func thin(t *testing.T, j *journal) (kept []int) {
	t.Helper()
	segments := must(filepath.Glob(filepath.Join(j.folder, "journal-*.jsonl")))
	if len(segments) < 8 {
		t.Fatalf("%d segments", len(segments))
	}
	if err := errors.Join(os.Mkdir(j.archive, 0o700), move(segments[0], j.archive), os.Remove(segments[1]), move(segments[2], j.archive),
		move(segments[3], j.archive), os.Remove(segments[5])); err != nil {
		t.Fatal(err)
	}
	for line, err := range audit.ReadWith(j.folder, j.archive, 6, 0) {
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, int(line.Sequence))
	}
	return kept
}

func move(path, folder string) error {
	return os.Rename(path, filepath.Join(folder, filepath.Base(path)))
}

// What went before a receiver was set up is not counted as lost to it.
func TestANewReceiverOfAPrunedJournal(t *testing.T) {
	j, got := newJournal(t), newCollected()
	for range 10 {
		j.add(t, 50)
	}
	j.close(t)
	segments := must(filepath.Glob(filepath.Join(j.folder, "journal-*.jsonl")))
	if err := os.Remove(segments[0]); err != nil {
		t.Fatal(err)
	}
	r := run(t, j.settings(serve(t, nil, got.handle).receiver(Syslog)))
	s := r.until(t, "delivered", func(s Status) bool { return s.Position > 0 && s.Behind == 0 })
	if s.Dropped.Count != 0 || got.sequence(t) == 1 {
		t.Errorf("%+v", s)
	}
}

func TestAnotherJournalIsSentFromItsBeginning(t *testing.T) {
	for name, entries := range map[string]int{"shorter": 3, "longer": 30} {
		t.Run(name, func(t *testing.T) {
			old, got := newJournal(t), newCollected()
			old.add(t, 10)
			old.close(t)
			s := serve(t, nil, got.handle)
			first := run(t, old.settings(s.receiver(Syslog)))
			got.expect(t, 1, 10)
			first.until(t, "delivered", func(s Status) bool { return s.Position == 10 })
			first.stop()

			j := newJournal(t)
			j.add(t, entries)
			j.close(t)
			j.state = old.state
			second := run(t, j.settings(s.receiver(Syslog)))
			got.expect(t, 1, entries)
			second.until(t, "told", func(s Status) bool { return care.ReasonOf(s.LastError) == "OTHER_JOURNAL" })
		})
	}
}

// Lines that cannot be read are passed over, and counted.
func TestDamagedEntries(t *testing.T) {
	j, got := newJournal(t), newCollected()
	j.add(t, 9)
	j.close(t)
	segment := must(filepath.Glob(filepath.Join(j.folder, "journal-*.jsonl")))[0]
	text := string(must(os.ReadFile(segment)))
	lines := strings.SplitAfterN(text, "\n", 6)
	lines[3] = strings.Replace(lines[3], `"v":1`, `"w":1`, 1)
	if err := os.WriteFile(segment, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	r := run(t, j.settings(serve(t, nil, got.handle).receiver(Syslog)))
	got.expect(t, 1, 3)
	got.expect(t, 5, 9)
	s := r.until(t, "delivered", func(s Status) bool { return s.Position == 9 })
	if s.Dropped != (Dropped{Count: 1, From: 4, To: 4}) {
		t.Errorf("%+v", s.Dropped)
	}
}

// Numbers that the journal itself states as missing were never entries.
func TestNumbersStatedAsMissing(t *testing.T) {
	for name, c := range map[string]struct {
		line audit.Line
		want Dropped
	}{
		"none missing":         {audit.Line{Sequence: 10}, Dropped{}},
		"all stated":           {audit.Line{Sequence: 15, MissingFrom: 10, MissingTo: 14}, Dropped{}},
		"some stated":          {audit.Line{Sequence: 15, MissingFrom: 13, MissingTo: 14}, Dropped{3, 10, 12}},
		"none stated":          {audit.Line{Sequence: 15}, Dropped{5, 10, 14}},
		"stated of others":     {audit.Line{Sequence: 15, MissingFrom: 2, MissingTo: 3}, Dropped{5, 10, 14}},
		"more stated than are": {audit.Line{Sequence: 15, MissingFrom: 8, MissingTo: 14}, Dropped{}},
	} {
		f := &feed{next: 10}
		if f.drop(&c.line); f.dropped != c.want {
			t.Errorf("%s: %+v", name, f.dropped)
		}
	}
}
