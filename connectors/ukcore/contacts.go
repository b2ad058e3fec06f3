package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// CareTeam is a team that looks after the patient (UKCore-CareTeam). Effective
// is its start, Author its lead, Organisation the managing one.
type CareTeam struct {
	Entry
	Name     string
	Status   string // proposed, active, suspended, inactive or entered-in-error
	Category Concept
	End      care.DateTime
	Telecoms []Telecom
}

// Professional is a professional who looks after the patient
// (UKCore-PractitionerRole). Effective is since when, Author who it is.
type Professional struct {
	Entry
	Role      Concept
	Specialty Concept
	Active    Truth
	End       care.DateTime
	Telecoms  []Telecom
}

// RelatedPerson is a relative, carer or other personal contact
// (UKCore-RelatedPerson). Effective is since when.
type RelatedPerson struct {
	Entry
	Name         HumanName
	Relationship Concept
	Active       Truth
	Gender       string
	BirthDate    care.DateTime
	End          care.DateTime
	Addresses    []Address
	Telecoms     []Telecom
}

var (
	teamShape         = &shape{section: care.Contacts, resource: "CareTeam", profile: "CareTeam", kind: "team"}
	professionalShape = &shape{section: care.Contacts, resource: "PractitionerRole", profile: "PractitionerRole", kind: "professional", noNote: true}
	relatedShape      = &shape{section: care.Contacts, resource: "RelatedPerson", profile: "RelatedPerson", kind: "related", noNote: true}
)

func (*CareTeam) shape() *shape      { return teamShape }
func (*Professional) shape() *shape  { return professionalShape }
func (*RelatedPerson) shape() *shape { return relatedShape }

func (t *CareTeam) encode(w *writer) {
	w.text("status", t.Status)
	w.concepts("category", &t.Category)
	w.text("name", t.Name)
	w.subject("subject")
	w.encounter(&t.Entry)
	w.period("period", t.Effective, t.End)
	list := w.array("participant")
	one := w.object("")
	w.person("member", &t.Author, nil)
	w.closeObject(one)
	w.closeArray(list)
	list = w.array("managingOrganization")
	here := w.here(&t.Entry)
	w.organisation("", &here)
	w.closeArray(list)
	w.telecoms(t.Telecoms)
	w.annotations("note", t.Note)
}

func (p *Professional) encode(w *writer) {
	w.truth("active", p.Active)
	w.period("period", p.Effective, p.End)
	w.person("practitioner", &p.Author, nil)
	here := w.here(&p.Entry)
	w.organisation("organization", &here)
	w.concepts("code", &p.Role)
	w.concepts("specialty", &p.Specialty)
	w.telecoms(p.Telecoms)
}

func (p *RelatedPerson) encode(w *writer) {
	w.truth("active", p.Active)
	w.subject("patient")
	w.concepts("relationship", &p.Relationship)
	names := [1]HumanName{p.Name}
	w.names(names[:])
	w.telecoms(p.Telecoms)
	w.text("gender", p.Gender)
	w.day("birthDate", p.BirthDate)
	w.addresses(p.Addresses)
	w.period("period", p.Effective, p.End)
}

var contactsLayout = &Layout{Section: care.Contacts, Kinds: []Kind{
	define("team", teamShape, "A team; author is its lead.",
		text("name", "Name of the team.", func(t *CareTeam) *string { return &t.Name }),
		choice("status", "Status.", []string{"proposed", "active", "suspended", "inactive", enteredInError}, func(t *CareTeam) *string { return &t.Status }),
		concept("category", "Kind of team", func(t *CareTeam) *Concept { return &t.Category }),
		date("end_date", "When it ended.", func(t *CareTeam) *care.DateTime { return &t.End }),
		telecomField(func(t *CareTeam) *[]Telecom { return &t.Telecoms }),
	),
	define("professional", professionalShape, "A professional; author is who it is.",
		concept("role", "Role", func(p *Professional) *Concept { return &p.Role }),
		concept("specialty", "Specialty", func(p *Professional) *Concept { return &p.Specialty }),
		known("active", "Whether it holds now.", func(p *Professional) *Truth { return &p.Active }),
		date("end_date", "When it ended.", func(p *Professional) *care.DateTime { return &p.End }),
		telecomField(func(p *Professional) *[]Telecom { return &p.Telecoms }),
	),
	define("related", relatedShape, "A relative, carer or other personal contact.",
		relatedName(),
		concept("relationship", "Relationship to the patient", func(p *RelatedPerson) *Concept { return &p.Relationship }),
		known("active", "Whether it holds now.", func(p *RelatedPerson) *Truth { return &p.Active }),
		choice("gender", "Administrative gender.", genders, func(p *RelatedPerson) *string { return &p.Gender }),
		day("birth_date", "Date of birth.", func(p *RelatedPerson) *care.DateTime { return &p.BirthDate }),
		date("end_date", "When it ended.", func(p *RelatedPerson) *care.DateTime { return &p.End }),
		addressField(func(p *RelatedPerson) *[]Address { return &p.Addresses }),
		telecomField(func(p *RelatedPerson) *[]Telecom { return &p.Telecoms }),
	),
}}

func relatedName() field[RelatedPerson] {
	return field[RelatedPerson]{
		columns: []Column{
			{Name: "family_name", Type: TextColumn, Doc: "Family name."},
			{Name: "given_name", Type: TextColumn, Doc: "First given name."},
			{Name: "name_prefix", Type: TextColumn, Doc: "Title."},
		},
		set: func(p *RelatedPerson, r *reader) {
			p.Name = HumanName{Family: r.text(0), Given: present(r.text(1)), Prefix: r.text(2)}
		},
	}
}
