package audit

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// recorder is the real file system without syncs, and remembers everything that
// was done to it, so that the disk of a machine whose power failed at any moment
// can be made from that.
type recorder struct {
	quickFiles
	mu     sync.Mutex
	ops    []diskOp
	inodes map[string]int // by path
	last   int            // inode
	fail   bool           // syncs fail, and no file can be made
}

// diskOp is one call to the file system, or a note of the test.
type diskOp struct {
	kind  string // create, write, cut, sync, badsync, rename, remove, folder; ack, head
	inode int
	path  string
	to    string
	at    int64 // offset; size for create and cut; number for ack and head
	data  []byte
}

// note adds an operation. r.mu is held.
func (r *recorder) note(op diskOp) { r.ops = append(r.ops, op) }

// tell adds a note of the test: that a number has that hash, as from now.
func (r *recorder) tell(kind string, number uint64, hash [32]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(diskOp{kind: kind, at: int64(number), data: hash[:]})
}

func (r *recorder) setFail(fail bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = fail
}

var errInjected = errors.New("injected")

func (r *recorder) create(path string, size int64) (file, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail {
		return nil, errInjected
	}
	f, err := r.quickFiles.create(path, size)
	if err != nil {
		return nil, err
	}
	r.last++
	r.inodes[path] = r.last
	r.note(diskOp{kind: "create", inode: r.last, path: path, at: size})
	return &recordedFile{f, r, r.last}, nil
}

func (r *recorder) open(path string) (file, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, err := r.quickFiles.open(path)
	return &recordedFile{f, r, r.inodes[path]}, err
}

func (r *recorder) rename(from, to string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inodes[to] = r.inodes[from]
	delete(r.inodes, from)
	r.note(diskOp{kind: "rename", path: from, to: to})
	return r.quickFiles.rename(from, to)
}

func (r *recorder) remove(path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.quickFiles.remove(path)
	if err == nil {
		delete(r.inodes, path)
		r.note(diskOp{kind: "remove", path: path})
	}
	return err
}

func (r *recorder) syncFolder(string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(diskOp{kind: "folder"})
	return nil
}

type recordedFile struct {
	file
	r     *recorder
	inode int
}

func (f *recordedFile) WriteAt(p []byte, at int64) (int, error) {
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	f.r.note(diskOp{kind: "write", inode: f.inode, at: at, data: bytes.Clone(p)})
	return f.file.WriteAt(p, at)
}

func (f *recordedFile) Truncate(size int64) error {
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	f.r.note(diskOp{kind: "cut", inode: f.inode, at: size})
	return f.file.Truncate(size)
}

func (f *recordedFile) Sync() error {
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	if f.r.fail {
		f.r.note(diskOp{kind: "badsync", inode: f.inode})
		return errInjected
	}
	f.r.note(diskOp{kind: "sync", inode: f.inode})
	return nil
}

// platter is a file as the disk has it: what was synced, and what was written
// since. What a failed sync should have written is lost to later syncs: the
// operating system holds it for clean and writes it at most by accident.
type platter struct {
	synced  []byte
	pending []diskOp
	limbo   []bool
}

// set is what a write or a change of size does to the content.
func set(content []byte, op *diskOp, data []byte, at int64) []byte {
	size := at + int64(len(data))
	if op.kind != "write" {
		size = op.at
	}
	if int64(len(content)) < size {
		content = append(content, make([]byte, size-int64(len(content)))...)
	}
	if op.kind == "cut" {
		return content[:size]
	}
	copy(content[at:], data)
	return content
}

func (p *platter) sync() {
	var left platter
	for i := range p.pending {
		op := &p.pending[i]
		if p.limbo[i] {
			left.pending, left.limbo = append(left.pending, *op), append(left.limbo, true)
			continue
		}
		p.synced = set(p.synced, op, op.data, op.at)
	}
	p.pending, p.limbo = left.pending, left.limbo
}

// crash returns the content after a power cut: of what was not synced each
// sector of 512 bytes is there, is not, or is torn.
func (p *platter) crash(random *rand.Rand) []byte {
	const sector = 512
	content := bytes.Clone(p.synced)
	often := random.Float64()
	for i := range p.pending {
		op := &p.pending[i]
		if op.kind != "write" {
			if random.Float64() < often {
				content = set(content, op, nil, 0)
			}
			continue
		}
		for from := 0; from < len(op.data); {
			at := op.at + int64(from)
			to := min(len(op.data), from+int(sector-at%sector))
			piece := op.data[from:to]
			if random.IntN(8) == 0 {
				piece = piece[:random.IntN(len(piece))]
			}
			if random.Float64() < often {
				content = set(content, op, piece, at)
			}
			from = to
		}
	}
	return content
}

// powerCut makes the folder as it is after the power fails before operation
// number end: what was synced is there, and of the rest anything may be. Names
// change in the order in which they were changed, but perhaps not all.
func (r *recorder) powerCut(t testing.TB, end int, random *rand.Rand, folder string) {
	t.Helper()
	files := map[int]*platter{}
	names := map[string]int{}
	var changes []diskOp
	for i := range r.ops[:end] {
		op := &r.ops[i]
		switch op.kind {
		case "create":
			files[op.inode] = &platter{pending: []diskOp{*op}, limbo: []bool{false}}
			changes = append(changes, *op)
		case "write", "cut":
			p := files[op.inode]
			p.pending, p.limbo = append(p.pending, *op), append(p.limbo, false)
		case "sync":
			files[op.inode].sync()
		case "badsync":
			for n := range files[op.inode].limbo {
				files[op.inode].limbo[n] = true
			}
		case "rename", "remove":
			changes = append(changes, *op)
		case "folder":
			rename(names, changes)
			changes = nil
		}
	}
	rename(names, changes[:random.IntN(len(changes)+1)])
	for path, inode := range names {
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(path)), files[inode].crash(random), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// rename applies changes of names in order.
func rename(names map[string]int, changes []diskOp) {
	for _, op := range changes {
		switch op.kind {
		case "create":
			names[op.path] = op.inode
		case "rename":
			names[op.to] = names[op.path]
			delete(names, op.path)
		case "remove":
			delete(names, op.path)
		}
	}
}

// copyTiles copies the tiles of a journal as a power cut can leave them: they
// are not synced, so each may be there, be missing, or hold zeros.
func copyTiles(t testing.TB, from, to string, random *rand.Rand) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(from, "tile"), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inner, _ := filepath.Rel(from, path)
		if e.IsDir() {
			return os.Mkdir(filepath.Join(to, inner), 0o700)
		}
		data, err := os.ReadFile(path)
		switch random.IntN(4) {
		case 0:
			return err
		case 1:
			clear(data[random.IntN(len(data)):])
		}
		return errors.Join(err, os.WriteFile(filepath.Join(to, inner), data, 0o600))
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}
