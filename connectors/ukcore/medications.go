package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// MedicationStatement says that the patient takes or took a medicine
// (UKCore-MedicationStatement). Effective is the start.
type MedicationStatement struct {
	Entry
	Medication         Concept
	Status             string // active, completed, stopped, on-hold, intended, not-taken, entered-in-error or unknown; empty means unknown
	StatusReason       Concept
	End                care.DateTime
	LastIssued         care.DateTime
	Dosage             string // dosage instruction as it was written
	PatientInstruction string
	Reason             Concept
	Prescriber         string // who prescribes: prescribed-at-gp-practice or prescribed-by-another-organisation
	Plan               string // key of the MedicationRequest that it follows
}

// MedicationRequest is a prescription: the plan (a repeat or acute
// authorisation) or one issue of it (UKCore-MedicationRequest). Effective is
// the start, Recorded the date of the prescription.
type MedicationRequest struct {
	Entry
	Medication         Concept
	Status             string // active, completed, stopped, on-hold, cancelled, draft, entered-in-error or unknown; empty means unknown
	Intent             string // plan for the authorisation, order for an issue; required
	StatusReason       Concept
	End                care.DateTime
	Dosage             string
	PatientInstruction string
	Reason             Concept
	Course             string // acute, continuous or seasonal
	Quantity           Quantity
	QuantityText       string // quantity in words
	DaysSupply         string // whole number
	RepeatsAllowed     string // whole number
	Issued             string // how many were issued; whole number
	AuthorisedUntil    care.DateTime
	Dispenser          Organisation
	Plan               string // key of the MedicationRequest that an issue belongs to
}

// MedicationDispense is a supply by a pharmacy or ward
// (UKCore-MedicationDispense). Effective is when it was handed over.
type MedicationDispense struct {
	Entry
	Medication   Concept
	Status       string // completed, in-progress, on-hold, cancelled, stopped, declined, entered-in-error or unknown; empty means unknown
	Dosage       string
	Quantity     Quantity
	DaysSupply   string // whole number
	Prescription string // key of the MedicationRequest
}

var (
	statementShape = &shape{section: care.Medications, resource: "MedicationStatement", profile: "MedicationStatement", kind: "statement"}
	requestShape   = &shape{section: care.Medications, resource: "MedicationRequest", profile: "MedicationRequest", kind: "request"}
	dispenseShape  = &shape{section: care.Medications, resource: "MedicationDispense", profile: "MedicationDispense", kind: "dispense"}
)

func (*MedicationStatement) shape() *shape { return statementShape }
func (*MedicationRequest) shape() *shape   { return requestShape }
func (*MedicationDispense) shape() *shape  { return dispenseShape }

func (m *MedicationStatement) encode(w *writer) {
	list := w.array("extension")
	if !m.LastIssued.IsZero() {
		at := w.extension("MedicationStatementLastIssueDate")
		w.date("valueDateTime", m.LastIssued)
		w.closeObject(at)
	}
	if m.Prescriber != "" {
		at := w.extension("MedicationPrescribingOrganizationType")
		w.code("valueCodeableConcept", ukSystem+"UKCore-MedicationPrescribingOrganizationType", m.Prescriber)
		w.closeObject(at)
	}
	w.closeArray(list)
	w.refs("basedOn", requestShape, m.Plan)
	w.status(m.Status)
	w.concepts("statusReason", &m.StatusReason)
	w.needConcept("medicationCodeableConcept", &m.Medication)
	w.subject("subject")
	w.visit("context", &m.Entry)
	w.period("effectivePeriod", m.Effective, m.End)
	w.date("dateAsserted", m.Recorded)
	w.author("informationSource", &m.Entry)
	w.concepts("reasonCode", &m.Reason)
	w.problems("reasonReference", &m.Entry)
	w.annotations("note", m.Note)
	w.dosage("dosage", m.Dosage, m.PatientInstruction)
}

func (m *MedicationRequest) encode(w *writer) {
	list := w.array("extension")
	m.encodeRepeats(w)
	w.closeArray(list)
	w.status(m.Status)
	w.concept("statusReason", &m.StatusReason)
	w.must("intent", m.Intent)
	w.needConcept("medicationCodeableConcept", &m.Medication)
	w.subject("subject")
	w.encounter(&m.Entry)
	w.date("authoredOn", m.Recorded)
	w.author("requester", &m.Entry)
	w.concepts("reasonCode", &m.Reason)
	w.problems("reasonReference", &m.Entry)
	w.refs("basedOn", requestShape, m.Plan)
	w.code("courseOfTherapyType", terminology+"medicationrequest-course-of-therapy", m.Course)
	w.annotations("note", m.Note)
	w.dosage("dosageInstruction", m.Dosage, m.PatientInstruction)
	m.encodeSupply(w)
	w.substitution()
}

// encodeRepeats appends how often was issued and until when it may be.
func (m *MedicationRequest) encodeRepeats(w *writer) {
	if m.Issued == "" && m.AuthorisedUntil.IsZero() {
		return
	}
	at := w.extension("MedicationRepeatInformation")
	parts := w.array("extension")
	if m.Issued != "" {
		part := w.object("")
		w.text("url", "numberOfPrescriptionsIssued")
		w.count("valueUnsignedInt", m.Issued)
		w.closeObject(part)
	}
	if !m.AuthorisedUntil.IsZero() {
		part := w.object("")
		w.text("url", "authorisationExpiryDate")
		w.date("valueDateTime", m.AuthorisedUntil)
		w.closeObject(part)
	}
	w.closeArray(parts)
	w.closeObject(at)
}

func (m *MedicationRequest) encodeSupply(w *writer) {
	at := w.object("dispenseRequest")
	w.period("validityPeriod", m.Effective, m.End)
	w.count("numberOfRepeatsAllowed", m.RepeatsAllowed)
	w.supplied(&m.Quantity, m.QuantityText)
	w.days("expectedSupplyDuration", m.DaysSupply)
	w.organisation("performer", &m.Dispenser)
	w.closeObject(at)
}

// substitution appends that it is not known whether the medicine may be
// replaced by another; UK Core requires the element.
func (w *writer) substitution() {
	at := w.object("substitution")
	w.code("allowedCodeableConcept", nullFlavor, "UNK")
	w.closeObject(at)
}

func (m *MedicationDispense) encode(w *writer) {
	w.status(m.Status)
	w.needConcept("medicationCodeableConcept", &m.Medication)
	w.subject("subject")
	w.visit("context", &m.Entry)
	w.actors("performer", &m.Entry)
	w.refs("authorizingPrescription", requestShape, m.Prescription)
	w.quantity("quantity", &m.Quantity)
	w.days("daysSupply", m.DaysSupply)
	w.date("whenHandedOver", m.Effective)
	w.annotations("note", m.Note)
	w.dosage("dosageInstruction", m.Dosage, "")
}

// supplied appends the quantity to supply; words alone become its unit.
func (w *writer) supplied(q *Quantity, words string) {
	at := w.object("quantity")
	w.decimal("value", q.Value)
	if q.Unit != "" || q.Value != "" {
		w.unit(q)
	}
	if q.Unit == "" {
		w.text("unit", words)
	}
	w.closeObject(at)
}

// days appends a Duration in days.
func (w *writer) days(name, n string) {
	if n == "" {
		return
	}
	at := w.object(name)
	w.count("value", n)
	w.text("unit", "day")
	w.text("system", ucum)
	w.text("code", "d")
	w.closeObject(at)
}

// dosage appends a dosage in words.
func (w *writer) dosage(name, instruction, patient string) {
	list := w.array(name)
	one := w.object("")
	w.text("text", instruction)
	w.text("patientInstruction", patient)
	w.closeObject(one)
	w.closeArray(list)
}

var (
	statementStatuses = []string{"active", "completed", "stopped", "on-hold", "intended", "not-taken", enteredInError, "unknown"}
	requestStatuses   = []string{"active", "completed", "stopped", "on-hold", "cancelled", "draft", enteredInError, "unknown"}
	dispenseStatuses  = []string{"preparation", "in-progress", "cancelled", "on-hold", "completed", "stopped", "declined", enteredInError, "unknown"}
)

var medicationsLayout = &Layout{Section: care.Medications, Kinds: []Kind{
	define("statement", statementShape, "That the patient takes or took a medicine; effective is the start.",
		mainConcept("Medicine (dm+d or SNOMED CT)", func(m *MedicationStatement) *Concept { return &m.Medication }),
		choice("status", "Status; empty means unknown.", statementStatuses, func(m *MedicationStatement) *string { return &m.Status }),
		concept("status_reason", "Why it was stopped or put on hold", func(m *MedicationStatement) *Concept { return &m.StatusReason }),
		date("end_date", "When it ended or will end.", func(m *MedicationStatement) *care.DateTime { return &m.End }),
		date("last_issued", "When it was last issued.", func(m *MedicationStatement) *care.DateTime { return &m.LastIssued }),
		text("dosage", "Dosage as it was written.", func(m *MedicationStatement) *string { return &m.Dosage }),
		text("patient_instruction", "Further instruction to the patient.", func(m *MedicationStatement) *string { return &m.PatientInstruction }),
		concept("reason", "Why it is taken", func(m *MedicationStatement) *Concept { return &m.Reason }),
		choice("prescriber", "Who prescribes it.", []string{"prescribed-at-gp-practice", "prescribed-by-another-organisation"},
			func(m *MedicationStatement) *string { return &m.Prescriber }),
		key("plan_id", "Id of the request row with intent plan that it belongs to.", func(m *MedicationStatement) *string { return &m.Plan }),
	),
	define("request", requestShape, "A prescription: the authorisation (intent plan) or one issue (intent order); recorded_at is its date.",
		mainConcept("Medicine (dm+d or SNOMED CT)", func(m *MedicationRequest) *Concept { return &m.Medication }),
		choice("status", "Status; empty means unknown.", requestStatuses, func(m *MedicationRequest) *string { return &m.Status }),
		required(choice("intent", "plan for an authorisation, order for an issue.", []string{"plan", "order"},
			func(m *MedicationRequest) *string { return &m.Intent })),
		concept("status_reason", "Why it was stopped or put on hold", func(m *MedicationRequest) *Concept { return &m.StatusReason }),
		date("end_date", "When it ended or will end.", func(m *MedicationRequest) *care.DateTime { return &m.End }),
		text("dosage", "Dosage as it was written.", func(m *MedicationRequest) *string { return &m.Dosage }),
		text("patient_instruction", "Further instruction to the patient.", func(m *MedicationRequest) *string { return &m.PatientInstruction }),
		concept("reason", "Why it is taken", func(m *MedicationRequest) *Concept { return &m.Reason }),
		choice("course", "Course of therapy.", []string{"acute", "continuous", "seasonal"}, func(m *MedicationRequest) *string { return &m.Course }),
		quantity("quantity", "Quantity to supply", func(m *MedicationRequest) *Quantity { return &m.Quantity }),
		text("quantity_text", "Quantity to supply in words.", func(m *MedicationRequest) *string { return &m.QuantityText }),
		count("days_supply", "Days that a supply lasts.", func(m *MedicationRequest) *string { return &m.DaysSupply }),
		count("repeats_allowed", "Issues allowed after the first.", func(m *MedicationRequest) *string { return &m.RepeatsAllowed }),
		count("issued", "Issues made so far.", func(m *MedicationRequest) *string { return &m.Issued }),
		date("authorised_until", "When the authorisation expires or is to be reviewed.", func(m *MedicationRequest) *care.DateTime { return &m.AuthorisedUntil }),
		organisation("dispenser", "Pharmacy that is to supply it", func(m *MedicationRequest) *Organisation { return &m.Dispenser }),
		key("plan_id", "Id of the request row with intent plan that an issue belongs to.", func(m *MedicationRequest) *string { return &m.Plan }),
	),
	define("dispense", dispenseShape, "A supply; effective is when it was handed over.",
		mainConcept("Medicine (dm+d or SNOMED CT)", func(m *MedicationDispense) *Concept { return &m.Medication }),
		choice("status", "Status; empty means unknown.", dispenseStatuses, func(m *MedicationDispense) *string { return &m.Status }),
		text("dosage", "Dosage as it was written.", func(m *MedicationDispense) *string { return &m.Dosage }),
		quantity("quantity", "Quantity supplied", func(m *MedicationDispense) *Quantity { return &m.Quantity }),
		count("days_supply", "Days that the supply lasts.", func(m *MedicationDispense) *string { return &m.DaysSupply }),
		key("plan_id", "Id of the request row that was dispensed.", func(m *MedicationDispense) *string { return &m.Prescription }),
	),
}}
