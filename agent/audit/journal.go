package audit

import (
	"cmp"
	"crypto/sha256"
	"hash"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
)

const (
	// defaultMaxPending is how many bytes of lines may wait for the disk.
	defaultMaxPending = 16 << 20
	// lazyDelay is how long an entry that nobody waits for may stay unwritten.
	lazyDelay = 2 * time.Millisecond
	// retryDelay is the shortest time between two attempts at a repair.
	retryDelay = time.Second
)

// Options are the settings of a journal.
type Options struct {
	Box          *Box             // seals what names a patient; required
	Signer       *tree.Signer     // signs heads; required
	Witnesses    []string         // verifier keys of those who may countersign heads
	SegmentBytes int64            // size of a segment file; 0 means 64 MiB
	MaxBytes     int64            // of all segments in the folder; 0 means no limit but the volume's
	Now          func() time.Time // the clock; nil means time.Now
	Log          hclog.Logger     // nil means no log

	files      fileSystem // nil means the operating system's
	maxPending int        // 0 means defaultMaxPending
}

// Journal is an open journal. All methods may be called from many goroutines.
type Journal struct {
	folder     string
	files      fileSystem
	log        hclog.Logger
	now        func() time.Time
	size       int64 // of a new segment
	maxBytes   int64
	maxPending int
	box        *Box
	tree       *tree.Tree // of the entries on disk; nil if the journal is lost
	heads      heads
	witnesses  []string  // their verifier keys
	lock       io.Closer // keeps other agents out
	lost       bool      // entries are not those that were promised; set by Open
	bodies     sync.Pool // of *[]byte

	gathered  chan struct{} // holds one signal: as many entries came as were awaited
	wake      chan struct{} // holds one signal: something is to be committed now
	lazy      *time.Timer   // gives that signal for entries that nobody waits for
	quit      chan struct{} // closed by Close
	committed chan struct{} // closed when the committer has ended
	done      chan struct{} // closed when all is put away
	closeOnce sync.Once

	retiring   sync.Mutex // one Archive or Prune at a time
	witnessing sync.Mutex // one Countersigned at a time
	saving     sync.Mutex // guards the checkpoint file and what follows
	kept       uint64     // size of the head in that file

	mu         sync.Mutex // guards what follows; never held during input or output
	next       uint64     // number of the next entry
	prev       [32]byte   // leaf hash of the entry before it
	hash       hash.Hash
	leaf       [1]byte // the zero byte before every leaf; a field, so that it is not allocated
	pending    *batch
	clock      time.Time // of the last entry
	free       []byte    // buffers to use again
	freeLeaves [][32]byte
	durable    care.Position
	awaited    uint64 // entries that the committer waits for, or 0
	broken     error  // why nothing can be released, or nil
	room       int64  // bytes for what has to be written although nothing can be released
	closed     bool
	reserve    reserve
	segments   int
	bytes      int64
	place      *segment // the one below; only its path and identity are used here

	// work is held by whoever commits or repairs: the committer, or one who
	// waits and finds nobody at it. What follows is theirs alone.
	work     sync.Mutex
	segment  *segment // nil when there is none
	short    error    // why no further segment can be made, or nil
	notes    string   // what the next JournalRepaired entry has to tell
	retry    *time.Timer
	tried    time.Time   // when a repair was last tried
	grouped  uint64      // entries in the last commit
	patience *time.Timer // how long a commit waits for others
}

// Status is a picture of the journal at one moment.
type Status struct {
	Entries  uint64   // number of the last entry on disk
	LastLeaf [32]byte // its leaf hash
	Segments int      // segment files
	Bytes    int64    // bytes that they take up on the volume
	Err      error    // what Check returns
}

// Open opens the journal in a folder, which it makes if there is none, and
// recovers from whatever ended the last run. It fails with
// care.AuditUnavailable if the folder or a file in it is open to others, if
// another agent has it open, or if where it ends cannot be found out. If only
// a fresh segment cannot be made, for want of space, it succeeds: Check then
// fails until the space is there.
//
// A journal whose entries are not those that its own signed head vouches for is
// opened for looking at it only: Check fails with reason ROLLED_BACK, REWRITTEN,
// NO_HEAD or DAMAGED until a person has dealt with it, and nothing in the folder
// is changed meanwhile.
func Open(folder string, opts Options) (*Journal, error) {
	j := newJournal(folder, opts)
	if err := makeFolder(j.files, folder); err != nil {
		return nil, err
	}
	lock, err := j.files.lock(filepath.Join(folder, lockName))
	if err != nil {
		return nil, failed("audit.Open", err)
	}
	rec, err := j.look()
	if err == nil && !j.lost {
		err = rec.tidy(j.files, folder)
	}
	if err != nil {
		rec.close()
		_ = lock.Close()
		return nil, err
	}
	j.lock = lock
	j.resume(rec)
	if j.kept == 0 { // whoever finds an entry finds a head
		j.tryToSave((*tree.Tree).Flush)
	}
	go j.run()
	go j.keep()
	return j, nil
}

// look finds out how the journal is, and changes nothing.
func (j *Journal) look() (recovered, error) {
	rec, err := recoverFolder(j.files, j.folder)
	if err == nil {
		err = j.plant(&rec)
	}
	if j.lost {
		rec.close()
	}
	return rec, err
}

func newJournal(folder string, opts Options) *Journal {
	j := &Journal{
		folder:     folder,
		files:      opts.files,
		log:        opts.Log,
		now:        opts.Now,
		size:       cmp.Or(opts.SegmentBytes, defaultSegmentBytes),
		maxBytes:   opts.MaxBytes,
		maxPending: cmp.Or(opts.maxPending, defaultMaxPending),
		bodies:     sync.Pool{New: func() any { return new([]byte) }},
		wake:       make(chan struct{}, 1),
		gathered:   make(chan struct{}, 1),
		patience:   time.NewTimer(maxPace),
		quit:       make(chan struct{}),
		committed:  make(chan struct{}),
		done:       make(chan struct{}),
		hash:       sha256.New(),
		box:        opts.Box,
		heads:      heads{signer: opts.Signer},
		witnesses:  opts.Witnesses,
		pending:    newBatch(nil, nil),
		retry:      time.NewTimer(retryDelay),
	}
	j.retry.Stop()
	j.patience.Stop()
	if j.files == nil {
		j.files = osFiles{}
	}
	if j.log == nil {
		j.log = hclog.NewNullLogger()
	}
	if j.now == nil {
		j.now = time.Now
	}
	return j
}

// resume takes up writing where recovery found the journal to end.
func (j *Journal) resume(rec recovered) {
	j.lazy = time.AfterFunc(lazyDelay, j.kick)
	j.segments, j.bytes = rec.segments, rec.bytes
	j.next, j.prev, j.durable, j.clock = rec.last.Sequence+1, rec.last.Leaf, rec.last, rec.time
	j.notes = strings.Join(rec.repairs, "; ")
	j.use(rec.segment)
	if j.lost {
		return
	}
	if j.segment == nil {
		if fresh, err := j.freshSegment(j.next, 0); err == nil {
			j.use(fresh)
		} else {
			j.fail(newBatch(nil, nil), err)
		}
	}
	if j.segment != nil {
		j.makeRoom()
	}
	if j.notes != "" && j.segment != nil && j.short == nil {
		j.log.Warn("journal repaired", "reason", rec.reason, "detail", j.notes)
		j.Append(care.Event{Kind: care.JournalRepaired, TrueReason: rec.reason, Detail: j.notes})
		j.notes = ""
	}
	if j.kept != rec.last.Sequence && !rec.stop { // a full disk may have no room for the head
		j.Append(care.Event{Kind: care.AgentRecovered, Detail: "the run before ended without closing the journal"})
	}
}

// Append writes an event down. It gives it its number and leaf hash, starts to
// write it and returns at once, without waiting for the disk. If nothing can
// be written the entry has no position and its Wait fails at once.
func (j *Journal) Append(e care.Event) care.Entry { return j.append(&e, false) }

// AppendLazily is Append for an event that nobody waits for yet: it goes to
// disk together with the next entry, after 2 ms at the latest. Whoever waits
// for it all the same commits it where they are, if nobody else is at it, which
// is faster for one who would have waited at once.
func (j *Journal) AppendLazily(e care.Event) care.Entry { return j.append(&e, true) }

func (j *Journal) append(e *care.Event, lazily bool) care.Entry {
	body := j.bodies.Get().(*[]byte)
	defer j.bodies.Put(body)
	*body = j.box.appendBody((*body)[:0], e, repairNote{})
	return j.enqueue(*body, lazily)
}

// Check returns nil if the next entry can be expected to reach the disk, and
// otherwise the error that its Wait would return. It does no input or output.
func (j *Journal) Check() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.refusal(0)
}

// Status says how the journal is.
func (j *Journal) Status() Status {
	j.mu.Lock()
	defer j.mu.Unlock()
	return Status{
		Entries:  j.durable.Sequence,
		LastLeaf: j.durable.Leaf,
		Segments: j.segments,
		Bytes:    j.bytes,
		Err:      j.refusal(0),
	}
}

// Close commits what is queued and closes the files. It fails if facts could
// not be written, and says how many: they are lost with it. Of a lost journal
// it says why it is lost. It may be called more than once; Append fails from
// then on.
func (j *Journal) Close() error {
	j.closeOnce.Do(func() {
		j.mu.Lock()
		j.closed = true
		j.mu.Unlock()
		close(j.quit)
	})
	<-j.done
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lost {
		return j.broken
	}
	return j.reserve.unwritten(j.broken)
}
