package ukcore

import (
	"strconv"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Section is one section of an answer, as AppendList tells it.
type Section struct {
	Outcome   *care.Outcome
	Ended     bool      // tell of the section's ended list: resolved allergies
	Patient   string    // resource id of the Patient
	Retrieved time.Time // when the source was read
	Entries   []Reference
}

// Reference names a resource of the same answer.
type Reference struct {
	Type string // FHIR resource type
	ID   string // resource id
}

// AppendList appends a UKCore-List that says how a section ended, as JSON: its
// entries or why it has none, its warning codes, and both in words. It fails
// with Internal when the section has no outcome.
func AppendList(dst []byte, s *Section) ([]byte, error) {
	if s.Outcome == nil || !s.Outcome.Section.Valid() {
		return dst, &care.Error{Kind: care.Internal, Op: "ukcore.AppendList", Detail: "the section has no outcome"}
	}
	w := &writer{buf: dst}
	start := len(dst)
	at := w.object("")
	w.text("resourceType", "List")
	w.text("id", listID(s))
	w.profile("List")
	w.warnings(s.Outcome.Warnings)
	w.text("status", "current")
	w.text("mode", "snapshot")
	w.text("title", listTitle(s))
	w.listCode(s)
	w.localRef("subject", Reference{"Patient", s.Patient})
	w.date("date", care.Instant(s.Retrieved.UTC().Truncate(time.Second)))
	w.listNotes(s)
	if len(s.Entries) == 0 {
		w.emptyReason(s.Outcome.State)
	}
	w.listEntries(s.Entries)
	w.closeObject(at)
	return w.done(start)
}

func listID(s *Section) string {
	id := "list-" + strconv.Itoa(int(s.Outcome.Section))
	if s.Ended {
		id += "-ended"
	}
	return id
}

func listTitle(s *Section) string {
	if s.Ended {
		return "Ended allergies"
	}
	return s.Outcome.Section.Title()
}

// listCodes are the SNOMED CT codes of GP Connect's lists (GP Connect 1.6,
// lists for message structure). Other sections have a title only.
var listCodes = [...]string{
	care.Allergies:      "886921000000105",
	care.Medications:    "933361000000108",
	care.Problems:       "717711000000103",
	care.Consultations:  "1149501000000101",
	care.Investigations: "887191000000108",
	care.Observations:   "826501000000100",
	care.Immunisations:  "1102181000000102",
	care.Referrals:      "792931000000107",
	care.Recalls:        "714311000000108",
	care.AboutMe:        "",
}

const endedAllergies = "1103671000000101"

func (w *writer) listCode(s *Section) {
	code := listCodes[s.Outcome.Section]
	if s.Ended {
		code = endedAllergies
	}
	at := w.object("code")
	if code != "" {
		list := w.array("coding")
		w.coding(snomed, code, "")
		w.closeArray(list)
	}
	w.text("text", listTitle(s))
	w.closeObject(at)
}

// profile appends meta with a UK Core profile only.
func (w *writer) profile(name string) {
	at := w.object("meta")
	w.texts("profile", ukProfile+"UKCore-"+name)
	w.closeObject(at)
}

// warnings appends the warning codes of a list.
func (w *writer) warnings(codes []care.Warning) {
	list := w.array("extension")
	for _, c := range codes {
		one := w.extension("ListWarningCode")
		w.code("valueCodeableConcept", ukSystem+"UKCore-ListWarningCode", string(c))
		w.closeObject(one)
	}
	w.closeArray(list)
}

// localRef appends a reference to a resource of the same answer.
func (w *writer) localRef(name string, r Reference) {
	if r.ID == "" {
		return
	}
	at := w.object(name)
	w.text("reference", r.Type+"/"+r.ID)
	w.closeObject(at)
}

// listNotes appends in words what a reader must know before trusting the list.
func (w *writer) listNotes(s *Section) {
	list := w.array("note")
	w.annotation(stateNote(s.Outcome))
	for _, c := range s.Outcome.Warnings {
		w.annotation(warningNote(c, s.Outcome.Boundary))
	}
	if !s.Outcome.AsOf.IsZero() {
		w.annotation("The source's data is as of " + s.Outcome.AsOf.UTC().Format(time.RFC3339) + "; what was recorded later is missing.")
	}
	w.closeArray(list)
}

// stateNote says in words how a section ended.
func stateNote(o *care.Outcome) string {
	switch o.State {
	case care.Empty:
		return "Information not available." // the wording of GP Connect for a list without content
	case care.NilKnown:
		return "It is recorded that there is nothing to record here."
	case care.Truncated:
		return truncatedNote(o)
	case care.Unavailable:
		return "The source could not be read in full. Do not take this list for complete."
	case care.NotSupported:
		return "This site does not hold such information."
	case care.NotPermitted:
		return "This requester may not see this information."
	case care.Disabled:
		return "This site does not share this information."
	}
	return ""
}

func truncatedNote(o *care.Outcome) string {
	note := "The list was cut after " + strconv.Itoa(o.Limit) + " entries."
	if !o.Boundary.IsZero() {
		note += " The oldest one in it is of " + o.Boundary.String() + "."
	}
	return note
}

// warningNote says in words what a warning code means.
func warningNote(c care.Warning, boundary care.DateTime) string {
	switch c {
	case care.ConfidentialItems:
		return "Items excluded due to confidentiality and/or patient preferences."
	case care.DataInTransit:
		if boundary.IsZero() {
			return "Patient record transfer from previous GP practice not yet complete; earlier information may be missing."
		}
		return "Patient record transfer from previous GP practice not yet complete; information recorded before " +
			boundary.String() + " may be missing."
	case care.DataAwaitingFiling:
		return "Patient data may be incomplete as there is data supplied by a third party awaiting review before becoming available."
	}
	return ""
}

// emptyReason appends why a list has no entries (UK Core, list empty reason).
func (w *writer) emptyReason(state care.State) {
	system, code := terminology+"list-empty-reason", "unavailable"
	switch state {
	case care.Empty, care.Complete, care.InTransit:
		system, code = ukSystem+"UKCore-ListEmptyReasonCode", "no-content-recorded"
	case care.NilKnown:
		code = "nilknown"
	case care.Withheld, care.NotPermitted, care.Disabled:
		code = "withheld"
	}
	w.code("emptyReason", system, code)
}

func (w *writer) listEntries(entries []Reference) {
	list := w.array("entry")
	for _, e := range entries {
		one := w.object("")
		w.localRef("item", e)
		w.closeObject(one)
	}
	w.closeArray(list)
}

// done returns the resource, or the error of what could not be written.
func (w *writer) done(start int) ([]byte, error) {
	if w.fault != "" {
		return w.buf[:start], &care.Error{Kind: care.Internal, Op: "ukcore", Detail: w.fault + " must hold " + w.why}
	}
	return w.buf[:len(w.buf)-1], nil
}
