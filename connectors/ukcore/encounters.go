package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// Encounter is a contact with a service: what consultations, hospital activity
// and urgent care have in common (UKCore-Encounter). Effective is its start.
type Encounter struct {
	Entry
	Class              string // v3 ActCode: AMB, EMER, IMP, ...; empty means unknown
	Status             string // planned, arrived, in-progress, finished, cancelled, ... or unknown; empty means unknown
	Type               Concept
	Service            Concept // specialty or service
	Priority           Concept
	Reason             Concept
	End                care.DateTime
	Location           string // ward, clinic or place in words
	Episode            string // key of the Episode it belongs to
	AdmissionMethod    Concept
	AdmissionSource    Concept
	DischargeMethod    Concept
	Disposition        Concept // where the patient goes next; for 111 the disposition (Dx code)
	Outcome            Concept // outcome of attendance
	LegalStatus        Concept // at admission
	DischargeSummaryID string  // key of the Document that tells of it
}

// Consultation is a contact in general practice, community or mental-health
// care.
type Consultation struct{ Encounter }

// HospitalEncounter is an admission, attendance or outpatient contact.
type HospitalEncounter struct{ Encounter }

// UrgentEncounter is a contact with 111, out-of-hours or ambulance care.
type UrgentEncounter struct{ Encounter }

var (
	consultationShape = encounterShape(care.Consultations, "consultation")
	hospitalShape     = encounterShape(care.HospitalActivity, "encounter")
	urgentShape       = encounterShape(care.UrgentCareEvents, "urgent")
)

func encounterShape(section care.Section, kind string) *shape {
	return &shape{section: section, resource: "Encounter", profile: "Encounter", kind: kind, noNote: true}
}

func (*Consultation) shape() *shape      { return consultationShape }
func (*HospitalEncounter) shape() *shape { return hospitalShape }
func (*UrgentEncounter) shape() *shape   { return urgentShape }

func (e *Encounter) encode(w *writer) {
	e.encodeExtensions(w)
	w.status(e.Status)
	e.encodeClass(w)
	w.concepts("type", &e.Type)
	w.concept("serviceType", &e.Service)
	w.concept("priority", &e.Priority)
	w.subject("subject")
	w.refs("episodeOfCare", episodeShape, e.Episode)
	e.encodeParticipant(w)
	w.period("period", e.Effective, e.End)
	w.concepts("reasonCode", &e.Reason)
	w.problems("reasonReference", &e.Entry)
	e.encodeHospitalization(w)
	w.places(e.Location)
	here := w.here(&e.Entry)
	w.organisation("serviceProvider", &here)
	w.link(documentShape.kind, e.DischargeSummaryID)
}

// encodeClass appends the class, which FHIR requires.
func (e *Encounter) encodeClass(w *writer) {
	at := w.object("class")
	if e.Class == "" {
		w.text("system", nullFlavor)
		w.text("code", "UNK")
	} else {
		w.text("system", actCode)
		w.text("code", e.Class)
	}
	w.closeObject(at)
}

func (e *Encounter) encodeExtensions(w *writer) {
	list := w.array("extension")
	w.conceptExtension("DischargeMethod", &e.DischargeMethod)
	w.conceptExtension("OutcomeOfAttendance", &e.Outcome)
	e.encodeLegalStatus(w)
	w.closeArray(list)
}

func (e *Encounter) encodeLegalStatus(w *writer) {
	if e.LegalStatus.IsZero() {
		return
	}
	at := w.extension("LegalStatus")
	parts := w.array("extension")
	part := w.object("")
	w.text("url", "legalStatusContext")
	w.code("valueCodeableConcept", ukSystem+"UKCore-LegalStatusContext", "admission")
	w.closeObject(part)
	part = w.object("")
	w.text("url", "legalStatusClassification")
	w.concept("valueCodeableConcept", &e.LegalStatus)
	w.closeObject(part)
	w.closeArray(parts)
	w.closeObject(at)
}

func (e *Encounter) encodeParticipant(w *writer) {
	list := w.array("participant")
	one := w.object("")
	w.person("individual", &e.Author, nil)
	w.closeObject(one)
	w.closeArray(list)
}

func (e *Encounter) encodeHospitalization(w *writer) {
	at := w.object("hospitalization")
	list := w.array("extension")
	w.conceptExtension("AdmissionMethod", &e.AdmissionMethod)
	w.closeArray(list)
	w.concept("admitSource", &e.AdmissionSource)
	w.concept("dischargeDisposition", &e.Disposition)
	w.closeObject(at)
}

// places appends a location known by its name only.
func (w *writer) places(name string) {
	list := w.array("location")
	one := w.object("")
	w.named("location", name)
	w.closeObject(one)
	w.closeArray(list)
}

// named appends a reference that is a name and no more.
func (w *writer) named(element, name string) {
	at := w.object(element)
	w.text("display", name)
	w.closeObject(at)
}

var (
	encounterStatuses = []string{"planned", "arrived", "triaged", "in-progress", "onleave", "finished", "cancelled", enteredInError, "unknown"}
	encounterClasses  = []string{"AMB", "EMER", "FLD", "HH", "IMP", "ACUTE", "NONAC", "OBSENC", "PRENC", "SS", "VR"}
)

var contactFields = []field[Encounter]{
	choice("class", "AMB clinic or surgery, EMER emergency, IMP inpatient, HH at home, VR by telephone or video, FLD on the road, SS day case; empty means unknown.",
		encounterClasses, func(e *Encounter) *string { return &e.Class }),
	choice("status", "Status; empty means unknown.", encounterStatuses, func(e *Encounter) *string { return &e.Status }),
	concept("type", "Type of contact", func(e *Encounter) *Concept { return &e.Type }),
	concept("service", "Specialty or service", func(e *Encounter) *Concept { return &e.Service }),
	concept("reason", "Reason", func(e *Encounter) *Concept { return &e.Reason }),
	date("end_date", "When it ended.", func(e *Encounter) *care.DateTime { return &e.End }),
	text("location", "Place in words: surgery, clinic, ward.", func(e *Encounter) *string { return &e.Location }),
}

var hospitalFields = []field[Encounter]{
	key("episode_id", "Id of the episode row it belongs to.", func(e *Encounter) *string { return &e.Episode }),
	concept("admission_method", "Admission method (NHS Data Dictionary)", func(e *Encounter) *Concept { return &e.AdmissionMethod }),
	concept("admission_source", "Source of admission", func(e *Encounter) *Concept { return &e.AdmissionSource }),
	concept("discharge_method", "Discharge method (NHS Data Dictionary)", func(e *Encounter) *Concept { return &e.DischargeMethod }),
	concept("disposition", "Discharge destination, or 111 disposition", func(e *Encounter) *Concept { return &e.Disposition }),
	concept("outcome", "Outcome of attendance", func(e *Encounter) *Concept { return &e.Outcome }),
	concept("priority", "Priority", func(e *Encounter) *Concept { return &e.Priority }),
	concept("legal_status", "Legal status classification at admission (NHS Data Dictionary)", func(e *Encounter) *Concept { return &e.LegalStatus }),
	key("document_id", "Id of the document that tells of it, such as the discharge summary.", func(e *Encounter) *string { return &e.DischargeSummaryID }),
}

// Episode is a span of care by one service (UKCore-EpisodeOfCare). Effective is
// its start, Author the care manager, Organisation the managing one.
type Episode struct {
	Entry
	Status string // planned, waitlist, active, onhold, finished, cancelled or entered-in-error; required
	Type   Concept
	End    care.DateTime
}

var episodeShape = &shape{section: care.HospitalActivity, resource: "EpisodeOfCare", profile: "EpisodeOfCare", kind: "episode", noNote: true}

func (*Episode) shape() *shape { return episodeShape }

func (e *Episode) encode(w *writer) {
	w.must("status", e.Status)
	w.concepts("type", &e.Type)
	list := w.array("diagnosis")
	for _, p := range e.Problems {
		one := w.object("")
		w.refTo("condition", problemShape, p)
		w.closeObject(one)
	}
	w.closeArray(list)
	w.subject("patient")
	here := w.here(&e.Entry)
	w.organisation("managingOrganization", &here)
	w.period("period", e.Effective, e.End)
	w.person("careManager", &e.Author, nil)
}

var episodeFields = []field[Episode]{
	required(choice("status", "Status.", []string{"planned", "waitlist", "active", "onhold", "finished", "cancelled", enteredInError},
		func(e *Episode) *string { return &e.Status })),
	concept("type", "Type of care", func(e *Episode) *Concept { return &e.Type }),
	date("end_date", "When it ended.", func(e *Episode) *care.DateTime { return &e.End }),
}

var hospitalLayout = &Layout{Section: care.HospitalActivity, Kinds: []Kind{
	define("encounter", hospitalShape, "An admission, attendance or outpatient contact.",
		append(lift(contactFields, hospitalPart), lift(hospitalFields, hospitalPart)...)...),
	define("episode", episodeShape, "A span of care by one service; author is the care manager.", episodeFields...),
}}

func hospitalPart(h *HospitalEncounter) *Encounter { return &h.Encounter }
