package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// Answer is what the patient says about themselves under one heading
// (UKCore-QuestionnaireResponse). Effective is when it was said.
type Answer struct {
	Entry
	Status   string // in-progress, completed, amended, entered-in-error or stopped; required
	Question string
	Text     string
}

var answerShape = &shape{section: care.AboutMe, resource: "QuestionnaireResponse", profile: "QuestionnaireResponse", kind: "answer", ids: oneID, noNote: true}

func (*Answer) shape() *shape { return answerShape }

func (a *Answer) encode(w *writer) {
	w.must("status", a.Status)
	w.subject("subject")
	w.encounter(&a.Entry)
	w.date("authored", a.Effective)
	w.author("author", &a.Entry)
	list := w.array("item")
	one := w.object("")
	w.text("linkId", "1")
	w.text("text", a.Question)
	answers := w.array("answer")
	value := w.object("")
	w.text("valueString", a.Text)
	w.closeObject(value)
	w.closeArray(answers)
	w.closeObject(one)
	w.closeArray(list)
}

var aboutMeLayout = &Layout{Section: care.AboutMe, Kinds: []Kind{
	define("answer", answerShape, "What the patient says about themselves under one heading; effective is when.",
		required(choice("status", "Status.", []string{"in-progress", "completed", "amended", enteredInError, "stopped"}, func(a *Answer) *string { return &a.Status })),
		text("question", "Heading, such as What matters most to me.", func(a *Answer) *string { return &a.Question }),
		text("answer", "What the patient says.", func(a *Answer) *string { return &a.Text }),
	),
	define("adjustment", adjustmentShape, "A reasonable adjustment that the patient needs.",
		lift(flagFields, func(a *Adjustment) *Flag { return &a.Flag })...),
}}
