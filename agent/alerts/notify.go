package alerts

import (
	"cmp"
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// defaultTimeout is how long the site's program may run.
const defaultTimeout = 30 * time.Second

// Options say what a Notifier reads and whom it tells.
type Options struct {
	Files
	Site care.ODSCode

	// Command is the site's own program and its arguments. The program is run
	// without a shell and named by its absolute path. Without it alerts are told
	// to Log.
	Command []string
	Timeout time.Duration // of one run; 0 means 30 seconds

	// Entries returns how many entries the journal has, so that it is looked at
	// only when there are more. Nil means to look every time.
	Entries func() uint64

	Log hclog.Logger // nil means no log

	pace pace // zero means usualPace
	tell func(context.Context, notice) error
}

// pace is how patient a Notifier is.
type pace struct {
	look    time.Duration // between two looks at the journal
	gap     time.Duration // between two runs of the program; the first wait after a failure
	longest time.Duration // the longest wait after failures
	save    time.Duration // how often the position is saved while there is no alert
	rest    time.Duration // after every restEvery lines
}

// A look costs about a millisecond, and reading restEvery lines about 7 ms, so
// that neither takes more than a small part of one processor for long.
var usualPace = pace{look: 5 * time.Second, gap: 10 * time.Second, longest: 5 * time.Minute, save: time.Minute, rest: 75 * time.Millisecond}

// Notifier tells a site's privacy officer of alerts. Run may be called once, by
// the one agent that a journal has; Status at any time.
type Notifier struct {
	o Options

	// What follows is for the goroutine of Run.
	book    book
	entries uint64    // of the journal at the last look
	looked  bool      // the journal was read to its end
	due     time.Time // when the program may be run again
	wait    time.Duration
	saved   saved
	failing map[string]bool // what went wrong and was told to the log

	mu     sync.Mutex
	status Status
}

// saved is what the file holds, as far as it matters.
type saved struct {
	read, told uint64
	open, last uint64 // how many alerts, and the last one's number
	at         time.Time
}

// New returns a Notifier. It fails with care.BadRequest if the command is not an
// absolute path. It reads and runs nothing yet.
func New(o Options) (*Notifier, error) {
	if len(o.Command) > 0 && !filepath.IsAbs(o.Command[0]) {
		return nil, &care.Error{Kind: care.BadRequest, Op: "alerts.New", Reason: "COMMAND",
			Detail: "alerts.command in agent.yaml does not begin with the absolute path of a program"}
	}
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	o.Timeout, o.pace = cmp.Or(o.Timeout, defaultTimeout), cmp.Or(o.pace, usualPace)
	n := &Notifier{o: o, failing: map[string]bool{}}
	switch {
	case o.tell != nil:
	case len(o.Command) > 0:
		n.o.tell = n.execute
	default:
		n.o.tell = n.write
	}
	return n, nil
}

// Run tells of alerts until ctx ends. It returns nil: what fails is in the
// status and the log, and is tried again for ever.
func (n *Notifier) Run(ctx context.Context) error {
	var err error
	n.book, err = n.o.load()
	n.failed(reading, err)
	n.saved = n.state()
	defer n.keep(true)
	tick := time.NewTicker(n.o.pace.look)
	defer tick.Stop()
	for {
		n.look(ctx)
		n.notify(ctx)
		n.keep(false)
		n.publish()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look reads what is new in the journal.
func (n *Notifier) look(ctx context.Context) {
	if n.o.Entries != nil {
		now := n.o.Entries()
		if n.looked && now == n.entries {
			return
		}
		n.entries = now
	}
	err := n.book.advance(ctx, &n.o.Files, n.o.pace.pause)
	if ctx.Err() != nil {
		return
	}
	n.looked = err == nil
	n.failed(reading, err)
}

// pause rests for a while, or until ctx ends.
func (p pace) pause(ctx context.Context) error {
	timer := time.NewTimer(p.rest)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// notify tells of the alerts that nobody was told of, all at once.
func (n *Notifier) notify(ctx context.Context) {
	fresh := n.book.untold()
	if len(fresh) == 0 || time.Now().Before(n.due) {
		return
	}
	first := &fresh[0]
	err := n.o.tell(ctx, notice{Reference: first.number, Kind: first.kind, Time: time.UnixMicro(first.at).UTC().Truncate(time.Second),
		Site: n.o.Site, New: len(fresh), Open: len(n.book.open)})
	if ctx.Err() != nil {
		return // it may have been cut off
	}
	n.failed(telling, err)
	if err != nil {
		n.wait = min(max(2*n.wait, n.o.pace.gap), n.o.pace.longest)
		n.due = time.Now().Add(n.wait)
		return
	}
	n.book.told = fresh[len(fresh)-1].number
	n.wait = 0
	n.due = time.Now().Add(n.o.pace.gap)
}

// write tells the log: one line for each alert.
func (n *Notifier) write(context.Context, notice) error {
	for _, a := range n.book.untold() {
		n.o.Log.Warn("a privacy alert is open; see mcr-agent alerts", "reference", a.number)
	}
	return nil
}

// state is what the file is to hold.
func (n *Notifier) state() saved {
	s := saved{read: n.book.read.Sequence, told: n.book.told, open: uint64(len(n.book.open)), at: n.saved.at}
	if s.open > 0 {
		s.last = n.book.open[s.open-1].number
	}
	return s
}

// keep saves what is known: at once what is about alerts, now and then, and when
// the agent stops, how far the journal was read.
func (n *Notifier) keep(stopping bool) {
	now := n.state()
	moved := now.read != n.saved.read
	now.read = n.saved.read
	if now == n.saved && !(moved && (stopping || time.Since(n.saved.at) >= n.o.pace.save)) {
		return
	}
	err := n.o.save(&n.book)
	n.failed(saving, err)
	if err == nil {
		n.saved = n.state()
	}
	n.saved.at = time.Now()
}
