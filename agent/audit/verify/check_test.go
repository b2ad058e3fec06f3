package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/audit/verify"
	"github.com/mycarerecord/edge-agent/agent/audit/verify/journaltest"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// sample is a journal of 640 entries in four segments, with two full tiles, a
// gap, and two countersigned heads.
func sample() *journaltest.Journal {
	j := journaltest.New()
	j.Add("AGENT_STARTED", `,"actor":"systemd"`)
	j.Fill(149)
	j.Countersign()
	j.Rotate() // 152
	j.Fill(149)
	j.Fail(5, true) // 301 to 305; 306 says so
	j.Fill(194)
	j.Rotate() // 501
	j.Fill(100)
	j.Countersign()
	j.Fill(39)
	j.Checkpoint()
	return j
}

// check verifies files.
func check(t testing.TB, files map[string][]byte, options ...func(*verify.Options)) verify.Report {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "journal")
	if err := journaltest.Write(folder, files); err != nil {
		t.Fatal(err)
	}
	o := verify.Options{Folder: folder, Keys: journaltest.Keys()}
	for _, set := range options {
		set(&o)
	}
	r, err := verify.Check(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// found returns the findings in short.
func found(r verify.Report) string {
	var list []string
	for _, f := range r.Findings {
		list = append(list, fmt.Sprintf("%s %d-%d", f.Code, f.From, f.To))
	}
	return strings.Join(list, ", ")
}

// segment returns the name of the segment that begins with an entry.
func segment(first int) string { return fmt.Sprintf("journal-%020d.jsonl", first) }

// lines changes the lines of a segment.
func lines(files map[string][]byte, first int, change func([][]byte) [][]byte) {
	data := files[segment(first)]
	used := bytes.TrimRight(data, "\x00")
	split := bytes.SplitAfter(used, []byte("\n"))
	files[segment(first)] = append(bytes.Join(change(split[:len(split)-1]), nil), data[len(used):]...)
}

func TestASoundJournalIsFine(t *testing.T) {
	r := check(t, sample().Files())
	if !r.Fine() || r.FirstWrong() != 0 {
		t.Fatalf("found %s: %v", found(r), r.Findings)
	}
	if r.Entries != 640 || r.Read != 635 || r.Unused != 5 || r.Signed != 640 || r.Anchored != 600 || r.Tiles != 2 || r.Torn != 0 || r.Origin != journaltest.Origin {
		t.Errorf("got %+v", r)
	}
	want := "Entries 601 to 640 came after the last head that a witness countersigned or that was given. That none was removed after 640, or that these were not rewritten by someone who holds the site's key, cannot be shown."
	if len(r.Unknown) == 0 || r.Unknown[0] != want {
		t.Errorf("unknown: %q", r.Unknown)
	}
}

func TestWhatIsFound(t *testing.T) {
	type change = func(*journaltest.Journal, map[string][]byte)
	on := func(first int, do func([][]byte) [][]byte) change {
		return func(_ *journaltest.Journal, files map[string][]byte) { lines(files, first, do) }
	}
	edit := func(first, at int, old, replacement string) change {
		return on(first, func(l [][]byte) [][]byte {
			if !bytes.Contains(l[at], []byte(old)) {
				t.Fatalf("%q has no %q", l[at], old)
			}
			l[at] = bytes.Replace(l[at], []byte(old), []byte(replacement), 1)
			return l
		})
	}
	put := func(name string, data func(old []byte) []byte) change {
		return func(_ *journaltest.Journal, files map[string][]byte) {
			if _, ok := files[name]; !ok {
				t.Fatalf("no file %s", name)
			}
			files[name] = data(files[name])
		}
	}
	remove := func(names ...string) change {
		return func(_ *journaltest.Journal, files map[string][]byte) {
			for _, name := range names {
				delete(files, name)
			}
		}
	}
	flip := func(at int) func([]byte) []byte {
		return func(old []byte) []byte {
			changed := bytes.Clone(old)
			changed[at] ^= 1
			return changed
		}
	}
	checkpoint := "checkpoint"
	newest := fmt.Sprintf("heads/%020d.note", 600)
	oldest := fmt.Sprintf("heads/%020d.note", 150)
	for name, c := range map[string]struct {
		change change
		want   string
	}{
		"an entry edited":              {edit(1, 9, "r-10", "r-11"), "EDITED 10-10"},
		"the first entry edited":       {edit(1, 0, "systemd", "systemc"), "EDITED 1-1"},
		"the last of a segment edited": {edit(152, 148, "r-", "q-"), "EDITED 300-300"},
		"two neighbours edited": {func(j *journaltest.Journal, f map[string][]byte) {
			edit(1, 9, "r-", "q-")(j, f)
			edit(1, 10, "r-", "q-")(j, f)
		}, "EDITED 10-11"},
		"the last entry edited":       {edit(501, 139, "r-", "q-"), "REWRITTEN 601-640"},
		"an entry made unreadable":    {edit(1, 9, `{"v":1`, `{"v":2`), "UNREADABLE 10-10"},
		"a space added":               {edit(1, 9, `,"kind"`, `, "kind"`), "UNREADABLE 10-10"},
		"a line feed removed":         {edit(1, 9, "\n", ""), "UNREADABLE 10-11"},
		"a byte made NUL":             {edit(1, 9, "r-10", "r\x0010"), "UNREADABLE 10-10"},
		"a number edited":             {edit(1, 9, `"seq":10`, `"seq":99`), "EDITED 10-10"},
		"an entry removed":            {on(1, func(l [][]byte) [][]byte { return slices.Delete(l, 9, 10) }), "MISSING 10-10"},
		"entries removed":             {on(1, func(l [][]byte) [][]byte { return slices.Delete(l, 9, 49) }), "MISSING 10-49"},
		"the first entry removed":     {on(1, func(l [][]byte) [][]byte { return l[1:] }), "MISSING 1-1"},
		"entries between segments":    {on(152, func(l [][]byte) [][]byte { return l[:100] }), "MISSING 252-300"},
		"the first of a segment":      {on(152, func(l [][]byte) [][]byte { return l[1:] }), "MISSING 152-152"},
		"a batch in the future":       {edit(1, 9, `"batch":10`, `"batch":11`), "UNREADABLE 10-10"},
		"entries swapped":             {on(1, func(l [][]byte) [][]byte { l[9], l[10] = l[10], l[9]; return l }), "REORDERED 11-11"},
		"far entries swapped":         {on(1, func(l [][]byte) [][]byte { l[9], l[90] = l[90], l[9]; return l }), "REORDERED 10-10, REORDERED 91-91"},
		"an entry moved":              {on(1, func(l [][]byte) [][]byte { m := l[9]; return slices.Insert(slices.Delete(l, 9, 10), 50, m) }), "REORDERED 10-10"},
		"an entry twice":              {on(1, func(l [][]byte) [][]byte { return slices.Insert(l, 9, l[8]) }), "DUPLICATED 9-9"},
		"an old entry again":          {on(501, func(l [][]byte) [][]byte { return slices.Insert(l, 9, l[2]) }), "DUPLICATED 503-503"},
		"a line inserted":             {on(1, func(l [][]byte) [][]byte { return slices.Insert(l, 9, []byte("no entry\n")) }), "UNREADABLE 9-10"},
		"the end cut off":             {on(501, func(l [][]byte) [][]byte { return l[:120] }), "TRUNCATED 621-640"},
		"the newest segment removed":  {remove(segment(501)), "TRUNCATED 501-640"},
		"a segment removed":           {remove(segment(152)), "MISSING 152-300"},
		"the gap's statement removed": {remove(segment(306)), "EDITED 301-305, MISSING 306-500"},
		"the first segment removed":   {remove(segment(1)), "MISSING 1-151"},
		"all segments removed":        {remove(segment(1), segment(152), segment(306), segment(501)), "TRUNCATED 1-640"},
		"a segment renamed": {func(_ *journaltest.Journal, f map[string][]byte) {
			f[segment(160)] = f[segment(152)]
			delete(f, segment(152))
		}, "MISNAMED 152-152"},
		"a segment copied":       {func(_ *journaltest.Journal, f map[string][]byte) { f[segment(153)] = f[segment(152)] }, "DUPLICATED 152-300"},
		"a tile changed":         {put("tile/0/001", flip(40)), "TILE_WRONG 0-0"},
		"a tile cut":             {put("tile/0/000", func(b []byte) []byte { return b[:100] }), "TILE_WRONG 0-0"},
		"a tile removed":         {remove("tile/0/000"), ""},
		"checkpoint removed":     {remove(checkpoint), "HEAD_MISSING 0-0"},
		"checkpoint changed":     {put(checkpoint, flip(30)), "HEAD_INVALID 0-0, HEAD_MISSING 0-0"},
		"newest head removed":    {remove(newest), "HEAD_MISSING 600-600"},
		"head changed":           {put(newest, flip(45)), "HEAD_INVALID 600-600, HEAD_MISSING 600-600"},
		"head under wrong name":  {func(_ *journaltest.Journal, f map[string][]byte) { f[oldest] = f[newest] }, "HEAD_INVALID 150-150"},
		"head not countersigned": {func(j *journaltest.Journal, f map[string][]byte) { f[newest] = j.Head(600) }, "HEAD_INVALID 600-600, HEAD_MISSING 600-600"},
		"an old checkpoint":      {func(j *journaltest.Journal, f map[string][]byte) { f[checkpoint] = j.Head(100) }, ""},
		"old checkpoint, end cut": {func(j *journaltest.Journal, f map[string][]byte) {
			f[checkpoint] = j.Head(100)
			lines(f, 501, func(l [][]byte) [][]byte { return l[:90] })
		}, "TRUNCATED 591-600"},
	} {
		t.Run(name, func(t *testing.T) {
			j := sample()
			files := j.Files()
			c.change(j, files)
			if r := check(t, files); found(r) != c.want {
				t.Errorf("found %s; want %s", found(r), c.want)
			}
		})
	}
}

// remade is the sample made anew from an entry on, with all links, tiles and
// the checkpoint, by someone who holds the site's key.
func remade(signer *tree.Signer) map[string][]byte {
	j := journaltest.New()
	j.Signer = signer
	j.Add("AGENT_STARTED", `,"actor":"somebody else"`)
	j.Fill(699)
	j.Checkpoint()
	return j.Files()
}

func TestAJournalMadeAnew(t *testing.T) {
	old := sample()
	countersigned := old.Notes[fmt.Sprintf("heads/%020d.note", 600)]
	given := func(o *verify.Options) { o.Heads = [][]byte{countersigned} }

	r := check(t, remade(journaltest.Signer), given)
	if found(r) != "RECREATED 1-600" {
		t.Errorf("with the site's key: found %s", found(r))
	}
	r = check(t, remade(journaltest.Stranger), given)
	if r.Fine() || !strings.Contains(found(r), "HEAD_INVALID") || !strings.Contains(found(r), "REWRITTEN 1-600") {
		t.Errorf("with another key: found %s", found(r))
	}
	r = check(t, remade(journaltest.Signer))
	if !r.Fine() || r.Anchored != 0 || !strings.Contains(r.Unknown[0], "entries 1 to 700 were not rewritten") {
		t.Errorf("nobody can see it: found %s, %q", found(r), r.Unknown)
	}
	if r = check(t, map[string][]byte{}, given); found(r) != "TRUNCATED 1-600" {
		t.Errorf("an empty folder: found %s", found(r))
	}
}

// From an entry on, everything fits but the heads.
func TestLinksMadeAnew(t *testing.T) {
	j := sample()
	files := j.Files()
	changed := journaltest.New()
	changed.Add("AGENT_STARTED", `,"actor":"systemd"`)
	changed.Fill(149)
	changed.Countersign()
	changed.Rotate()
	changed.Fill(100) // up to 251
	changed.Add("RELEASE_DECIDED", `,"request_id":"another"`)
	changed.Fill(48)
	name, data := changed.Segments[1].File()
	files[name] = data
	// The link from 301 on is broken too, and entry 252 differs from the tile.
	if r := check(t, files); !strings.HasPrefix(found(r), "EDITED 252-") || r.FirstWrong() != 252 {
		t.Errorf("found %s", found(r))
	}
	for name := range files {
		if strings.HasPrefix(name, "tile/") {
			delete(files, name)
		}
	}
	if r := check(t, files); r.FirstWrong() != 151 || !strings.Contains(found(r), "REWRITTEN 151-640") {
		t.Errorf("without tiles found %s", found(r))
	}
}

func TestArchivedAndPruned(t *testing.T) {
	make := func(kind string) (*journaltest.Journal, []*journaltest.Segment) {
		j := sample()
		j.Rotate()
		gone := j.Remove(2, kind) // 1 to 300, of which 257 to 300 are in a full tile
		j.Checkpoint()
		return j, gone
	}
	// The statement of the gap is pruned later than what comes before the gap.
	twice := sample()
	twice.Rotate()
	twice.Fill(200)
	twice.Remove(2, "JOURNAL_PRUNED")
	twice.Remove(1, "JOURNAL_PRUNED")
	twice.Checkpoint()
	if r := check(t, twice.Files()); !r.Fine() {
		t.Errorf("pruned twice: found %s", found(r))
	}
	j, _ := make("JOURNAL_PRUNED")
	r := check(t, j.Files())
	if !r.Fine() || !slices.Equal(r.Pruned, []verify.Span{{From: 1, To: 305}}) && !slices.Equal(r.Pruned, []verify.Span{{From: 1, To: 300}}) || r.Signed != 641 {
		t.Errorf("pruned: found %s %+v", found(r), r)
	}
	j, gone := make("JOURNAL_ARCHIVED")
	r = check(t, j.Files())
	if !r.Fine() || len(r.Archived) != 1 || r.Read != 336 {
		t.Errorf("archived: found %s %+v", found(r), r)
	}
	r = check(t, j.Files(), func(o *verify.Options) { o.Archive = filepath.Join(o.Folder, "nowhere") })
	if !r.Fine() || len(r.Archived) != 1 {
		t.Errorf("with an archive that is not at hand: found %s %+v", found(r), r)
	}
	archive := map[string][]byte{}
	for _, s := range gone {
		name, data := s.File()
		archive[name] = data
	}
	folder := filepath.Join(t.TempDir(), "archive")
	at := func(o *verify.Options) { o.Archive = folder }
	if err := journaltest.Write(folder, archive); err != nil {
		t.Fatal(err)
	}
	r = check(t, j.Files(), at)
	if !r.Fine() || len(r.Archived) != 0 || r.Read != 636 {
		t.Errorf("with the archive: found %s %+v", found(r), r)
	}
	lines(archive, 1, func(l [][]byte) [][]byte { l[4] = bytes.Replace(l[4], []byte("r-5"), []byte("r-6"), 1); return l })
	if err := journaltest.Write(folder, archive); err != nil {
		t.Fatal(err)
	}
	if r = check(t, j.Files(), at); found(r) != "EDITED 5-5" {
		t.Errorf("with a changed archive: found %s", found(r))
	}
	files := j.Files()
	delete(files, "tile/0/000")
	if r = check(t, files); found(r) != "HASHES_MISSING 1-300" {
		t.Errorf("without the tile: found %s", found(r))
	}
	delete(files, segment(306))
	if r = check(t, files); !strings.Contains(found(r), "MISSING 301-500") {
		t.Errorf("more is gone than is stated: found %s", found(r))
	}
}

func TestTheLiveEnd(t *testing.T) {
	j := sample()
	for name, c := range map[string]struct {
		end  string
		want string
		torn int64
	}{
		"half a line":                   {`{"v":1,"seq":641`, "", 16},
		"a line with a hole":            {"{\"v\":1,\x00\x00\x00\"seq\":641\n", "", 17},
		"a whole line of a later batch": {"\x00\x00" + `{"v":1,"seq":650,"batch":645,"prev":"` + strings.Repeat("0", 64) + `","time":"2026-11-22T14:03:07.000001Z","kind":"AGENT_STARTED"}` + "\n", "UNREADABLE 641-641", 0},
		"a whole line of that batch":    {"\x00\x00" + `{"v":1,"seq":650,"batch":641,"prev":"` + strings.Repeat("0", 64) + `","time":"2026-11-22T14:03:07.000001Z","kind":"AGENT_STARTED"}` + "\n", "", 164},
	} {
		t.Run(name, func(t *testing.T) {
			files := j.Files()
			used := bytes.TrimRight(files[segment(501)], "\x00")
			files[segment(501)] = append(append(bytes.Clone(used), c.end...), make([]byte, 100)...)
			if r := check(t, files); found(r) != c.want || r.Torn != c.torn {
				t.Errorf("found %s, %d torn; want %s, %d", found(r), r.Torn, c.want, c.torn)
			}
		})
	}
}

func TestTheClock(t *testing.T) {
	for name, c := range map[string]struct {
		before, kind, fields string
		want                 string
	}{
		"set back in silence":      {"AGENT_STARTED", "AGENT_STOPPED", "", "CLOCK_BACK 2-2"},
		"set back, and said so":    {"AGENT_STARTED", "CLOCK_JUMPED", "", ""},
		"a repair after an outage": {"AGENT_STARTED", "JOURNAL_REPAIRED", "", ""},
		"an entry after a repair":  {"JOURNAL_REPAIRED", "AGENT_STOPPED", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			j := journaltest.New()
			j.Add(c.before, "")
			j.Turn(-1)
			j.Add(c.kind, c.fields)
			j.Checkpoint()
			if r := check(t, j.Files()); found(r) != c.want {
				t.Errorf("found %s; want %s", found(r), c.want)
			}
		})
	}
}

func TestWhatCannotBeVerified(t *testing.T) {
	for name, c := range map[string]struct {
		set    func(*verify.Options)
		reason string
	}{
		"no key of a journal": {func(o *verify.Options) { o.Keys = journaltest.Keys()[1:] }, tree.ReasonKey},
		"a damaged key":       {func(o *verify.Options) { o.Keys = []string{"no key"} }, tree.ReasonKey},
		"no folder":           {func(o *verify.Options) { o.Folder += "/nowhere" }, "MISSING"},
	} {
		t.Run(name, func(t *testing.T) {
			o := verify.Options{Folder: t.TempDir(), Keys: journaltest.Keys()}
			c.set(&o)
			if _, err := verify.Check(context.Background(), o); care.ReasonOf(err) != c.reason {
				t.Errorf("got %v; want %s", err, c.reason)
			}
		})
	}
	folder := t.TempDir()
	if err := os.Symlink("/dev/zero", filepath.Join(folder, segment(1))); err != nil {
		t.Fatal(err)
	}
	if _, err := verify.Check(context.Background(), verify.Options{Folder: folder, Keys: journaltest.Keys()}); care.ReasonOf(err) != "NOT_A_FILE" {
		t.Errorf("a link: got %v", err)
	}
	ended, end := context.WithCancel(context.Background())
	end()
	folder = filepath.Join(t.TempDir(), "journal")
	if err := journaltest.Write(folder, sample().Files()); err != nil {
		t.Fatal(err)
	}
	if _, err := verify.Check(ended, verify.Options{Folder: folder, Keys: journaltest.Keys()}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: got %v", err)
	}
}

// Every single changed bit below the last countersigned head is seen.
func TestEveryChangedBitIsSeen(t *testing.T) {
	j := journaltest.New()
	j.Fill(6)
	j.Countersign()
	j.Checkpoint()
	good := j.Files()
	folder := filepath.Join(t.TempDir(), "journal")
	if err := journaltest.Write(folder, good); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, segment(1))
	used := bytes.TrimRight(good[segment(1)], "\x00")
	for at := range used {
		changed := bytes.Clone(used)
		changed[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := verify.Check(context.Background(), verify.Options{Folder: folder, Keys: journaltest.Keys()})
		if err != nil {
			t.Fatal(err)
		}
		entry := uint64(bytes.Count(used[:at], []byte("\n"))) + 1
		if first := r.FirstWrong(); r.Fine() || first > entry || first+1 < entry {
			t.Fatalf("byte %d of entry %d: found %s", at, entry, found(r))
		}
	}
}

func TestProgress(t *testing.T) {
	var last, total int64
	files := sample().Files()
	check(t, files, func(o *verify.Options) {
		o.Progress = func(done, all int64) {
			if done < last || done > all {
				t.Errorf("progress from %d to %d of %d", last, done, all)
			}
			last, total = done, all
		}
	})
	size := int64(0)
	for name := range maps.Keys(files) {
		if strings.HasPrefix(name, "journal-") {
			size += int64(len(bytes.TrimRight(files[name], "\x00")))
		}
	}
	if last != total || total != size {
		t.Errorf("ended at %d of %d; the segments have %d bytes", last, total, size)
	}
}
