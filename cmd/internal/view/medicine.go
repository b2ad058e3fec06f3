package view

import "encoding/json"

// medicine is what all resources about a medicine have.
type medicine struct {
	MedicationCodeableConcept concept
	MedicationReference       reference
}

func (m *medicine) name() string {
	return join(", ", m.MedicationCodeableConcept.String(), m.MedicationReference.String())
}

type dosages []struct{ Text, PatientInstruction string }

// String returns the instructions as they were written.
func (list dosages) String() string {
	var all []string
	for _, d := range list {
		all = append(all, join(", ", d.Text, d.PatientInstruction))
	}
	return join("; then ", all...)
}

type statement struct {
	base
	medicine
	Status          string
	StatusReason    concepts
	EffectivePeriod period
	ReasonCode      concepts
	Dosage          dosages
}

func (m *statement) summarise(s *Summary) {
	s.Main = m.name()
	if m.Status == "not-taken" {
		s.mark("NOT TAKEN")
	} else {
		s.status(m.Status)
	}
	s.add("reason:", m.StatusReason.String())
	s.add("", m.Dosage.String())
	s.add("", m.EffectivePeriod.String())
	s.add("last issued", date(m.Extension.of("Extension-UKCore-MedicationStatementLastIssueDate").ValueDateTime))
	s.add("", m.Extension.of("Extension-UKCore-MedicationPrescribingOrganizationType").ValueCodeableConcept.String())
	s.add("for", m.ReasonCode.String())
}

type prescription struct {
	base
	medicine
	Status, Intent      string
	StatusReason        concept
	DoNotPerform        bool
	CourseOfTherapyType concept
	ReasonCode          concepts
	DosageInstruction   dosages
	Requester           reference
	DispenseRequest     struct {
		Quantity               quantity
		NumberOfRepeatsAllowed json.Number
		ValidityPeriod         period
	}
}

func (m *prescription) summarise(s *Summary) {
	s.Main = m.name()
	if m.DoNotPerform {
		s.mark("DO NOT GIVE")
	}
	switch m.Intent {
	case "plan":
		s.add("", "authorisation")
	case "order":
		s.add("", "issue")
	default:
		s.add("intent", m.Intent)
	}
	s.status(m.Status)
	s.add("reason:", m.StatusReason.String())
	s.add("", m.DosageInstruction.String())
	s.add("", m.CourseOfTherapyType.String())
	s.add("quantity", m.DispenseRequest.Quantity.String())
	s.add("repeats", m.DispenseRequest.NumberOfRepeatsAllowed.String())
	s.add("", m.DispenseRequest.ValidityPeriod.String())
	s.add("for", m.ReasonCode.String())
	s.add("by", m.Requester.String())
}

type dispense struct {
	base
	medicine
	Status            string
	Quantity          quantity
	DosageInstruction dosages
	Performer         []struct{ Actor reference }
}

func (m *dispense) summarise(s *Summary) {
	s.Main = m.name()
	switch m.Status {
	case "declined", "cancelled":
		s.mark("NOT SUPPLIED")
	}
	s.add("", "supply")
	s.status(m.Status)
	s.add("", m.Quantity.String())
	s.add("", m.DosageInstruction.String())
	for _, p := range m.Performer {
		s.add("by", p.Actor.String())
	}
}
