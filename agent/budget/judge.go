package budget

import (
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Level is a kind of key that has a budget.
type Level uint8

// The levels, the narrowest first.
const (
	User         Level = iota // one user of one organisation through one broker
	Organisation              // one organisation, through whatever broker
	Broker                    // one broker
	levels
)

var levelCodes = [levels]string{"USER", "ORGANISATION", "BROKER"}

// String returns the stable code, such as "USER".
func (l Level) String() string {
	if l >= levels {
		return "UNKNOWN_LEVEL"
	}
	return levelCodes[l]
}

// Measure is what a budget counts.
type Measure uint8

// The measures, in the order in which they are given as the reason of a stop:
// the one that says most about what is going on comes first.
const (
	Sequence Measure = iota // runs of consecutive numbers
	NotFound                // answers that served nobody, their number or their share
	Patients                // distinct patients
	measures
)

var measureCodes = [measures]string{"SEQUENCE", "NOT_FOUND", "PATIENTS"}

// String returns the stable code, such as "PATIENTS".
func (m Measure) String() string {
	if m >= measures {
		return "UNKNOWN_MEASURE"
	}
	return measureCodes[m]
}

// Between SlowFrom of a limit and the limit itself a request is held back, for
// longer the nearer the limit is.
const (
	SlowFrom = 0.8
	minDelay = 100 * time.Millisecond
	maxDelay = 2 * time.Second
)

// delay is how long a request waits when so much of a limit is used, 1 being
// all of it.
func delay(used float64) time.Duration {
	if used < SlowFrom {
		return 0
	}
	part := min(1, (used-SlowFrom)/(1-SlowFrom))
	return minDelay + time.Duration(part*float64(maxDelay-minDelay))
}

// use is how much of one limit a key has used.
type use struct {
	measure      Measure
	count, limit int
	part         float64 // of the limit; 1 is all of it
	over         bool
}

// used compares a count with a limit, which may be reached, not passed.
func used(m Measure, count uint32, limit int) use {
	if int(count) >= limit {
		return use{m, int(count), limit, 1, true}
	}
	return use{m, int(count), limit, float64(count) / float64(limit), false}
}

// worse reports whether u matters more than o.
func (u use) worse(o use) bool {
	if u.over != o.over {
		return u.over
	}
	return !u.over && u.part > o.part
}

// pressed returns the use of the limits that speak against a request for this
// patient.
//
// Nothing speaks against a patient whom the key was served within the hour, not
// even when the key is stopped: the answer tells nobody anything new, and a
// clinician must be able to go on with the patient in front of them. A patient
// asked for before but not served is not counted again as a patient; but asking
// again may tell something (other demographics may be the right ones, and many
// answers may differ in time), so each such answer counts as one that served
// nobody, and a key stopped for those or for a sequence cannot ask.
func (h *hour) pressed(l *Limits, b base) (worst use) {
	p, known := h.patients[b]
	if p.state == served {
		return use{}
	}
	worst = used(Sequence, h.near.sum, l.NeighboursPerHour)
	for _, u := range [...]use{h.missedCount(l), h.missedShare(l)} {
		if u.worse(worst) {
			worst = u
		}
	}
	if !known {
		if u := used(Patients, h.distinct(), l.PatientsPerHour); u.worse(worst) {
			worst = u
		}
	}
	return worst
}

// missedCount counts requests in flight with those that served nobody, so that
// many at once do not slip past.
func (h *hour) missedCount(l *Limits) use {
	return used(NotFound, h.missed.sum+h.open.sum, l.NotFoundPerHour)
}

// missedShare judges patients of whom something was told: requests in flight
// would make every burst look like a search, and what slips past is within the
// count.
func (h *hour) missedShare(l *Limits) use {
	missed, all := h.asked[nobody].sum, h.asked[nobody].sum+h.asked[served].sum
	if all == 0 || int(all) < l.ShareFrom {
		return use{}
	}
	limit := l.NotFoundShare * float64(all)
	u := use{measure: NotFound, count: int(missed), limit: int(limit)}
	if u.over = float64(missed) > limit; !u.over && missed > 0 {
		u.part = float64(missed) / limit
	}
	return u
}

// stopped is the refusal of a request whose key has used up a limit. It is the
// same whether there is such a patient or not.
func stopped(l Level, m Measure) error {
	return &care.Error{Kind: care.LimitExceeded, Op: op, Reason: reason(l, m), Detail: actors[l] + " has " + deeds[m] +
		" than the site allows within an hour; patients who were opened within the hour can still be opened; others again later, or ask the site to look at " + settings[m] + "." + names[l]}
}

// reason returns the stable sub-code of a limit, such as "PATIENTS_USER".
func reason(l Level, m Measure) string { return m.String() + "_" + l.String() }

const op = "budget"

var (
	actors   = [levels]string{"this user", "this organisation", "this broker"}
	names    = [levels]string{"user", "organisation", "broker"}
	deeds    = [measures]string{"asked for more numbers that follow one another", "asked for more patients, or a greater share of them, who cannot be served", "asked for more patients"}
	settings = [measures]string{"limits.neighbours_per_hour", "limits.not_found_per_hour", "limits.patients_per_hour"}
)

// crowded is the refusal of a request that would have to wait where too many
// do already.
func crowded() error {
	return &care.Error{Kind: care.LimitExceeded, Op: op, Reason: "WAITING",
		Detail: "too many requests that are near a limit wait already; ask again when the earlier ones have been answered"}
}
