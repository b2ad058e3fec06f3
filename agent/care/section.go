package care

import (
	"iter"
	"math/bits"
	"strings"
)

// Section is one part of a patient's record. The 21 sections follow the
// headings of the PRSB Core Information Standard and the lists of GP Connect
// Access Record Structured; numbers are those of the wire format.
type Section uint8

// The sections.
const (
	Demographics Section = iota + 1
	Alerts
	Allergies
	Medications
	Problems
	Consultations
	HospitalActivity
	Investigations
	Observations
	Immunisations
	Procedures
	Referrals
	Recalls
	Appointments
	Documents
	CarePlans
	SocialCare
	Contacts
	LegalSafeguarding
	UrgentCareEvents
	AboutMe

	lastSection = AboutMe
)

// sectionInfo holds a section's stable name and the title people read.
var sectionInfo = [...]struct{ name, title string }{
	Demographics:      {"DEMOGRAPHICS", "Demographics"},
	Alerts:            {"ALERTS", "Alerts"},
	Allergies:         {"ALLERGIES", "Allergies and adverse reactions"},
	Medications:       {"MEDICATIONS", "Medications"},
	Problems:          {"PROBLEMS", "Problems"},
	Consultations:     {"CONSULTATIONS", "Consultations"},
	HospitalActivity:  {"HOSPITAL_ACTIVITY", "Hospital activity"},
	Investigations:    {"INVESTIGATIONS", "Investigations and results"},
	Observations:      {"OBSERVATIONS", "Observations"},
	Immunisations:     {"IMMUNISATIONS", "Immunisations"},
	Procedures:        {"PROCEDURES", "Procedures"},
	Referrals:         {"REFERRALS", "Referrals"},
	Recalls:           {"RECALLS", "Recalls (planned)"},
	Appointments:      {"APPOINTMENTS", "Appointments, past and future"},
	Documents:         {"DOCUMENTS", "Documents"},
	CarePlans:         {"CARE_PLANS", "Care plans"},
	SocialCare:        {"SOCIAL_CARE", "Social care"},
	Contacts:          {"CONTACTS", "Contacts"},
	LegalSafeguarding: {"LEGAL_SAFEGUARDING", "Legal and safeguarding"},
	UrgentCareEvents:  {"URGENT_CARE_EVENTS", "Urgent care events"},
	AboutMe:           {"ABOUT_ME", "About me"},
}

// Valid reports whether s is one of the sections.
func (s Section) Valid() bool { return s >= Demographics && s <= lastSection }

// String returns the stable name, such as "ALLERGIES".
func (s Section) String() string {
	if !s.Valid() {
		return "UNKNOWN_SECTION"
	}
	return sectionInfo[s].name
}

// Title returns the heading people read, such as "Investigations and results".
func (s Section) Title() string {
	if !s.Valid() {
		return "Unknown section"
	}
	return sectionInfo[s].title
}

// ParseSection returns the section of a stable name; case and the choice of
// "-" or "_" do not matter.
func ParseSection(name string) (Section, bool) {
	name = strings.ReplaceAll(strings.ToUpper(name), "-", "_")
	for s := Demographics; s <= lastSection; s++ {
		if sectionInfo[s].name == name {
			return s, true
		}
	}
	return 0, false
}

// SectionSet is a set of sections. The zero value is the empty set.
type SectionSet uint32

// AllSections holds every section.
const AllSections SectionSet = (1<<lastSection - 1) << 1

// SetOf returns the set of the given sections.
func SetOf(sections ...Section) SectionSet {
	var set SectionSet
	for _, s := range sections {
		set = set.With(s)
	}
	return set
}

// Has reports whether s is in the set.
func (set SectionSet) Has(s Section) bool { return set&(1<<s) != 0 }

// With returns the set with s added.
func (set SectionSet) With(s Section) SectionSet { return set | 1<<s }

// Without returns the set with s removed.
func (set SectionSet) Without(s Section) SectionSet { return set &^ (1 << s) }

// Len returns the number of sections in the set.
func (set SectionSet) Len() int { return bits.OnesCount32(uint32(set)) }

// All yields the sections of the set in the order of their numbers.
func (set SectionSet) All() iter.Seq[Section] {
	return func(yield func(Section) bool) {
		for rest := uint32(set); rest != 0; rest &= rest - 1 {
			if !yield(Section(bits.TrailingZeros32(rest))) {
				return
			}
		}
	}
}

// Names returns the stable names of the set's sections in order.
func (set SectionSet) Names() []string {
	names := make([]string, 0, set.Len())
	for s := range set.All() {
		names = append(names, s.String())
	}
	return names
}

// String returns the stable names, separated by commas.
func (set SectionSet) String() string { return strings.Join(set.Names(), ",") }
