package ukcore

import (
	"slices"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Notes is what was written in one consultation, by heading and in order
// (UKCore-Composition). A flat source gives one row for each heading.
type Notes struct {
	Entry
	Status   string // preliminary, final, amended or entered-in-error; required
	Sections []Heading
}

// Heading is one part of a consultation's notes.
type Heading struct {
	Position string  // whole number; parts are shown in this order
	Code     Concept // history, examination, plan, ...; its text is the title
	Text     string
	Entries  []EntryRef // the coded entries under it, in order
}

// EntryRef names a row of another section.
type EntryRef struct {
	Kind string // kind of row, such as problem, observation or request
	ID   string // key of the row
}

var notesShape = &shape{section: care.Consultations, resource: "Composition", profile: "Composition", kind: "notes", ids: oneID, noNote: true}

func (*Notes) shape() *shape { return notesShape }

func (n *Notes) encode(w *writer) {
	w.must("status", n.Status)
	at := w.object("type")
	list := w.array("coding")
	w.coding(snomed, "325851000000107", "Consultation")
	w.closeArray(list)
	w.closeObject(at)
	w.subject("subject")
	w.encounter(&n.Entry)
	w.compositionHead(&n.Entry, "Consultation")
	list = w.array("section")
	for i := range n.Sections {
		w.heading(&n.Sections[i])
	}
	w.closeArray(list)
}

// compositionHead appends date, author and title, which FHIR requires.
func (w *writer) compositionHead(e *Entry, title string) {
	date := e.Effective
	if date.IsZero() {
		date = e.Recorded
	}
	if date.IsZero() {
		w.absent("_date")
	}
	w.date("date", date)
	list := w.array("author")
	w.person("", &e.Author, nil)
	here := w.here(e)
	w.organisation("", &here)
	w.closeArray(list)
	w.text("title", title)
}

func (w *writer) heading(h *Heading) {
	if h.Text == "" && len(h.Entries) == 0 {
		return
	}
	at := w.object("")
	w.text("title", h.Code.Text)
	w.concept("code", &h.Code)
	w.narrative(h.Text)
	list := w.array("entry")
	for _, e := range h.Entries {
		if s := shapeOf(e.Kind); s != nil {
			w.ref("", s, e.ID)
		} else {
			w.fail("entry", "the kind of a row")
		}
	}
	w.closeArray(list)
	w.closeObject(at)
}

// headingRow is one heading of a flat source; the rows of one consultation
// become its Notes.
type headingRow struct {
	Entry
	Heading
	Status string
}

func (*headingRow) shape() *shape    { return notesShape }
func (*headingRow) encode(w *writer) { w.fail("row", "a heading of notes") }

// join adds the heading to the notes of its consultation.
func (h *headingRow) join(whole *Notes) *Notes {
	if whole == nil {
		whole = &Notes{Entry: h.Entry, Status: h.Status}
		whole.ID = h.Consultation
	}
	if h.Confidentiality > whole.Confidentiality {
		whole.Confidentiality = h.Confidentiality
	}
	part := h.Heading
	if h.Note != "" {
		part.Text += "\n" + h.Note
	}
	whole.Sections = append(whole.Sections, part)
	return whole
}

// gather puts the headings into their order.
func (n *Notes) gather([]ref) {
	slices.SortStableFunc(n.Sections, func(a, b Heading) int {
		if len(a.Position) != len(b.Position) {
			return len(a.Position) - len(b.Position)
		}
		return strings.Compare(a.Position, b.Position)
	})
}

var consultationsLayout = &Layout{Section: care.Consultations, Kinds: []Kind{
	define("consultation", consultationShape, "A contact in general practice, community or mental-health care.",
		lift(contactFields, func(c *Consultation) *Encounter { return &c.Encounter })...),
	define("heading", notesShape, "A heading of a consultation's notes; the headings of one consultation become one record.",
		count("position", "Place of the heading within the consultation, from 1.", func(h *headingRow) *string { return &h.Position }),
		required(choice("notes_status", "Status of the consultation's notes; FHIR has no word for unknown here.",
			[]string{"preliminary", "final", "amended", enteredInError}, func(h *headingRow) *string { return &h.Status })),
		concept("heading", "Heading, such as History", func(h *headingRow) *Concept { return &h.Code }),
		text("body", "What was written under it.", func(h *headingRow) *string { return &h.Text }),
		entriesField(),
	),
}}

func entriesField() field[headingRow] {
	c := Column{Name: "entries", Type: CodeColumn,
		Doc: "The coded entries under the heading, in order, each as kind:id, such as problem:12. Several are separated by semicolons."}
	return one(c, func(h *headingRow, r *reader) {
		for _, k := range r.keys(0) {
			e, ok := parseEntryRef(k)
			if !ok {
				r.fail(0, "entries as kind:id")
			}
			h.Entries = append(h.Entries, e)
		}
	})
}
