package care

import (
	"strconv"
	"time"
)

// Purpose is why a record is asked for (HL7 v3 PurposeOfUse).
type Purpose uint8

// The purposes. There is no purpose beyond a person's own care: research,
// planning and commissioning are not served at all.
const (
	Treatment          Purpose = iota + 1 // TREAT: direct care
	EmergencyTreatment                    // ETREAT: direct care in an emergency
	BreakGlass                            // BTG: seen without asking, with a reason, alerted
)

var purposeCodes = [...]string{Treatment: "TREAT", EmergencyTreatment: "ETREAT", BreakGlass: "BTG"}

// Valid reports whether p is one of the purposes.
func (p Purpose) Valid() bool { return p >= Treatment && p <= BreakGlass }

// String returns the HL7 code.
func (p Purpose) String() string {
	if !p.Valid() {
		return "UNKNOWN_PURPOSE"
	}
	return purposeCodes[p]
}

// ParsePurpose returns the purpose of an HL7 code.
func ParsePurpose(code string) (Purpose, bool) { return parseCode[Purpose](purposeCodes[:], code) }

// Permission is the outcome of asking the patient whether the record may be
// viewed (Summary Care Record, permission to view).
type Permission uint8

// The permissions.
const (
	PermissionAsked     Permission = iota + 1 // the patient was asked and agreed
	PermissionAbsent                          // the patient was not there; a legitimate relationship justifies viewing
	PermissionEmergency                       // the patient could not be asked
	PermissionNotAsked                        // nobody asked
)

var permissionCodes = [...]string{PermissionAsked: "ASKED", PermissionAbsent: "PATIENT_ABSENT",
	PermissionEmergency: "EMERGENCY", PermissionNotAsked: "NOT_ASKED"}

// Valid reports whether p is one of the permissions.
func (p Permission) Valid() bool { return p >= PermissionAsked && p <= PermissionNotAsked }

// String returns the stable code, such as "PATIENT_ABSENT".
func (p Permission) String() string {
	if !p.Valid() {
		return "UNKNOWN_PERMISSION"
	}
	return permissionCodes[p]
}

// ParsePermission returns the permission of a stable code.
func ParsePermission(code string) (Permission, bool) {
	return parseCode[Permission](permissionCodes[:], code)
}

// parseCode finds a code in a table indexed by the value; index 0 is unused.
func parseCode[T ~uint8](table []string, code string) (T, bool) {
	for i, c := range table {
		if i > 0 && c == code {
			return T(i), true
		}
	}
	return 0, false
}

// Requester is the person who asks and where that person works, as the broker
// asserts them and as they were at the time. It is never the broker's own
// account (GP Connect 1.6, cross-organisation audit and provenance).
type Requester struct {
	UserID           string  // SDS user id or the local account
	UserName         string  // name as shown to the patient who asks who looked
	RoleCode         string  // SDS job role or RBAC code, such as R0260
	RoleName         string  // the role in words
	RoleProfile      string  // SDS role profile id (URP), if any
	Organisation     ODSCode // where the user works
	OrganisationName string
}

// Broker is the system that a connection belongs to, as its certificate and
// the site's own configuration say.
type Broker struct {
	Name        string // from configuration
	Certificate string // SHA-256 fingerprint of the leaf, hexadecimal
	Software    string // product and version as the broker states them; not verified
}

// Interaction is what a broker asked the agent to do about one patient.
type Interaction uint8

// The interactions.
const (
	Locate       Interaction = iota + 1 // is the patient here, and in which sections?
	ReadRecord                          // the record, by section
	ReadDocument                        // the content of one document
)

var interactionCodes = [...]string{Locate: "LOCATE_PATIENT", ReadRecord: "GET_RECORD", ReadDocument: "GET_DOCUMENT"}

// String returns the stable code, such as "GET_RECORD".
func (i Interaction) String() string {
	if i < Locate || i > ReadDocument {
		return "UNKNOWN_INTERACTION"
	}
	return interactionCodes[i]
}

// Subject is the person a request is about, as the requester knows them.
type Subject struct {
	NHSNumber NHSNumber
	Family    Private  // required
	Given     Private  // first given name; needed where the date of birth is not exact
	BirthDate DateTime // required, at least to the year
	Gender    string   // FHIR administrative gender, or empty
}

// Request asks for one patient's record. Invalid is set by whoever decoded it
// when a part could not be read; such a request is refused and journalled like
// any other.
type Request struct {
	ID          string    // unique id of the interaction, from the caller or made here
	TraceParent string    // W3C trace context, carried through
	Received    time.Time // when it arrived
	Interaction Interaction
	Broker      Broker
	Requester   Requester
	Purpose     Purpose
	Permission  Permission
	AlertReason AlertReason // zero: not stated as a code
	Reason      string      // free text; required for BreakGlass
	Subject     Subject
	Sections    SectionSet // sections asked for
	Period      Period     // what dates are asked for; zero means all
	DocumentID  string     // for ReadDocument
	Invalid     error      // what was wrong with the message, if anything
}

// Limits of the texts in a request, in bytes.
const (
	maxIDText     = 128
	maxReasonText = 1024
)

// Validate checks that the request is complete and well formed. The error
// names the field and never quotes it.
func (r *Request) Validate() error {
	if r.Invalid != nil {
		return r.Invalid
	}
	if r.Subject.NHSNumber.IsZero() {
		return &Error{Kind: InvalidNHSNumber, Op: "care.Request", Detail: "the NHS number is missing"}
	}
	switch {
	case r.Subject.Family.IsZero():
		return missingDemographics("family name")
	case r.Subject.BirthDate.IsZero():
		return missingDemographics("date of birth")
	}
	for _, f := range []struct {
		name string
		bad  bool
	}{
		{"requester.user_id", !shortText(r.Requester.UserID, maxIDText)},
		{"requester.user_name", !shortText(r.Requester.UserName, maxIDText)},
		{"requester.role_code", !shortText(r.Requester.RoleCode, maxIDText)},
		{"requester.organisation", !r.Requester.Organisation.Valid()},
		{"purpose", !r.Purpose.Valid()},
		{"permission", !r.Permission.Valid()},
		{"reason", len(r.Reason) > maxReasonText},
		{"sections", r.Interaction != ReadDocument && (r.Sections == 0 || r.Sections&^AllSections != 0)},
		{"document_id", r.Interaction == ReadDocument && !shortText(r.DocumentID, maxIDText)},
	} {
		if f.bad {
			return &Error{Kind: BadRequest, Op: "care.Request", Reason: "FIELD",
				Detail: "the field " + f.name + " is missing or not valid"}
		}
	}
	if r.AlertReason != 0 && !r.AlertType().Permits(r.AlertReason) {
		return &Error{Kind: BadRequest, Op: "care.Request", Reason: "ALERT_REASON",
			Detail: "the alert reason does not fit the request: break-glass takes PUBLIC_INTEREST, STATUTE, COURT_ORDER and EMERGENCY, " +
				"an absent patient PUBLIC_INTEREST, STATUTE, COURT_ORDER, SELF_CLAIMED_EMERGENCY and OTHER, any other request none"}
	}
	return nil
}

func missingDemographics(what string) error {
	return &Error{Kind: InvalidDemographics, Op: "care.Request", Reason: "MISSING", Detail: "the patient's " + what + " is missing"}
}

// shortText reports whether a required text is there, within its limit and
// free of control characters.
func shortText(s string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// Receipt says where in the journal a request was written down.
type Receipt struct {
	Decision Position // what was decided, on disk before a byte left
	Ended    Position // how it ended
	Proof    Proof    // that the decision is in the journal
}

// Proof shows that an entry is in a journal of some size: whoever holds it can
// tell later if that journal was changed.
type Proof struct {
	Size   uint64     // entries of the journal
	Hashes [][32]byte // inclusion proof (RFC 6962 section 2.1.1), nearest leaf first
	Head   []byte     // the journal's signed head of that size, a C2SP checkpoint
}

// Position is one entry of the journal: its number, from 1, and its leaf hash
// (RFC 6962 section 2.1).
type Position struct {
	Sequence uint64
	Leaf     [32]byte
}

// String returns the entry's number.
func (p Position) String() string { return strconv.FormatUint(p.Sequence, 10) }
