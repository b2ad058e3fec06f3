package records

import "github.com/mycarerecord/edge-agent/agent/care"

// ofOnePatient are the reasons of failures that lie in what a source holds of one
// patient. A source that fails for another reason fails for everybody.
var ofOnePatient = map[string]bool{
	"AMBIGUOUS":         true, // more than one patient has the number
	"WRONG_PATIENT":     true, // it answered with somebody else's row
	"ROW_UNMAPPABLE":    true, // the row is not of the documented form
	"LIMIT":             true, // more rows than any patient has
	ReasonNotUnderstood: true,
}

// OfOnePatient reports whether a source has failed with err because of what it
// holds of the patient asked for.
func OfOnePatient(err error) bool { return ofOnePatient[care.ReasonOf(err)] }

// ReasonNotUnderstood is the reason of ConsentUnavailable where a source holds a
// statement of the patient's that makes no sense. With any other reason nothing
// that the source holds can be read.
const ReasonNotUnderstood = "NOT_UNDERSTOOD"
