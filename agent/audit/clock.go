package audit

import (
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// clockTolerance is how far the clock may be set forward without an entry: the
// NHS requires clocks to be within 250 ms (IG Requirements for GP Systems V4).
const clockTolerance = 250 * time.Millisecond

// watchClock writes down that the clock was set since the last entry: back by
// any amount, or forward by more than the tolerance. Entries are ordered by
// their numbers, so nothing else depends on it. j.mu is held.
func (j *Journal) watchClock(now time.Time) {
	before := j.clock
	j.clock = now
	if before.IsZero() {
		return
	}
	wall := now.Round(0).Sub(before.Round(0))
	// Sub uses the monotonic clock where both times have one, that is within
	// one run of the agent.
	set := wall - now.Sub(before)
	if wall >= 0 && set <= clockTolerance {
		return
	}
	if wall < 0 && set == 0 {
		set = wall // the last run's clock
	}
	event := care.Event{Kind: care.ClockJumped, Detail: "the system's clock was set by " + set.Round(time.Microsecond).String() + " since the entry before"}
	j.add(header{time: now}, j.box.appendBody(nil, &event, repairNote{}))
}
