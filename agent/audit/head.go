package audit

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
)

const (
	// checkpointFile holds the newest head, under the name and in the form of
	// the public tlog-tiles layout.
	checkpointFile = "checkpoint"
	// checkpointDelay is how old the head in that file may be while entries are
	// written.
	checkpointDelay = time.Second

	maxHead = 16 << 10 // bytes of a signed head
)

// heads signs the heads of the journal's tree.
type heads struct {
	signer *tree.Signer
	wanted atomic.Bool // a head was asked for since the last commit

	mu   sync.Mutex
	size uint64 // of the newest signed head
	note []byte
}

func readSmall(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxHead {
		return nil, unavailable("audit.Read", ReasonDamaged, nil)
	}
	return os.ReadFile(path)
}

// Prove shows that an entry, which must be on disk, is in the journal.
func (j *Journal) Prove(p care.Position) (care.Proof, error) {
	if j.lost || p.Sequence == 0 || p.Sequence > j.tree.Size() {
		return care.Proof{}, &care.Error{Kind: care.RecordNotFound, Op: "audit.Prove", Detail: "the journal has no such entry on disk"}
	}
	j.heads.wanted.Store(true)
	size, note, err := j.head(p.Sequence)
	if err != nil {
		return care.Proof{}, err
	}
	hashes, err := j.tree.Inclusion(p.Sequence-1, size)
	if err != nil {
		return care.Proof{}, failed("audit.Prove", err)
	}
	return care.Proof{Size: size, Hashes: hashes, Head: note}, nil
}

// Head returns the signed head of all entries on disk.
func (j *Journal) Head() (size uint64, note []byte, err error) {
	if j.lost {
		return 0, nil, j.broken
	}
	return j.head(j.tree.Size())
}

// sign makes a head of the first entries before it is asked for: while their
// answer is read and sent, whose receipt will need it.
func (j *Journal) sign(entries uint64) { _, _, _ = j.head(entries) }

// head returns the newest signed head if it covers enough entries, or a new
// one of all that are on disk. Only what is on disk is ever signed.
func (j *Journal) head(enough uint64) (uint64, []byte, error) {
	h := &j.heads
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.size >= enough && h.note != nil {
		return h.size, h.note, nil
	}
	size := j.tree.Size()
	root, err := j.tree.RootAt(size)
	if err != nil {
		return 0, nil, failed("audit.head", err)
	}
	note, err := h.signer.Sign(tree.Head{Origin: h.signer.Origin(), Size: size, Root: root})
	if err != nil {
		return 0, nil, failed("audit.head", err)
	}
	h.size, h.note = size, note
	return size, note, nil
}

// keep writes tiles and the newest head while entries come, and once more when
// the committer has ended.
func (j *Journal) keep() {
	defer close(j.done)
	defer func() { _ = j.lock.Close() }()
	tick := time.NewTicker(checkpointDelay)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			j.tryToSave((*tree.Tree).Flush)
		case <-j.committed:
			j.tryToSave((*tree.Tree).Sync)
			return
		}
	}
}

// tryToSave saves what can be made again from the entries, so a failure is only
// told. While entries cannot be written, neither are heads: the folder may be
// another one.
func (j *Journal) tryToSave(tiles func(*tree.Tree) error) {
	if !j.inPlace() {
		return
	}
	if err := j.save(tiles); err != nil {
		j.log.Warn("the journal's tiles and head cannot be written; they are tried again", "error", err)
	}
}

// inPlace reports whether the folder is the one that entries are written to.
func (j *Journal) inPlace() bool {
	j.mu.Lock()
	s := j.place
	j.mu.Unlock()
	if s == nil {
		return false
	}
	info, err := s.files.stat(s.path)
	return err == nil && os.SameFile(info, s.info)
}

// save writes tiles and then a head, which is durable when it returns, if there
// are more entries than the head on disk has. A head of no entries may be written
// again: whether it is there was not kept.
func (j *Journal) save(tiles func(*tree.Tree) error) error {
	j.saving.Lock()
	defer j.saving.Unlock()
	if j.lost || j.kept > 0 && j.tree.Size() == j.kept {
		return nil
	}
	size, note, err := j.Head()
	if err == nil {
		err = tiles(j.tree)
	}
	if err == nil {
		err = writeNote(j.files, filepath.Join(j.folder, checkpointFile), note)
	}
	if err == nil {
		j.kept = size
	}
	return err
}

// writeNote makes a signed note appear under a name, durably.
func writeNote(files fileSystem, path string, note []byte) error {
	return writeFile(files, path, 0, func(f file) error {
		_, err := f.WriteAt(note, 0)
		return err
	})
}
