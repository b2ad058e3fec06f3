package view

import "encoding/json"

type patient struct {
	base
	Name                 []humanName
	Telecom              contactPoints
	Gender, BirthDate    string
	DeceasedBoolean      bool
	DeceasedDateTime     string
	Address              []address
	GeneralPractitioner  references
	ManagingOrganization reference
	Communication        []struct{ Language concept }
}

func (p *patient) summarise(s *Summary) {
	if len(p.Name) > 0 {
		s.Main = p.Name[0].String()
	}
	if p.DeceasedBoolean || p.DeceasedDateTime != "" {
		s.mark(join(" ", "DECEASED", date(p.DeceasedDateTime)))
	}
	s.add("born", p.BirthDate)
	s.add("", p.Gender)
	for _, a := range p.Address {
		s.add("", a.String())
	}
	s.add("", p.Telecom.String())
	for _, c := range p.Communication {
		s.add("language", c.Language.String())
	}
	s.add("registered with", p.GeneralPractitioner.String())
	s.Organisation = p.ManagingOrganization.String()
}

type team struct {
	base
	Status, Name         string
	Category             concepts
	Period               period
	Telecom              contactPoints
	ManagingOrganization references
	Participant          []struct {
		Role   concepts
		Member reference
	}
}

func (t *team) summarise(s *Summary) {
	s.Main = join(", ", t.Name, t.Category.String())
	s.status(t.Status)
	s.add("", t.Period.String())
	for _, p := range t.Participant {
		s.add("", join(": ", p.Role.String(), p.Member.String()))
	}
	s.add("", t.Telecom.String())
	s.Organisation = t.ManagingOrganization.String()
}

type role struct {
	base
	Practitioner, Organization reference
	Code, Specialty            concepts
	Telecom                    contactPoints
	Period                     period
}

func (r *role) summarise(s *Summary) {
	s.Main = join(", ", r.Practitioner.String(), r.Code.String(), r.Specialty.String())
	s.add("", r.Period.String())
	s.add("", r.Telecom.String())
	s.Organisation = r.Organization.String()
}

type related struct {
	base
	Relationship concepts
	Name         []humanName
	Telecom      contactPoints
	Address      []address
	Period       period
}

func (r *related) summarise(s *Summary) {
	s.Main = join(", ", join(" ", texts(r.Name)...), r.Relationship.String())
	s.add("", r.Telecom.String())
	for _, a := range r.Address {
		s.add("", a.String())
	}
	s.add("", r.Period.String())
}

type consent struct {
	base
	Status       string
	Scope        concept
	Category     concepts
	Organization references
	Provision    struct {
		Type   string
		Period period
		Code   concepts
	}
}

func (c *consent) summarise(s *Summary) {
	s.Main = join(", ", c.Category.String(), c.Provision.Code.String())
	if c.Provision.Type == "deny" {
		s.mark("DENIED")
	}
	s.status(c.Status)
	s.add("", c.Provision.Type)
	s.add("", c.Provision.Period.String())
	s.Organisation = c.Organization.String()
}

type answers struct {
	base
	Status string
	Author reference
	Item   []answerItem
}

type answerItem struct {
	Text   string
	Answer []struct {
		ValueString  string
		ValueBoolean *bool
		ValueCoding  coding
		ValueDate    string
		ValueInteger json.Number
	}
	Item []answerItem
}

// maxItems is how many questions are shown, over all levels.
const maxItems = 20

func (a *answers) summarise(s *Summary) {
	s.Main = "About the person"
	if a.Status != "completed" {
		s.final(a.Status)
	}
	n := 0
	a.items(s, a.Item, &n)
	if n > maxItems {
		s.add("", "(more questions than are shown here: read the entry with --format json)")
	}
	s.add("by", a.Author.String())
}

func (a *answers) items(s *Summary, list []answerItem, n *int) {
	for i := range list {
		if *n++; *n > maxItems {
			return
		}
		s.add("", list[i].String())
		a.items(s, list[i].Item, n)
	}
}

// String returns a question with its answers.
func (i *answerItem) String() string {
	var said []string
	for _, v := range i.Answer {
		text := join(", ", v.ValueString, v.ValueCoding.Display, v.ValueDate, v.ValueInteger.String())
		if v.ValueBoolean != nil {
			text = map[bool]string{true: "yes", false: "no"}[*v.ValueBoolean]
		}
		if text == "" {
			text = seeEntry
		}
		said = append(said, text)
	}
	return join(": ", i.Text, join(", ", said...))
}
