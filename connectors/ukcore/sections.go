package ukcore

import (
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// LayoutOf returns the layout of a section. Every section has one; what is no
// section has none.
func LayoutOf(s care.Section) (*Layout, bool) {
	if !s.Valid() {
		return nil, false
	}
	return layouts[s], true
}

var layouts = [...]*Layout{
	care.Demographics:      demographicsLayout,
	care.Alerts:            alertsLayout,
	care.Allergies:         allergiesLayout,
	care.Medications:       medicationsLayout,
	care.Problems:          problemsLayout,
	care.Consultations:     consultationsLayout,
	care.HospitalActivity:  hospitalLayout,
	care.Investigations:    investigationsLayout,
	care.Observations:      observationsLayout,
	care.Immunisations:     immunisationsLayout,
	care.Procedures:        proceduresLayout,
	care.Referrals:         referralsLayout,
	care.Recalls:           recallsLayout,
	care.Appointments:      appointmentsLayout,
	care.Documents:         documentsLayout,
	care.CarePlans:         carePlansLayout,
	care.SocialCare:        socialCareLayout,
	care.Contacts:          contactsLayout,
	care.LegalSafeguarding: legalLayout,
	care.UrgentCareEvents:  urgentLayout,
	care.AboutMe:           aboutMeLayout,
}

// clinicalShapes are the kinds of row that the notes of a consultation may
// name.
var clinicalShapes = [...]*shape{alertShape, allergyShape, statementShape, requestShape, dispenseShape, problemShape, consultationShape,
	reportShape, resultShape, specimenShape, observationShape, immunisationShape, procedureShape, referralShape, recallShape, documentShape, carePlanShape}

// shapeOf returns the shape of a kind that notes may name, or nil.
func shapeOf(kind string) *shape {
	for _, s := range clinicalShapes {
		if s.kind == kind {
			return s
		}
	}
	return nil
}

// parseEntryRef reads kind:id.
func parseEntryRef(s string) (EntryRef, bool) {
	kind, id, ok := strings.Cut(s, ":")
	return EntryRef{Kind: kind, ID: id}, ok && id != "" && shapeOf(kind) != nil
}
