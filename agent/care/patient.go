package care

// Name is one name of a patient.
type Name struct {
	Use    string // FHIR name use: official, usual, old, maiden, nickname; empty means official
	Family Private
	Given  []Private // in order, first given name first
}

// Patient is a person as one source holds them: what is needed to be sure that
// this is the person asked for, and that the source may serve them. It is not
// the demographics section of the record.
type Patient struct {
	LocalID    Private   // key of the patient within the source
	NHSNumber  NHSNumber // as the source holds it
	Verified   bool      // NHS number status 01, present and verified (UK Core, NHS number verification status)
	Names      []Name    // official first; old names are kept and compared too
	BirthDate  DateTime
	Gender     string // FHIR administrative gender, or empty
	Active     bool   // registered or known here now; a patient who has left is not served
	Test       bool   // a test or dummy patient of the source
	Restricted bool   // the source marks the person sensitive (PDS S-flag)
	Dissent    bool   // the source holds a dissent to sharing this record
}
