package budget

import (
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// key names who has a budget. Which of its parts are set depends on the level.
type key struct {
	broker       string
	organisation care.ODSCode
	user         string
}

// keys are those of one request.
type keys [levels]key

func keysOf(broker string, organisation care.ODSCode, user string) keys {
	return keys{
		User:         {broker, organisation, user},
		Organisation: {organisation: organisation},
		Broker:       {broker: broker},
	}
}

// seat is where a request counts: its key's hour, or nil if it has none yet.
type seat struct {
	key  key
	hour *hour
}

// widestFirst is the order in which hours are looked for and made: a newcomer's
// place depends on the broker it comes through.
var widestFirst = [levels]Level{Broker, Organisation, User}

// seats finds where a request counts. Nobody's hour is ever dropped for a
// newcomer's. When the table is full, or half of it came through one broker,
// the newcomers of that broker share one budget: a flood of invented users
// costs those who invent them, and no one else.
func (k *Keeper) seats(who *keys) (s [levels]seat) {
	for _, l := range widestFirst {
		s[l] = seat{who[l], k.hours[l][who[l]]}
		if s[l].hour == nil && !k.room(l, s[Broker].hour) {
			s[l] = k.newcomers(l, s[Broker].key)
		}
	}
	return s
}

// newcomers is the seat that those share for whom a level has no place: those of
// each broker, and one for all brokers that have no place themselves. No request
// has such a key of its own: its organisation and user are never empty.
func (k *Keeper) newcomers(l Level, broker key) seat {
	if l == Broker {
		broker = key{}
	}
	return seat{broker, k.hours[l][broker]}
}

// room reports whether the table has a place for a newcomer of a broker.
func (k *Keeper) room(l Level, broker *hour) bool {
	if len(k.hours[l]) >= k.maxKeys {
		return false
	}
	return l == Broker || broker == nil || broker.brought[l] < k.maxKeys/2
}

// sit makes the hours that seats have not got.
func (k *Keeper) sit(s *[levels]seat) {
	for _, l := range widestFirst {
		if s[l].hour != nil {
			continue
		}
		name := s[l].key
		name.broker, name.user = strings.Clone(name.broker), strings.Clone(name.user) // not the message they came in
		name.organisation = care.ODSCode(strings.Clone(string(name.organisation)))
		s[l].hour = newHour(nil)
		if l != Broker {
			s[l].hour.broker = s[Broker].hour
			s[Broker].hour.brought[l]++
		}
		k.hours[l][name] = s[l].hour
	}
}

// turn moves the hour on. Time is what has passed since the start, so a clock
// that is set does not matter.
func (k *Keeper) turn() {
	now := int64((k.uptime() + k.ahead) / slotLength)
	if now <= k.now {
		return
	}
	var over [slots]bool
	for i := range min(now-k.now, slots) {
		over[(now-i)%slots] = true
	}
	k.now = now
	for l := range k.hours {
		for name, h := range k.hours[l] {
			if !h.expire(&over, now) && (h.broker != nil || h.brought == [levels]int{}) {
				delete(k.hours[l], name)
				if h.broker != nil {
					h.broker.brought[l]--
				}
			}
		}
	}
}

// slot is the slot that fills now.
func (k *Keeper) slot() slot { return slot(k.now % slots) }
