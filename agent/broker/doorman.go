package broker

import (
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Doorman writes down who was turned away before naming a patient. The first
// who is turned away in some way is written down at once. Those who follow in
// the same way are counted and become one entry every ten seconds: who is
// turned away must not be able to fill the disk, and must not be able to hide
// in a flood of others either.
type Doorman struct {
	journal Journal
	log     hclog.Logger

	mu     sync.Mutex
	ways   map[way]int // turned away since the last entry; no key when none was for a while
	closed bool
}

// way is a way of being turned away. None of its parts is the caller's text,
// so that there are few.
type way struct {
	broker, wanted string
	kind           care.Kind
	reason         string
}

// tallyTime is how long the doorman counts before writing again.
const tallyTime = 10 * time.Second

// NewDoorman returns a doorman who writes to the journal and the log.
func NewDoorman(journal Journal, log hclog.Logger) *Doorman {
	return &Doorman{journal: journal, log: log, ways: map[way]int{}}
}

// TurnAway notes that a caller was turned away. What they wanted must be a text
// of our own. It may be called from many goroutines. Up to ten seconds' worth
// of a flood is lost when the process is killed.
func (d *Doorman) TurnAway(broker care.Broker, wanted string, why error) {
	w := way{broker.Name, wanted, care.KindOf(why), care.ReasonOf(why)}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	if n, counting := d.ways[w]; counting {
		d.ways[w] = n + 1
		return
	}
	d.write(broker, w, 1)
}

// Close writes down what was counted. It comes before the journal is closed.
func (d *Doorman) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for w, n := range d.ways {
		if n > 0 {
			d.tell(care.Broker{Name: w.broker}, w, n)
		}
	}
}

// write writes an entry and counts from now on. d.mu is held.
func (d *Doorman) write(broker care.Broker, w way, count int) {
	d.tell(broker, w, count)
	d.ways[w] = 0
	time.AfterFunc(tallyTime, func() { d.tally(broker, w) })
}

func (d *Doorman) tell(broker care.Broker, w way, count int) {
	d.journal.AppendLazily(care.Event{Kind: care.AccessRefused, Broker: &broker, Detail: w.wanted, Count: count,
		Refusal: w.kind, TrueReason: w.reason})
	d.log.Warn("turned away", "code", w.kind.String(), "reason", w.reason, "broker", w.broker, "count", count)
}

// tally writes what was counted, or ends the counting.
func (d *Doorman) tally(broker care.Broker, w way) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	if n := d.ways[w]; n > 0 {
		d.write(broker, w, n)
		return
	}
	delete(d.ways, w)
}
