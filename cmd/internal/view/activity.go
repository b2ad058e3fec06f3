package view

import "strings"

type encounter struct {
	base
	Status           string
	Class            coding
	Type, ReasonCode concepts
	ServiceType      concept
	Period           period
	ServiceProvider  reference
	Participant      []struct{ Individual reference }
	Location         []struct{ Location reference }
	Diagnosis        []struct{ Condition reference }
	Hospitalization  struct{ DischargeDisposition concept }
}

func (e *encounter) summarise(s *Summary) {
	class := e.Class.String()
	s.Main = join(", ", e.Type.String(), e.ServiceType.String())
	if s.Main == "" {
		s.Main, class = class, ""
	}
	s.add("", class)
	if e.Status == "cancelled" {
		s.mark("CANCELLED")
	} else {
		s.status(e.Status)
	}
	s.add("", e.Period.String())
	s.add("for", e.ReasonCode.String())
	for _, d := range e.Diagnosis {
		s.add("diagnosis", d.Condition.String())
	}
	s.add("discharged:", e.Hospitalization.DischargeDisposition.String())
	for _, l := range e.Location {
		s.add("at", l.Location.String())
	}
	for _, p := range e.Participant {
		s.add("with", p.Individual.String())
	}
	s.Organisation = e.ServiceProvider.String()
}

type episode struct {
	base
	Status               string
	Type                 concepts
	Period               period
	ManagingOrganization reference
	CareManager          reference
}

func (e *episode) summarise(s *Summary) {
	s.Main = e.Type.String()
	s.status(e.Status)
	s.add("", e.Period.String())
	s.add("manager", e.CareManager.String())
	s.Organisation = e.ManagingOrganization.String()
}

// request is a referral, or a recall: one with intent plan or proposal is
// always something that has not happened yet.
type request struct {
	base
	Status, Intent, Priority string
	DoNotPerform             bool
	Code                     concept
	Category, ReasonCode     concepts
	OccurrenceDateTime       string
	OccurrencePeriod         period
	Requester                reference
	Performer                references
	PerformerType            concept
}

func (r *request) summarise(s *Summary) {
	s.Main = r.Code.String()
	if r.Intent == "plan" || r.Intent == "proposal" {
		s.mark(planned)
	}
	if r.DoNotPerform {
		s.mark("DO NOT DO")
	}
	s.status(r.Status)
	if r.Priority != "" && r.Priority != "routine" {
		s.add("", strings.ToUpper(r.Priority))
	}
	s.add("due", date(r.OccurrenceDateTime))
	s.add("", r.OccurrencePeriod.String())
	s.add("", r.Category.String())
	s.add("for", r.ReasonCode.String())
	s.add("to", join(", ", r.Performer.String(), r.PerformerType.String()))
	s.add("by", r.Requester.String())
}

type appointment struct {
	base
	Status             string
	CancelationReason  concept
	ServiceType        concepts
	Specialty          concepts
	AppointmentType    concept
	ReasonCode         concepts
	Description        string
	Comment            string
	PatientInstruction string
	Participant        []struct{ Actor reference }
}

func (a *appointment) summarise(s *Summary) {
	s.Main = join(", ", a.ServiceType.String(), a.Specialty.String(), a.AppointmentType.String(), a.Description)
	switch a.Status {
	case "cancelled":
		s.mark("CANCELLED")
		s.add("reason:", a.CancelationReason.String())
	case "noshow":
		s.mark("DID NOT ATTEND")
	case "proposed", "pending", "waitlist":
		s.mark("NOT BOOKED YET")
		s.add("", a.Status)
	default:
		s.status(a.Status)
	}
	s.add("for", a.ReasonCode.String())
	for _, p := range a.Participant {
		s.add("with", p.Actor.String())
	}
	s.add("", a.PatientInstruction)
	s.add("", a.Comment)
}

type document struct {
	base
	ID, Status, DocStatus, Description string
	Type                               concept
	Category                           concepts
	Author                             references
	Custodian                          reference
	Content                            []struct {
		Attachment struct{ ContentType, Title string }
	}
}

func (d *document) summarise(s *Summary) {
	s.Main = titled(d.Type.String(), d.Description)
	if d.Status == "superseded" {
		s.mark("SUPERSEDED")
	} else if d.Status != "current" {
		s.status(d.Status)
	}
	if d.DocStatus == "preliminary" {
		s.mark("NOT FINAL")
	}
	for _, c := range d.Content {
		s.add("", join(", ", c.Attachment.Title, c.Attachment.ContentType))
	}
	s.add("by", d.Author.String())
	s.add("id", d.ID)
	s.Organisation = d.Custodian.String()
}

type carePlan struct {
	base
	Status, Title, Description string
	Category                   concepts
	Period                     period
	Author                     reference
	Activity                   []struct {
		Detail struct {
			Status, Description string
			Code                concept
		}
	}
}

func (c *carePlan) summarise(s *Summary) {
	s.Main = titled(c.Category.String(), c.Title)
	s.status(c.Status)
	s.add("", c.Period.String())
	s.add("", c.Description)
	for _, a := range c.Activity {
		s.add("activity:", join(", ", a.Detail.Code.String(), a.Detail.Description, a.Detail.Status))
	}
	s.add("by", c.Author.String())
}

type task struct {
	base
	Status, Description  string
	Code, BusinessStatus concept
	ExecutionPeriod      period
	Owner                reference
	ReasonCode           concept
	Output               []struct{ ValueString string }
}

func (t *task) summarise(s *Summary) {
	s.Main = titled(t.Code.String(), t.Description)
	switch t.Status {
	case "cancelled", "rejected", "failed":
		s.mark("NOT DONE")
	}
	s.status(t.Status)
	s.add("", t.BusinessStatus.String())
	s.add("", t.ExecutionPeriod.String())
	s.add("for", t.ReasonCode.String())
	for _, o := range t.Output {
		s.add("outcome", o.ValueString)
	}
	s.add("owner", t.Owner.String())
}

type composition struct {
	base
	Status, Title string
	Type          concept
	Author        references
	Custodian     reference
	Section       []struct {
		Title string
		Text  narrative
	}
}

func (c *composition) summarise(s *Summary) {
	s.Main = titled(c.Type.String(), c.Title)
	s.final(c.Status)
	for _, part := range c.Section {
		part.Text.Status = "additional" // a section's text is its content
		s.add("", join(": ", part.Title, part.Text.String()))
	}
	s.add("by", c.Author.String())
	s.Organisation = c.Custodian.String()
}
