package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// Consent is a consent, refusal, advance decision or power of attorney
// (UKCore-Consent). Effective is since when, Recorded when it was stated.
type Consent struct {
	Entry
	Scope    string  // patient-privacy, treatment, adr or research; required
	Category Concept // what it is about
	Status   string  // draft, proposed, active, rejected, inactive or entered-in-error; required
	Decision string  // permit or deny; empty where the text tells
	Text     string  // what was decided
	End      care.DateTime
	Document string // key of the Document that holds it
}

var consentShape = &shape{section: care.LegalSafeguarding, resource: "Consent", profile: "Consent", kind: "consent", noNote: true}

func (*Consent) shape() *shape { return consentShape }

func (c *Consent) encode(w *writer) {
	w.must("status", c.Status)
	if c.Scope == "" {
		w.fail("scope", "a code; it is required")
	}
	w.code("scope", terminology+"consentscope", c.Scope)
	if c.Category.IsZero() {
		w.fail("category", "a code or a text")
	}
	w.concepts("category", &c.Category)
	w.subject("patient")
	w.date("dateTime", c.Recorded)
	w.performers("performer", &c.Entry)
	list := w.array("organization")
	here := w.here(&c.Entry)
	w.organisation("", &here)
	w.closeArray(list)
	w.ref("sourceReference", documentShape, c.Document)
	c.encodePolicy(w)
	at := w.object("provision")
	w.text("type", c.Decision)
	w.period("period", c.Effective, c.End)
	w.closeObject(at)
}

// encodePolicy appends the rule, of which FHIR requires one (ppc-1): what was
// decided in words, or that it is not known.
func (c *Consent) encodePolicy(w *writer) {
	if c.Text == "" {
		w.code("policyRule", nullFlavor, "UNK")
		return
	}
	at := w.object("policyRule")
	w.text("text", c.Text)
	w.closeObject(at)
}

var legalLayout = &Layout{Section: care.LegalSafeguarding, Kinds: []Kind{
	define("flag", safeguardingShape, "A safeguarding concern or protection plan.",
		lift(flagFields, func(s *SafeguardingFlag) *Flag { return &s.Flag })...),
	define("consent", consentShape, "A consent, refusal, advance decision or power of attorney; recorded_at is when it was stated.",
		required(choice("scope", "What it governs: patient-privacy for sharing, treatment, adr for advance decisions, research.",
			[]string{"patient-privacy", "treatment", "adr", "research"}, func(c *Consent) *string { return &c.Scope })),
		mainConcept("What it is about", func(c *Consent) *Concept { return &c.Category }),
		required(choice("status", "Status.", []string{"draft", "proposed", "active", "rejected", "inactive", enteredInError},
			func(c *Consent) *string { return &c.Status })),
		choice("decision", "permit or deny; empty where the text tells.", []string{"permit", "deny"}, func(c *Consent) *string { return &c.Decision }),
		text("decision_text", "What was decided, in words.", func(c *Consent) *string { return &c.Text }),
		date("end_date", "Until when it holds.", func(c *Consent) *care.DateTime { return &c.End }),
		key("document_id", "Id of the document that holds it.", func(c *Consent) *string { return &c.Document }),
	),
	define("legal_status", legalStatusShape, "A legal status that holds for a time, such as detention under the Mental Health Act.",
		lift(flagFields, func(s *LegalStatus) *Flag { return &s.Flag })...),
}}
