package care

// AlertType is the kind of privacy alert that a request raises. The numbers are
// those of the code system SCR-AlertType (Summary Care Record FHIR API).
type AlertType uint8

// The types. A request that raises no alert has the zero value.
const (
	SelfClaimedRelationship AlertType = iota + 1 // nobody but the user says that they treat the patient
	AccessAlert                                  // the patient was not asked
)

// AlertReason is why somebody looks at a record although an alert is raised for
// it. The numbers are those of the code system SCR-AlertReason (Summary Care
// Record FHIR API). The zero value is a reason that was not stated as a code.
type AlertReason uint8

// The reasons.
const (
	PublicInterest       AlertReason = iota + 1 // it is in the public interest
	Statute                                     // a statute demands it
	CourtOrder                                  // a court has ordered it
	SelfClaimedEmergency                        // the user says that it is an emergency
	Emergency                                   // it is an emergency
	OtherReason                                 // something else, as typed
)

var alertReasonCodes = [...]string{PublicInterest: "PUBLIC_INTEREST", Statute: "STATUTE", CourtOrder: "COURT_ORDER",
	SelfClaimedEmergency: "SELF_CLAIMED_EMERGENCY", Emergency: "EMERGENCY", OtherReason: "OTHER"}

// Valid reports whether r is one of the reasons.
func (r AlertReason) Valid() bool { return r >= PublicInterest && r <= OtherReason }

// String returns the stable code, such as "COURT_ORDER".
func (r AlertReason) String() string {
	if !r.Valid() {
		return "UNKNOWN_ALERT_REASON"
	}
	return alertReasonCodes[r]
}

// ParseAlertReason returns the reason of a stable code.
func ParseAlertReason(code string) (AlertReason, bool) {
	return parseCode[AlertReason](alertReasonCodes[:], code)
}

// Permits reports whether an alert of type t may have the reason. The
// combinations are those of the Summary Care Record FHIR API (specification of
// the AuditEvent for privacy alerts). No reason fits a request without an alert.
func (t AlertType) Permits(r AlertReason) bool {
	switch r {
	case PublicInterest, Statute, CourtOrder:
		return t == SelfClaimedRelationship || t == AccessAlert
	case SelfClaimedEmergency, OtherReason:
		return t == SelfClaimedRelationship
	case Emergency:
		return t == AccessAlert
	}
	return false
}

// AlertType returns the type of alert that the request raises where the region
// asks patients for permission, if any: not to have asked, by break-glass or in
// an emergency, is an access alert; a patient who was not there makes the
// relationship one that the user claims. Break-glass raises it everywhere.
func (r *Request) AlertType() AlertType {
	switch {
	case r.Purpose == BreakGlass, r.Permission == PermissionEmergency:
		return AccessAlert
	case r.Permission == PermissionAbsent:
		return SelfClaimedRelationship
	}
	return 0
}
