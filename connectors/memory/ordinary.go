package memory

import (
	"fmt"
	"strconv"

	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// story is a part of a life that some patients have. Each is written whole: a
// condition with its medicines, measurements, reviews and recalls.
type story struct {
	percent  int // of those it may befall
	from, to int // years of age
	gender   string
	write    func(c *chart)
}

// stories are what ordinary patients' records are made of. Frequencies are
// roughly those of an English practice.
var stories = []story{
	{100, 0, 17, "", (*chart).childhoodVaccines},
	{100, 0, 120, "", (*chart).allergies},
	{85, 16, 120, "", (*chart).lifestyle},
	{12, 6, 120, "", (*chart).hasAsthma},
	{30, 45, 120, "", (*chart).hasHypertension},
	{10, 40, 120, "", (*chart).hasDiabetes},
	{7, 50, 120, "", (*chart).hasCOPD},
	{12, 17, 120, "", (*chart).hasDepression},
	{2, 10, 120, "", (*chart).hasEpilepsy},
	{10, 65, 120, "", (*chart).hasKidneyDisease},
	{8, 65, 120, "", (*chart).hasFibrillation},
	{8, 55, 120, "", (*chart).hasHeartDisease},
	{7, 30, 120, "female", (*chart).hasHypothyroidism},
	{15, 55, 120, "", (*chart).hasOsteoarthritis},
	{10, 75, 120, "", (*chart).hasDementia},
	{35, 75, 120, "", (*chart).isFrail},
	{8, 19, 41, "female", (*chart).isPregnant},
	{3, 65, 120, "", (*chart).hadStroke},
	{5, 15, 60, "", (*chart).hasMigraine},
	{6, 17, 120, "", (*chart).isAnxious},
	{6, 5, 60, "", (*chart).hasHayFever},
	{6, 15, 50, "female", (*chart).hasIronDeficiency},
	{5, 50, 120, "male", (*chart).hasGout},
	{10, 1, 20, "", (*chart).hasEczema},
	{9, 30, 120, "", (*chart).hasReflux},
	{20, 2, 12, "", (*chart).hadEarache},
	{35, 5, 120, "", (*chart).hadCough},
	{12, 16, 120, "female", (*chart).hadCystitis},
	{75, 65, 120, "", (*chart).fluVaccine},
	{40, 20, 120, "", (*chart).covidVaccine},
	{15, 30, 120, "", (*chart).hadOperation},
	{25, 1, 120, "", (*chart).appointments},
	{18, 18, 120, "", (*chart).wasReferred},
	{10, 3, 120, "", (*chart).wentToHospital},
	{6, 3, 120, "", (*chart).called111},
	{25, 50, 120, "", (*chart).hasKin},
	{5, 20, 120, "", (*chart).oldEntries},
}

// ordinary writes the record of a patient outside the cast.
func (c *chart) ordinary() {
	row := c.demographics()
	if c.chance(6) {
		row.Language, row.Interpreter = text(pick(c.dice, languages)), ukcore.Yes
	}
	for _, s := range stories {
		may := c.years() >= s.from && c.years() <= s.to && (s.gender == "" || s.gender == c.gender)
		if may && c.chance(s.percent) {
			s.write(c)
		}
	}
}

func (c *chart) childhoodVaccines() {
	born := c.born()
	for i, at := range []struct {
		day  int
		what ukcore.Concept
		dose string
	}{{60, childhoodVaccs, "1"}, {88, childhoodVaccs, "2"}, {116, childhoodVaccs, "3"}, {370, mmrVaccine, "1"},
		{1230, mmrVaccine, "2"}, {1230, preSchool, "1"}} {
		switch {
		case born+at.day > -3:
			c.recall(at.what, born+at.day, "")
			return
		case i > 2 && c.chance(8):
			c.notVaccinated(at.what, ukcore.Concept{}, born+at.day, "Parent declined")
		default:
			c.vaccinate(at.what, ukcore.Concept{}, born+at.day, at.dose)
		}
	}
}

// allergies writes an allergy, the statement that none is known, or nothing.
func (c *chart) allergies() {
	row := &ukcore.Allergy{Entry: c.since(c.year(c.between(0, max(c.years()-1, 0)))), Type: "allergy"}
	switch n := c.dice.IntN(100); {
	case n < 30:
		row.Code, row.Type = noKnownAllergy, ""
	case n < 38:
		row.Code, row.Category, row.Manifestation, row.Severity = allergyPenicillin, "medication", rash, "mild"
		c.avoid = "penicillin"
	case n < 40:
		row.Code, row.Category, row.Manifestation, row.Severity = allergyPeanut, "food", urticaria, "moderate"
	case n < 42:
		row.Code, row.Category, row.ClinicalStatus = allergyEgg, "food", "resolved"
		row.End, row.EndReason = c.year(0), "Tolerated baked egg on supervised challenge"
	case n < 43:
		row.Code, row.Type, row.Category, row.Manifestation = text("Codeine"), "intolerance", "medication", vomiting
		c.avoid = "codeine"
	case n < 44:
		row.Code, row.Category, row.Manifestation = allergyLatex, "environment", rash
	default:
		return
	}
	c.add(row)
}

func (c *chart) lifestyle() {
	day := -c.between(20, 900)
	c.finding([]ukcore.Concept{neverSmoked, neverSmoked, exSmoker, smoker}[c.dice.IntN(4)], day, "")
	if c.chance(40) {
		c.measure(alcohol, day, strconv.Itoa(c.between(0, 22)), "U/week", "")
	}
	if c.chance(60) {
		weight, height := c.between(52, 104), c.between(152, 190)
		c.measure(bodyWeight, day, strconv.Itoa(weight), "kg", "kg")
		c.measure(bodyHeight, day, strconv.Itoa(height), "cm", "cm")
		c.measure(bodyMassIndex, day, fmt.Sprintf("%.1f", float64(weight)*10_000/float64(height*height)), "kg/m2", "kg/m2")
	}
	if c.chance(30) {
		c.pressure(day, c.between(108, 139), c.between(62, 86))
	}
}

func (c *chart) fluVaccine() {
	day := -c.between(10, 360)
	switch {
	case c.chance(12):
		c.notVaccinated(text("Seasonal influenza vaccine"), fluVaccination, day, "Patient declined: informed dissent")
	case c.chance(6):
		c.notVaccinated(text("Seasonal influenza vaccine"), fluVaccination, day, "Contraindicated at the time: febrile")
	default:
		c.vaccinate(text("Seasonal influenza vaccine (quadrivalent)"), fluVaccination, day, "")
	}
}

func (c *chart) covidVaccine() { c.vaccinate(comirnaty, covidFirst, -c.between(1500, 2000), "1") }

// appointments writes one missed or kept and one to come.
func (c *chart) appointments() {
	c.booking(-c.between(5, 200), 8+c.dice.IntN(9), []string{"fulfilled", "fulfilled", "noshow", "cancelled"}[c.dice.IntN(4)], "Routine review", c.gp())
	c.booking(c.between(2, 60), 8+c.dice.IntN(9), "booked", []string{"Blood test", "Medication review", "Nurse clinic"}[c.dice.IntN(3)], nursePike)
}

func (c *chart) wasReferred() {
	specialty := []string{"Dermatology", "Orthopaedics", "Gastroenterology", "Cardiology", "Physiotherapy"}[c.dice.IntN(5)]
	day := -c.between(10, 400)
	c.refer(text("Referral to "+specialty), day, hospital, []string{"routine", "urgent"}[c.dice.IntN(2)], "")
	if c.chance(60) {
		c.letter(day+40, hospital, specialty+" clinic letter", "Thank you for referring this patient, whom I saw in clinic today.",
			"Examination was unremarkable. I have arranged further investigation and will write again with the results.",
			"No change to medication.")
	}
}

func (c *chart) hasKin() {
	who := pick(c.dice, []string{"Wife", "Husband", "Daughter", "Son", "Sister", "Neighbour"})
	c.kin(who, pick(c.dice, femaleNames[:30]), c.family)
}

// oldEntries writes what was copied from paper: undated, or known to the year
// or month.
func (c *chart) oldEntries() {
	c.add(&ukcore.Problem{Entry: ukcore.Entry{ID: c.key(), Note: "Copied from paper record, date not legible."},
		Code: text("Chickenpox"), ClinicalStatus: "inactive", Category: "problem-list-item", Significance: "minor"})
	c.add(&ukcore.Procedure{Entry: c.since(c.year(c.years() - 10)), Code: appendectomy, Status: "completed"})
	c.problem(text("Tinnitus"), c.month(c.between(40, 100)), "minor")
}
