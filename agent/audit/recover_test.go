package audit

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// imageBytes is the size of the segments in these tests.
const imageBytes = 32 << 10

// smallEvent is an event that makes a short line.
func smallEvent(n int) care.Event {
	return care.Event{Kind: care.AgentStarted, Detail: fmt.Sprintf("start %d", n)}
}

// capture makes a journal whose first segment holds some durable batches and
// returns what is durable and the one batch that was being written after it.
func capture(t *testing.T, single, grouped int) (durable, batch []byte) {
	t.Helper()
	folder := newFolder(t)
	files := &faultFiles{}
	j := openTest(t, folder, Options{files: files, SegmentBytes: imageBytes})
	for n := range single {
		mustWait(t, j.Append(smallEvent(n)))
	}
	release := stall(files)
	j.mu.Lock() // so that the committer finds all of them
	for n := range grouped {
		event := smallEvent(100 + n)
		j.add(header{time: j.now()}, testBox.appendBody(nil, &event, repairNote{}))
	}
	j.mu.Unlock()
	j.kick()
	close(release)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	content := contentOf(t, filepath.Join(folder, segmentName(1)))
	at := 0
	for range single {
		at += bytes.IndexByte(content[at:], '\n') + 1
	}
	return content[:at], content[at:]
}

// crashed makes a journal whose only segment has the given content.
func crashed(t *testing.T, content []byte) string {
	t.Helper()
	folder := newFolder(t)
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	image := make([]byte, imageBytes)
	copy(image, content)
	if err := os.WriteFile(filepath.Join(folder, segmentName(1)), image, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// checkRecovered opens what a crash left and checks that every promised entry
// is there and that the journal goes on without a fault.
func checkRecovered(t *testing.T, folder string, promised int) {
	t.Helper()
	j := openTest(t, folder, Options{SegmentBytes: imageBytes, files: quickFiles{}})
	for range 30 { // enough to reach beyond whatever was torn
		j.Append(smallEvent(0))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	mustVerify(t, folder)
	lines := readAll(t, folder)
	for n := range promised {
		if want := fmt.Sprintf("start %d", n); lines[n].Detail != want {
			t.Fatalf("entry %d says %q, want %q", n+1, lines[n].Detail, want)
		}
	}
}

func TestATailTornAtEveryByte(t *testing.T) {
	durable, batch := capture(t, 2, 2)
	for cut := range batch {
		folder := crashed(t, append(bytes.Clone(durable), batch[:cut]...))
		checkRecovered(t, folder, 2)
		torn, err := filepath.Glob(filepath.Join(folder, "*"+tornSuffix))
		if err != nil {
			t.Fatal(err)
		}
		whole := bytes.LastIndexByte(batch[:cut], '\n') + 1
		if wantTorn := cut > whole; wantTorn != (len(torn) == 1) {
			t.Fatalf("cut at %d: %d files set aside", cut, len(torn))
		}
		if len(torn) == 1 {
			if got := contentOf(t, torn[0]); !bytes.Equal(got, batch[whole:cut]) {
				t.Fatalf("cut at %d: %d bytes were set aside, want the %d that were half-written", cut, len(got), cut-whole)
			}
			lines := readAll(t, folder)
			at := len(lines) - 32 // before AGENT_RECOVERED and the 30 new ones
			if lines[at].Kind != care.JournalRepaired || lines[at].TrueReason != reasonTorn {
				t.Fatalf("cut at %d: the repair is not in the journal", cut)
			}
		}
	}
}

// TestPowerCuts loses sectors of the batch that was being written: each may be
// on disk or not, in any combination, because only a sync orders them.
func TestPowerCuts(t *testing.T) {
	const sector = 512
	durable, batch := capture(t, 3, 40)
	random := rand.New(rand.NewPCG(1, 2))
	begin := len(durable) / sector * sector
	end := len(durable) + len(batch)
	for range 200 {
		image := append(bytes.Clone(durable), batch...)
		keep := random.Float64()
		for at := begin; at < end; at += sector {
			if random.Float64() > keep {
				clear(image[max(at, len(durable)):min(at+sector, end)])
			}
		}
		checkRecovered(t, crashed(t, image), 3)
	}
}

// TestACrashDuringRecovery stops recovery at each of its steps and starts it
// again.
func TestACrashDuringRecovery(t *testing.T) {
	durable, batch := capture(t, 2, 2)
	content := append(bytes.Clone(durable), batch[:len(batch)-10]...)
	for step := 0; ; step++ {
		folder := crashed(t, content)
		files := &faultFiles{}
		n, reached := 0, false
		files.set(func(op, _ string) error {
			n++
			if n > step {
				reached = true
				return errHalf
			}
			return nil
		})
		j, err := Open(folder, withKeys(Options{files: files, SegmentBytes: imageBytes}))
		if err == nil {
			_ = j.Close()
		}
		checkRecovered(t, folder, 2)
		if !reached {
			if step < 8 {
				t.Fatalf("recovery has %d steps only", step)
			}
			return
		}
	}
}

// TestDamageThatNoCrashCanMakeIsKept damages one entry, whose hash the next one
// names. The journal goes on; the damage stays to be seen.
func TestDamageThatNoCrashCanMakeIsKept(t *testing.T) {
	durable, batch := capture(t, 5, 3)
	second := bytes.IndexByte(durable, '\n') + 1
	tests := map[string]func(content []byte){
		"a bit of an early entry": func(c []byte) { c[second+150] ^= 0x40 },
		"an early entry made NUL": func(c []byte) { clear(c[second : second+100]) },
		"the first byte":          func(c []byte) { c[0] = 0 },
		"an early text changed":   func(c []byte) { copy(c[bytes.Index(c, []byte("start 1")):], "start 7") },
		"the last text but one":   func(c []byte) { copy(c[bytes.Index(c, []byte("start 101")):], "start 777") },
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			content := append(bytes.Clone(durable), batch...)
			damage(content)
			folder := crashed(t, content)
			path := filepath.Join(folder, segmentName(1))
			j := openTest(t, folder, Options{})
			position := mustWait(t, j.Append(sampleEvent()))
			for n, line := range bytes.Split(bytes.TrimSpace(append(bytes.Clone(durable), batch...)), []byte("\n")) {
				if leaf, err := j.tree.Leaf(uint64(n)); err != nil || leaf != leafHash(line) {
					t.Errorf("the tree does not have entry %d as it was written (%v)", n+1, err)
				}
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(after[:len(content)], content) {
				t.Errorf("the damaged file was changed (%v)", err)
			}
			if position.Sequence != 11 { // 8 entries, two that tell of it, this one
				t.Errorf("the next entry has number %d, want 11: numbers in the damaged file are not used again", position.Sequence)
			}
			report, err := Verify(folder)
			if err != nil || len(report.Faults) == 0 {
				t.Errorf("report is %+v, %v: the damage must show", report, err)
			}
			if _, err := os.Stat(filepath.Join(folder, segmentName(9))); err != nil {
				t.Error(err)
			}
			again := openTest(t, folder, Options{}) // the head vouches for the hash that was lost
			if err := again.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEmptyNewestSegmentsAreRemoved(t *testing.T) {
	durable, _ := capture(t, 3, 0)
	folder := crashed(t, durable)
	for name, content := range map[string][]byte{
		segmentName(4):              make([]byte, 1000),
		segmentName(5):              nil,
		segmentName(6):              []byte(`{"v":1,"se`),
		segmentName(7) + tempSuffix: []byte("left by a crash"),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	checkRecovered(t, folder, 3)
	left, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(left) != 4 { // the segment, the lock, the checkpoint and the torn file
		t.Errorf("the folder holds %v (%v)", left, err)
	}
}

// TestANumberThatCannotBe has a line after a damaged one claim a number for which
// the file has no room: it is as unreadable as the one before.
func TestANumberThatCannotBe(t *testing.T) {
	durable, _ := capture(t, 3, 0)
	lines := bytes.SplitAfter(durable, []byte("\n"))
	lines[1] = []byte("damage\n")
	lines[2] = bytes.Replace(lines[2], []byte(`"seq":3,`), []byte(`"seq":123456789012,`), 1)
	j := openTest(t, crashed(t, bytes.Join(lines, nil)), Options{files: quickFiles{}})
	if got := j.Status(); got.Err != nil || got.Entries > 10 {
		t.Errorf("status is %+v", got)
	}
}

// TestAStopWithoutAHead: a run that said it stopped did not break off, although
// there was no room for the last head; one that said nothing did.
func TestAStopWithoutAHead(t *testing.T) {
	for kind, recovered := range map[care.EventKind]bool{care.AgentStopped: false, care.ConfigApplied: true} {
		folder := newFolder(t)
		j := openTest(t, folder, Options{})
		mustWait(t, j.Append(care.Event{Kind: kind}))
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(folder, checkpointFile)); err != nil {
			t.Fatal(err)
		}
		j = openTest(t, folder, Options{})
		mustWait(t, j.Append(sampleEvent()))
		told := slices.ContainsFunc(readAll(t, folder), func(l Line) bool { return l.Kind == care.AgentRecovered })
		if told != recovered {
			t.Errorf("after %s the next run tells of a recovery: %v, want %v", kind, told, recovered)
		}
	}
}
