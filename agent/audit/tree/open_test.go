package tree

import (
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestOpenAsksForWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, folder string)
		asked [][2]uint64
	}{
		{"nothing", func(*testing.T, string) {}, [][2]uint64{{66560, 66563}}},
		{"all", func(t *testing.T, f string) { remove(t, filepath.Join(f, "tile")) }, [][2]uint64{{0, 66563}}},
		{"one at the edge", func(t *testing.T, f string) { remove(t, onDisk(f, 0, 257)) }, [][2]uint64{{65792, 66048}, {66560, 66563}}},
		{"cut short", func(t *testing.T, f string) {
			if err := os.Truncate(onDisk(f, 0, 256), 8191); err != nil {
				t.Fatal(err)
			}
		}, [][2]uint64{{65536, 65792}, {66560, 66563}}},
		{"too long", func(t *testing.T, f string) {
			if err := os.Truncate(onDisk(f, 0, 258), 8193); err != nil {
				t.Fatal(err)
			}
		}, [][2]uint64{{66048, 66304}, {66560, 66563}}},
		{"two neighbours", func(t *testing.T, f string) {
			remove(t, onDisk(f, 0, 258))
			remove(t, onDisk(f, 0, 259))
		}, [][2]uint64{{66048, 66563}}},
		{"all below the upper level", func(t *testing.T, f string) {
			for n := range uint64(256) {
				remove(t, onDisk(f, 0, n))
			}
		}, [][2]uint64{{66560, 66563}}},
		{"upper level", func(t *testing.T, f string) { remove(t, onDisk(f, 1, 0)) }, [][2]uint64{{66560, 66563}}},
		{"upper level and one below", func(t *testing.T, f string) {
			remove(t, onDisk(f, 1, 0))
			remove(t, onDisk(f, 0, 9))
		}, [][2]uint64{{2304, 2560}, {66560, 66563}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ref := sharedReference(t)
			folder := t.TempDir()
			grown(t, folder, layered)
			c.spoil(t, folder)
			j := &journal{}
			tr, err := Open(folder, layered, j.leaves)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(j.asked, c.asked) {
				t.Errorf("asked for %v, want %v", j.asked, c.asked)
			}
			if tr.Root() != ref.root(t, layered) {
				t.Error("the root is wrong")
			}
			if len(tr.pending) >= maxPending {
				t.Errorf("%d tiles are held, want fewer than %d", len(tr.pending), maxPending)
			}
			if err := tr.Flush(); err != nil {
				t.Fatal(err)
			}
			j.asked = nil
			if _, err := Open(folder, layered, j.leaves); err != nil || len(j.asked) != 1 || j.asked[0][0] != 66560 {
				t.Errorf("after Flush, Open asked for %v, %v", j.asked, err)
			}
		})
	}
}

func TestOpenRefusesWrongLeaves(t *testing.T) {
	extra := func(from, to uint64) iter.Seq2[Hash, error] { return (&journal{}).leaves(from, to+1) }
	fewer := func(from, to uint64) iter.Seq2[Hash, error] { return (&journal{}).leaves(from, to-1) }
	endless := func(from, _ uint64) iter.Seq2[Hash, error] { return (&journal{}).leaves(from, maxSize) }
	broken := &care.Error{Kind: care.AuditUnavailable, Op: "test", Reason: "OTHER"}
	for _, c := range []struct {
		name, reason string
		leaves       Leaves
		cause        error
	}{
		{"more", ReasonDamaged, extra, errLeafCount},
		{"endless", ReasonDamaged, endless, errLeafCount},
		{"fewer", ReasonDamaged, fewer, errLeafCount},
		{"failing", ReasonIOError, pruned, errGone},
		{"failing later", ReasonIOError, (&journal{fail: errGone, at: 300}).leaves, errGone},
		{"failing with a reason", "OTHER", (&journal{fail: broken, at: 2}).leaves, broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(t.TempDir(), 600, c.leaves)
			refused(t, err, care.AuditUnavailable, c.reason)
			if !errors.Is(err, c.cause) {
				t.Errorf("error %v does not wrap %v", err, c.cause)
			}
		})
	}
}

func TestRebuild(t *testing.T) {
	ref := sharedReference(t)
	folder := t.TempDir()
	grown(t, folder, layered)
	change(t, onDisk(folder, 0, 257))
	change(t, onDisk(folder, 0, 7))
	tr, err := Open(folder, layered, (&journal{}).leaves)
	if err != nil || tr.Root() == ref.root(t, layered) {
		t.Fatalf("Open took a changed tile for what it was: %v", err)
	}
	tr, err = Rebuild(folder, layered, (&journal{}).leaves)
	if err != nil || tr.Root() != ref.root(t, layered) {
		t.Fatalf("Rebuild: %v", err)
	}
	if err := tr.Flush(); err != nil {
		t.Fatal(err)
	}
	forget(tr)
	tr.leaves = pruned
	compare(t, tr, ref, 7*256, 257*256+9, layered)
}

// A journal that was put back to an older state has tiles of lines that it has
// no more. New lines replace them.
func TestTilesOfAnotherLife(t *testing.T) {
	ref := sharedReference(t)
	folder := t.TempDir()
	tr := grown(t, folder, 100)
	for i := range uint64(1000) {
		tr.Append(leaf(i + 5_000_000))
	}
	if err := tr.Flush(); err != nil {
		t.Fatal(err)
	}
	tr, err := Open(folder, 100, (&journal{}).leaves)
	if err != nil {
		t.Fatal(err)
	}
	for i := uint64(100); i < 800; i++ {
		tr.Append(leaf(i))
	}
	if err := tr.Flush(); err != nil {
		t.Fatal(err)
	}
	if tr, err = Open(folder, 800, (&journal{}).leaves); err != nil {
		t.Fatal(err)
	}
	compare(t, tr, ref, 300, 300, 800)
}
