package audit

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
)

func newWitness(t *testing.T, name string, seed byte) *tree.Witness {
	t.Helper()
	w, err := tree.NewWitness(name, &[32]byte{seed})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// cosign returns the journal's head of now, countersigned.
func cosign(t *testing.T, j *Journal, at int64, witnesses ...*tree.Witness) []byte {
	t.Helper()
	_, note, err := j.Head()
	for _, w := range witnesses {
		if err == nil {
			note, err = w.Cosign(note, time.Unix(at, 0))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return note
}

func TestCountersignaturesThatAreRefused(t *testing.T) {
	east, other := newWitness(t, "east", 1), newWitness(t, "other", 3)
	folder := newFolder(t)
	j := openTest(t, folder, Options{Witnesses: []string{east.VerifierKey()}, files: quickFiles{}})
	mustWait(t, j.Append(refusalOf(0)))
	signed := cosign(t, j, 100, east)
	for name, c := range map[string]struct {
		note   []byte
		reason string
	}{
		"a stranger's":         {cosign(t, j, 100, other), ReasonNotWitness},
		"none":                 {cosign(t, j, 100), ReasonNotWitness},
		"one of another head":  {bytes.Replace(signed, []byte("\n1\n"), []byte("\n2\n"), 1), tree.ReasonHead},
		"one that was changed": {append(bytes.Clone(signed[:len(signed)-9]), "AAAAAAA=\n"...), tree.ReasonHead},
	} {
		if _, _, err := j.Countersigned(c.note); care.ReasonOf(err) != c.reason {
			t.Errorf("%s: %v, want %s", name, err, c.reason)
		}
	}
	if sizes, err := headFiles(folder); len(sizes) > 0 || err != nil {
		t.Errorf("heads of sizes %v are kept (%v)", sizes, err)
	}
}

func TestCountersigned(t *testing.T) {
	east, west, other := newWitness(t, "east", 1), newWitness(t, "west", 2), newWitness(t, "other", 3)
	folder := newFolder(t)
	j := openTest(t, folder, Options{Witnesses: []string{east.VerifierKey(), west.VerifierKey()}, files: quickFiles{}})
	mustWait(t, j.Append(refusalOf(0)))
	kept := func(want ...uint64) {
		t.Helper()
		if sizes, err := headFiles(folder); err != nil || !slices.Equal(sizes, want) {
			t.Errorf("the heads kept are of sizes %v (%v), want %v", sizes, err, want)
		}
	}
	countersign := func(want string, note []byte) {
		t.Helper()
		if witness, _, err := j.Countersigned(note); witness != want || err != nil {
			t.Fatalf("Countersigned says %q, %v, want %q", witness, err, want)
		}
	}
	first := cosign(t, j, 100, east, other)
	countersign("east", first)
	countersign("east", first) // which is known
	if note, err := readSmall(headPath(folder, 1)); err != nil || strings.Contains(string(note), "other") {
		t.Errorf("the note kept is %q, %v: signatures of strangers are not kept", note, err)
	}
	mustWait(t, j.Append(refusalOf(1)))
	countersign("west", cosign(t, j, 50, west))
	kept(1, 3) // east has not signed the newer one
	mustWait(t, j.Append(refusalOf(2)))
	countersign("east", cosign(t, j, 200, west, east))
	kept(5)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, line := range readAll(t, folder) {
		if line.Kind == care.JournalWitnessed {
			told = append(told, line.Actor)
		}
	}
	if want := []string{"east", "west", "west", "east"}; !slices.Equal(told, want) {
		t.Errorf("the journal tells of %v, want %v", told, want)
	}
	notes, err := Heads(folder)
	if err != nil || len(notes) != 2 {
		t.Fatalf("%d heads, %v", len(notes), err)
	}
	if head, _, err := tree.ParseHead(notes[1], testSigner.VerifierKey()); err != nil || head.Size != j.Status().Entries {
		t.Errorf("the last head is of size %d, %v", head.Size, err)
	}
}

func TestCountersignaturesOfOneHeadAreMerged(t *testing.T) {
	east, west := newWitness(t, "east", 1), newWitness(t, "west", 2)
	folder := newFolder(t)
	j := openTest(t, folder, Options{Witnesses: []string{east.VerifierKey(), west.VerifierKey()}, files: quickFiles{}})
	mustWait(t, j.Append(refusalOf(0)))
	notes := [][]byte{cosign(t, j, 100, east), cosign(t, j, 90, west), cosign(t, j, 80, east), cosign(t, j, 120, east)}
	for _, note := range notes {
		if _, _, err := j.Countersigned(note); err != nil {
			t.Fatal(err)
		}
	}
	note, err := os.ReadFile(headPath(folder, 1))
	if err != nil {
		t.Fatal(err)
	}
	_, witnesses, err := tree.ParseHead(note, testSigner.VerifierKey(), east.VerifierKey(), west.VerifierKey())
	if err != nil || len(witnesses) != 2 {
		t.Fatalf("the note is countersigned by %v, %v", witnesses, err)
	}
	for _, w := range witnesses {
		if want := map[string]int64{"east": 120, "west": 90}[w.Witness]; w.At.Unix() != want {
			t.Errorf("%s signed at %d, want the newest, %d", w.Witness, w.At.Unix(), want)
		}
	}
}

// TestAHeadOfAnotherCopy countersigns a head that the same key signed over other
// entries.
func TestAHeadOfAnotherCopy(t *testing.T) {
	east := newWitness(t, "east", 1)
	opts := Options{Witnesses: []string{east.VerifierKey()}, files: quickFiles{}}
	j, twin := openTest(t, newFolder(t), opts), openTest(t, newFolder(t), opts)
	mustWait(t, j.Append(refusalOf(0)))
	mustWait(t, twin.Append(refusalOf(1)))
	if _, _, err := j.Countersigned(cosign(t, twin, 1, east)); care.ReasonOf(err) != ReasonRewritten {
		t.Errorf("another root: %v", err)
	}
	mustWait(t, twin.Append(refusalOf(2)))
	if _, _, err := j.Countersigned(cosign(t, twin, 1, east)); care.ReasonOf(err) != ReasonRewritten {
		t.Errorf("a size that the journal has not: %v", err)
	}
}

// TestHeadsOfEarlierSegmentsStay countersigns a head in each segment, removes
// the checkpoint, and cuts the journal: what was witnessed is still missed.
func TestHeadsOfEarlierSegmentsStay(t *testing.T) {
	east := newWitness(t, "east", 1)
	folder := newFolder(t)
	opts := Options{Witnesses: []string{east.VerifierKey()}, SegmentBytes: 4 << 10, files: quickFiles{}}
	j := openTest(t, folder, opts)
	for n := range 12 {
		mustWait(t, j.Append(refusalOf(n)))
		if _, _, err := j.Countersigned(cosign(t, j, int64(n+1), east)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	sizes, err := headFiles(folder)
	firsts, err2 := newListing(folder)
	if err := firstError(err, err2); err != nil || len(sizes) < 3 || len(sizes) > len(firsts) {
		t.Errorf("%d heads in %d segments (%v)", len(sizes), len(firsts), err)
	}
	if err := firstError(os.Remove(newestOf(t, folder)), os.Remove(folder+"/"+checkpointFile)); err != nil {
		t.Fatal(err)
	}
	wantReason(t, openTest(t, folder, opts).Check(), ReasonRolledBack)
}
