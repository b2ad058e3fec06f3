package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// Problem is a problem or diagnosis (UKCore-Condition). Effective is its onset.
type Problem struct {
	Entry
	Code               Concept
	ClinicalStatus     string // active, recurrence, relapse, inactive, remission or resolved
	VerificationStatus string // unconfirmed, provisional, differential, confirmed, refuted or entered-in-error
	Category           string // problem-list-item or encounter-diagnosis
	Significance       string // major or minor
	Episode            string // first, new, review or end
	Severity           Concept
	BodySite           Concept
	End                care.DateTime
}

var problemShape = &shape{section: care.Problems, resource: "Condition", profile: "Condition", kind: "problem"}

func (*Problem) shape() *shape { return problemShape }

func (p *Problem) encode(w *writer) {
	status, end, told := p.course()
	p.encodeExtensions(w)
	w.code("clinicalStatus", terminology+"condition-clinical", status)
	w.code("verificationStatus", terminology+"condition-ver-status", p.VerificationStatus)
	w.codeList("category", terminology+"condition-category", p.Category)
	w.concept("severity", &p.Severity)
	w.needConcept("code", &p.Code)
	w.concepts("bodySite", &p.BodySite)
	w.subject("subject")
	w.encounter(&p.Entry)
	w.date("onsetDateTime", p.Effective)
	w.date("abatementDateTime", end)
	w.date("recordedDate", p.Recorded)
	w.author("recorder", &p.Entry)
	notes := w.array("note")
	w.annotation(p.Note)
	w.dated("The source gives ", told, " as the end date.")
	w.closeArray(notes)
}

// course returns the clinical status, the end, and an end to tell in words.
// FHIR forbids an end of what is active (con-4); where the source has both, the
// status is kept and the end told. An end alone means that it is not active
// any more.
func (p *Problem) course() (status string, end, told care.DateTime) {
	switch {
	case p.VerificationStatus == enteredInError:
		status = ""
	case p.ClinicalStatus == "" && !p.End.IsZero():
		status = "inactive"
	default:
		status = p.ClinicalStatus
	}
	if p.End.IsZero() || status == "inactive" || status == "resolved" || status == "remission" {
		return status, p.End, told
	}
	return status, end, p.End
}

func (p *Problem) encodeExtensions(w *writer) {
	list := w.array("extension")
	if p.Significance != "" {
		at := w.extension("ProblemSignificance")
		w.text("valueCode", p.Significance)
		w.closeObject(at)
	}
	if p.Episode != "" {
		at := w.extension("ConditionEpisode")
		w.code("valueCodeableConcept", ukSystem+"UKCore-ConditionEpisodicity", p.Episode)
		w.closeObject(at)
	}
	w.closeArray(list)
}

var problemsLayout = &Layout{Section: care.Problems, Kinds: []Kind{
	define("problem", problemShape, "A problem or diagnosis.",
		mainConcept("Problem or diagnosis", func(p *Problem) *Concept { return &p.Code }),
		choice("clinical_status", "Whether it holds now; leave it empty if the source does not say.",
			[]string{"active", "recurrence", "relapse", "inactive", "remission", "resolved"}, func(p *Problem) *string { return &p.ClinicalStatus }),
		choice("verification_status", "How sure it is; leave it empty if the source does not say.",
			[]string{"unconfirmed", "provisional", "differential", "confirmed", "refuted", enteredInError}, func(p *Problem) *string { return &p.VerificationStatus }),
		choice("category", "Whether it is on the problem list or a diagnosis of one contact.",
			[]string{"problem-list-item", "encounter-diagnosis"}, func(p *Problem) *string { return &p.Category }),
		choice("significance", "Significance.", []string{"major", "minor"}, func(p *Problem) *string { return &p.Significance }),
		choice("episode", "Which episode of the problem it is.", []string{"first", "new", "review", "end"}, func(p *Problem) *string { return &p.Episode }),
		concept("severity", "Severity", func(p *Problem) *Concept { return &p.Severity }),
		concept("body_site", "Body site", func(p *Problem) *Concept { return &p.BodySite }),
		date("end_date", "When it ended.", func(p *Problem) *care.DateTime { return &p.End }),
	),
}}
