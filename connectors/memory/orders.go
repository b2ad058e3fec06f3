package memory

import (
	"fmt"
	"strconv"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// repeat writes a medicine on repeat prescription: the authorisation, the last
// issue and the statement that it is taken.
func (c *chart) repeat(medicine ukcore.Concept, dose string, from int, problem string) {
	issues := max(1, min(12, -from/28))
	last := -c.between(1, 27)
	plan := &ukcore.MedicationRequest{Entry: c.on(from), Medication: medicine, Status: "active", Intent: "plan", Dosage: dose,
		Course: "continuous", Quantity: ukcore.Quantity{Value: "28", Unit: "dose"}, DaysSupply: "28", RepeatsAllowed: "12",
		Issued: strconv.Itoa(issues), AuthorisedUntil: c.day(180)}
	plan.Problems = problems(problem)
	c.add(plan)
	issue := &ukcore.MedicationRequest{Entry: c.on(last), Medication: medicine, Status: "completed", Intent: "order", Dosage: dose,
		Quantity: plan.Quantity, DaysSupply: "28", Plan: plan.ID, Dispenser: pharmacy}
	c.add(issue)
	taken := &ukcore.MedicationStatement{Entry: c.on(from), Medication: medicine, Status: "active", LastIssued: c.day(last),
		Dosage: dose, Prescriber: "prescribed-at-gp-practice", Plan: plan.ID}
	taken.Problems = plan.Problems
	c.add(taken)
}

// stopped writes a medicine that was stopped, and why.
func (c *chart) stopped(medicine ukcore.Concept, dose string, from, to int, why string) {
	c.add(&ukcore.MedicationStatement{Entry: c.on(from), Medication: medicine, Status: "stopped", StatusReason: text(why),
		End: c.day(to), LastIssued: c.day(to - 20), Dosage: dose, Prescriber: "prescribed-at-gp-practice"})
}

// elsewhere writes a medicine that another organisation prescribes.
func (c *chart) elsewhere(medicine ukcore.Concept, dose string, from int, who ukcore.Organisation) {
	row := &ukcore.MedicationStatement{Entry: c.on(from), Medication: medicine, Status: "active", Dosage: dose,
		Prescriber: "prescribed-by-another-organisation"}
	row.Organisation, row.Note = who, "Prescribed and supplied by the hospital. Do not issue."
	c.add(row)
}

// acute writes a course of a medicine.
func (c *chart) acute(medicine ukcore.Concept, dose string, day, days int, problem string) {
	row := &ukcore.MedicationRequest{Entry: c.on(day), Medication: medicine, Status: "completed", Intent: "order", Dosage: dose,
		Course: "acute", End: c.day(day + days), DaysSupply: strconv.Itoa(days)}
	row.Problems = problems(problem)
	c.add(row)
}

func problems(key string) []string {
	if key == "" {
		return nil
	}
	return []string{key}
}

// test is one result of a blood test.
type test struct {
	code      ukcore.Concept
	value     string // with its comparator; empty where there is none
	unit      string
	low, high string
	note      string
}

// bloods writes a laboratory report with its specimen and results; three or
// more results form a group. As in GP systems, the status of all is unknown.
func (c *chart) bloods(day int, code ukcore.Concept, tests ...test) {
	specimen := &ukcore.Specimen{Entry: c.on(day), Type: bloodSpecimen, Label: fmt.Sprintf("S%06d", c.index*1000+c.serial), Received: c.at(day, 15, 0)}
	c.add(specimen)
	report := &ukcore.Report{Entry: c.on(day), Code: code, Category: "LAB", Specimens: []string{specimen.ID}}
	report.Recorded, report.Organisation = c.at(day+1, 11, 30), hospital
	c.add(report)
	result := func(code ukcore.Concept) ukcore.Result {
		r := ukcore.Result{Observation: ukcore.Observation{Entry: c.on(day), Code: code, Category: "laboratory"}, Report: report.ID, Specimen: specimen.ID}
		r.Recorded = report.Recorded
		return r
	}
	members := &report.Results
	if len(tests) > 2 {
		group := &ukcore.ResultGroup{Result: result(code)}
		report.Results = []string{group.ID}
		members = &group.Members
		c.add(group)
	}
	for _, t := range tests {
		row := result(t.code)
		row.Value, row.Reference, row.Note = t.measure(), ukcore.Range{Low: t.low, High: t.high}, t.note
		*members = append(*members, row.ID)
		c.add(&row)
	}
}

func (t *test) measure() ukcore.Measure {
	q := ukcore.Quantity{Value: t.value, Unit: t.unit, UnitCode: t.unit}
	if t.value == "" {
		return ukcore.Measure{}
	}
	if t.value[0] == '<' || t.value[0] == '>' {
		q.Comparator, q.Value = t.value[:1], t.value[1:]
	}
	return ukcore.Measure{Quantity: q}
}

// vaccinate writes a vaccination that was given.
func (c *chart) vaccinate(vaccine, procedure ukcore.Concept, day int, dose string) {
	row := &ukcore.Immunisation{Entry: c.on(day), Vaccine: vaccine, Procedure: procedure, Status: "completed", Dose: dose,
		Site: text("Left deltoid"), Batch: fmt.Sprintf("NG%04d", c.dice.IntN(10_000)), Reported: ukcore.No}
	row.Author = nursePike
	c.add(row)
}

// notVaccinated writes a vaccination that was not given, and why.
func (c *chart) notVaccinated(vaccine, procedure ukcore.Concept, day int, why string) {
	c.add(&ukcore.Immunisation{Entry: c.on(day), Vaccine: vaccine, Procedure: procedure, Status: "not-done", StatusReason: text(why)})
}

// recall writes something that is due. It is a plan, not something done.
func (c *chart) recall(what ukcore.Concept, day int, problem string) {
	row := &ukcore.Recall{Entry: c.on(day), Code: what, Status: "active"}
	row.Problems = problems(problem)
	c.add(row)
}

// booking writes an appointment, past or to come.
func (c *chart) booking(day, hour int, status, what string, who ukcore.Person) {
	row := &ukcore.Appointment{Entry: c.on(day), Status: status, Service: text("General practice"), Description: what,
		Minutes: "15", Channel: "In-person", Location: "Northgate Surgery"}
	row.Effective, row.Recorded, row.Author = c.at(day, hour, 20), c.at(min(day, 0)-9, 8, 30), who
	c.add(row)
}

// refer writes a referral.
func (c *chart) refer(what ukcore.Concept, day int, to ukcore.Organisation, priority, problem string) string {
	row := &ukcore.Referral{Entry: c.on(day), Code: what, Status: "active", Intent: "order", Priority: priority, Recipient: to,
		UBRN: fmt.Sprintf("0000%08d", 99_000_000+c.index*1000+c.serial)}
	row.Effective, row.Problems = care.DateTime{}, problems(problem)
	c.add(row)
	return row.ID
}

// kin writes the next of kin.
func (c *chart) kin(relation, given, family string) {
	row := &ukcore.RelatedPerson{Entry: c.since(c.year(8)), Name: ukcore.HumanName{Given: []string{given}, Family: family},
		Relationship: text(relation), Active: ukcore.Yes,
		Telecoms: []ukcore.Telecom{{System: "phone", Use: "mobile", Value: fmt.Sprintf("07700 9001%02d", c.index%100)}}}
	row.Author = ukcore.Person{}
	c.add(row)
}
