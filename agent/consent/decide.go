package consent

import (
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Model is the region's rule for patients who have said nothing.
type Model uint8

// The models. The zero value is none of them and allows nothing.
const (
	OptOut        Model = iota + 1 // shared unless the patient dissents
	AskPermission                  // the requester asks the patient each time
)

// The reasons of an answer, for the journal.
const (
	ReasonDissent      = "DISSENT"       // the patient does not want the record shared
	ReasonRestricted   = "RESTRICTED"    // sensitive patient; the caller is told "not found"
	ReasonNeverFilled  = "NEVER_FILLED"  // no snapshot of the region was ever loaded
	ReasonStale        = "STALE"         // the region was not heard for longer than the maximum age
	ReasonClock        = "CLOCK"         // this machine's clock went back
	ReasonDamaged      = "DAMAGED"       // the file is missing, unreadable or fails its checks
	ReasonPoisoned     = "POISONED"      // a change could not be written; the process must end
	ReasonClosed       = "CLOSED"        // the store was closed
	ReasonNoPermission = "NO_PERMISSION" // the patient was not asked and nothing stands in for it
	ReasonNoReason     = "NO_REASON"     // break-glass without a reason
)

// clockTolerance is how far two clocks may differ before either is doubted.
const clockTolerance = 5 * time.Minute

// Flags is what all authorities together say of one patient.
type Flags struct {
	Dissent     bool // at least one authority's latest statement is a dissent
	Restriction bool // at least one authority's latest statement is a restriction
}

// Ask is what a request says that matters to consent.
type Ask struct {
	Purpose    care.Purpose
	Permission care.Permission
	Reason     string // blank counts as none
}

// Ages is how far the store can be relied on at the moment of a request. The
// zero value is a store that was never filled.
type Ages struct {
	Failure string // ReasonDamaged, ReasonPoisoned, ReasonClosed, or empty
	Filled  bool   // a snapshot of the region was loaded at some time
	Now     time.Time
	AsOf    time.Time // when the region last vouched for its directives
	Floor   time.Time // latest time seen when the store was written
	MaxAge  time.Duration
}

// doubt returns why the silence of the store proves nothing, or the empty text.
func (a Ages) doubt() string {
	limit := a.Now.Add(clockTolerance)
	switch {
	case limit.Before(a.AsOf), limit.Before(a.Floor):
		return ReasonClock
	case a.Now.Sub(a.AsOf) > a.MaxAge:
		return ReasonStale
	}
	return ""
}

// Decide says whether a record may leave. It is pure; Epoch is left zero. From
// the first line that applies to the last:
//
//	store failed or never filled    ConsentUnavailable, whoever the patient is
//	restriction                     what anyone else would be refused with, else PatientNotFound
//	dissent                         NoPatientConsent
//	clock went back, or too old     ConsentUnavailable
//	purpose unknown                 NoPermissionToView
//	break-glass                     OK with an alert if it has a reason, else NoPermissionToView
//	region is opt-out               OK
//	region asks, permission given   OK
//	anything else                   NoPermissionToView
//
// Restriction comes before dissent because even a dissent tells that the
// patient is known here. For the same reason a request that would be refused
// for anyone is refused in the same way for a restricted patient: a "not found"
// where everybody else gets "unavailable" would tell them apart. Dissent comes
// before age: what was said still holds when the region is out of reach.
func Decide(flags Flags, ask Ask, ages Ages, model Model) care.ConsentAnswer {
	switch {
	case ages.Failure != "":
		return refuse(care.ConsentUnavailable, ages.Failure)
	case !ages.Filled:
		return refuse(care.ConsentUnavailable, ReasonNeverFilled)
	case flags.Restriction:
		if anyone := silent(ask, ages, model); anyone.Refusal != care.OK {
			return anyone
		}
		return refuse(care.PatientNotFound, ReasonRestricted)
	case flags.Dissent:
		return refuse(care.NoPatientConsent, ReasonDissent)
	}
	return silent(ask, ages, model)
}

// silent decides about a patient of whom nothing is kept.
func silent(ask Ask, ages Ages, model Model) care.ConsentAnswer {
	if doubt := ages.doubt(); doubt != "" {
		return refuse(care.ConsentUnavailable, doubt)
	}
	return permit(ask, model)
}

// permit decides about a patient who has said nothing against sharing.
func permit(ask Ask, model Model) care.ConsentAnswer {
	switch {
	case !ask.Purpose.Valid():
		return refuse(care.NoPermissionToView, ReasonNoPermission)
	case ask.Purpose == care.BreakGlass && strings.TrimSpace(ask.Reason) == "":
		return refuse(care.NoPermissionToView, ReasonNoReason)
	case model != OptOut && model != AskPermission:
		return refuse(care.NoPermissionToView, ReasonNoPermission)
	case ask.Purpose == care.BreakGlass:
		return care.ConsentAnswer{Refusal: care.OK, Alert: true}
	case model == OptOut:
		return care.ConsentAnswer{Refusal: care.OK}
	}
	switch ask.Permission {
	case care.PermissionAsked, care.PermissionAbsent, care.PermissionEmergency:
		return care.ConsentAnswer{Refusal: care.OK}
	}
	return refuse(care.NoPermissionToView, ReasonNoPermission)
}

func refuse(kind care.Kind, reason string) care.ConsentAnswer {
	return care.ConsentAnswer{Refusal: kind, Reason: reason}
}
