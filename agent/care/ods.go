package care

// ODSCode identifies an organisation or site in the Organisation Data Service:
// 3 to 10 capital letters and digits, such as "RWH" or "E82001"
// (NHS Data Dictionary, ORGANISATION CODE).
type ODSCode string

// ODSSystem is the FHIR identifier system of organisation codes.
const ODSSystem = "https://fhir.nhs.uk/Id/ods-organization-code"

// Valid reports whether c has the form of an ODS code. It does not say that
// the organisation exists.
func (c ODSCode) Valid() bool {
	if len(c) < 3 || len(c) > 10 {
		return false
	}
	for i := range len(c) {
		if b := c[i]; (b < 'A' || b > 'Z') && (b < '0' || b > '9') {
			return false
		}
	}
	return true
}
