package memory

import (
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// from returns what rows of a day have in common that another organisation
// wrote.
func (c *chart) from(who ukcore.Organisation, day int) ukcore.Entry {
	e := c.on(day)
	e.Author, e.Organisation = ukcore.Person{}, who
	return e
}

// alert writes a warning that readers must see first.
func (c *chart) alert(what string, since care.DateTime) {
	c.add(&ukcore.Alert{Flag: ukcore.Flag{Entry: c.since(since), Code: text(what), Status: "active"}})
}

// wentToHospital writes an attendance that the hospital told the practice of.
func (c *chart) wentToHospital() {
	day := -c.between(20, 600)
	row := &ukcore.HospitalEncounter{Encounter: ukcore.Encounter{Entry: c.from(hospital, day), Class: "EMER", Status: "finished",
		Type: text("Emergency department attendance"), Reason: text(pick(c.dice, []string{"Sprained ankle", "Chest pain, cause not found", "Laceration of hand", "Abdominal pain"})),
		Location: "Emergency department"}}
	row.Effective, row.End = c.at(day, 14, 5), c.at(day, 17, 40)
	c.add(row)
}

// called111 writes a contact with 111 and its report.
func (c *chart) called111() {
	day := -c.between(10, 500)
	contact := &ukcore.UrgentEncounter{Encounter: ukcore.Encounter{Entry: c.from(urgentCare, day), Class: "VR", Status: "finished",
		Type: text("111 telephone assessment"), Reason: text("Fever in an otherwise well person"), Disposition: text("Contact own GP practice within 24 hours")}}
	contact.Effective, contact.End = c.at(day, 19, 2), c.at(day, 19, 21)
	c.add(contact)
	report := &ukcore.UrgentReport{Entry: c.from(urgentCare, day), Contact: contact.ID, Type: text("111 report"), Status: "final",
		Title: "NHS 111 report", SetID: "set-" + contact.ID, Version: "1",
		Text: "Assessed by telephone. Advised to contact own GP practice within 24 hours and to call back if worse."}
	report.Effective = contact.End
	c.add(report)
}
