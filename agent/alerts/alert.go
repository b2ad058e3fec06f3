package alerts

import (
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// The kinds of alert that are about a request. Every other alert has the kind of
// its entry, such as BUDGET_REACHED.
const (
	BreakGlass  = "BREAK_GLASS"               // a record was asked for without asking the patient
	SelfClaimed = "SELF_CLAIMED_RELATIONSHIP" // a record was asked for while the patient was not there
	Unasked     = "EMERGENCY_ACCESS"          // a record was asked for while the patient could not be asked
)

// Alert is one thing that the privacy officer is to look at. It names no patient.
type Alert struct {
	Number uint64    // of its entry in the journal: the alert's reference
	Kind   string    // BreakGlass, SelfClaimed, or the kind of the entry
	Time   time.Time // when it happened
	Seen   Seen      // how it was dealt with; zero while it is open
}

// Open reports whether nobody has dealt with the alert yet.
func (a *Alert) Open() bool { return a.Seen.Number == 0 }

// Seen says how an alert was dealt with.
type Seen struct {
	Number uint64 // of the entry that says so
	Time   time.Time
	By     string // account
	Note   string // in that person's words; may be empty
}

// item is an open alert as it is kept in memory.
type item struct {
	number uint64
	leaf   [32]byte
	kind   string
	at     int64 // microseconds since 1970
}

func newItem(l *audit.Line) item {
	return item{number: l.Sequence, leaf: l.Leaf, kind: kindOf(l), at: when(l).UnixMicro()}
}

func (i *item) alert() Alert {
	return Alert{Number: i.number, Kind: i.kind, Time: time.UnixMicro(i.at).UTC()}
}

// isAlert reports whether an entry is an alert. One that deals with alerts is
// none, whatever else it says.
func isAlert(l *audit.Line) bool { return l.Alert && l.Kind != care.AlertSeen }

// kindOf returns the kind of an alert.
func kindOf(l *audit.Line) string {
	switch {
	case l.Purpose == care.BreakGlass.String():
		return BreakGlass
	case l.Permission == care.PermissionAbsent.String():
		return SelfClaimed
	case l.Permission == care.PermissionEmergency.String():
		return Unasked
	case !isCode(string(l.Kind)):
		return "UNKNOWN" // of another build; it stands in files and is given to programs
	}
	return string(l.Kind)
}

// maxCode is the longest kind, in bytes.
const maxCode = 40

// isCode reports whether a text is a code of capital letters and "_".
func isCode(text string) bool {
	for i := range len(text) {
		if c := text[i]; c != '_' && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return text != "" && len(text) <= maxCode
}

// when returns when the thing happened that an entry tells of.
func when(l *audit.Line) time.Time {
	if l.Occurred.IsZero() {
		return l.Time
	}
	return l.Occurred
}
