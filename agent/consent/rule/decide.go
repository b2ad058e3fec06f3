package rule

import (
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Model is the region's rule for patients who have said nothing.
type Model uint8

// The models. The zero value is none of them and allows nothing.
const (
	OptOut        Model = iota + 1 // shared unless the patient dissents
	AskPermission                  // the requester asks the patient each time
)

// Ask is what a request says that matters to consent.
type Ask struct {
	Organisation care.ODSCode    // where the person who asks works; empty is anywhere
	Sections     care.SectionSet // what is asked for; empty is everything
	Purpose      care.Purpose
	Permission   care.Permission
	Reason       string // blank counts as none
}

// Asked returns what a request says that matters to consent. One for a
// document's content asks for the section of documents.
func Asked(req *care.Request) Ask {
	a := Ask{Organisation: req.Requester.Organisation, Sections: req.Sections,
		Purpose: req.Purpose, Permission: req.Permission, Reason: req.Reason}
	if req.Interaction == care.ReadDocument {
		a.Sections = care.SetOf(care.Documents)
	}
	return a
}

// of reports whether the ask may come from staff of an organisation.
func (a *Ask) of(organisation []byte) bool {
	return a.Organisation == "" || string(a.Organisation) == string(organisation)
}

// sections returns what is asked for.
func (a *Ask) sections() care.SectionSet {
	if a.Sections == 0 {
		return care.AllSections
	}
	return a.Sections
}

// Decide says whether a record may leave. It is pure, keeps nothing, and
// allocates nothing; Epoch is left zero. From the first line that applies to
// the last:
//
//	store failed, lost or never filled    ConsentUnavailable, whoever the patient is
//	restriction                           what anyone else would be refused with, else PatientNotFound
//	dissent to all, or to the asker's     NoPatientConsent
//	  organisation, or to all sections
//	  that are asked for
//	an objection may have gone unheard    ConsentUnavailable, whoever has consented
//	  (Ages.Doubt)
//	purpose unknown                       NoPermissionToView
//	break-glass                           OK with an alert if it has a reason, else NoPermissionToView
//	region is opt-out                     OK
//	region asks, patient agreed           OK
//	region asks, patient absent or could  OK with an alert
//	  not be asked
//	anything else                         NoPermissionToView
//
// OK withholds the sections that were asked for and dissented to.
//
// Restriction comes before dissent because even a dissent tells that the
// patient is known here. For the same reason a request that would be refused
// for anyone is refused in the same way for a restricted patient: a "not found"
// where everybody else gets "unavailable" would tell them apart. Dissent comes
// before age: what was said still holds when the region is out of reach.
func Decide(said *Said, ask *Ask, ages *Ages, model Model) care.ConsentAnswer {
	if failure := ages.failure(); failure != "" {
		return refuse(care.ConsentUnavailable, failure)
	}
	f := said.find(ask)
	withheld := f.sections & ask.sections()
	anyone, reason := silent(ask, ages, model)
	switch {
	case f.damaged:
		return refuse(care.ConsentUnavailable, ReasonDamaged)
	case f.restricted && anyone == care.OK:
		hidden := refuse(care.PatientNotFound, ReasonRestricted)
		hidden.Alert = unasked(ask, model) // as for somebody who is not there: how many alerts are open can be seen
		return hidden
	case f.restricted:
		return refuse(anyone, reason)
	case f.dissent:
		return refuse(care.NoPatientConsent, ReasonDissent)
	case f.organisation:
		return refuse(care.NoPatientConsent, ReasonDissentOrganisation)
	case withheld == ask.sections():
		return refuse(care.NoPatientConsent, ReasonDissentSections)
	case anyone != care.OK:
		return refuse(anyone, reason)
	}
	return care.ConsentAnswer{Withheld: withheld, Alert: unasked(ask, model)}
}

// silent decides about a patient of whom nothing is kept, and with that about
// anyone who has not objected: a consent proves as little as silence that there
// was no objection since.
func silent(ask *Ask, ages *Ages, model Model) (refusal care.Kind, reason string) {
	if doubt := ages.doubt(); doubt != "" {
		return care.ConsentUnavailable, doubt
	}
	return permit(ask, model)
}

// permit decides about a patient who has said nothing against sharing.
func permit(ask *Ask, model Model) (refusal care.Kind, reason string) {
	switch {
	case !ask.Purpose.Valid():
		return care.NoPermissionToView, ReasonNoPermission
	case ask.Purpose == care.BreakGlass && strings.TrimSpace(ask.Reason) == "":
		return care.NoPermissionToView, ReasonNoReason
	case model != OptOut && model != AskPermission:
		return care.NoPermissionToView, ReasonNoPermission
	case ask.Purpose == care.BreakGlass, model == OptOut:
		return care.OK, ""
	}
	switch ask.Permission {
	case care.PermissionAsked, care.PermissionAbsent, care.PermissionEmergency:
		return care.OK, ""
	}
	return care.NoPermissionToView, ReasonNoPermission
}

// unasked reports whether a request that was let through relies on something
// that stands in for asking the patient, where asking is required or the user
// says so. The Summary Care Record alerts a privacy officer to each: emergency
// access, and legitimate relationships that a user claims.
func unasked(ask *Ask, model Model) bool {
	return ask.Purpose == care.BreakGlass || model == AskPermission && ask.Permission != care.PermissionAsked
}

func refuse(kind care.Kind, reason string) care.ConsentAnswer {
	return care.ConsentAnswer{Refusal: kind, Reason: reason}
}
