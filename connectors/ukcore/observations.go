package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// Observation is something measured, found or stated (UKCore-Observation).
// Effective is when it was true, Recorded when it was issued.
type Observation struct {
	Entry
	Code           Concept
	Status         string // registered, preliminary, final, amended, corrected, cancelled, entered-in-error or unknown; empty means unknown
	Category       string // observation category, such as vital-signs or social-history; laboratory for results; may be empty
	Value          Measure
	Interpretation Concept
	Reference      Range
	Method         Concept
	BodySite       Concept
	Components     []Component // such as systolic and diastolic pressure
}

// Component is one part of an observation that has several.
type Component struct {
	Code  Concept
	Value Measure
}

// Measure is the value of an observation, in the form the source has. Where
// there is more than one form, the quantity comes before the code and the code
// before the text; a text beside another form is kept as a note. All empty
// means that there is no value, which is common in practice.
type Measure struct {
	Quantity Quantity
	Concept  Concept
	Text     string
	Absent   string // why there is no value: FHIR data-absent-reason
}

var observationShape = &shape{section: care.Observations, resource: "Observation", profile: "Observation", kind: "observation"}

func (*Observation) shape() *shape { return observationShape }

func (o *Observation) encode(w *writer) {
	w.status(o.Status)
	w.codeList("category", terminology+"observation-category", o.Category)
	w.needConcept("code", &o.Code)
	w.subject("subject")
	w.encounter(&o.Entry)
	w.date("effectiveDateTime", o.Effective)
	issued := w.issued(o.Recorded)
	w.performers("performer", &o.Entry)
	w.measure(&o.Value)
	w.concepts("interpretation", &o.Interpretation)
	notes := w.array("note")
	w.annotation(o.Note)
	w.annotation(o.Value.aside())
	w.dated("Issued ", issued, ".")
	w.closeArray(notes)
	w.concept("bodySite", &o.BodySite)
	w.concept("method", &o.Method)
	w.reference(&o.Reference, &o.Value.Quantity)
	list := w.array("component")
	for i := range o.Components {
		one := w.object("")
		w.needConcept("code", &o.Components[i].Code)
		w.measure(&o.Components[i].Value)
		w.closeObject(one)
	}
	w.closeArray(list)
}

// measure appends value[x] or why there is none.
func (w *writer) measure(m *Measure) {
	switch {
	case m.Quantity.Value != "":
		w.quantity("valueQuantity", &m.Quantity)
	case !m.Concept.IsZero():
		w.concept("valueCodeableConcept", &m.Concept)
	case m.Text != "":
		w.text("valueString", m.Text)
	default:
		w.code("dataAbsentReason", terminology+"data-absent-reason", m.Absent)
	}
}

// aside returns the text of a value that has another form too.
func (m *Measure) aside() string {
	if m.Quantity.Value == "" && m.Concept.IsZero() {
		return ""
	}
	return m.Text
}

// reference appends the reference range, whose numbers have the unit of the
// value.
func (w *writer) reference(r *Range, unit *Quantity) {
	list := w.array("referenceRange")
	one := w.object("")
	w.quantity("low", &Quantity{Value: r.Low, Unit: unit.Unit, UnitCode: unit.UnitCode})
	w.quantity("high", &Quantity{Value: r.High, Unit: unit.Unit, UnitCode: unit.UnitCode})
	w.text("text", r.Text)
	w.closeObject(one)
	w.closeArray(list)
}

// issued appends when it was issued, which FHIR takes only with a time of day;
// a date without one is returned, to be told in words.
func (w *writer) issued(d care.DateTime) (told care.DateTime) {
	if w.instant("issued", d) {
		return told
	}
	return d
}

var (
	observationStatuses = []string{"registered", "preliminary", "final", "amended", "corrected", "cancelled", enteredInError, "unknown"}
	observationKinds    = []string{"social-history", "vital-signs", "imaging", laboratory, "procedure", "survey", "exam", "therapy", "activity"}
	absentReasons       = []string{"unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "masked", "not-applicable", "unsupported",
		"as-text", "error", "not-a-number", "negative-infinity", "positive-infinity", "not-performed", "not-permitted"}
)

var observationFields = []field[Observation]{
	mainConcept("What was observed", func(o *Observation) *Concept { return &o.Code }),
	choice("status", "Status; empty means unknown. Do not write final unless the source does.", observationStatuses, func(o *Observation) *string { return &o.Status }),
	choice("category", "Category; laboratory for laboratory results.", observationKinds, func(o *Observation) *string { return &o.Category }),
	quantity("value", "Value", func(o *Observation) *Quantity { return &o.Value.Quantity }),
	codedValue(func(o *Observation) *Measure { return &o.Value }),
	choice("value_absent_reason", "Why there is no value, if the source says.", absentReasons, func(o *Observation) *string { return &o.Value.Absent }),
	concept("interpretation", "Interpretation, such as H for high (system INTERPRETATION)", func(o *Observation) *Concept { return &o.Interpretation }),
	span("reference", "Reference range", func(o *Observation) *Range { return &o.Reference }),
	concept("method", "Method", func(o *Observation) *Concept { return &o.Method }),
	concept("body_site", "Body site", func(o *Observation) *Concept { return &o.BodySite }),
}

var observationsLayout = &Layout{Section: care.Observations, Kinds: []Kind{
	define("observation", observationShape, "Something measured, found or stated.", observationColumns()...),
}}

// codedValue is a value as a code, a text or both.
func codedValue(at func(*Observation) *Measure) field[Observation] {
	f := concept("value", "Value that is not a number", func(o *Observation) *Concept { return &at(o).Concept })
	set := f.set
	f.set = func(o *Observation, r *reader) {
		set(o, r)
		if m := at(o); len(m.Concept.Codings) == 0 {
			m.Text, m.Concept.Text = m.Concept.Text, ""
		}
	}
	return f
}

// observationColumns adds the columns of two components, which is what blood
// pressure needs.
func observationColumns() []field[Observation] {
	fields := append([]field[Observation]{}, observationFields...)
	return append(fields, componentField("component1"), componentField("component2"))
}

func componentField(prefix string) field[Observation] {
	code := concept(prefix, "One part, such as systolic pressure", func(c *Component) *Concept { return &c.Code })
	value := quantity(prefix+"_value", "Value of the part", func(c *Component) *Quantity { return &c.Value.Quantity })
	return field[Observation]{
		columns: append(append([]Column{}, code.columns...), value.columns...),
		set: func(o *Observation, r *reader) {
			var c Component
			columns, at := r.columns, r.at
			code.set(&c, r)
			r.columns, r.at = columns[len(code.columns):], at[len(code.columns):]
			value.set(&c, r)
			if !c.Code.IsZero() || c.Value.Quantity.Value != "" {
				o.Components = append(o.Components, c)
			}
		},
	}
}
