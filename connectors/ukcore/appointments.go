package ukcore

import (
	"strconv"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Appointment is a past or future appointment (UKCore-Appointment). Effective
// is its start, Recorded when it was booked, Author who is to be seen.
type Appointment struct {
	Entry
	Status       string // proposed, pending, booked, arrived, fulfilled, cancelled, noshow, entered-in-error, checked-in or waitlist; required
	Type         Concept
	Service      Concept
	Reason       Concept
	CancelReason Concept
	Channel      string // In-person, Telephone or Video
	Description  string
	End          care.DateTime
	Minutes      string // planned length; whole number
	Location     string
	Instruction  string // to the patient
	Referral     string // key of the Referral it follows
}

var appointmentShape = &shape{section: care.Appointments, resource: "Appointment", profile: "Appointment", kind: "appointment"}

func (*Appointment) shape() *shape { return appointmentShape }

func (a *Appointment) encode(w *writer) {
	a.encodeExtensions(w)
	w.must("status", a.Status)
	if a.Status == "cancelled" || a.Status == "noshow" {
		w.concept("cancelationReason", &a.CancelReason)
	}
	w.concepts("serviceType", &a.Service)
	w.concept("appointmentType", &a.Type)
	w.concepts("reasonCode", &a.Reason)
	w.problems("reasonReference", &a.Entry)
	w.text("description", a.Description)
	a.encodeTimes(w)
	w.positive("minutesDuration", a.Minutes)
	w.date("created", a.Recorded)
	w.text("comment", a.Note)
	w.text("patientInstruction", a.Instruction)
	w.refs("basedOn", referralShape, a.Referral)
	a.encodeParticipants(w)
}

func (a *Appointment) encodeExtensions(w *writer) {
	list := w.array("extension")
	if !a.Organisation.IsZero() {
		at := w.extension("BookingOrganization")
		w.organisation("valueReference", &a.Organisation)
		w.closeObject(at)
	}
	if a.Channel != "" {
		at := w.extension("DeliveryChannel")
		w.code("valueCodeableConcept", ukSystem+"UKCore-DeliveryChannel", a.Channel)
		w.closeObject(at)
	}
	w.closeArray(list)
}

// encodeTimes appends start and end. FHIR wants both as instants (app-2,
// app-3): an end that is not known follows from the length, or is marked
// absent, and a start without a time of day becomes the requested period.
func (a *Appointment) encodeTimes(w *writer) {
	if a.Effective.Precision != care.ToInstant {
		if a.Status != "proposed" && a.Status != "cancelled" && a.Status != "waitlist" {
			w.absent("_start")
			w.absent("_end")
		}
		list := w.array("requestedPeriod")
		w.period("", a.Effective, a.End)
		w.closeArray(list)
		return
	}
	w.instant("start", a.Effective)
	if !w.instant("end", a.end()) {
		w.absent("_end")
	}
}

func (a *Appointment) end() care.DateTime {
	if a.End.Precision == care.ToInstant {
		return a.End
	}
	if n, err := strconv.Atoi(a.Minutes); err == nil && n > 0 {
		return care.Instant(a.Effective.Time.Add(time.Duration(n) * time.Minute))
	}
	return care.DateTime{}
}

// encodeParticipants appends the patient, whom they see and where. Of the
// others no more is known than that they were booked.
func (a *Appointment) encodeParticipants(w *writer) {
	status := a.participation()
	list := w.array("participant")
	one := w.object("")
	w.subject("actor")
	w.text("status", status)
	w.closeObject(one)
	if !a.Author.IsZero() {
		one = w.object("")
		w.person("actor", &a.Author, nil)
		w.text("status", status)
		w.closeObject(one)
	}
	if a.Location != "" {
		one = w.object("")
		at := w.object("actor")
		w.text("type", "Location")
		w.text("display", a.Location)
		w.closeObject(at)
		w.text("status", status)
		w.closeObject(one)
	}
	w.closeArray(list)
}

// participation returns the status of the participants, which FHIR requires:
// those of a booking have accepted it, those of anything else have not.
func (a *Appointment) participation() string {
	switch a.Status {
	case "booked", "arrived", "fulfilled", "checked-in", "noshow":
		return "accepted"
	}
	return "needs-action"
}

// positive appends a whole number above zero.
func (w *writer) positive(name, n string) {
	if n != "0" {
		w.count(name, n)
	}
}

var appointmentStatuses = []string{"proposed", "pending", "booked", "arrived", "fulfilled", "cancelled", "noshow", enteredInError, "checked-in", "waitlist"}

var appointmentsLayout = &Layout{Section: care.Appointments, Kinds: []Kind{
	define("appointment", appointmentShape, "An appointment, past or future; effective is its start, recorded_at when it was booked, author who is to be seen.",
		required(choice("status", "Status.", appointmentStatuses, func(a *Appointment) *string { return &a.Status })),
		concept("type", "Type of appointment", func(a *Appointment) *Concept { return &a.Type }),
		concept("service", "Service or clinic", func(a *Appointment) *Concept { return &a.Service }),
		concept("reason", "Reason", func(a *Appointment) *Concept { return &a.Reason }),
		concept("cancel_reason", "Why it was cancelled or missed", func(a *Appointment) *Concept { return &a.CancelReason }),
		choice("channel", "How the patient is seen.", []string{"In-person", "Telephone", "Video"}, func(a *Appointment) *string { return &a.Channel }),
		text("description", "Description.", func(a *Appointment) *string { return &a.Description }),
		date("end_date", "When it ends.", func(a *Appointment) *care.DateTime { return &a.End }),
		count("minutes", "Planned length in minutes.", func(a *Appointment) *string { return &a.Minutes }),
		text("location", "Place in words.", func(a *Appointment) *string { return &a.Location }),
		text("instruction", "Instruction to the patient.", func(a *Appointment) *string { return &a.Instruction }),
		key("referral_id", "Id of the referral it follows.", func(a *Appointment) *string { return &a.Referral }),
	),
}}
