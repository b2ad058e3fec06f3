package memory

import (
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// emergency writes the patient of the demonstration: something in every
// section.
func (c *chart) emergency() {
	row := c.demographics()
	row.Telecoms = append(row.Telecoms, ukcore.Telecom{System: "phone", Use: "home", Value: "01632 960114"})
	row.Language, row.Interpreter = text("English"), ukcore.No
	c.emergencyWarnings()
	c.emergencyConditions()
	c.emergencyResults()
	c.emergencyCare()
	c.emergencyPlans()
	c.emergencyPeople()
}

func (c *chart) emergencyWarnings() {
	c.alert("On anticoagulant: apixaban 5mg twice a day", care.Day(2019, 6, 12))
	c.alert("Key safe at the side door; code with the care co-ordinator", c.year(2))
	c.add(&ukcore.Allergy{Entry: c.since(care.Day(1987, 11, 2)), Code: allergyPenicillin, VerificationStatus: "confirmed", Type: "allergy",
		Category: "medication", Criticality: "high", Manifestation: anaphylaxis, Severity: "severe",
		Reaction: "Collapse and wheeze minutes after intramuscular benzylpenicillin", LastOccurrence: care.Day(1987, 11, 2)})
	c.add(&ukcore.Allergy{Entry: c.since(c.year(11)), Code: text("Codeine"), Type: "intolerance", Category: "medication", Manifestation: vomiting})
	c.add(&ukcore.Allergy{Entry: c.since(care.DateTime{}), Code: allergyEgg, Type: "allergy", Category: "food", ClinicalStatus: "resolved",
		EndReason: "Childhood allergy, outgrown"})
}

func (c *chart) emergencyConditions() {
	af := c.problem(fibrillation, care.Day(2019, 6, 12), "major")
	ckd := c.problem(kidneyDisease3, c.month(70), "major")
	bp := c.problem(hypertension, c.year(18), "major")
	c.problem(frailty, c.month(14), "major")
	c.problem(osteoporosis, c.year(7), "minor")
	c.episode(urinaryInfection, -48, 6)
	c.repeat(apixaban, "One twice a day. Anticoagulant: carry your alert card", -1200, af)
	c.repeat(ramipril, "One daily", -1500, bp)
	c.repeat(omeprazole, "One daily before breakfast", -900, "")
	c.add(&ukcore.MedicationDispense{Entry: c.from(pharmacy, -16), Medication: apixaban, Status: "completed",
		Dosage: "One twice a day", Quantity: ukcore.Quantity{Value: "56", Unit: "tablet"}, DaysSupply: "28"})
	c.stopped(ibuprofen, "One three times a day when required", -1600, -1190, "Started an anticoagulant")
	c.acute(nitrofuran, "One twice a day for three days", -48, 3, "")
	c.recall(text("Anticoagulant monitoring bloods"), 41, af)
	c.recall(text("Chronic kidney disease monitoring"), 41, ckd)
}

func (c *chart) emergencyResults() {
	c.consult(-48, "", "History", "Two days of dysuria and confusion, per daughter. Eating and drinking.",
		"Examination", "Temperature 37.9, pulse 88 irregular, BP 132/70. Abdomen soft.",
		"Plan", "Nitrofurantoin for three days: anaphylaxis to penicillin. Bloods taken. Daughter to ring if worse.")
	c.bloods(-48, ureaElectro, test{sodium, "134", mmolPerL, "133", "146", ""}, test{potassium, "4.9", mmolPerL, "3.5", "5.3", ""},
		test{creatinine, "128", umolPerL, "45", "84", "Rise from 117 three months ago."}, test{filtration, "36", filterate, "", "", ""})
	c.bloods(-48, fullBloodCount, test{haemoglobin, "109", gPerL, "115", "165", ""}, test{whiteCells, "12.8", perL, "4.0", "11.0", ""},
		test{platelets, "311", perL, "150", "400", ""}, test{crp, ">90", "mg/L", "", "5", "Suggest clinical review."})
	c.bloods(-9, text("Mid-stream urine"), test{code: text("Urine culture"), note: "Report awaited."})
	c.pressure(-48, 132, 70)
	c.measure(heartRate, -48, "88", "/min", "/min")
	c.measure(bodyWeight, -48, "54.2", "kg", "kg")
	c.finding(exSmoker, -400, "Stopped 1979")
	c.vaccinate(text("Seasonal influenza vaccine (adjuvanted)"), fluVaccination, -40, "")
	c.vaccinate(comirnaty, covidFirst, -1720, "1")
	c.notVaccinated(text("Shingles vaccine"), ukcore.Concept{}, -410, "Patient wishes to think about it")
}

func (c *chart) emergencyCare() {
	day := -190
	summary := c.scan(day+3, hospital, "Discharge summary", "Admitted with a fall at home and a fracture of the left wrist, treated in plaster.",
		"Anticoagulation was continued. CT of the head showed no bleed.", "Please review blood pressure, which was low on standing.")
	stay := &ukcore.HospitalEncounter{Encounter: ukcore.Encounter{Entry: c.from(hospital, day), Class: "IMP", Status: "finished",
		Type: text("Emergency admission"), Service: text("Geriatric medicine"), Reason: text("Fall; fracture of left distal radius"),
		Location: "Cedar Ward", DischargeSummaryID: summary.ID}}
	stay.Effective, stay.End = c.at(day, 22, 47), c.at(day+3, 16, 0)
	c.add(stay)
	c.add(&ukcore.Procedure{Entry: c.since(c.year(9)), Code: hipReplacement, Status: "completed", BodySite: text("Right hip"), Location: hospital.Name})
	c.add(&ukcore.Procedure{Entry: c.since(care.DateTime{}), Code: cataract, Status: "completed", BodySite: text("Left eye")})
	c.refer(text("Referral to falls clinic"), -180, community, "urgent", "")
	c.called111()
	c.letter(-160, community, "Falls clinic letter", "Seen with her daughter. Walks with a frame indoors. Postural drop of 24 mmHg.",
		"Recommend reviewing antihypertensive treatment. Strength and balance programme offered.")
	c.placeholder(-700, hospital, "Scanned case notes", "The document is larger than 5 MB and cannot be sent")
	c.booking(-48, 10, "fulfilled", "Urgent appointment", c.gp())
	c.booking(-20, 14, "noshow", "Nurse clinic", nursePike)
	c.booking(6, 9, "booked", "Blood test", nursePike)
	c.booking(27, 11, "booked", "Medication review", pharmLowe)
}

func (c *chart) emergencyPlans() {
	form := c.scan(-175, northgate, "ReSPECT form", "Priority: comfort and staying at home, with treatment of what can be reversed.",
		"For hospital admission if it is likely to help. Not for intensive care. Not for attempted cardiopulmonary resuscitation.",
		"Discussed with the patient and her daughter. The patient has capacity.")
	c.add(&ukcore.CarePlan{Entry: c.on(-175), Type: respectForm, Status: "active", Title: "ReSPECT plan", Documents: []string{form.ID},
		Description: "Hospital admission if likely to help; not for intensive care; not for attempted CPR."})
	c.add(&ukcore.CarePlan{Entry: c.on(-160), Type: carePlan, Status: "active", Title: "Frailty care plan",
		Description: "Lives alone with a package of care. Daughter nearby.", Activities: []string{"Falls prevention", "Medicines in a weekly box"}})
	c.add(&ukcore.Consent{Entry: c.on(-900), Scope: "treatment", Category: text("Lasting power of attorney, health and welfare"), Status: "active",
		Text: "Daughter Catherine Holloway-Reid is attorney for health and welfare. Registered; copy seen."})
	c.add(&ukcore.Answer{Entry: c.on(-160), Status: "completed", Question: "What matters to me",
		Text: "I was a bus conductor and I like company. Please speak to my right ear. I take tea without milk."})
	c.add(&ukcore.Adjustment{Flag: ukcore.Flag{Entry: c.since(c.year(3)), Code: text("Hard of hearing: face the patient and speak clearly"), Status: "active"}})
}

func (c *chart) emergencyPeople() {
	c.add(&ukcore.CarePackage{Episode: ukcore.Episode{Entry: c.from(council, -185), Status: "active", Type: text("Home care, three visits a day")}})
	c.add(&ukcore.Assessment{Entry: c.from(council, -186), Code: text("Care Act assessment"), Status: "completed", Outcome: "Eligible needs; package of care agreed", End: c.day(-185)})
	c.add(&ukcore.Equipment{Entry: c.from(council, -184), Type: text("Walking frame, indoor"), Status: "active"})
	c.add(&ukcore.SocialCareWarning{Flag: ukcore.Flag{Entry: c.since(c.month(6)), Code: text("Small dog at the property"), Status: "active"}})
	c.kin("Daughter, next of kin", "Catherine", "Holloway-Reid")
	c.add(&ukcore.Professional{Entry: c.on(-185), Role: text("District nurse"), Active: ukcore.Yes,
		Telecoms: []ukcore.Telecom{{System: "phone", Use: "work", Value: "01632 960231"}}})
	team := &ukcore.CareTeam{Entry: c.from(community, -185), Name: "Ashwellbury neighbourhood team", Status: "active"}
	team.Author = reception
	c.add(team)
}
