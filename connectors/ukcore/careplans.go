package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// CarePlan is a plan for the patient's care, such as a crisis plan or an
// advance care plan (UKCore-CarePlan). Effective is its start, Recorded when it
// was made.
type CarePlan struct {
	Entry
	Type        Concept // kind of plan, such as SNOMED CT 736253002, mental health crisis plan
	Status      string  // draft, active, on-hold, revoked, completed, entered-in-error or unknown; empty means unknown
	Intent      string  // proposal, plan, order or option; empty means plan
	Title       string
	Description string
	End         care.DateTime
	Activities  []string // what is to be done, in words
	Documents   []string // keys of Documents
}

var carePlanShape = &shape{section: care.CarePlans, resource: "CarePlan", profile: "CarePlan", kind: "care-plan"}

func (*CarePlan) shape() *shape { return carePlanShape }

func (p *CarePlan) encode(w *writer) {
	w.status(p.Status)
	intent := p.Intent
	if intent == "" {
		intent = "plan"
	}
	w.text("intent", intent)
	w.concepts("category", &p.Type)
	w.text("title", p.Title)
	w.text("description", p.Description)
	w.subject("subject")
	w.encounter(&p.Entry)
	w.period("period", p.Effective, p.End)
	w.date("created", p.Recorded)
	w.author("author", &p.Entry)
	list := w.array("contributor")
	w.organisation("", &p.Organisation)
	w.closeArray(list)
	w.problems("addresses", &p.Entry)
	w.refs("supportingInfo", documentShape, p.Documents...)
	list = w.array("activity")
	for _, a := range p.Activities {
		w.activity(a)
	}
	w.closeArray(list)
	w.annotations("note", p.Note)
}

func (w *writer) activity(words string) {
	one := w.object("")
	at := w.object("detail")
	w.text("status", "unknown")
	w.text("description", words)
	w.closeObject(at)
	w.closeObject(one)
}

var carePlansLayout = &Layout{Section: care.CarePlans, Kinds: []Kind{
	define("plan", carePlanShape, "A plan for the patient's care; recorded_at is when it was made.",
		concept("type", "Kind of plan", func(p *CarePlan) *Concept { return &p.Type }),
		choice("status", "Status; empty means unknown.", serviceStatuses, func(p *CarePlan) *string { return &p.Status }),
		choice("intent", "Intent; empty means plan.", []string{"proposal", "plan", "order", "option"}, func(p *CarePlan) *string { return &p.Intent }),
		text("title", "Title.", func(p *CarePlan) *string { return &p.Title }),
		text("description", "Text of the plan.", func(p *CarePlan) *string { return &p.Description }),
		date("end_date", "When it ends.", func(p *CarePlan) *care.DateTime { return &p.End }),
		one(Column{Name: "activity", Type: TextColumn, Doc: "What is to be done, in words."},
			func(p *CarePlan, r *reader) { p.Activities = present(r.text(0)) }),
		keys("document_ids", "Ids of the documents that hold the plan.", func(p *CarePlan) *[]string { return &p.Documents }),
	),
}}
