package memory

import "github.com/mycarerecord/edge-agent/agent/care"

var origin = care.Origin{Source: "gp", System: "Synthetic GP", Organisation: PracticeCode, OrganisationName: PracticeName}
