package consent

import (
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// What patients have said and requests state, for TestDecide.
var (
	none, dissent, restricted = Flags{}, Flags{Dissent: true}, Flags{Restriction: true}
	both                      = Flags{Dissent: true, Restriction: true}

	treat      = Ask{Purpose: care.Treatment, Permission: care.PermissionNotAsked}
	asked      = Ask{Purpose: care.Treatment, Permission: care.PermissionAsked}
	notThere   = Ask{Purpose: care.Treatment, Permission: care.PermissionAbsent}
	emergency  = Ask{Purpose: care.EmergencyTreatment, Permission: care.PermissionEmergency}
	breakGlass = Ask{Purpose: care.BreakGlass, Permission: care.PermissionNotAsked, Reason: "unconscious"}
	noReason   = Ask{Purpose: care.BreakGlass, Permission: care.PermissionAsked, Reason: " \t\n"}
)

type decision struct {
	name  string
	flags Flags
	ask   Ask
	ages  Ages
	model Model
	want  care.ConsentAnswer
}

func TestDecide(t *testing.T) {
	fresh := Ages{Filled: true, Now: start, AsOf: start.Add(-time.Hour), Floor: start.Add(-time.Hour), MaxAge: 24 * time.Hour}
	stale, back, behindFloor, never := fresh, fresh, fresh, fresh
	stale.AsOf = start.Add(-24*time.Hour - 1)
	back.AsOf = start.Add(5*time.Minute + 1)
	behindFloor.Floor = start.Add(5*time.Minute + 1)
	never.Filled = false
	damaged, neverDamaged := fresh, never
	damaged.Failure, neverDamaged.Failure = ReasonDamaged, ReasonPoisoned
	edge, staleBack := fresh, back
	edge.AsOf, edge.Floor = start.Add(-24*time.Hour), start.Add(5*time.Minute)
	staleBack.AsOf, staleBack.Floor = start.AddDate(0, 0, -9), start.AddDate(1, 0, 0)

	ok, alert := care.ConsentAnswer{}, care.ConsentAnswer{Alert: true}
	no := func(k care.Kind, reason string) care.ConsentAnswer {
		return care.ConsentAnswer{Refusal: k, Reason: reason}
	}
	unavailable := func(reason string) care.ConsentAnswer { return no(care.ConsentUnavailable, reason) }
	dissented, hidden := no(care.NoPatientConsent, "DISSENT"), no(care.PatientNotFound, "RESTRICTED")

	for _, c := range []decision{
		{"never filled, nothing known", none, treat, never, OptOut, unavailable("NEVER_FILLED")},
		{"never filled, dissent", dissent, treat, never, OptOut, unavailable("NEVER_FILLED")},
		{"never filled, restricted", restricted, treat, never, OptOut, unavailable("NEVER_FILLED")},
		{"zero ages", none, asked, Ages{}, OptOut, unavailable("NEVER_FILLED")},
		{"damaged, nothing known", none, breakGlass, damaged, OptOut, unavailable("DAMAGED")},
		{"damaged, dissent", dissent, treat, damaged, OptOut, unavailable("DAMAGED")},
		{"poisoned before filled", none, treat, neverDamaged, OptOut, unavailable("POISONED")},
		{"stale, dissent", dissent, treat, stale, OptOut, dissented},
		{"stale, restricted", restricted, treat, stale, OptOut, unavailable("STALE")},
		{"stale, nothing known", none, treat, stale, OptOut, unavailable("STALE")},
		{"stale, permission given", none, asked, stale, AskPermission, unavailable("STALE")},
		{"stale, break-glass", none, breakGlass, stale, OptOut, unavailable("STALE")},
		{"at the edge of age and clock", none, treat, edge, OptOut, ok},
		{"clock before the region's", none, treat, back, OptOut, unavailable("CLOCK")},
		{"clock before the floor", none, treat, behindFloor, OptOut, unavailable("CLOCK")},
		{"clock and age", none, treat, staleBack, OptOut, unavailable("CLOCK")},
		{"clock went back, dissent", dissent, treat, back, OptOut, dissented},
		{"clock went back, restricted", restricted, treat, behindFloor, OptOut, unavailable("CLOCK")},
		{"dissent", dissent, asked, fresh, OptOut, dissented},
		{"dissent, permission given", dissent, asked, fresh, AskPermission, dissented},
		{"dissent, emergency", dissent, emergency, fresh, AskPermission, dissented},
		{"dissent, break-glass", dissent, breakGlass, fresh, AskPermission, dissented},
		{"restricted, break-glass", restricted, breakGlass, fresh, OptOut, hidden},
		{"restricted, break-glass, no reason", restricted, noReason, fresh, OptOut, no(care.NoPermissionToView, "NO_REASON")},
		{"restricted, not asked", restricted, treat, fresh, AskPermission, no(care.NoPermissionToView, "NO_PERMISSION")},
		{"restricted, asked", restricted, asked, fresh, AskPermission, hidden},
		{"restricted and dissenting, stale", both, treat, stale, OptOut, unavailable("STALE")},
		{"restriction beats dissent", both, treat, fresh, OptOut, hidden},
		{"opt-out, nothing said", none, treat, fresh, OptOut, ok},
		{"opt-out, break-glass", none, breakGlass, fresh, OptOut, alert},
		{"opt-out, break-glass, no reason", none, noReason, fresh, OptOut, no(care.NoPermissionToView, "NO_REASON")},
		{"opt-out, no purpose", none, Ask{}, fresh, OptOut, no(care.NoPermissionToView, "NO_PERMISSION")},
		{"asks, not asked", none, treat, fresh, AskPermission, no(care.NoPermissionToView, "NO_PERMISSION")},
		{"asks, no permission stated", none, Ask{Purpose: care.Treatment}, fresh, AskPermission, no(care.NoPermissionToView, "NO_PERMISSION")},
		{"asks, asked", none, asked, fresh, AskPermission, ok},
		{"asks, absent", none, notThere, fresh, AskPermission, ok},
		{"asks, emergency", none, emergency, fresh, AskPermission, ok},
		{"asks, break-glass", none, breakGlass, fresh, AskPermission, alert},
		{"asks, break-glass, no reason", none, noReason, fresh, AskPermission, no(care.NoPermissionToView, "NO_REASON")},
		{"no model", none, asked, fresh, 0, no(care.NoPermissionToView, "NO_PERMISSION")},
		{"no model, break-glass", none, breakGlass, fresh, 0, no(care.NoPermissionToView, "NO_PERMISSION")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Decide(c.flags, c.ask, c.ages, c.model); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}
