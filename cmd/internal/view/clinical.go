package view

import (
	"encoding/json"
	"strings"
)

type flag struct {
	base
	Status   string
	Code     concept
	Category concepts
	Period   period
	Author   reference
}

func (f *flag) summarise(s *Summary) {
	s.Main = f.Code.String()
	s.status(f.Status)
	s.add("", f.Category.String())
	s.add("", f.Period.String())
	s.add("by", f.Author.String())
}

type allergy struct {
	base
	ClinicalStatus, VerificationStatus concept
	Type, Criticality                  string
	Category                           []string
	Code                               concept
	LastOccurrence                     string
	Recorder                           reference
	Reaction                           []struct {
		Manifestation         concepts
		Description, Severity string
	}
}

func (a *allergy) summarise(s *Summary) {
	s.Main = a.Code.String()
	s.add("", a.ClinicalStatus.code())
	s.verification(a.VerificationStatus.code())
	s.add("criticality", strings.ReplaceAll(a.Criticality, "-", " "))
	for _, r := range a.Reaction {
		s.add("reaction:", join(", ", r.Manifestation.String(), r.Description, r.Severity))
	}
	s.add("", join(" ", join("/", a.Category...), a.Type))
	s.add("last occurred", date(a.LastOccurrence))
	s.add("by", a.Recorder.String())
}

type condition struct {
	base
	ClinicalStatus, VerificationStatus, Severity, Code concept
	Category, BodySite                                 concepts
	AbatementDateTime, AbatementString                 string
	Recorder                                           reference
}

func (c *condition) summarise(s *Summary) {
	s.Main = c.Code.String()
	s.add("", c.ClinicalStatus.code())
	s.verification(c.VerificationStatus.code())
	s.add("severity", c.Severity.String())
	s.add("site", c.BodySite.String())
	s.add("ended", join(" ", date(c.AbatementDateTime), c.AbatementString))
	s.add("", c.Category.String())
	s.add("by", c.Recorder.String())
}

// value is the value of an observation or of one of its components.
type value struct {
	ValueQuantity        quantity
	ValueCodeableConcept concept
	ValueString          string
	ValueBoolean         *bool
	ValueInteger         json.Number
	ValueDateTime        string
	ValueRange           span
	ValueRatio           struct{ Numerator, Denominator quantity }
	ValueTime            string
	ValuePeriod          period
	ValueSampledData     json.RawMessage
	DataAbsentReason     concept
	Interpretation       concepts
	ReferenceRange       []struct {
		span
		Text string
	}
}

type span struct{ Low, High quantity }

// String returns both ends.
func (r span) String() string {
	switch low, high := r.Low.String(), r.High.String(); {
	case low == "" && high == "":
		return ""
	case low == "":
		return "up to " + high
	case high == "":
		return "from " + low
	default:
		return low + " to " + high
	}
}

// String returns the value with what helps to read it, or nothing.
func (v *value) String() string {
	text := join(", ", v.ValueQuantity.String(), v.ValueCodeableConcept.String(), v.ValueString, v.ValueInteger.String(),
		date(v.ValueDateTime), v.ValueTime, v.ValueRange.String(), date(v.ValuePeriod.Start), v.ValuePeriod.String())
	if len(v.ValueSampledData) > 0 {
		text = seeEntry
	}
	if n := v.ValueRatio.Numerator.String(); n != "" {
		text = join(", ", text, n+" : "+v.ValueRatio.Denominator.String())
	}
	if v.ValueBoolean != nil {
		text = map[bool]string{true: "yes", false: "no"}[*v.ValueBoolean]
	}
	if absent := v.DataAbsentReason.String(); absent != "" {
		text = join(", ", text, "NO VALUE ("+absent+")")
	}
	if flags := v.Interpretation.String(); flags != "" {
		text = join(" ", text, "["+flags+"]")
	}
	if text == "" {
		return ""
	}
	for _, r := range v.ReferenceRange {
		if r.Text == "" {
			r.Text = r.span.String()
		}
		text += " (range " + r.Text + ")"
	}
	return text
}

type observation struct {
	base
	value
	Status    string
	Code      concept
	BodySite  concept
	Performer references
	HasMember []json.RawMessage
	Component []struct {
		value
		Code concept
	}
}

func (o *observation) summarise(s *Summary) {
	s.Main = o.Code.String()
	text := o.value.String()
	for _, c := range o.Component {
		of := c.value.String()
		if of == "" {
			of = noValue
		}
		text = join("; ", text, c.Code.String()+" "+of)
	}
	if text == "" && len(o.HasMember) == 0 {
		text = noValue
	}
	s.add("", text)
	s.final(o.Status)
	s.add("site", o.BodySite.String())
	s.add("by", o.Performer.String())
}

// noValue stands for a value that is not there, without a reason.
const noValue = "NO VALUE"

// seeEntry stands for a value in a form that this program does not show.
const seeEntry = "(value not shown here: read the entry with --format json)"

// final tells the status of a result. General practice systems do not keep it
// and send "unknown" for nearly all of them: that is told, but no alarm, because
// an alarm on everything is none.
func (s *Summary) final(status string) {
	switch status {
	case "final", "":
	case "amended", "corrected", "appended":
		s.add("", status)
	case "unknown":
		s.status(status)
	case "entered-in-error":
		s.mark(enteredInError)
	default:
		s.mark("NOT FINAL")
		s.status(status)
	}
}

type report struct {
	base
	Status         string
	Code           concept
	Conclusion     string
	ConclusionCode concepts
	Result         []json.RawMessage
	Performer      references
}

func (r *report) summarise(s *Summary) {
	s.Main = r.Code.String()
	s.add("", join(", ", r.ConclusionCode.String(), r.Conclusion))
	s.final(r.Status)
	if n := len(r.Result); n > 0 {
		s.add("", plural(n, "result", "results"))
	}
	s.add("by", r.Performer.String())
}

type specimen struct {
	base
	Status     string
	Type       concept
	Condition  concepts
	Collection struct {
		CollectedDateTime string
		BodySite          concept
	}
	ReceivedTime string
}

func (p *specimen) summarise(s *Summary) {
	s.Main = join(": ", "specimen", p.Type.String())
	s.status(p.Status)
	s.add("site", p.Collection.BodySite.String())
	s.add("", p.Condition.String())
	s.add("received", date(p.ReceivedTime))
}

type immunisation struct {
	base
	Status          string
	StatusReason    concept
	VaccineCode     concept
	LotNumber       string
	Site, Route     concept
	DoseQuantity    quantity
	PrimarySource   *bool
	ReportOrigin    concept
	Performer       []struct{ Actor reference }
	ProtocolApplied []struct{ DoseNumberPositiveInt, SeriesDosesPositiveInt json.Number }
	IsSubpotent     bool
}

func (i *immunisation) summarise(s *Summary) {
	s.Main = i.VaccineCode.String()
	if i.Status == "not-done" {
		s.mark("NOT GIVEN")
		s.add("reason:", i.StatusReason.String())
	} else {
		s.status(i.Status)
	}
	if i.IsSubpotent {
		s.mark("SUBPOTENT DOSE")
	}
	for _, p := range i.ProtocolApplied {
		s.add("dose", join(" of ", p.DoseNumberPositiveInt.String(), p.SeriesDosesPositiveInt.String()))
	}
	s.add("", join(", ", i.DoseQuantity.String(), i.Route.String(), i.Site.String()))
	s.add("batch", i.LotNumber)
	if i.PrimarySource != nil && !*i.PrimarySource {
		s.add("", join(": ", "reported, not given here", i.ReportOrigin.String()))
	}
	for _, p := range i.Performer {
		s.add("by", p.Actor.String())
	}
}

type procedure struct {
	base
	Status          string
	StatusReason    concept
	Code, Outcome   concept
	BodySite        concepts
	PerformedPeriod period
	Performer       []struct{ Actor reference }
}

func (p *procedure) summarise(s *Summary) {
	s.Main = p.Code.String()
	if p.Status == "not-done" {
		s.mark("NOT DONE")
		s.add("reason:", p.StatusReason.String())
	} else {
		s.status(p.Status)
	}
	s.add("site", p.BodySite.String())
	s.add("outcome", p.Outcome.String())
	s.add("", p.PerformedPeriod.String())
	for _, a := range p.Performer {
		s.add("by", a.Actor.String())
	}
}
