package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// Procedure is something done to or for the patient (UKCore-Procedure).
// Effective is its start.
type Procedure struct {
	Entry
	Code     Concept
	Status   string // preparation, in-progress, not-done, on-hold, stopped, completed, entered-in-error or unknown; empty means unknown
	Category Concept
	Reason   Concept
	BodySite Concept
	Outcome  Concept
	End      care.DateTime
	Location string
	Document string // key of the Document that tells of it
}

var procedureShape = &shape{section: care.Procedures, resource: "Procedure", profile: "Procedure", kind: "procedure"}

func (*Procedure) shape() *shape { return procedureShape }

func (p *Procedure) encode(w *writer) {
	w.status(p.Status)
	w.concept("category", &p.Category)
	w.needConcept("code", &p.Code)
	w.subject("subject")
	w.encounter(&p.Entry)
	if p.End.IsZero() {
		w.date("performedDateTime", p.Effective)
	} else {
		w.period("performedPeriod", p.Effective, p.End)
	}
	w.actors("performer", &p.Entry)
	w.named("location", p.Location)
	w.concepts("reasonCode", &p.Reason)
	w.problems("reasonReference", &p.Entry)
	w.concepts("bodySite", &p.BodySite)
	w.concept("outcome", &p.Outcome)
	w.refs("report", documentShape, p.Document)
	w.annotations("note", p.Note)
}

var procedureStatuses = []string{"preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", enteredInError, "unknown"}

var proceduresLayout = &Layout{Section: care.Procedures, Kinds: []Kind{
	define("procedure", procedureShape, "Something done to or for the patient.",
		mainConcept("What was done", func(p *Procedure) *Concept { return &p.Code }),
		choice("status", "Status; empty means unknown.", procedureStatuses, func(p *Procedure) *string { return &p.Status }),
		concept("category", "Kind of procedure", func(p *Procedure) *Concept { return &p.Category }),
		concept("reason", "Reason", func(p *Procedure) *Concept { return &p.Reason }),
		concept("body_site", "Body site", func(p *Procedure) *Concept { return &p.BodySite }),
		concept("outcome", "Outcome", func(p *Procedure) *Concept { return &p.Outcome }),
		date("end_date", "When it ended.", func(p *Procedure) *care.DateTime { return &p.End }),
		text("location", "Place in words.", func(p *Procedure) *string { return &p.Location }),
		key("document_id", "Id of the document that tells of it.", func(p *Procedure) *string { return &p.Document }),
	),
}}
