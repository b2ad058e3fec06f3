package forward

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

const (
	steady    = time.Minute // a connection that lived this long was a good one
	saveEvery = time.Second // an fsync beside the journal's own, so not more often
)

// pace is how patient a worker is.
type pace struct {
	first   time.Duration // before the first attempt to connect again
	longest time.Duration // between attempts
	stall   time.Duration // for a receiver to take 16 KiB, or to answer
}

var usualPace = pace{first: time.Second, longest: time.Minute, stall: 30 * time.Second}

// connection is an open connection to a receiver.
type connection interface {
	// send hands records over, and returns how many the receiver has said it
	// will not take. It ends with ctx.
	send(ctx context.Context, records []*record) (rejected uint64, err error)
	// watch returns when the connection is lost, or ctx ends.
	watch(ctx context.Context) error
	close()
	peer() string
}

// worker serves one receiver.
type worker struct {
	Receiver
	*Settings
	file    string // keeps the state
	connect func(context.Context, *worker) (connection, error)

	// What follows is for the goroutine of run.
	saved   time.Time
	unsaved bool // the state could not be saved, which was told
	failing bool // what is wrong was told

	mu     sync.Mutex // guards what follows; never held during input or output
	state  state
	status Status
}

func newWorker(s *Settings, r Receiver) *worker {
	w := &worker{Receiver: r, Settings: s, file: filepath.Join(s.State, "forward-"+r.Name), connect: openSyslog}
	if r.Kind == OTLP {
		w.connect = openOTLP
	}
	w.status = Status{Name: r.Name, Since: time.Now()}
	return w
}

// load takes up the state of the last run.
func (w *worker) load() error {
	s, err := readState(w.file)
	w.set(s)
	return err
}

// run serves the receiver until ctx ends.
func (w *worker) run(ctx context.Context) {
	delay := w.pace.first
	for ctx.Err() == nil {
		began := time.Now()
		err := w.session(ctx)
		w.save()
		if ctx.Err() != nil {
			return
		}
		w.failed(err)
		if time.Since(began) >= steady {
			delay = w.pace.first
		}
		wait(ctx, delay/2+rand.N(delay/2))
		delay = min(2*delay, w.pace.longest)
	}
}

// session connects and forwards until something fails or ctx ends.
func (w *worker) session(ctx context.Context) error {
	if err := w.reconcile(); err != nil {
		return err
	}
	conn, err := w.connect(ctx, w)
	if err != nil {
		if !w.failing && ctx.Err() == nil {
			w.OnConnection(w.Name, w.Address, false, err)
		}
		return err
	}
	w.connected(true)
	w.OnConnection(w.Name, conn.peer(), true, nil)
	f := &feed{worker: w, conn: conn, next: w.state.last.Sequence + 1, before: w.state}
	err = f.both(ctx)
	conn.close()
	w.connected(false)
	if ctx.Err() != nil {
		w.OnConnection(w.Name, conn.peer(), false, nil)
		return nil
	}
	w.OnConnection(w.Name, conn.peer(), false, err)
	if w.Kind == Syslog {
		w.set(f.before)
	}
	return err
}

// reconcile gives the position up if it is not one of this journal.
func (w *worker) reconcile() error {
	last := w.state.last
	if last.Sequence == 0 {
		return nil
	}
	for line, err := range audit.ReadWith(w.Folder, w.archive(), last.Sequence, last.Sequence) {
		switch {
		case err == nil && line.Leaf == last.Leaf:
			return nil
		case err == nil:
			return w.startOver()
		case care.ReasonOf(err) != audit.ReasonDamaged:
			return err
		}
	}
	head, err := durable(w.Folder)
	if err == nil && head < last.Sequence {
		return w.startOver()
	}
	return err // the entry was pruned
}

// archive returns the folder of archived segments, if it has been made.
func (w *worker) archive() string {
	if _, err := os.Stat(w.Archive); errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return w.Archive
}

func (w *worker) startOver() error {
	w.set(state{dropped: w.state.dropped, rejected: w.state.rejected})
	w.tell("the journal is forwarded from its beginning", &care.Error{Kind: care.Conflict, Op: "forward.Run", Reason: "OTHER_JOURNAL",
		Detail: "the journal is not the one that was forwarded before: it was begun anew or changed; it is sent from its first entry"})
	return nil
}

// delivered notes that a batch is delivered, and saves that now and then.
func (w *worker) delivered(s state) {
	w.failing = false
	w.set(s)
	if time.Since(w.saved) >= saveEvery {
		w.save()
	}
}

// save keeps the state for the next run.
func (w *worker) save() {
	w.saved = time.Now()
	err := writeState(w.file, w.state)
	if err != nil && !w.unsaved {
		w.tell("the position cannot be saved", err)
	}
	w.unsaved = err != nil
}

// failed tells of what ended a session: the status always, the log once per
// series.
func (w *worker) failed(err error) {
	if w.failing {
		w.note(err)
		return
	}
	w.tell("the journal is not being forwarded; it is tried again", err)
	w.failing = true
}

func (w *worker) tell(message string, err error) {
	w.Log.Warn(message, "receiver", w.Name, "error", err)
	w.note(err)
}

func (w *worker) note(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.LastError, w.status.LastErrorAt = err, time.Now()
}

func (w *worker) connected(yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.Connected, w.status.Since = yes, time.Now()
}

func (w *worker) set(s state) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = s
}

// picture returns the status.
func (w *worker) picture() Status {
	head, err := durable(w.Folder)
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.status
	s.Position, s.Dropped, s.Rejected = w.state.last.Sequence, w.state.dropped, w.state.rejected
	s.Behind = head - min(head, s.Position)
	if err != nil {
		s.LastError, s.LastErrorAt = err, time.Now()
	}
	return s
}

// wait waits for a while, or for ctx.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// cause returns why ctx ended where err says only that it did.
func cause(ctx context.Context, err error) error {
	if ended := context.Cause(ctx); ended != nil && !errors.Is(ended, context.Canceled) {
		return ended
	}
	return err
}
