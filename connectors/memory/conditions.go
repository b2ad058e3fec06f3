package memory

import (
	"fmt"
	"strconv"

	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// UCUM units of the measurements and results.
const (
	mmolPerL  = "mmol/L"
	umolPerL  = "umol/L"
	gPerL     = "g/L"
	perL      = "10*9/L"
	mmolMol   = "mmol/mol"
	lPerMin   = "L/min"
	filterate = "mL/min/{1.73_m2}"
)

func (c *chart) hasHypertension() {
	p := c.problem(hypertension, c.year(c.between(1, 15)), "major")
	c.repeat(pick(c.dice, []ukcore.Concept{amlodipine, ramipril, lisinopril}), "One daily", -c.between(60, 1500), p)
	day := -c.between(10, 300)
	c.consult(day, p, "Examination", fmt.Sprintf("Home readings average %d/%d.", c.between(124, 142), c.between(70, 88)),
		"Plan", "Continue. Annual review with bloods.")
	c.pressure(day, c.between(122, 148), c.between(68, 92))
	c.bloods(day, ureaElectro, test{sodium, strconv.Itoa(c.between(134, 144)), mmolPerL, "133", "146", ""},
		test{potassium, fmt.Sprintf("4.%d", c.dice.IntN(10)), mmolPerL, "3.5", "5.3", ""},
		test{creatinine, strconv.Itoa(c.between(58, 104)), umolPerL, "45", "110", ""})
	c.recall(text("Hypertension annual review"), day+365, p)
}

func (c *chart) hasDiabetes() {
	p := c.problem(type2Diabetes, c.month(c.between(14, 160)), "major")
	c.repeat(metformin, "Two twice a day with food", -c.between(100, 1200), p)
	if c.chance(30) {
		c.repeat(gliclazide, "One each morning", -c.between(60, 600), p)
	}
	day := -c.between(15, 320)
	c.consult(day, p, "History", "Feels well. No hypos. Walks daily.", "Plan", "Foot check done. Retinal screening invited. Repeat HbA1c.")
	c.bloods(day, hba1c, test{hba1c, strconv.Itoa(c.between(44, 78)), mmolMol, "20", "41", "Target agreed with the patient: 53"})
	c.add(&ukcore.Procedure{Entry: c.on(day), Code: footExamination, Status: "completed", Outcome: text("Low risk, pulses present")})
	c.recall(eyeScreening, day+c.between(200, 420), p)
	c.recall(text("Diabetes annual review"), day+365, p)
}

func (c *chart) hasAsthma() {
	p := c.problem(asthma, c.year(c.between(1, 10)), "major")
	c.repeat(salbutamol, "Two puffs when required, up to four times a day", -c.between(60, 900), p)
	c.repeat(beclometasone, "Two puffs twice a day", -c.between(60, 900), p)
	day := -c.between(20, 360)
	c.consult(day, p, "History", "Wakes at night less than once a month.", "Plan", "Inhaler technique checked. Action plan given.")
	c.measure(peakFlow, day, strconv.Itoa(c.between(280, 540)), "L/min", lPerMin)
	c.recall(text("Asthma annual review"), day+365, p)
}

func (c *chart) hasCOPD() {
	p := c.problem(copd, c.year(c.between(1, 12)), "major")
	c.repeat(tiotropium, "Inhale the contents of one capsule daily", -c.between(60, 900), p)
	day := -c.between(20, 200)
	c.consult(day, p, "History", "Exacerbation: green sputum for four days.", "Plan", "Rescue pack used and replaced.")
	c.acute(prednisolone, "Six daily for five days", day, 5, p)
	c.acute(doxycycline, "Two on the first day, then one daily", day, 5, p)
}

func (c *chart) hasDepression() {
	p := c.problem(depression, c.month(c.between(2, 70)), "minor")
	day := -c.between(10, 200)
	c.consult(day, p, "History", "Low mood and poor sleep. No thoughts of self-harm.", "Plan", "Talking therapies self-referral. Review in four weeks.")
	c.add(&ukcore.Observation{Entry: c.on(day), Code: text("PHQ-9 score"), Category: "survey",
		Value: ukcore.Measure{Quantity: ukcore.Quantity{Value: strconv.Itoa(c.between(8, 19))}}})
	if c.chance(70) {
		c.repeat(pick(c.dice, []ukcore.Concept{citalopram, fluoxetine}), "One daily", -c.between(60, 700), p)
	} else {
		c.stopped(citalopram, "One daily", day-300, day-30, "Felt better; patient's choice")
	}
}

func (c *chart) hasEpilepsy() {
	p := c.problem(epilepsy, c.year(c.between(2, 20)), "major")
	c.repeat(lamotrigine, "One twice a day", -c.between(200, 2000), p)
	c.add(&ukcore.Observation{Entry: c.on(-c.between(30, 300)), Code: text("Date of last seizure"), Value: ukcore.Measure{Text: "More than 12 months ago"}})
	c.recall(text("Epilepsy annual review"), c.between(10, 300), p)
}

func (c *chart) hasKidneyDisease() {
	p := c.problem(kidneyDisease3, c.year(c.between(1, 9)), "major")
	c.bloods(-c.between(20, 200), ureaElectro,
		test{creatinine, strconv.Itoa(c.between(112, 150)), umolPerL, "45", "110", ""},
		test{filtration, strconv.Itoa(c.between(34, 57)), filterate, "", "", "Stable compared with previous results."})
	c.recall(text("Chronic kidney disease monitoring"), c.between(20, 180), p)
}

func (c *chart) hasFibrillation() {
	p := c.problem(fibrillation, c.year(c.between(1, 8)), "major")
	c.repeat(apixaban, "One twice a day. Anticoagulant: carry your alert card", -c.between(100, 1400), p)
	c.alert("On anticoagulant: apixaban", c.year(1))
	c.measure(heartRate, -c.between(10, 200), strconv.Itoa(c.between(58, 92)), "/min", "/min")
}

func (c *chart) hasHeartDisease() {
	p := c.problem(heartDisease, c.month(c.between(8, 120)), "major")
	c.repeat(clopidogrel, "One daily", -c.between(100, 1400), p)
	c.repeat(atorvastatin, "One at night", -c.between(100, 1400), p)
	c.bloods(-c.between(20, 300), cholesterol, test{cholesterol, fmt.Sprintf("%d.%d", c.between(3, 5), c.dice.IntN(10)), mmolPerL, "", "5.0", ""})
}

func (c *chart) hasHypothyroidism() {
	p := c.problem(hypothyroidism, c.year(c.between(1, 20)), "minor")
	c.repeat(levothyroxine, "One each morning before breakfast", -c.between(200, 2000), p)
}

func (c *chart) hasOsteoarthritis() {
	p := c.problem(osteoarthritis, c.year(c.between(1, 12)), "minor")
	relief := coCodamol
	if c.avoid == "codeine" {
		relief = text("Paracetamol 500mg tablets")
	}
	c.repeat(relief, "One or two up to four times a day when required", -c.between(60, 500), p)
	if c.chance(25) {
		c.add(&ukcore.Procedure{Entry: c.since(c.month(c.between(10, 120))), Code: hipReplacement, Status: "completed", Location: hospital.Name})
	}
}

func (c *chart) hasDementia() {
	p := c.problem(dementia, c.year(c.between(1, 5)), "major")
	c.kin("Daughter (holds lasting power of attorney)", pick(c.dice, femaleNames[:30]), c.family)
	c.add(&ukcore.CarePlan{Entry: c.on(-c.between(20, 300)), Type: carePlan, Status: "active", Title: "Dementia care plan",
		Description: "Lives at home with daily support. Prefers the morning for visits.", Activities: []string{"Annual review of carer's needs"}})
	c.recall(text("Dementia care plan review"), c.between(10, 300), p)
}

func (c *chart) isFrail() {
	c.problem(frailty, c.year(c.between(0, 3)), "major")
	c.add(&ukcore.Observation{Entry: c.on(-c.between(20, 300)), Code: text("Rockwood Clinical Frailty Scale"), Category: "survey",
		Value: ukcore.Measure{Quantity: ukcore.Quantity{Value: strconv.Itoa(c.between(5, 7))}}})
	c.add(&ukcore.CarePackage{Episode: ukcore.Episode{Entry: c.from(council, -c.between(60, 500)), Status: "active", Type: text("Home care, twice a day")}})
	c.add(&ukcore.Equipment{Entry: c.from(council, -c.between(60, 500)), Type: text("Walking frame"), Status: "active"})
	c.add(&ukcore.Adjustment{Flag: ukcore.Flag{Entry: c.since(c.year(1)), Code: text("Needs a ground-floor room and extra time"), Status: "active"}})
}

func (c *chart) isPregnant() {
	weeks := c.between(9, 34)
	p := c.problem(pregnant, c.day(-7*(weeks-5)), "major")
	if weeks <= 12 {
		c.repeat(folicAcid, "One daily until twelve weeks", -7*(weeks-5), p)
	} else {
		c.stopped(folicAcid, "One daily until twelve weeks", -7*(weeks-5), -7*(weeks-12), "Twelve weeks reached")
	}
	c.bloods(-7*(weeks-8), fullBloodCount, test{haemoglobin, strconv.Itoa(c.between(104, 136)), gPerL, "110", "150", ""},
		test{platelets, strconv.Itoa(c.between(150, 380)), perL, "150", "400", ""})
	c.booking(7, 10, "booked", "Antenatal clinic with the community midwife", ukcore.Person{Name: "Ruth Amadi", Role: "Community midwife"})
}

func (c *chart) hasIronDeficiency() {
	p := c.problem(ironDeficiency, c.month(c.between(1, 12)), "minor")
	c.bloods(-c.between(20, 200), fullBloodCount, test{haemoglobin, strconv.Itoa(c.between(88, 112)), gPerL, "115", "165", "Microcytic film"},
		test{ferritin, "<5", "ug/L", "13", "150", ""}, test{whiteCells, "6.4", perL, "4.0", "11.0", ""})
	c.repeat(ferrous, "One daily", -c.between(30, 120), p)
}

func (c *chart) hadStroke() {
	p := c.problem(stroke, c.month(c.between(3, 90)), "major")
	c.repeat(clopidogrel, "One daily", -c.between(60, 900), p)
	c.refer(text("Referral to stroke early supported discharge"), -c.between(30, 80), community, "urgent", p)
}

func (c *chart) hasMigraine() {
	p := c.problem(migraine, c.year(c.between(0, 9)), "minor")
	c.repeat(amitriptyline, "One at night", -c.between(30, 600), p)
}

func (c *chart) isAnxious() {
	p := c.problem(anxiety, c.month(c.between(1, 60)), "minor")
	c.consult(-c.between(5, 300), p, "History", "Worry most days, worse since a change at work. Sleeping poorly.", "Plan", "Self-help materials. Review if no better.")
}

func (c *chart) hasHayFever() {
	p := c.problem(text("Hay fever"), c.year(c.between(1, 9)), "minor")
	c.acute(cetirizine, "One daily when required", -c.between(60, 300), 30, p)
}

func (c *chart) hasGout() {
	p := c.problem(gout, c.year(c.between(1, 9)), "minor")
	c.repeat(allopurinol, "One daily", -c.between(60, 900), p)
}

func (c *chart) hasEczema() {
	p := c.problem(eczema, c.year(c.between(0, max(c.years()-1, 0))), "minor")
	c.acute(text("Emollient cream 500g"), "Apply liberally and often", -c.between(10, 200), 28, p)
}

func (c *chart) hasReflux() {
	p := c.problem(reflux, c.year(c.between(1, 9)), "minor")
	c.repeat(omeprazole, "One daily before breakfast", -c.between(60, 900), p)
}

func (c *chart) hadEarache() {
	day := -c.between(10, 400)
	p := c.episode(otitisMedia, day, 7)
	c.consult(day, p, "History", "Earache and fever since yesterday. Drinking well.", "Plan", "Paracetamol. Safety net advice given to parent.")
	if c.avoid != "penicillin" && c.chance(40) {
		c.acute(amoxicillin, "One three times a day for five days", day, 5, p)
	}
}

func (c *chart) hadCough() {
	day := -c.between(5, 500)
	p := c.episode(respiratory, day, 10)
	c.consult(day, p, "History", "Cough and coryza for three days.", "Examination", "Chest clear. Temperature 37.4.", "Plan", "Self-care advice. No antibiotics.")
}

func (c *chart) hadCystitis() {
	day := -c.between(5, 500)
	p := c.episode(urinaryInfection, day, 5)
	c.acute(nitrofuran, "One twice a day for three days", day, 3, p)
	c.add(&ukcore.Result{Observation: ukcore.Observation{Entry: c.on(day), Code: text("Urine dipstick"), Category: "exam",
		Value: ukcore.Measure{Text: "Leucocytes ++, nitrite positive"}}})
}

func (c *chart) hadOperation() {
	code := pick(c.dice, []ukcore.Concept{appendectomy, cholecystectomy, colonoscopy, cataract})
	c.add(&ukcore.Procedure{Entry: c.since(c.month(c.between(5, 200))), Code: code, Status: "completed", Location: hospital.Name})
}
