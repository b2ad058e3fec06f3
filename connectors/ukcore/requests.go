package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// Referral is a request to another service (UKCore-ServiceRequest). Recorded is
// when it was made, Effective when the service is to be or was given.
type Referral struct {
	Entry
	Code         Concept
	Status       string // draft, active, on-hold, revoked, completed, entered-in-error or unknown; empty means unknown
	Intent       string // proposal, plan, directive, order, ...; empty means order
	Priority     string // routine, urgent, asap or stat
	Specialty    Concept
	Reason       Concept
	UBRN         string // unique booking reference number
	Recipient    Organisation
	RecipientWho Person
	Description  string
	Documents    []string // keys of Documents
}

// Recall is something that is planned for the patient: a review, a test, a
// vaccination (UKCore-ServiceRequest with intent plan). Effective is when it is
// due.
type Recall struct {
	Entry
	Code   Concept
	Status string // as for Referral
	Reason Concept
}

var (
	referralShape = &shape{section: care.Referrals, resource: "ServiceRequest", profile: "ServiceRequest", kind: "referral", ids: ownIDs}
	recallShape   = &shape{section: care.Recalls, resource: "ServiceRequest", profile: "ServiceRequest", kind: "recall"}
)

func (*Referral) shape() *shape { return referralShape }
func (*Recall) shape() *shape   { return recallShape }

func (r *Referral) encode(w *writer) {
	list := w.array("identifier")
	w.bareIdentifier("", r.ID)
	if r.UBRN != "" {
		w.ubrn(r.UBRN)
	}
	w.closeArray(list)
	w.status(r.Status)
	intent := r.Intent
	if intent == "" {
		intent = "order"
	}
	w.text("intent", intent)
	w.concepts("category", &r.Specialty)
	w.text("priority", r.Priority)
	w.concept("code", &r.Code)
	w.subject("subject")
	w.encounter(&r.Entry)
	w.date("occurrenceDateTime", r.Effective)
	w.date("authoredOn", r.Recorded)
	w.author("requester", &r.Entry)
	list = w.array("performer")
	w.person("", &r.RecipientWho, nil)
	w.organisation("", &r.Recipient)
	w.closeArray(list)
	w.concepts("reasonCode", &r.Reason)
	w.problems("reasonReference", &r.Entry)
	w.refs("supportingInfo", documentShape, r.Documents...)
	w.annotations("note", r.Note, r.Description)
}

func (w *writer) ubrn(number string) {
	at := w.object("")
	w.text("system", "https://fhir.nhs.uk/Id/UBRN")
	w.text("value", number)
	w.closeObject(at)
}

func (r *Recall) encode(w *writer) {
	w.status(r.Status)
	w.text("intent", "plan")
	w.needConcept("code", &r.Code)
	w.subject("subject")
	w.encounter(&r.Entry)
	w.date("occurrenceDateTime", r.Effective)
	w.date("authoredOn", r.Recorded)
	w.author("requester", &r.Entry)
	list := w.array("performer")
	w.organisation("", &r.Organisation)
	w.closeArray(list)
	w.concepts("reasonCode", &r.Reason)
	w.problems("reasonReference", &r.Entry)
	w.annotations("note", r.Note)
}

var (
	serviceStatuses = []string{"draft", "active", "on-hold", "revoked", "completed", enteredInError, "unknown"}
	serviceIntents  = []string{"proposal", "plan", "directive", "order", "original-order", "reflex-order", "filler-order", "instance-order", "option"}
	priorities      = []string{"routine", "urgent", "asap", "stat"}
)

var referralsLayout = &Layout{Section: care.Referrals, Kinds: []Kind{
	define("referral", referralShape, "A referral to another service; recorded_at is when it was made.",
		mainConcept("What is asked for", func(r *Referral) *Concept { return &r.Code }),
		choice("status", "Status; empty means unknown.", serviceStatuses, func(r *Referral) *string { return &r.Status }),
		choice("intent", "Intent; empty means order.", serviceIntents, func(r *Referral) *string { return &r.Intent }),
		choice("priority", "Priority.", priorities, func(r *Referral) *string { return &r.Priority }),
		concept("specialty", "Specialty", func(r *Referral) *Concept { return &r.Specialty }),
		concept("reason", "Reason", func(r *Referral) *Concept { return &r.Reason }),
		key("ubrn", "Unique booking reference number.", func(r *Referral) *string { return &r.UBRN }),
		organisation("recipient", "Organisation referred to", func(r *Referral) *Organisation { return &r.Recipient }),
		person("recipient_person", "Person referred to", func(r *Referral) *Person { return &r.RecipientWho }),
		text("description", "Text of the referral.", func(r *Referral) *string { return &r.Description }),
		keys("document_ids", "Ids of the documents sent with it.", func(r *Referral) *[]string { return &r.Documents }),
	),
}}

var recallsLayout = &Layout{Section: care.Recalls, Kinds: []Kind{
	define("recall", recallShape, "Something planned; effective is when it is due.",
		mainConcept("What is planned", func(r *Recall) *Concept { return &r.Code }),
		choice("status", "Status; empty means unknown.", serviceStatuses, func(r *Recall) *string { return &r.Status }),
		concept("reason", "Reason", func(r *Recall) *Concept { return &r.Reason }),
	),
}}
