package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// CarePackage is a package of care (UKCore-EpisodeOfCare). Effective is its
// start, Author the care manager, Organisation the provider.
type CarePackage struct{ Episode }

// Assessment is an assessment or task of social care (UKCore-Task). Effective
// is its start.
type Assessment struct {
	Entry
	Code    Concept
	Status  string // draft, requested, received, accepted, ready, in-progress, on-hold, failed, completed, cancelled, entered-in-error; required
	Reason  Concept
	Outcome string
	End     care.DateTime
}

// Equipment is an aid that the patient was given (UKCore-Device). Effective is
// when.
type Equipment struct {
	Entry
	Type   Concept
	Status string // active, inactive, entered-in-error or unknown
	Serial string
}

var (
	packageShape    = &shape{section: care.SocialCare, resource: "EpisodeOfCare", profile: "EpisodeOfCare", kind: "package", noNote: true}
	assessmentShape = &shape{section: care.SocialCare, resource: "Task", profile: "Task", kind: "assessment"}
	equipmentShape  = &shape{section: care.SocialCare, resource: "Device", profile: "Device", kind: "equipment"}
)

func (*CarePackage) shape() *shape { return packageShape }
func (*Assessment) shape() *shape  { return assessmentShape }
func (*Equipment) shape() *shape   { return equipmentShape }

func (a *Assessment) encode(w *writer) {
	w.must("status", a.Status)
	w.text("intent", "order")
	w.needConcept("code", &a.Code)
	w.subject("for")
	w.encounter(&a.Entry)
	w.period("executionPeriod", a.Effective, a.End)
	w.date("authoredOn", a.Recorded)
	w.author("owner", &a.Entry)
	w.concept("reasonCode", &a.Reason)
	w.annotations("note", a.Note)
	a.encodeOutcome(w)
}

func (a *Assessment) encodeOutcome(w *writer) {
	if a.Outcome == "" {
		return
	}
	list := w.array("output")
	one := w.object("")
	at := w.object("type")
	w.text("text", "Outcome")
	w.closeObject(at)
	w.text("valueString", a.Outcome)
	w.closeObject(one)
	w.closeArray(list)
}

func (e *Equipment) encode(w *writer) {
	w.text("status", e.Status)
	w.text("serialNumber", e.Serial)
	w.needConcept("type", &e.Type)
	w.subject("patient")
	here := w.here(&e.Entry)
	w.organisation("owner", &here)
	notes := w.array("note")
	w.annotation(e.Note)
	w.dated("Given to the patient: ", e.Effective, ".")
	w.closeArray(notes)
}

var taskStatuses = []string{"draft", "requested", "received", "accepted", "rejected", "ready", "cancelled", "in-progress", "on-hold", "failed", "completed", enteredInError}

var socialCareLayout = &Layout{Section: care.SocialCare, Kinds: []Kind{
	define("package", packageShape, "A package of care; organisation is the provider, author the care manager.",
		lift(episodeFields, func(p *CarePackage) *Episode { return &p.Episode })...),
	define("assessment", assessmentShape, "An assessment; effective is its start.",
		mainConcept("What was assessed", func(a *Assessment) *Concept { return &a.Code }),
		required(choice("status", "Status.", taskStatuses, func(a *Assessment) *string { return &a.Status })),
		concept("reason", "Reason", func(a *Assessment) *Concept { return &a.Reason }),
		text("outcome", "Outcome in words.", func(a *Assessment) *string { return &a.Outcome }),
		date("end_date", "When it ended.", func(a *Assessment) *care.DateTime { return &a.End }),
	),
	define("equipment", equipmentShape, "An aid the patient was given; effective is when.",
		mainConcept("Kind of equipment", func(e *Equipment) *Concept { return &e.Type }),
		choice("status", "Status.", []string{"active", "inactive", enteredInError, "unknown"}, func(e *Equipment) *string { return &e.Status }),
		key("serial_number", "Serial number.", func(e *Equipment) *string { return &e.Serial }),
	),
	define("warning", warningShape, "A warning.", lift(flagFields, func(w *SocialCareWarning) *Flag { return &w.Flag })...),
}}
