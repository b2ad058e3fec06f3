package memory

import (
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

func (c *chart) nothing() {}

func (c *chart) dissented() {
	c.patient.Person.Dissent = true
	c.ordinary()
	c.add(&ukcore.Consent{Entry: c.on(-200), Scope: "patient-privacy", Category: sharingDissent, Status: "active", Decision: "deny",
		Text: "The patient does not want this record shared."})
}

func (c *chart) sheltered() {
	c.patient.Person.Restricted = true
	c.ordinary()
}

func (c *chart) hasSameName() {
	c.ordinary()
	c.alert("Another patient of this practice has the same name: check the date of birth", c.year(3))
}

func (c *chart) firstTwin() {
	c.house, c.street, c.town = 14, streets[0], towns[0]
	c.demographics()
	c.childhoodVaccines()
	c.add(&ukcore.Allergy{Entry: c.since(c.year(4)), Code: allergyPeanut, Type: "allergy", Category: "food", Criticality: "high",
		Manifestation: anaphylaxis, Severity: "severe", Reaction: "Lip swelling and wheeze at nursery; adrenaline given"})
	c.repeat(text("Adrenaline 150micrograms/0.15ml auto-injector"), "Use as directed for anaphylaxis. Carry two at all times", -200, "")
	c.alert("Twin in this practice with a similar name: the other has no allergy", c.year(4))
}

func (c *chart) secondTwin() {
	c.house, c.street, c.town = 14, streets[0], towns[0]
	c.demographics()
	c.childhoodVaccines()
	c.add(&ukcore.Allergy{Entry: c.since(c.year(4)), Code: noKnownAllergy})
}

// inTransit marks every section, empty ones included: what lies before the
// registration may be missing (GP Connect 1.6, list warning codes).
func (c *chart) inTransit() {
	c.demographics()
	c.finding(neverSmoked, -12, "")
	c.consult(-12, "", "Registration", "New patient check. Record from the previous practice requested.")
	c.patient.Ends = map[care.Section]care.End{}
	for s := range care.AllSections.All() {
		c.patient.Ends[s] = care.End{State: care.InTransit, Boundary: c.day(-14), Warnings: []care.Warning{care.DataInTransit}}
	}
}

// confidential writes items that must not leave, and items that name them.
func (c *chart) confidential() {
	c.ordinary()
	day := -150
	first := len(c.patient.Rows)
	p := c.problem(hivInfection, c.month(40), "major")
	c.consult(day, p, "History", "Well. Viral load undetectable.", "Plan", "Continue under the specialist clinic.")
	c.elsewhere(antiretro, "One daily", day, hospital)
	letter := c.letter(day, hospital, "Specialist clinic letter", "Seen in the specialist clinic. Treatment continues unchanged.")
	c.booking(20, 15, "booked", "Specialist clinic", c.gp())
	for _, row := range c.patient.Rows[first:] {
		seal(row)
	}
	// Not confidential themselves, but they name what is: of the same
	// consultation the weight, and of the letter the referral.
	note := &ukcore.Observation{Entry: c.on(day), Code: bodyWeight, Value: ukcore.Measure{Quantity: ukcore.Quantity{Value: "78", Unit: "kg", UnitCode: "kg"}}}
	c.add(note)
	referral := &ukcore.Referral{Entry: c.on(day), Code: text("Referral for annual review"), Status: "active", Priority: "routine", Recipient: hospital,
		Documents: []string{letter.ID}}
	c.add(referral)
}

// seal marks a row confidential.
func seal(row ukcore.Row) {
	switch row := row.(type) {
	case *ukcore.Problem:
		row.Confidentiality = care.Restricted
	case *ukcore.Consultation:
		row.Confidentiality = care.Restricted
	case *ukcore.Notes:
		row.Confidentiality = care.Restricted
	case *ukcore.MedicationStatement:
		row.Confidentiality = care.Restricted
	case *ukcore.Document:
		row.Confidentiality = care.VeryRestricted
	case *ukcore.Appointment:
		row.Confidentiality = care.Restricted
	}
}

func (c *chart) nilKnown() {
	c.demographics()
	c.add(&ukcore.Allergy{Entry: c.since(c.year(2)), Code: noKnownAllergy})
	c.hasAsthma()
	c.appointments()
}

// degraded has rows as a transfer between systems leaves them, and one that
// was struck out.
func (c *chart) degraded() {
	c.demographics()
	entry := c.since(c.month(90))
	entry.Note = "Original text: Sulphonamides - severe rash. Code not recognised in transfer; check before prescribing."
	c.add(&ukcore.Allergy{Entry: entry, Code: ukcore.Concept{Codings: degradedAllergy.Codings, Text: "Sulphonamides"}, Category: "medication",
		Manifestation: rash, Severity: "severe"})
	mistake := &ukcore.Allergy{Entry: c.since(c.month(80)), Code: allergyPenicillin, VerificationStatus: "entered-in-error"}
	c.add(mistake)
	c.patient.Deleted = map[ukcore.Row]bool{mistake: true}
	c.oldEntries()
	c.hasGout()
}

func (c *chart) left() {
	c.patient.Person.Active = false
	c.ordinary()
}

func (c *chart) deceased() {
	c.patient.Person.Active = false
	row := c.demographics()
	row.Deceased, row.DeathDate = ukcore.Yes, c.day(-120)
	c.hasHypertension()
	c.isFrail()
}

func (c *chart) testPatient() {
	c.patient.Person.Test = true
	c.demographics()
	c.measure(bodyWeight, -1, "999", "kg", "kg")
}

func (c *chart) unverified() {
	c.patient.Person.Verified = false
	c.demographics().NHSNumberStatus = "02"
	c.hadCough()
}
