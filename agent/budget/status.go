package budget

import (
	"cmp"
	"slices"
)

// maxPressed is how many keys a Status names.
const maxPressed = 100

// Status is how the budgets stand. It names nobody who is a patient.
type Status struct {
	Users, Organisations, Brokers int // keys that asked for anything within the hour
	Crowded                       bool
	Waiting                       int       // requests held back now
	Pressed                       []Pressed // the keys that are slowed or stopped, the stopped ones first; at most 100
	More                          int       // how many there are beyond those
}

// Pressed is a key that is slowed or stopped, with the limit that is nearest.
type Pressed struct {
	Reached
	Stopped bool
}

// Status returns how the budgets stand now.
func (k *Keeper) Status() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.turn()
	s := Status{Users: len(k.hours[User]), Organisations: len(k.hours[Organisation]), Brokers: len(k.hours[Broker]), Waiting: k.held}
	for l := range levels {
		s.Crowded = s.Crowded || len(k.hours[l]) >= k.maxKeys
		for name, h := range k.hours[l] {
			if u := h.pressed(k.rules.of(l), stranger); u.over || u.part >= SlowFrom {
				s.Pressed = append(s.Pressed, Pressed{reachedBy(l, name, u), u.over})
			}
		}
	}
	slices.SortFunc(s.Pressed, comparePressed)
	if n := len(s.Pressed); n > maxPressed {
		s.Pressed, s.More = slices.Clip(s.Pressed[:maxPressed]), n-maxPressed
	}
	return s
}

// stranger is a patient whom nobody has asked for: no number has such a base.
const stranger base = 1 << 31

// comparePressed puts those who are stopped first, and then the wider keys.
func comparePressed(a, b Pressed) int {
	if a.Stopped != b.Stopped {
		if a.Stopped {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.Level, a.Level), cmp.Compare(a.Broker, b.Broker),
		cmp.Compare(a.Organisation, b.Organisation), cmp.Compare(a.User, b.User))
}
