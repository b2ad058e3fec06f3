package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// Flag is what alerts, warnings and reasonable adjustments have in common
// (UKCore-Flag). Effective is its start.
type Flag struct {
	Entry
	Code     Concept
	Category Concept
	Status   string // active, inactive or entered-in-error; required
	End      care.DateTime
}

func (f *Flag) encode(w *writer) {
	w.must("status", f.Status)
	w.concepts("category", &f.Category)
	w.needConcept("code", &f.Code)
	w.subject("subject")
	w.period("period", f.Effective, f.End)
	w.encounter(&f.Entry)
	w.author("author", &f.Entry)
}

// Alert is a warning that readers must see first.
type Alert struct{ Flag }

// SocialCareWarning is a warning of a council's system.
type SocialCareWarning struct{ Flag }

// SafeguardingFlag is a safeguarding concern or a child protection plan.
type SafeguardingFlag struct{ Flag }

// LegalStatus is a legal status that holds for a time, such as detention under
// a section of the Mental Health Act.
type LegalStatus struct{ Flag }

// Adjustment is a reasonable adjustment that the patient needs.
type Adjustment struct{ Flag }

func flagShape(section care.Section, kind string) *shape {
	return &shape{section: section, resource: "Flag", profile: "Flag", kind: kind, noNote: true}
}

var (
	alertShape        = flagShape(care.Alerts, "alert")
	warningShape      = flagShape(care.SocialCare, "warning")
	safeguardingShape = flagShape(care.LegalSafeguarding, "safeguarding")
	legalStatusShape  = flagShape(care.LegalSafeguarding, "legal-status")
	adjustmentShape   = flagShape(care.AboutMe, "adjustment")
)

func (*Alert) shape() *shape             { return alertShape }
func (*SocialCareWarning) shape() *shape { return warningShape }
func (*SafeguardingFlag) shape() *shape  { return safeguardingShape }
func (*LegalStatus) shape() *shape       { return legalStatusShape }
func (*Adjustment) shape() *shape        { return adjustmentShape }

var flagFields = []field[Flag]{
	mainConcept("What the flag says", func(f *Flag) *Concept { return &f.Code }),
	concept("category", "Kind of flag", func(f *Flag) *Concept { return &f.Category }),
	required(choice("status", "Whether the flag holds now.", []string{"active", "inactive", "entered-in-error"},
		func(f *Flag) *string { return &f.Status })),
	date("end_date", "When it ceased or will cease to hold.", func(f *Flag) *care.DateTime { return &f.End }),
}

var alertsLayout = &Layout{Section: care.Alerts, Kinds: []Kind{
	define("alert", alertShape, "An alert.", lift(flagFields, func(a *Alert) *Flag { return &a.Flag })...),
}}
