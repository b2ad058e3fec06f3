package audit

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// closedJournal makes a journal of n refusals over several segments.
func closedJournal(t *testing.T, n int) string {
	t.Helper()
	folder := newFolder(t)
	j := openTest(t, folder, Options{SegmentBytes: 16 << 10, files: quickFiles{}})
	for i := range n {
		mustWait(t, j.Append(refusalOf(i)))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return folder
}

// newestOf returns the path of the newest segment that holds an entry.
func newestOf(t *testing.T, folder string) string {
	t.Helper()
	firsts, err := newListing(folder)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(firsts) - 1; ; i-- {
		path := filepath.Join(folder, segmentName(firsts[i]))
		if len(contentOf(t, path)) > 0 {
			return path
		}
	}
}

// copyJournal copies a journal for a test to change.
func copyJournal(t *testing.T, source string) string {
	t.Helper()
	folder := newFolder(t)
	if err := os.CopyFS(folder, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if e.IsDir() {
			return firstError(err, os.Chmod(path, folderMode))
		}
		return firstError(err, os.Chmod(path, fileMode))
	})
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// lostJournals are changes that no failure of the machine can make, and the
// reason that Open finds.
func lostJournals(t *testing.T) map[string]struct {
	change func(folder string) error
	reason string
} {
	cut := func(keep int) func(folder string) error {
		return func(folder string) error {
			content := contentOf(t, newestOf(t, folder))
			lines := bytes.SplitAfter(content, []byte("\n"))
			return os.WriteFile(newestOf(t, folder), bytes.Join(lines[:keep], nil), 0o600)
		}
	}
	edit := func(change func(c []byte) []byte) func(folder string) error {
		return func(folder string) error {
			return os.WriteFile(newestOf(t, folder), change(contentOf(t, newestOf(t, folder))), 0o600)
		}
	}
	return map[string]struct {
		change func(folder string) error
		reason string
	}{
		"the end is cut":      {cut(1), ReasonRolledBack},
		"the end is torn":     {edit(func(c []byte) []byte { return c[:len(c)-20] }), ReasonRolledBack},
		"all entries are cut": {func(f string) error { return os.Remove(newestOf(t, f)) }, ReasonRolledBack},
		"the last entry is another": {edit(func(c []byte) []byte {
			at := bytes.LastIndex(c, []byte("refusal"))
			copy(c[at:], "consent")
			return c
		}), ReasonRewritten},
		"two entries cannot be read": {edit(func(c []byte) []byte { c[bytes.IndexByte(c, '\n')] = ' '; return c }), ReasonDamaged},
		"the beginning is gone, and all that is signed": {func(f string) error {
			return firstError(os.Remove(filepath.Join(f, segmentName(1))), os.Remove(filepath.Join(f, checkpointFile)))
		}, ReasonNoHead},
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// contents returns what is in a folder.
func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestALostJournalIsOpenedForLookingOnly(t *testing.T) {
	source := closedJournal(t, 300)
	for name, c := range lostJournals(t) {
		t.Run(name, func(t *testing.T) {
			folder := copyJournal(t, source)
			left := filepath.Join(folder, checkpointFile+tempSuffix)
			if err := firstError(c.change(folder), os.WriteFile(left, nil, fileMode)); err != nil {
				t.Fatal(err)
			}
			before := contents(t, folder)
			j := openTest(t, folder, Options{SegmentBytes: 16 << 10})
			wantReason(t, j.Check(), c.reason)
			wantReason(t, j.Append(sampleEvent()).Wait(t.Context()), c.reason)
			wantReason(t, j.AppendLazily(refusalOf(1)).Wait(t.Context()), c.reason)
			wantReason(t, j.Status().Err, c.reason)
			_, _, err := j.Head()
			wantReason(t, err, c.reason)
			_, _, _, err = j.Consistency(1)
			wantReason(t, err, c.reason)
			_, _, err = j.Countersigned([]byte("x"))
			wantReason(t, err, c.reason)
			_, err = j.Closed()
			wantReason(t, err, c.reason)
			_, err = j.Archive(t.Context(), newFolder(t), 1000, care.Event{})
			wantReason(t, err, c.reason)
			if _, err := j.Prove(care.Position{Sequence: 1}); care.KindOf(err) != care.RecordNotFound {
				t.Errorf("Prove says %v", err)
			}
			wantReason(t, j.Close(), c.reason)
			after := contents(t, folder)
			for path, content := range before {
				if after[path] != content {
					t.Errorf("%s was changed", filepath.Base(path))
				}
			}
			if len(after) != len(before) {
				t.Errorf("the folder has %d files, had %d", len(after), len(before))
			}
		})
	}
}

// TestRenew begins a new journal, at once or after it was interrupted at one of
// its two changes of a folder's name.
func TestRenew(t *testing.T) {
	for stop := range 3 {
		folder := closedJournal(t, 300)
		if err := os.Remove(newestOf(t, folder)); err != nil {
			t.Fatal(err)
		}
		files, renames := &faultFiles{}, 0
		files.set(func(op, name string) error {
			if op == "rename" && strings.HasPrefix(name, filepath.Base(folder)) && filepath.Ext(name) != segmentSuffix {
				if renames++; renames == stop {
					return fs.ErrPermission
				}
			}
			return nil
		})
		opts := withKeys(Options{files: files, Now: func() time.Time { return time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC) }})
		err := Renew(folder, opts, "the disk was replaced")
		if stop > 0 {
			wantReason(t, err, ReasonPermissions)
			err = Renew(folder, opts, "the disk was replaced")
		}
		if err != nil {
			t.Fatal(err)
		}
		checkRenewed(t, folder, opts)
	}
}

// checkRenewed looks at what Renew made, and cannot be renewed again.
func checkRenewed(t *testing.T, folder string, opts Options) {
	t.Helper()
	lines := readAll(t, folder)
	if len(lines) != 1 || lines[0].Kind != care.JournalRenewed ||
		!strings.HasPrefix(lines[0].Detail, "the disk was replaced; the last signed head of the old journal has size 300 and root ") {
		t.Errorf("the new journal holds %v %q", lines, lines[0].Detail)
	}
	if _, err := os.Stat(filepath.Join(folder+"-lost-20261122T180000Z", segmentName(1))); err != nil {
		t.Error(err)
	}
	j := openTest(t, folder, Options{})
	if got := mustWait(t, j.Append(refusalOf(1))).Sequence; got != 2 {
		t.Errorf("the next entry has number %d, want 2", got)
	}
	wantReason(t, Renew(folder, opts, "again"), ReasonLocked)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Renew(folder, opts, "again"); care.ReasonOf(err) != ReasonNotLost {
		t.Errorf("renewing a whole journal says %v", err)
	}
}

// TestTilesAreMadeAgain damages tiles, which are not synced as entries are.
func TestTilesAreMadeAgain(t *testing.T) {
	damage := map[string]func(path string) error{
		"zeros":   func(path string) error { return os.WriteFile(path, make([]byte, 256*32), 0o600) },
		"short":   func(path string) error { return os.Truncate(path, 100) },
		"removed": os.Remove,
	}
	for name, change := range damage {
		folder := closedJournal(t, 600)
		tile := filepath.Join(folder, "tile", "0", "001")
		want, err := os.ReadFile(tile)
		if err := firstError(err, change(tile), os.WriteFile(tile+tempSuffix, []byte("x"), 0o600)); err != nil {
			t.Fatal(err)
		}
		j := openTest(t, folder, Options{files: quickFiles{}})
		position := mustWait(t, j.Append(refusalOf(1)))
		proof, err := j.Prove(position)
		if err != nil {
			t.Fatal(err)
		}
		checkProof(t, position, proof)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(tile); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: the tile was not made again (%v)", name, err)
		}
		if _, err := os.Stat(tile + tempSuffix); !os.IsNotExist(err) {
			t.Errorf("%s: what a crash left of a tile is still there", name)
		}
	}
}

// TestTheFirstEntryIsGone removes it with its segment and with all that is
// signed. The entry after it names its hash, and yet it is missed.
func TestTheFirstEntryIsGone(t *testing.T) {
	folder := newFolder(t)
	opts := Options{SegmentBytes: 64, files: quickFiles{}} // one entry in each segment
	j := openTest(t, folder, opts)
	for n := range 3 {
		mustWait(t, j.Append(refusalOf(n)))
	}
	if err := firstError(j.Close(), os.Remove(filepath.Join(folder, segmentName(1))), os.Remove(filepath.Join(folder, checkpointFile))); err != nil {
		t.Fatal(err)
	}
	wantReason(t, openTest(t, folder, opts).Check(), ReasonNoHead)
}

// TestHeadsAreGoneAfterArchiving: that is said as it is, and a head from
// elsewhere, an older one too, makes the journal whole again.
func TestHeadsAreGoneAfterArchiving(t *testing.T) {
	folder := newFolder(t)
	j := openOld(t, folder, quickFiles{}, 600)
	closed, err := j.Closed()
	if err != nil {
		t.Fatal(err)
	}
	older := contentOf(t, filepath.Join(folder, checkpointFile)) // of Closed
	if _, err := j.Archive(t.Context(), newFolder(t), closed[2].Last, care.Event{}); err != nil {
		t.Fatal(err)
	}
	if err := firstError(j.Close(), os.Remove(filepath.Join(folder, checkpointFile))); err != nil {
		t.Fatal(err)
	}
	lost := openTest(t, folder, Options{})
	wantReason(t, lost.Check(), ReasonNoHead)
	wantReason(t, lost.Close(), ReasonNoHead)
	if err := os.WriteFile(filepath.Join(folder, checkpointFile), older, 0o600); err != nil {
		t.Fatal(err)
	}
	again := openTest(t, folder, Options{})
	mustWait(t, again.Append(care.Event{Kind: care.AgentStarted}))
	if head, _, err := again.Head(); err != nil || head != again.Status().Entries {
		t.Errorf("the head has size %d, %v", head, err)
	}
}
