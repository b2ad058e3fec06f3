package budget

import (
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Past is a request of the past, as the journal tells of it.
type Past struct {
	At           time.Time // when it was decided
	Broker, User string
	Organisation care.ODSCode
	Number       care.NHSNumber
	Told         care.Kind // what the caller was told
	Ended        bool      // whether that is known
}

// Recall counts a request of the past, so that a restart resets no budget. It
// is called before the first Admit, for the requests of the last hour of the
// journal, the oldest first: those that were admitted, and those that a budget
// refused, which are refused again. Others never came so far and are left out.
//
// The hour is lived through once more: time moves on by what lies between two
// requests and stands still between the last one and the start. So neither a
// clock that was set while the agent was down nor the time it was down frees a
// budget. No alert is raised for what is recalled, nor, within the hour, again
// for the same limit.
func (k *Keeper) Recall(p Past) {
	b, ok := baseOf(p.Number)
	if !ok {
		return // never admitted
	}
	who := keysOf(p.Broker, p.Organisation, p.User)
	k.mu.Lock()
	defer k.mu.Unlock()
	if p.At.After(k.newest) {
		if !k.newest.IsZero() {
			k.ahead += p.At.Sub(k.newest)
		}
		k.newest = p.At
	}
	k.turn()
	s := k.seats(&who)
	if l, u := k.judge(&s, b); u.over {
		k.stop(&s[l], l, u)
		return
	}
	k.count(&s, b)
	if p.Ended {
		k.settle(&who, b, p.Told)
	}
}
