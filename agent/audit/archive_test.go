package audit

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestArchivesThatAreRefused(t *testing.T) {
	folder := newFolder(t)
	j := openOld(t, folder, quickFiles{}, 600)
	for _, to := range []string{folder, filepath.Join(folder, "archive")} {
		if _, err := j.Archive(t.Context(), to, 100, care.Event{}); care.ReasonOf(err) != ReasonArchive {
			t.Errorf("the archive in %s: %v", to, err)
		}
	}
	open := newFolder(t)
	if err := firstError(os.Mkdir(open, 0o700), os.Chmod(open, 0o755)); err != nil {
		t.Fatal(err)
	}
	_, err := j.Archive(t.Context(), open, 100, care.Event{})
	wantReason(t, err, ReasonPermissions)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Archive(ctx, newFolder(t), 100, care.Event{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
	if first := readAll(t, folder)[0].Sequence; first != 1 {
		t.Errorf("the journal begins with entry %d after all that", first)
	}
}

// TestCopiesThatAreRefused finds another copy of the first segment in the
// archive than the journal's tree vouches for.
func TestCopiesThatAreRefused(t *testing.T) {
	folder := newFolder(t)
	j := openOld(t, folder, quickFiles{}, 600)
	right := contentOf(t, filepath.Join(folder, segmentName(1)))
	end := bytes.LastIndexByte(right[:len(right)-1], '\n') + 1
	for name, content := range map[string][]byte{
		"another journal's":     contentOf(t, filepath.Join(closedJournal(t, 40), segmentName(1))),
		"changed":               bytes.Replace(right, []byte("refusal 3"), []byte("refusal 4"), 1),
		"without the last":      right[:end],
		"without the first":     right[bytes.IndexByte(right, '\n')+1:],
		"with the last twice":   append(bytes.Clone(right), right[end:]...),
		"with the next segment": append(bytes.Clone(right), contentOf(t, newestOf(t, folder))...),
		"empty":                 nil,
	} {
		archive := newFolder(t)
		path := filepath.Join(archive, segmentName(1))
		if err := firstError(os.Mkdir(archive, 0o700), os.WriteFile(path, content, 0o600)); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Archive(t.Context(), archive, 100, care.Event{}); care.ReasonOf(err) != ReasonArchive {
			t.Errorf("a copy %s: %v", name, err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
			t.Errorf("a copy %s was changed (%v)", name, err)
		}
	}
	if first := readAll(t, folder)[0].Sequence; first != 1 {
		t.Errorf("the journal begins with entry %d after all that", first)
	}
}

// TestRetiringInOrder looks at the calls: the copies are durable before the
// entry, the entry before anything is removed, and each removal before the next.
func TestRetiringInOrder(t *testing.T) {
	files := &faultFiles{}
	j := openOld(t, newFolder(t), files, 600)
	closed, err := j.Closed()
	if err != nil {
		t.Fatal(err)
	}
	files.mu.Lock()
	files.log = nil
	files.mu.Unlock()
	archive := newFolder(t)
	if _, err := j.Archive(t.Context(), archive, closed[1].Last, care.Event{}); err != nil {
		t.Fatal(err)
	}
	first, second := segmentName(closed[0].First), segmentName(closed[1].First)
	files.mu.Lock()
	defer files.mu.Unlock()
	newest := filepath.Base(j.place.path)
	want := []string{"sync " + first + tempSuffix, "rename " + first, "syncFolder journal", "sync " + second + tempSuffix, "rename " + second,
		"syncFolder journal", "write " + newest, "sync " + newest, "remove " + first, "syncFolder journal", "remove " + second, "syncFolder journal"}
	for _, call := range files.log {
		if len(want) > 0 && call == want[0] {
			want = want[1:]
		} else if strings.HasPrefix(call, "remove ") && slices.Contains(want, call) {
			t.Errorf("%s came too early", call)
		}
	}
	if len(want) > 0 {
		t.Errorf("%q did not happen in its place; the calls were %q", want[0], files.log)
	}
}

// TestADamagedSegmentIsArchived: it goes as it is, the entry says so, and what
// was damaged stays known. The segment before it may go as well.
func TestADamagedSegmentIsArchived(t *testing.T) {
	folder, archive := newFolder(t), newFolder(t)
	j := openOld(t, folder, quickFiles{}, 600)
	before := readAll(t, folder)
	closed, err := j.Closed()
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.ReplaceAll(contentOf(t, closed[1].Path), []byte(`{"v"`), []byte(`#"v"`))
	if err := firstError(os.Chmod(closed[1].Path, 0o600), os.WriteFile(closed[1].Path, damaged, 0o600)); err != nil {
		t.Fatal(err)
	}
	again, err := j.Closed()
	if err != nil || len(again) != len(closed) || again[0].Until.IsZero() || again[0].Until.After(closed[1].Until) {
		t.Fatalf("%d of %d segments may go (%v)", len(again), len(closed), err)
	}
	if n, err := j.Archive(t.Context(), archive, closed[2].Last, care.Event{}); n != 3 || err != nil {
		t.Fatalf("%d segments were archived: %v", n, err)
	}
	if got := contentOf(t, filepath.Join(archive, filepath.Base(closed[1].Path))); !bytes.Equal(got, damaged) {
		t.Error("the copy is not the segment as it was")
	}
	var told Line
	for _, line := range readAll(t, folder) {
		if line.Kind == care.JournalArchived {
			told = line
		}
	}
	if told.TrueReason != ReasonDamaged || !told.Alert || told.To != closed[2].Last {
		t.Errorf("the entry is %s", told.Raw)
	}
	for _, n := range []uint64{closed[1].First, closed[1].First + 1, closed[2].First} {
		if proof, err := j.Prove(before[n-1].Position()); err != nil {
			t.Error(err)
		} else {
			checkProof(t, before[n-1].Position(), proof)
		}
	}
}
