package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// Allergy is an allergy, an intolerance, or the statement that none is known
// (UKCore-AllergyIntolerance). Effective is its onset.
type Allergy struct {
	Entry
	Code               Concept
	ClinicalStatus     string // active, inactive or resolved; empty means resolved with an end, else active
	VerificationStatus string // unconfirmed, confirmed, refuted or entered-in-error
	Type               string // allergy or intolerance
	Category           string // food, medication, environment or biologic
	Criticality        string // low, high or unable-to-assess
	End                care.DateTime
	EndReason          string
	LastOccurrence     care.DateTime
	Manifestation      Concept // of the reaction
	Severity           string  // of the reaction: mild, moderate or severe
	Reaction           string  // the reaction in words
}

// noKnownAllergies is the SNOMED CT code of the statement that no allergy is
// known (GP Connect 1.6, allergies).
const noKnownAllergies = "716186003"

var allergyShape = &shape{section: care.Allergies, resource: "AllergyIntolerance", profile: "AllergyIntolerance", kind: "allergy"}

func (*Allergy) shape() *shape { return allergyShape }

func (a *Allergy) nilKnown() bool {
	return a.Code.has(snomed, noKnownAllergies) && a.status() == "active"
}

// status returns the clinical status. FHIR requires one of every allergy that
// is not an error (ait-1); one that has not ended counts as active, so that it
// is never taken for past.
func (a *Allergy) status() string {
	switch {
	case a.VerificationStatus == enteredInError:
		return ""
	case a.ClinicalStatus != "":
		return a.ClinicalStatus
	case !a.End.IsZero() || a.EndReason != "":
		return "resolved"
	}
	return "active"
}

func (a *Allergy) encode(w *writer) {
	status := a.status()
	w.ended = status == "resolved"
	a.encodeStatus(w, status)
	w.code("verificationStatus", terminology+"allergyintolerance-verification", a.VerificationStatus)
	w.text("type", a.Type)
	w.texts("category", a.Category)
	w.text("criticality", a.Criticality)
	w.needConcept("code", &a.Code)
	w.subject("patient")
	w.encounter(&a.Entry)
	w.date("onsetDateTime", a.Effective)
	w.date("recordedDate", a.Recorded)
	w.author("recorder", &a.Entry)
	w.date("lastOccurrence", a.LastOccurrence)
	w.annotations("note", a.Note)
	a.encodeReaction(w)
}

// encodeStatus appends the clinical status with the end of the allergy.
func (a *Allergy) encodeStatus(w *writer, status string) {
	if status == "" {
		return
	}
	at := w.object("clinicalStatus")
	if !a.End.IsZero() || a.EndReason != "" {
		list := w.array("extension")
		one := w.extension("AllergyIntoleranceEnd")
		a.encodeEnd(w)
		w.closeObject(one)
		w.closeArray(list)
	}
	list := w.array("coding")
	w.coding(terminology+"allergyintolerance-clinical", status, "")
	w.closeArray(list)
	w.closeObject(at)
}

func (a *Allergy) encodeEnd(w *writer) {
	parts := w.array("extension")
	if !a.End.IsZero() {
		part := w.object("")
		w.text("url", "endDate")
		w.date("valueDateTime", a.End)
		w.closeObject(part)
	}
	if a.EndReason != "" {
		part := w.object("")
		w.text("url", "reasonEnded")
		w.text("valueString", a.EndReason)
		w.closeObject(part)
	}
	w.closeArray(parts)
}

// encodeReaction appends the reaction. FHIR requires a manifestation of each.
func (a *Allergy) encodeReaction(w *writer) {
	if a.Manifestation.IsZero() && a.Severity == "" && a.Reaction == "" {
		return
	}
	list := w.array("reaction")
	one := w.object("")
	if a.Manifestation.IsZero() {
		w.codeList("manifestation", nullFlavor, "UNK")
	} else {
		w.concepts("manifestation", &a.Manifestation)
	}
	w.text("description", a.Reaction)
	w.text("severity", a.Severity)
	w.closeObject(one)
	w.closeArray(list)
}

const enteredInError = "entered-in-error"

var allergiesLayout = &Layout{Section: care.Allergies, Kinds: []Kind{
	define("allergy", allergyShape, "An allergy or intolerance, ended ones included, or the statement that none is known.",
		mainConcept("What the patient reacts to", func(a *Allergy) *Concept { return &a.Code }),
		choice("clinical_status", "Whether it holds now; resolved ones are listed apart. Empty means resolved with an end, else active.",
			[]string{"active", "inactive", "resolved"}, func(a *Allergy) *string { return &a.ClinicalStatus }),
		choice("verification_status", "How sure it is; leave it empty if the source does not say.",
			[]string{"unconfirmed", "confirmed", "refuted", enteredInError}, func(a *Allergy) *string { return &a.VerificationStatus }),
		choice("type", "Allergy or intolerance.", []string{"allergy", "intolerance"}, func(a *Allergy) *string { return &a.Type }),
		choice("category", "Kind of substance.", []string{"food", "medication", "environment", "biologic"}, func(a *Allergy) *string { return &a.Category }),
		choice("criticality", "Possible harm.", []string{"low", "high", "unable-to-assess"}, func(a *Allergy) *string { return &a.Criticality }),
		date("end_date", "When it ended.", func(a *Allergy) *care.DateTime { return &a.End }),
		text("end_reason", "Why it ended.", func(a *Allergy) *string { return &a.EndReason }),
		date("last_occurrence", "When it last occurred.", func(a *Allergy) *care.DateTime { return &a.LastOccurrence }),
		concept("manifestation", "Manifestation of the reaction", func(a *Allergy) *Concept { return &a.Manifestation }),
		choice("severity", "Severity of the reaction.", []string{"mild", "moderate", "severe"}, func(a *Allergy) *string { return &a.Severity }),
		text("reaction", "The reaction in words.", func(a *Allergy) *string { return &a.Reaction }),
	),
}}
