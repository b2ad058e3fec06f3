package config

import (
	_ "embed"
	"strings"
)

//go:embed example.yaml
var exampleText string

// Example returns a commented agent.yaml that works for one kind of
// organisation, with sharing switched off and a source of made-up patients, or
// nil if there is no such kind.
func Example(kind OrganisationKind) []byte {
	name, system, section := exampleWords(kind)
	if name == "" {
		return nil
	}
	fill := strings.NewReplacer("{KIND}", string(kind), "{NAME}", name, "{SYSTEM}", system, "{SECTION}", section)
	return []byte(fill.Replace(exampleText))
}

// exampleWords returns a name for the organisation, a name for its system, and
// the section that is most its own.
func exampleWords(kind OrganisationKind) (name, system, section string) {
	switch kind {
	case "gp-practice":
		return "Example Surgery", "example GP system", "MEDICATIONS"
	case "extended-hours":
		return "Example Extended Hours Hub", "example GP system", "CONSULTATIONS"
	case "out-of-hours":
		return "Example Out of Hours Service", "example urgent care system", "URGENT_CARE_EVENTS"
	case "nhs-111":
		return "Example 111 Service", "example urgent care system", "URGENT_CARE_EVENTS"
	case "ambulance":
		return "Example Ambulance Service", "example patient care record", "URGENT_CARE_EVENTS"
	case "pharmacy":
		return "Example Pharmacy", "example dispensing system", "MEDICATIONS"
	case "mental-health-trust":
		return "Example Mental Health Trust", "example mental health system", "CARE_PLANS"
	case "community-trust":
		return "Example Community Trust", "example community system", "CARE_PLANS"
	case "hospital":
		return "Example Hospital", "example hospital system", "HOSPITAL_ACTIVITY"
	case "council":
		return "Example Council", "example social care system", "SOCIAL_CARE"
	case "care-provider":
		return "Example Care Home", "example care planning system", "ABOUT_ME"
	}
	return "", "", ""
}
