package view

import (
	"encoding/json"
	"strings"

	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Summary is one entry of the record in a few words.
type Summary struct {
	// Marker is what a reader must see before anything else, in capitals, such
	// as "NOT GIVEN"; without it the entry would say the opposite. Often empty.
	Marker string
	// Date is when it was true or done, as precise as is known, or "undated".
	Date string
	// Main says what it is: the text or term of its main code.
	Main string
	// Details are the next things to know, the most important first.
	Details []string
	// Organisation holds the entry; the name of the source if it is not told.
	Organisation string
}

// Markers of entries that say the opposite of what they seem to.
const (
	enteredInError = "ENTERED IN ERROR"
	planned        = "PLANNED"
	unreadable     = "UNREADABLE"
	partlyRead     = "PARTLY READ"
)

// Summarise puts an entry into a few words. An entry that cannot be read is
// marked, and is never left out.
func Summarise(r *edgev1.Record) Summary {
	s := &Summary{Date: date(r.GetEffective())}
	if s.Date == "" {
		s.Date = "undated"
		s.add("recorded", date(r.GetRecorded()))
	}
	s.read(r)
	if s.Main == "" {
		s.Main = "(" + r.GetResourceType() + " without a text)"
	}
	if s.Organisation == "" {
		s.Organisation = r.GetSource()
	}
	s.clean()
	return *s
}

func (s *Summary) read(r *edgev1.Record) {
	shape := newResource(r.GetResourceType())
	err := json.Unmarshal(r.GetResource(), shape)
	if _, typed := err.(*json.UnmarshalTypeError); err != nil && !typed {
		s.Marker, s.Main = unreadable, r.GetResourceType()+" "+r.GetId()+" is not JSON"
		return
	}
	shape.summarise(s)
	b := shape.common()
	s.add("note:", b.Note.String())
	s.add("note:", b.Text.String())
	if s.Organisation == "" {
		s.Organisation = b.Identifier.assigner()
	}
	if len(b.ModifierExtension) > 0 || b.ImplicitRules != "" {
		s.mark("MEANING IS MODIFIED") // FHIR R4, extensibility: it may negate everything else
	}
	if err != nil {
		s.mark(partlyRead)
	}
}

// add adds a detail that is there.
func (s *Summary) add(name, text string) {
	if text != "" {
		s.Details = append(s.Details, join(" ", name, text))
	}
}

// mark adds a marker.
func (s *Summary) mark(words string) { s.Marker = join(", ", s.Marker, words) }

// status adds a status and marks what was entered in error.
func (s *Summary) status(status string) {
	switch status {
	case "entered-in-error":
		s.mark(enteredInError)
	case "unknown":
		s.add("", "status unknown")
	default:
		s.add("", strings.ReplaceAll(status, "-", " "))
	}
}

// verification tells how sure something is, and marks what is not so.
func (s *Summary) verification(status string) {
	if status == "refuted" {
		s.mark("REFUTED")
		return
	}
	s.status(status)
}

func (s *Summary) clean() {
	s.Marker, s.Date, s.Main, s.Organisation = Clean(s.Marker), shown(s.Date), shown(s.Main), shown(s.Organisation)
	kept := s.Details[:0]
	for _, d := range s.Details {
		if d = shown(d); d != "" {
			kept = append(kept, d)
		}
	}
	s.Details = kept
}

// resource is what is read of a resource of one type.
type resource interface {
	summarise(s *Summary)
	common() *base
}

// base is what is read of resources of every type.
type base struct {
	Identifier        identifiers
	ImplicitRules     string
	ModifierExtension []json.RawMessage
	Extension         extensions
	Text              narrative
	Note              annotations
}

func (b *base) common() *base { return b }

// newResource returns an empty resource of a type.
func newResource(kind string) resource {
	switch kind {
	case "Patient":
		return &patient{}
	case "Flag":
		return &flag{}
	case "AllergyIntolerance":
		return &allergy{}
	case "Condition":
		return &condition{}
	case "Observation":
		return &observation{}
	case "DiagnosticReport":
		return &report{}
	case "Specimen":
		return &specimen{}
	case "Immunization":
		return &immunisation{}
	case "Procedure":
		return &procedure{}
	}
	return newMedicine(kind)
}

func newMedicine(kind string) resource {
	switch kind {
	case "MedicationStatement":
		return &statement{}
	case "MedicationRequest":
		return &prescription{}
	case "MedicationDispense":
		return &dispense{}
	}
	return newActivity(kind)
}

func newActivity(kind string) resource {
	switch kind {
	case "Encounter":
		return &encounter{}
	case "EpisodeOfCare":
		return &episode{}
	case "ServiceRequest":
		return &request{}
	case "Appointment":
		return &appointment{}
	case "DocumentReference":
		return &document{}
	case "CarePlan":
		return &carePlan{}
	case "Task":
		return &task{}
	case "Composition":
		return &composition{}
	}
	return newPerson(kind)
}

func newPerson(kind string) resource {
	switch kind {
	case "CareTeam":
		return &team{}
	case "PractitionerRole":
		return &role{}
	case "RelatedPerson":
		return &related{}
	case "Consent":
		return &consent{}
	case "QuestionnaireResponse":
		return &answers{}
	}
	return &other{}
}

// other is a resource of a type that has no form of its own here.
type other struct {
	base
	Status             string
	Code, Type         concepts
	Title, Description string
	DeviceName         []struct{ Name string }
}

func (o *other) summarise(s *Summary) {
	s.Main = join(", ", o.Code.String(), o.Type.String(), o.Title)
	for _, n := range o.DeviceName {
		s.Main = join(", ", s.Main, n.Name)
	}
	s.status(o.Status)
	s.add("", o.Description)
}
