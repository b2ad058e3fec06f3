package memory

import "github.com/mycarerecord/edge-agent/agent/care"

// Codes of what patients have said about sharing (SNOMED CT, UK edition).
const (
	snomedSystem      = "http://snomed.info/sct"
	refusedLocalShare = "416409005"       // refused consent for upload to local shared electronic record
	agreedLocalShare  = "417528008"       // consent given for upload to local shared electronic record
	refusedSecondary  = "827241000000103" // dissent from secondary use of GP data (Type 1): no matter of direct care
)

// said returns what the practice's system holds of a resident's choices: those
// that Identify tells of too, one that was taken back, and one that does not
// concern the sharing of records for care.
func (c *chart) said() []care.Directive {
	switch c.role {
	case CastSourceDissent:
		return []care.Directive{c.coded(refusedLocalShare, -200)}
	case CastSourceRestricted:
		return []care.Directive{{NHSNumber: c.number, Kind: care.Restriction, Effective: c.date(-300), By: "PDS"}}
	case CastRenamed:
		return []care.Directive{c.coded(refusedLocalShare, -900), c.coded(agreedLocalShare, -400)}
	case CastLongTerm:
		return []care.Directive{c.coded(refusedSecondary, -700)}
	}
	return nil
}

// coded is a coded entry of a day.
func (c *chart) coded(code string, day int) care.Directive {
	return care.Directive{NHSNumber: c.number, Code: care.Coding{System: snomedSystem, Code: code},
		Effective: c.date(day), Recorded: c.at(day, 10, 40).Time, By: reception.Name}
}
