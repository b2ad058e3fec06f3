package report

import (
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Audience is for whom a report is made; see the package's documentation.
type Audience string

// The audiences. The zero value counts as ForPatient, which tells less.
const (
	ForPatient  Audience = "patient"
	ForGuardian Audience = "guardian"
)

// About is what a report says of itself.
type About struct {
	Patient  care.NHSNumber
	Audience Audience
	Site     Site
	From, To time.Time      // asked at or after From and before To; a zero From means from the beginning
	Made     time.Time      // when the report was made
	MadeBy   string         // the account that made it
	Zone     *time.Location // in which times are shown; nil means UTC
	Journal  Journal
}

// Site is the organisation whose journal it is.
type Site struct {
	Code    care.ODSCode
	Name    string
	Address string // network address of the agent, for FHIR; may be empty
}

// Journal is the newest signed head of the journal when the report was made.
type Journal struct {
	Origin string // name of the journal
	Size   uint64 // entries; 0 means that there is no head
	Root   [32]byte
}

// Why something is not covered. The codes are stable.
const (
	Archived = "ARCHIVED" // moved to an archive that is not at hand
	Pruned   = "PRUNED"   // deleted at the end of their retention
	Missing  = "MISSING"  // not there, and nothing says why
	Damaged  = "DAMAGED"  // there, and not readable
	Sealed   = "SEALED"   // whom they are about cannot be read: another site key, or damage
)

// Gap is a stretch of the journal that a report does not cover.
type Gap struct {
	First, Last uint64 // numbers of the entries, both included
	Count       uint64 // how many of them are concerned
	Why         string
}

// Report is the answer for one patient and period.
type Report struct {
	About
	Gaps     []Gap    // what of the journal is not covered; for the caller of Build to set
	Accesses []Access // break-glass first; within each group the newest first
	Events   []Event  // the newest first
	Entries  int      // journal entries that are told of
}

// Result is what came of a request. The codes are stable.
type Result string

// The results.
const (
	Shown          Result = "SHOWN"               // what was allowed was sent
	PartlyShown    Result = "PARTLY_SHOWN"        // sending stopped before its end
	MayHaveBeen    Result = "MAY_HAVE_BEEN_SHOWN" // allowed, and how it ended is not recorded
	Found          Result = "FOUND"               // told that there is a record here, and of which parts
	Refused        Result = "REFUSED"             // nothing was shown
	partMayHave           = "MAY_HAVE_BEEN_SHOWN" // state of a part of whose end nothing is known
	partCanBeAsked        = "CAN_BE_ASKED_FOR"    // state of a part that was found
)

// Access is one request for the patient's record, and what came of it.
type Access struct {
	Entry       uint64 // number of the entry, from 1
	EndEntry    uint64 // number of the entry that tells the end; 0 for a report to the patient, or if there is none
	Leaf        [32]byte
	Time        time.Time // UTC
	BreakGlass  bool      // the patient was not asked, on purpose
	Result      Result
	Interaction string // LOCATE_PATIENT, GET_RECORD or GET_DOCUMENT
	Who         Person
	Purpose     string // HL7 v3 PurposeOfUse
	Permission  string // care.Permission
	AlertReason string // code of care.AlertReason, if there is one
	Reason      string // what the person typed
	Asked       []string
	Parts       []Part
	PartsCut    bool // there were more parts than the journal keeps
	DocumentID  string
	Refusal     string // what the caller was told: a code of care.Kind, or empty
	TrueReason  string // for the guardian only
	Detail      string // for the guardian only
	RequestID   string
	Broker      string
	Peer        string // network address of the broker, where it is known
}

// Person is who asked, as at the time.
type Person struct {
	UserID, Name                   string
	RoleCode, RoleName             string
	Organisation, OrganisationName string
}

// Part is what became of one section of the record.
type Part struct {
	Section string // code, such as ALLERGIES
	State   string // code of care.State, MAY_HAVE_BEEN_SHOWN or CAN_BE_ASKED_FOR
	Shown   int64  // entries of the record that were sent
	Held    int64  // entries that were held back; for the guardian only
}

// Event is something else that concerned the patient.
type Event struct {
	Entry     uint64
	Leaf      [32]byte
	Time      time.Time // UTC
	Kind      care.EventKind
	Actor     string
	Directive string // code of care.DirectiveKind, for CONSENT_CHANGED
	Authority string // code of care.Authority, likewise
	By        string // who recorded it, likewise
	Effective time.Time
	Refusal   string // why it did not come about, or empty
	Detail    string // for the guardian only: details, or how the journal was searched
}

// guardian reports whether the report may hold what a patient's may not.
func (a *About) guardian() bool { return a.Audience == ForGuardian }

// zone returns the zone in which times are shown.
func (a *About) zone() *time.Location {
	if a.Zone == nil {
		return time.UTC
	}
	return a.Zone
}
