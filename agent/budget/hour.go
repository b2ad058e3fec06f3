package budget

import "github.com/mycarerecord/edge-agent/agent/care"

// reach is how far apart two numbers may be and still count as neighbours. The
// distance is that of the first nine digits: the tenth is only a check digit,
// and one in eleven bases has none.
const reach = 10

// base is the first nine digits of an NHS number. It stays in memory, for an
// hour, and is never shown.
type base uint32

// baseOf returns the base of a number, or false for no number at all.
func baseOf(n care.NHSNumber) (b base, ok bool) {
	digits := n.Reveal()
	if len(digits) != 10 {
		return 0, false
	}
	for i := range 9 {
		b = b*10 + base(digits[i]-'0')
	}
	return b, true
}

// answer is what a key was told of a patient.
type answer uint8

const (
	nothing answer = iota // nothing yet, or nothing that says whether the patient is here
	served                // the patient is here and was served
	nobody                // there is no such patient to serve
	answers
)

// answerOf returns what a Kind says of the patient.
func answerOf(told care.Kind) answer {
	switch told {
	case care.OK, care.RecordNotFound:
		return served
	case care.PatientNotFound, care.InvalidDemographics:
		return nobody
	}
	return nothing
}

// patient is what a key was told of one patient within the hour.
type patient struct {
	last  slot   // when last asked for
	state answer // what was last told
	open  uint16 // requests in flight that may yet be told that there is no such patient
}

// hour is what one key did within the hour.
type hour struct {
	patients map[base]patient

	asked  [answers]ring // patients by what was last told of them, in the slot in which they were last asked for
	near   ring          // patients who had a neighbour when they were first asked for
	missed ring          // answers that served nobody
	open   ring          // requests that may yet end so; one that is never settled counts for the hour

	told    [measures]int64 // time of the last alert, in slots since the start, plus 1
	brought [levels]int     // for a broker: how many keys came through it
	broker  *hour           // through which the key came; nil for a broker's own
}

func newHour(broker *hour) *hour {
	return &hour{patients: make(map[base]patient), broker: broker}
}

// distinct is how many patients were asked for.
func (h *hour) distinct() uint32 {
	return h.asked[nothing].sum + h.asked[served].sum + h.asked[nobody].sum
}

// ask counts a request for a patient who may be asked for.
func (h *hour) ask(b base, now slot) {
	p, known := h.patients[b]
	if known {
		h.asked[p.state].remove(p.last)
	} else if h.neighbour(b) {
		h.near.add(now)
	}
	p.last = now
	h.asked[p.state].add(now)
	if p.state != served {
		p.open++
		h.open.add(now)
	}
	h.patients[b] = p
}

// neighbour reports whether a patient was asked for whose number is near.
func (h *hour) neighbour(b base) bool {
	for d := base(1); d <= reach; d++ {
		if _, above := h.patients[b+d]; above {
			return true
		}
		if _, below := h.patients[b-d]; below { // wraps around to a number that is none
			return true
		}
	}
	return false
}

// settle counts what the request was told. It reports whether the hour knows
// of the request.
func (h *hour) settle(b base, told care.Kind, now slot) bool {
	p, known := h.patients[b]
	if !known {
		return false
	}
	if p.open > 0 {
		p.open--
		h.open.removeNewest(now)
	}
	if state := answerOf(told); state != nothing {
		h.asked[p.state].remove(p.last)
		h.asked[state].add(p.last)
		p.state = state
		if state == nobody {
			h.missed.add(now)
		}
	}
	h.patients[b] = p
	return true
}

// expire forgets what is more than an hour old and reports whether anything is
// left. now is the time in slots since the start.
func (h *hour) expire(over *[slots]bool, now int64) (left bool) {
	before := h.distinct()
	for i := range h.asked {
		h.asked[i].expire(over)
	}
	h.near.expire(over)
	h.missed.expire(over)
	h.open.expire(over)
	if h.distinct() < before {
		for b, p := range h.patients {
			if over[p.last] {
				delete(h.patients, b)
			}
		}
	}
	for m := range h.told {
		left = left || !h.silent(Measure(m), now)
	}
	return left || h.distinct()|h.near.sum|h.missed.sum|h.open.sum != 0
}

// silent reports whether no alert was raised within the hour.
func (h *hour) silent(m Measure, now int64) bool {
	return h.told[m] == 0 || now-(h.told[m]-1) >= slots
}
