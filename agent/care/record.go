package care

import (
	"hash/crc32"
	"time"
)

// Coding is one code. Codes are texts: SNOMED CT identifiers have up to 18
// digits and would be damaged as numbers.
type Coding struct {
	System  string // URI of the code system
	Code    string
	Display string
}

// Confidentiality of a record (HL7 v3 Confidentiality, the part used here).
type Confidentiality uint8

// The confidentialities. Only Normal records leave; everything else is
// withheld and announced at the section, without saying where.
const (
	Normal Confidentiality = iota
	Restricted
	VeryRestricted
)

// Origin says which organisation and system a record comes from.
type Origin struct {
	Source           string // name of the source in the site's configuration
	System           string // product, such as "EMIS Web"; may be empty
	Organisation     ODSCode
	OrganisationName string
}

// Record is one entry of a patient's record: one FHIR R4 resource in UK Core
// shape, encoded once and passed on as it is.
type Record struct {
	Section         Section
	Type            string   // FHIR resource type, such as "AllergyIntolerance"
	ID              string   // resource id, unique within the answer
	Effective       DateTime // when it was true or done, as precise as the source knows
	Recorded        DateTime // when it was written down
	Origin          *Origin
	Ended           bool            // belongs to the section's second list: resolved allergies
	Confidentiality Confidentiality // anything but Normal is withheld
	Codes           []Coding        // every code that could make the record sensitive
	Links           []string        // ids of records that this one names: its consultation, problem, document
	Resource        []byte          // JSON
	Checksum        uint32          // of Resource, computed when it was encoded; see Checksum
}

// Checksum returns the CRC-32C of a resource. Whoever encodes a resource
// computes it, while the bytes are at hand; the digest of an answer is made of
// these.
func Checksum(resource []byte) uint32 { return crc32.Checksum(resource, castagnoli) }

// castagnoli is computed by the processor on all our platforms.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// State is how the reading of one section ended.
type State uint8

// The states, from the least to the most that a reader must know. Where
// several sources serve one section the greatest is the section's. The numbers
// are those of the wire format.
const (
	NotSupported State = iota + 1 // this site has no such data
	Empty                         // nothing is recorded
	NilKnown                      // it is recorded that there is nothing, such as "no known allergies"
	Complete                      // everything the source holds was sent
	InTransit                     // a transfer from a previous practice is not finished: older entries may be missing
	Withheld                      // something was held back; where is not told
	Truncated                     // a limit cut the list; the boundary is given
	Unavailable                   // the source is down, slow or unreadable, or a row could not be mapped
	NotPermitted                  // this requester may not see it
	Disabled                      // the site has switched it off
)

var stateCodes = [...]string{
	NotSupported: "UNSUPPORTED", Empty: "EMPTY", NilKnown: "NIL_KNOWN", Complete: "COMPLETE", InTransit: "IN_TRANSIT",
	Withheld: "WITHHELD", Truncated: "TRUNCATED", Unavailable: "UNAVAILABLE", NotPermitted: "NOT_PERMITTED", Disabled: "DISABLED",
}

// String returns the stable code, such as "NIL_KNOWN".
func (s State) String() string {
	if s < NotSupported || s > Disabled {
		return "UNKNOWN_STATE"
	}
	return stateCodes[s]
}

// Whole reports whether a reader may take the section for everything the site
// holds.
func (s State) Whole() bool { return s == Empty || s == NilKnown || s == Complete }

// Warning is a code that travels with a section (GP Connect 1.6, list warning
// codes; UK Core, list warning code).
type Warning string

// The warnings.
const (
	ConfidentialItems  Warning = "confidential-items"
	DataInTransit      Warning = "data-in-transit"
	DataAwaitingFiling Warning = "data-awaiting-filing"
)

// End closes one section of one source's answer.
type End struct {
	Section  Section
	State    State     // NotSupported, Empty, NilKnown, Complete, InTransit, Truncated or Unavailable
	Read     int       // rows the source gave, mapped or not
	Failed   int       // rows that could not be mapped; then State is Unavailable
	Limit    int       // for Truncated: how many rows were allowed
	Boundary DateTime  // for Truncated: the oldest entry that is in; for InTransit: entries before may be missing
	AsOf     time.Time // for extracts and feeds: how old the source's data is; zero means live
	Warnings []Warning
	Reason   string // stable sub-code for Unavailable, such as TIMEOUT or ROW_UNMAPPABLE
	Detail   string // which table, row key and column, never a value; for the journal and the site's log
}

// Outcome is the explicit end of one asked section, over all sources:
// Read = Sent + Withheld + Outside + Failed.
type Outcome struct {
	Section  Section
	State    State
	Read     int
	Sent     int
	Withheld int
	Outside  int // left out because they lie outside the asked period
	Failed   int
	Ended    int // how many of Sent belong to the ended list
	Limit    int
	Boundary DateTime
	AsOf     time.Time
	Warnings []Warning
	Reason   string
	Sources  []string // names of the sources that were read
	Details  []string // for the journal and the site's log only; never sent
}

// Document is the content of one document. Body must be closed. The fields
// that decide whether it may leave are those of its DocumentReference.
type Document struct {
	ID              string
	ContentType     string
	Title           string
	Size            int64 // bytes, -1 when the source does not say
	Origin          *Origin
	Confidentiality Confidentiality
	Codes           []Coding
	Links           []string
	Body            Body
}

// Body is a document's content, read once from its start.
type Body interface {
	Read(p []byte) (int, error)
	Close() error
}
