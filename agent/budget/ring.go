package budget

import "time"

// An hour is counted in slots of five minutes: the one that fills now and
// twelve whole ones before it. So what is counted is never forgotten within an
// hour, and always within 65 minutes.
const (
	slotLength = 5 * time.Minute
	slots      = 12 + 1
)

// slot is the place of five minutes in a ring.
type slot uint8

// ring counts something over the last hour.
type ring struct {
	at  [slots]uint32
	sum uint32
}

func (r *ring) add(s slot) {
	r.at[s]++
	r.sum++
}

func (r *ring) remove(s slot) {
	r.at[s]--
	r.sum--
}

// removeNewest removes one of what was counted last, if anything is left.
func (r *ring) removeNewest(now slot) {
	for i := range slot(slots) {
		if s := (now + slots - i) % slots; r.at[s] > 0 {
			r.remove(s)
			return
		}
	}
}

// expire forgets what was counted in the slots that are over.
func (r *ring) expire(over *[slots]bool) {
	for s, gone := range over {
		if gone {
			r.sum -= r.at[s]
			r.at[s] = 0
		}
	}
}
