package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// UrgentReport is the report of an urgent-care contact, such as a 111 report or
// an ambulance record (UKCore-Composition). Effective is when it was written.
type UrgentReport struct {
	Entry
	Contact string // key of its UrgentEncounter
	Type    Concept
	Status  string // preliminary, final, amended or entered-in-error; required
	Title   string
	SetID   string // one for all versions of the report
	Version string // number of this version
	Text    string
}

var urgentReportShape = &shape{section: care.UrgentCareEvents, resource: "Composition", profile: "Composition", kind: "urgent-report", ids: ownIDs, noNote: true}

func (*UrgentReport) shape() *shape { return urgentReportShape }

func (u *UrgentReport) encode(w *writer) {
	list := w.array("extension")
	if u.Version != "" {
		one := w.object("")
		w.text("url", "http://hl7.org/fhir/StructureDefinition/composition-clinicaldocument-versionNumber")
		w.text("valueString", u.Version)
		w.closeObject(one)
	}
	w.closeArray(list)
	key := u.SetID
	if key == "" {
		key = u.ID
	}
	w.bareIdentifier("identifier", key)
	w.must("status", u.Status)
	w.needConcept("type", &u.Type)
	w.subject("subject")
	w.ref("encounter", urgentShape, u.Contact)
	title := u.Title
	if title == "" {
		title = "Urgent care report"
	}
	w.compositionHead(&u.Entry, title)
	list = w.array("section")
	one := w.object("")
	w.narrative(u.Text)
	w.closeObject(one)
	w.closeArray(list)
}

var urgentLayout = &Layout{Section: care.UrgentCareEvents, Kinds: []Kind{
	define("encounter", urgentShape, "A contact with 111, out-of-hours or ambulance care; disposition is the outcome of triage.",
		append(lift(contactFields, urgentPart), lift(hospitalFields, urgentPart)...)...),
	define("report", urgentReportShape, "The report of a contact; give the latest version only.",
		key("encounter_id", "Id of the encounter row.", func(u *UrgentReport) *string { return &u.Contact }),
		mainConcept("Type of report", func(u *UrgentReport) *Concept { return &u.Type }),
		required(choice("report_status", "Status of the report.", []string{"preliminary", "final", "amended", enteredInError},
			func(u *UrgentReport) *string { return &u.Status })),
		text("title", "Title.", func(u *UrgentReport) *string { return &u.Title }),
		key("set_id", "Identifier that all versions of the report share.", func(u *UrgentReport) *string { return &u.SetID }),
		key("version", "Number of this version.", func(u *UrgentReport) *string { return &u.Version }),
		text("body", "Text of the report.", func(u *UrgentReport) *string { return &u.Text }),
	),
}}

func urgentPart(u *UrgentEncounter) *Encounter { return &u.Encounter }
