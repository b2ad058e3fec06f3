package memory

import (
	"fmt"
	"strconv"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

func (c *chart) longTerm() {
	c.demographics().Language = text("Punjabi")
	diabetes := c.problem(type2Diabetes, care.Day(2009, 3, 18), "major")
	c.problem(kidneyDisease3, c.month(50), "major")
	c.hasHeartDisease()
	c.hasHypertension()
	c.repeat(metformin, "Two twice a day with food", -1600, diabetes)
	c.repeat(gliclazide, "One each morning", -900, diabetes)
	c.repeat(furosemide, "One each morning", -300, c.problem(heartFailure, c.month(9), "major"))
	for quarter := range 8 {
		day := -30 - 91*quarter
		c.bloods(day, hba1c, test{hba1c, strconv.Itoa(58 + 2*quarter), mmolMol, "20", "41", ""})
		c.bloods(day, ureaElectro, test{sodium, strconv.Itoa(138 + quarter%3), mmolPerL, "133", "146", ""},
			test{potassium, fmt.Sprintf("5.%d", quarter%4), mmolPerL, "3.5", "5.3", ""},
			test{creatinine, strconv.Itoa(131 - 2*quarter), umolPerL, "59", "104", ""}, test{filtration, strconv.Itoa(44 + quarter), filterate, "", "", ""})
		c.pressure(day, 142-quarter, 76+quarter%4)
		c.measure(bodyWeight, day, fmt.Sprintf("%d.5", 84+quarter), "kg", "kg")
	}
	c.bloods(-30, cholesterol, test{cholesterol, "<2.0", mmolPerL, "", "5.0", "Below the reporting limit; repeat if unexpected."})
	c.add(&ukcore.Procedure{Entry: c.on(-30), Code: footExamination, Status: "completed", Outcome: text("Moderate risk: reduced sensation")})
	c.recall(eyeScreening, 35, diabetes)
	c.recall(text("Diabetes annual review"), 61, diabetes)
	c.refer(text("Referral to podiatry"), -28, community, "routine", diabetes)
	c.appointments()
	c.fluVaccine()
}

func (c *chart) expecting() {
	c.demographics()
	p := c.problem(pregnant, c.day(-185), "major")
	c.add(&ukcore.Procedure{Entry: c.since(c.year(4)), Code: caesarean, Status: "completed", Location: hospital.Name})
	c.add(&ukcore.Allergy{Entry: c.since(c.year(4)), Code: allergyLatex, Type: "allergy", Category: "environment", Manifestation: rash, Severity: "mild"})
	c.bloods(-21, fullBloodCount, test{haemoglobin, "103", gPerL, "105", "140", "Consistent with iron deficiency"}, test{platelets, "188", perL, "150", "400", ""})
	c.repeat(ferrous, "One daily", -21, p)
	c.consult(-21, p, "History", "30 weeks. Good fetal movements. Tired.", "Examination", "BP 112/66, urine clear, fundal height 30 cm.",
		"Plan", "Iron. Birth choices clinic after previous caesarean section.")
	c.vaccinate(text("Pertussis-containing vaccine"), ukcore.Concept{}, -60, "")
	c.booking(7, 10, "booked", "Antenatal clinic", ukcore.Person{Name: "Ruth Amadi", Role: "Community midwife"})
	c.letter(-50, hospital, "Antenatal booking summary", "Booked for consultant-led care because of a previous caesarean section.")
	c.kin("Partner", "Rory", "D'Arcy-O'Neill")
}

func (c *chart) child() {
	c.demographics()
	c.vaccinate(childhoodVaccs, ukcore.Concept{}, c.born()+60, "1")
	c.vaccinate(childhoodVaccs, ukcore.Concept{}, c.born()+88, "2")
	c.notVaccinated(mmrVaccine, ukcore.Concept{}, c.born()+370, "Parent declined")
	c.notVaccinated(preSchool, ukcore.Concept{}, c.born()+1230, "Not brought to appointment")
	c.booking(c.born()+1230, 9, "noshow", "Pre-school immunisations", nursePike)
	c.add(&ukcore.SafeguardingFlag{Flag: ukcore.Flag{Entry: c.from(council, -240), Code: text("Child subject to a child protection plan"),
		Category: text("Safeguarding"), Status: "active"}})
	c.add(&ukcore.Assessment{Entry: c.from(council, -240), Code: text("Child and family assessment"), Status: "completed", Outcome: "Child protection plan", End: c.day(-210)})
	c.kin("Mother", "Abena", "Addo")
	c.hasAsthma()
	c.hadEarache()
	c.wentToHospital()
}

func (c *chart) endOfLife() {
	c.demographics()
	p := c.problem(lungCancer, c.month(11), "major")
	c.problem(copd, c.year(12), "major")
	c.repeat(morphine, "2.5ml every four hours when required for pain or breathlessness", -60, p)
	c.elsewhere(text("Dexamethasone 2mg tablets"), "Two each morning", -40, hospice)
	referral := &ukcore.Referral{Entry: c.on(-65), Code: palliativeRefer, Status: "completed", Intent: "order", Priority: "urgent", Recipient: hospice}
	c.add(referral)
	form := c.scan(-58, northgate, "ReSPECT form", "Priority: comfort. Wishes to be cared for and to die at home.",
		"Not for attempted cardiopulmonary resuscitation. Not for hospital admission unless symptoms cannot be managed at home.")
	for _, plan := range []ukcore.Concept{respectForm, endOfLifePlan, escalationPlan} {
		c.add(&ukcore.CarePlan{Entry: c.on(-58), Type: plan, Status: "active", Title: plan.Codings[0].Display, Documents: []string{form.ID},
			Description: "Preferred place of care and of death: home. Anticipatory medicines in the house.",
			Activities:  []string{"Ring the hospice advice line before 999"}})
	}
	c.alert("Not for attempted CPR: see the ReSPECT form in the house", c.day(-58))
	c.add(&ukcore.Answer{Entry: c.on(-58), Status: "completed", Question: "Who I want told", Text: "My son first, at any hour. Not my brother."})
	c.kin("Son, next of kin", "Martin", "Tolley")
	c.called111()
}

func (c *chart) mentalHealth() {
	c.demographics()
	p := c.problem(schizophrenia, c.year(12), "major")
	c.add(&ukcore.Allergy{Entry: c.since(c.year(2)), Code: noKnownAllergy})
	c.add(&ukcore.Allergy{Entry: c.since(c.year(30)), Code: allergyEgg, Type: "allergy", Category: "food", ClinicalStatus: "resolved",
		Manifestation: urticaria, Severity: "mild", End: c.year(9), EndReason: "Outgrown; eats egg without reaction"})
	c.elsewhere(clozapine, "One in the morning and two at night", -1400, mentalHealth)
	c.add(&ukcore.LegalStatus{Flag: ukcore.Flag{Entry: c.from(mentalHealth, -420), Code: text("Detained under section 3 of the Mental Health Act 1983"),
		Category: text("Legal status"), Status: "inactive", End: c.day(-330)}})
	spell := &ukcore.Episode{Entry: c.from(mentalHealth, -420), Status: "finished", Type: text("Acute inpatient care"), End: c.day(-330)}
	c.add(spell)
	stay := &ukcore.HospitalEncounter{Encounter: ukcore.Encounter{Entry: c.from(mentalHealth, -420), Class: "IMP", Status: "finished",
		Type: text("Inpatient stay"), Service: text("Adult mental health"), Location: "Willow Ward", Episode: spell.ID}}
	stay.End = c.day(-330)
	c.add(stay)
	c.add(&ukcore.CarePlan{Entry: c.from(mentalHealth, -320), Type: crisisPlan, Status: "active", Title: "Crisis plan",
		Description: "Early signs: sleeping little, stops answering the telephone. Ring the crisis team; a familiar voice helps.",
		Activities:  []string{"Offer a quiet room", "Call the care co-ordinator"}})
	c.bloods(-25, fullBloodCount, test{whiteCells, "5.1", perL, "4.0", "11.0", "Clozapine monitoring: green"})
	c.consult(-25, p, "History", "Settled. Working part-time.", "Plan", "Bloods monthly. Physical health check booked.")
	c.placeholder(-300, mentalHealth, "Tribunal report", "The document is held by the trust and is not available to the practice")
	c.booking(12, 16, "booked", "Physical health check", nursePike)
	who := &ukcore.Professional{Entry: c.from(mentalHealth, -320), Role: text("Care co-ordinator"), Active: ukcore.Yes}
	who.Author = ukcore.Person{Name: "Owen Beattie", Role: "Community psychiatric nurse"}
	c.add(who)
}
