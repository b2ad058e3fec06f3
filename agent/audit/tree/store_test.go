package tree

import (
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestPaths(t *testing.T) {
	for want, id := range map[string]tileID{
		"tile/0/000":                {0, 0},
		"tile/1/999":                {1, 999},
		"tile/2/x001/000":           {2, 1000},
		"tile/0/x001/x234/067":      {0, 1234067},
		"tile/5/x001/x000/000":      {5, 1_000_000},
		"tile/0/x123/x456/789":      {0, 123456789},
		"tile/0/x100/x000/x000/007": {0, 100_000_000_007},
	} {
		if got := id.path(); got != want {
			t.Errorf("path of %v is %q, want %q", id, got, want)
		}
	}
}

// The tree is 65,536 leaves, four tiles and three leaves more: three levels.
const layered = 1<<16 + 4*256 + 3

func TestFilesAreTheFullTiles(t *testing.T) {
	folder := t.TempDir()
	grown(t, folder, layered)
	files := 0
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if runtime.GOOS != "windows" && name != folder && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v", name, info.Mode())
		}
		if !d.IsDir() {
			files++
			if info.Size() != 8192 {
				t.Errorf("%s has %d bytes, want 8192", name, info.Size())
			}
		}
		return nil
	})
	if err != nil || files != 260+1 {
		t.Errorf("%d files, %v, want 261", files, err)
	}
}

// publicReader reads the layout as any tool would: full tiles from their files,
// those of the right edge, which are not kept, from what is below them.
type publicReader struct {
	t      *testing.T
	folder string
	read   int
}

func (r *publicReader) Height() int { return 8 }

func (r *publicReader) SaveTiles([]tlog.Tile, [][]byte) {}

func (r *publicReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, tile := range tiles {
		if tile.W == 256 {
			r.read++
			data, err := os.ReadFile(filepath.Join(r.folder, "tile", tile.Path()[len("tile/8/"):]))
			if err != nil {
				return nil, err
			}
			out[i] = data
			continue
		}
		for n := tile.N * 256; n < tile.N*256+int64(tile.W); n++ {
			var h tlog.Hash
			if tile.L == 0 {
				h = tlog.Hash(leaf(uint64(n)))
			} else {
				below, err := r.ReadTiles([]tlog.Tile{{H: 8, L: tile.L - 1, N: n, W: 256}})
				if err != nil {
					return nil, err
				}
				h = treeHash(below[0])
			}
			out[i] = append(out[i], h[:]...)
		}
	}
	return out, nil
}

// treeHash returns the root of hashes, of which there are a power of two.
func treeHash(data []byte) tlog.Hash {
	if len(data) == tlog.HashSize {
		return tlog.Hash(data)
	}
	return tlog.NodeHash(treeHash(data[:len(data)/2]), treeHash(data[len(data)/2:]))
}

func TestOtherToolsReadTheTiles(t *testing.T) {
	ref := sharedReference(t)
	folder := t.TempDir()
	tr := grown(t, folder, layered)
	public := &publicReader{t: t, folder: folder}
	reader := tlog.TileHashReader(tlog.Tree{N: layered, Hash: tlog.Hash(tr.Root())}, public)
	for _, index := range []int64{0, 255, 256, 40_000, 65_535, 65_536, 66_000, layered - 1} {
		proof, err := tlog.ProveRecord(layered, index, reader)
		if err != nil {
			t.Fatalf("entry %d: %v", index, err)
		}
		err = tlog.CheckRecord(proof, layered, tlog.Hash(ref.root(t, layered)), index, tlog.Hash(leaf(uint64(index))))
		if err != nil {
			t.Errorf("entry %d: %v", index, err)
		}
	}
	if public.read == 0 {
		t.Error("no tile was read")
	}
}

func TestChangedTiles(t *testing.T) {
	const index = 777 // in tile 3 of level 0, below tile 0 of level 1
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, folder string)
	}{
		{"changed", func(t *testing.T, f string) { change(t, onDisk(f, 0, 3)) }},
		{"removed", func(t *testing.T, f string) { remove(t, onDisk(f, 0, 3)) }},
		{"changed above", func(t *testing.T, f string) { change(t, onDisk(f, 1, 0)) }},
		{"changed above and beside", func(t *testing.T, f string) { change(t, onDisk(f, 1, 0)); change(t, onDisk(f, 0, 4)) }},
		{"all removed", func(t *testing.T, f string) { remove(t, filepath.Join(f, "tile")) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			ref := sharedReference(t)
			folder := t.TempDir()
			tr := grown(t, folder, layered)
			forget(tr)
			c.spoil(t, folder)
			compare(t, tr, ref, index, index, layered)
			if err := tr.Sync(); err != nil {
				t.Fatal(err)
			}
			forget(tr)
			tr.leaves = pruned
			compare(t, tr, ref, index, index, layered)
			compare(t, tr, ref, 256*4+1, 256*4+1, layered)
			if _, err := os.Stat(onDisk(folder, 0, 200)); err != nil {
				t.Errorf("Sync returned without a tile: %v", err)
			}
		})
	}
}

func TestChangedTilesWithoutLines(t *testing.T) {
	folder := t.TempDir()
	tr := grown(t, folder, layered)
	forget(tr)
	change(t, onDisk(folder, 0, 3))
	tr.leaves = pruned
	proof, err := tr.Inclusion(777, layered)
	if !errors.Is(err, errGone) || proof != nil {
		t.Errorf("Inclusion = %x, %v, want %v", proof, err, errGone)
	}
	if err := tr.Sync(); !errors.Is(err, errGone) {
		t.Errorf("Sync = %v, want %v", err, errGone)
	}
	tr.leaves = func(from, to uint64) iter.Seq2[Hash, error] { return (&journal{}).leaves(from+1, to+1) }
	_, err = tr.Inclusion(777, layered)
	refused(t, err, care.AuditUnavailable, ReasonDamaged)
	_, err = tr.Consistency(777, layered)
	refused(t, err, care.AuditUnavailable, ReasonDamaged)
	_, err = tr.Leaf(777)
	refused(t, err, care.AuditUnavailable, ReasonDamaged)
	_, err = tr.RootAt(777)
	refused(t, err, care.AuditUnavailable, ReasonDamaged)
}

func TestFlushTriesAgain(t *testing.T) {
	folder := t.TempDir()
	tr := grown(t, folder, 300)
	remove(t, filepath.Join(folder, "tile"))
	if err := os.WriteFile(filepath.Join(folder, "tile"), nil, fileMode); err != nil {
		t.Fatal(err)
	}
	for i := uint64(300); i < 600; i++ {
		tr.Append(leaf(i))
	}
	refused(t, tr.Flush(), care.AuditUnavailable, ReasonIOError)
	refused(t, tr.Sync(), care.AuditUnavailable, ReasonIOError)
	remove(t, filepath.Join(folder, "tile"))
	if err := tr.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(onDisk(folder, 0, 1)); err != nil {
		t.Error(err)
	}
	if len(tr.pending) > 0 {
		t.Errorf("%d tiles are still held", len(tr.pending))
	}
}

func TestFolderIsNeverMade(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "journal")
	tr, err := Open(folder, 0, pruned)
	if err != nil {
		t.Fatal(err)
	}
	tr.Append(make([]Hash, 256)...)
	refused(t, tr.Flush(), care.AuditUnavailable, ReasonMissing)
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat = %v, want no folder", err)
	}
}

func TestLeftOverTemporaryFile(t *testing.T) {
	folder := t.TempDir()
	tr := grown(t, folder, 256)
	name := onDisk(folder, 0, 1)
	if err := os.WriteFile(name+".tmp", make([]byte, 9000), fileMode); err != nil {
		t.Fatal(err)
	}
	for i := uint64(256); i < 512; i++ {
		tr.Append(leaf(i))
	}
	if err := tr.Flush(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(name); err != nil || info.Size() != 8192 {
		t.Errorf("Stat = %v, %v, want 8192 bytes", info, err)
	}
	if _, err := os.Stat(name + ".tmp"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the temporary file is still there: %v", err)
	}
}

func TestSyncGoesOnWhereItWas(t *testing.T) {
	folder := t.TempDir()
	tr := grown(t, folder, 600)
	if err := tr.Sync(); err != nil {
		t.Fatal(err)
	}
	if tr.synced != 600 {
		t.Errorf("synced %d, want 600", tr.synced)
	}
	var ids []tileID
	for id := range fullTiles(600, layered) {
		ids = append(ids, id)
	}
	if len(ids) != 261-2 || ids[0] != (tileID{1, 0}) || ids[1] != (tileID{0, 2}) || ids[258] != (tileID{0, 259}) {
		t.Errorf("%d tiles became full, %v", len(ids), ids[:2])
	}
	for i := uint64(600); i < 1100; i++ {
		tr.Append(leaf(i))
	}
	remove(t, onDisk(folder, 0, 0)) // known to be durable, so not looked at again
	if err := tr.Sync(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(onDisk(folder, 0, 3)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(onDisk(folder, 0, 0)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat = %v, want no file", err)
	}
}

func TestCacheKeepsWhatIsUsed(t *testing.T) {
	c := cache{entries: map[tileID]*cached{}}
	for n := range uint64(cacheSize) {
		c.put(tileID{0, n}, new(tile))
	}
	c.put(tileID{0, 5}, new(tile)) // already there, so nothing goes
	for n := range uint64(cacheSize) {
		if n != 9 && c.get(tileID{0, n}) == nil {
			t.Fatalf("tile %d went", n)
		}
	}
	c.put(tileID{1, 0}, new(tile))
	if c.get(tileID{0, 9}) != nil || c.get(tileID{1, 0}) == nil || len(c.entries) != cacheSize {
		t.Error("the cache gave up another tile than the one not used for longest")
	}
}
