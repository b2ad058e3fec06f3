package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// Immunisation is a vaccination that was given, or one that was not
// (UKCore-Immunization). Effective is when.
type Immunisation struct {
	Entry
	Vaccine      Concept
	Procedure    Concept // the vaccination as a procedure code
	Status       string  // completed, not-done or entered-in-error; required
	StatusReason Concept // why it was not done
	Reason       Concept // why it was given
	Dose         string  // number of the dose in words or digits
	Amount       Quantity
	Site         Concept
	Route        Concept
	Batch        string
	Expiry       care.DateTime
	Manufacturer string
	Reported     Truth // told by someone else rather than given here
	Target       Concept
	Location     string
}

var immunisationShape = &shape{section: care.Immunisations, resource: "Immunization", profile: "Immunization", kind: "immunisation"}

func (*Immunisation) shape() *shape { return immunisationShape }

func (i *Immunisation) encode(w *writer) {
	list := w.array("extension")
	w.conceptExtension("VaccinationProcedure", &i.Procedure)
	w.closeArray(list)
	w.must("status", i.Status)
	i.encodeStatusReason(w)
	i.encodeVaccine(w)
	w.subject("patient")
	w.encounter(&i.Entry)
	if i.Effective.IsZero() {
		w.text("occurrenceString", "unknown")
	}
	w.date("occurrenceDateTime", i.Effective)
	w.date("recorded", i.Recorded)
	w.truth("primarySource", i.Reported.not())
	w.named("location", i.Location)
	w.named("manufacturer", i.Manufacturer)
	w.text("lotNumber", i.Batch)
	w.day("expirationDate", i.Expiry)
	w.concept("site", &i.Site)
	w.concept("route", &i.Route)
	w.quantity("doseQuantity", &i.Amount)
	w.actors("performer", &i.Entry)
	w.annotations("note", i.Note)
	w.concepts("reasonCode", &i.Reason)
	w.problems("reasonReference", &i.Entry)
	i.encodeProtocol(w)
}

// encodeStatusReason appends why the vaccine was not given; UK Core requires a
// reason then (ukcore-imm-001).
func (i *Immunisation) encodeStatusReason(w *writer) {
	if i.Status == "not-done" && i.StatusReason.IsZero() {
		w.code("statusReason", nullFlavor, "UNK")
		return
	}
	w.concept("statusReason", &i.StatusReason)
}

// encodeVaccine appends the vaccine, which FHIR requires; some systems hold
// the vaccination only.
func (i *Immunisation) encodeVaccine(w *writer) {
	switch {
	case !i.Vaccine.IsZero():
		w.concept("vaccineCode", &i.Vaccine)
	case !i.Procedure.IsZero():
		w.code("vaccineCode", nullFlavor, "UNK")
	default:
		w.fail("vaccineCode", "a vaccine or a vaccination")
	}
}

// encodeProtocol appends dose and disease. FHIR requires the number of the
// dose where there is a protocol at all.
func (i *Immunisation) encodeProtocol(w *writer) {
	dose := i.Dose
	switch {
	case dose == "" && i.Target.IsZero():
		return
	case dose == "":
		dose = "unknown"
	}
	list := w.array("protocolApplied")
	one := w.object("")
	w.concepts("targetDisease", &i.Target)
	w.text("doseNumberString", dose)
	w.closeObject(one)
	w.closeArray(list)
}

// not returns the opposite of t, and Unknown for Unknown.
func (t Truth) not() Truth {
	switch t {
	case Yes:
		return No
	case No:
		return Yes
	}
	return Unknown
}

var immunisationsLayout = &Layout{Section: care.Immunisations, Kinds: []Kind{
	define("immunisation", immunisationShape, "A vaccination that was given, or that was not (status not-done).",
		concept("vaccine", "Vaccine (dm+d or SNOMED CT); vaccine or procedure is needed", func(i *Immunisation) *Concept { return &i.Vaccine }),
		concept("procedure", "The vaccination as a procedure", func(i *Immunisation) *Concept { return &i.Procedure }),
		required(choice("status", "Whether it was given.", []string{"completed", "not-done", enteredInError}, func(i *Immunisation) *string { return &i.Status })),
		concept("status_reason", "Why it was not given", func(i *Immunisation) *Concept { return &i.StatusReason }),
		concept("reason", "Why it was given", func(i *Immunisation) *Concept { return &i.Reason }),
		key("dose_number", "Number of the dose.", func(i *Immunisation) *string { return &i.Dose }),
		quantity("dose", "Amount given", func(i *Immunisation) *Quantity { return &i.Amount }),
		concept("site", "Body site", func(i *Immunisation) *Concept { return &i.Site }),
		concept("route", "Route", func(i *Immunisation) *Concept { return &i.Route }),
		key("batch_number", "Batch number.", func(i *Immunisation) *string { return &i.Batch }),
		day("expiry_date", "Expiry of the batch.", func(i *Immunisation) *care.DateTime { return &i.Expiry }),
		text("manufacturer", "Manufacturer.", func(i *Immunisation) *string { return &i.Manufacturer }),
		known("reported", "True when told by someone else rather than given here.", func(i *Immunisation) *Truth { return &i.Reported }),
		concept("target_disease", "Disease vaccinated against", func(i *Immunisation) *Concept { return &i.Target }),
		text("location", "Place in words.", func(i *Immunisation) *string { return &i.Location }),
	),
}}
