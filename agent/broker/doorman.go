package broker

import (
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Doorman writes down who was turned away before naming a patient. A flood of
// them becomes one entry a second that tells how many there were: who is
// turned away must not be able to fill the disk.
type Doorman struct {
	journal Journal
	log     hclog.Logger

	mu    sync.Mutex
	last  time.Time
	count int
}

// NewDoorman returns a doorman who writes to the journal and the log.
func NewDoorman(journal Journal, log hclog.Logger) *Doorman {
	return &Doorman{journal: journal, log: log}
}

// TurnAway notes that a caller was turned away. What they wanted must be a text
// of our own. It may be called from many goroutines.
func (d *Doorman) TurnAway(broker care.Broker, wanted string, why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count++
	now := time.Now()
	if now.Sub(d.last) < time.Second {
		return
	}
	d.journal.AppendLazily(care.Event{Kind: care.AccessRefused, Broker: &broker, Detail: wanted, Count: d.count,
		Refusal: care.KindOf(why), TrueReason: care.ReasonOf(why)})
	d.log.Warn("turned away", "code", care.KindOf(why).String(), "reason", care.ReasonOf(why), "broker", broker.Name, "count", d.count)
	d.count, d.last = 0, now
}
