package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// Row is one row of a section. It is fulfilled by pointers to the row structs
// of this package and by nothing else.
type Row interface {
	entry() *Entry
	// shape says what becomes of the row; it may depend on the row.
	shape() *shape
	// encode appends the members of the resource that follow its id, meta,
	// text and identifier.
	encode(w *writer)
}

// shape is what a kind of row becomes.
type shape struct {
	section  care.Section
	resource string // FHIR resource type
	profile  string // name of the UK Core profile, after "UKCore-"
	kind     string // short name of the kind, part of every id
	ids      idRule // how the resource carries the row's key as an identifier
	noNote   bool   // the resource has no note: the note becomes its narrative
}

// idRule says how a resource carries identifiers.
type idRule uint8

const (
	manyIDs idRule = iota // a list of one
	oneID                 // a single identifier
	ownIDs                // the row appends its identifiers itself
)

// Entry is what rows of every kind have.
type Entry struct {
	// ID is the key of the row in the source, unique among rows of its kind.
	// Required.
	ID string
	// Effective says when it was true or done, as precise as the source knows.
	Effective care.DateTime
	// Recorded says when it was written down.
	Recorded care.DateTime
	// Confidentiality of this row; anything but Normal is withheld.
	Confidentiality care.Confidentiality
	// Organisation is where it was done, where that is not the source itself.
	Organisation Organisation
	// Author wrote it down or is answerable for it.
	Author Person
	// Consultation is the key of the contact during which it was written: a
	// Consultation or, where ConsultationSection is HospitalActivity or
	// UrgentCareEvents, a HospitalEncounter or UrgentEncounter.
	Consultation        string
	ConsultationSection care.Section // 0 is Consultations
	// Problems are the keys of the Problems that it belongs to.
	Problems []string
	// Note is free text about it.
	Note string
}

func (e *Entry) entry() *Entry { return e }

// visit returns the shape of what Consultation names, or nil where its section
// has no contacts.
func (e *Entry) visit() *shape {
	switch e.ConsultationSection {
	case 0, care.Consultations:
		return consultationShape
	case care.HospitalActivity:
		return hospitalShape
	case care.UrgentCareEvents:
		return urgentShape
	}
	return nil
}

// Concept is a coded idea. Codings hold the same idea in one or more code
// systems; Text is what the user saw, and is kept although there is a code.
// Either may be empty.
type Concept struct {
	Codings []care.Coding
	Text    string
}

// IsZero reports whether c says nothing.
func (c *Concept) IsZero() bool { return len(c.Codings) == 0 && c.Text == "" }

// has reports whether c carries the code.
func (c *Concept) has(system, code string) bool {
	for i := range c.Codings {
		if c.Codings[i].Code == code && c.Codings[i].System == system {
			return true
		}
	}
	return false
}

// Quantity is a measured number. Value is a decimal as text with the digits of
// the source; Unit is the unit as the source writes it and UnitCode its UCUM
// code, if known.
type Quantity struct {
	Value      string
	Comparator string // <, <=, >= or >; empty means exactly
	Unit       string
	UnitCode   string
}

// Range is a reference range; Low and High are decimals as text in the unit of
// the value, Text is the range as it was reported.
type Range struct {
	Low, High string
	Text      string
}

// Period runs from Start to End; either may be undated.
type Period struct {
	Start, End care.DateTime
}

// Organisation is named by its ODS code, its name, or both.
type Organisation struct {
	Code care.ODSCode
	Name string
}

// IsZero reports whether o is nobody.
func (o *Organisation) IsZero() bool { return o.Code == "" && o.Name == "" }

// Person is a professional: an identifier with its register, a name, a role in
// words. Any part may be empty.
type Person struct {
	ID     string
	System string // URI of the register: see PersonSystem
	Name   string
	Role   string
}

// IsZero reports whether p is nobody.
func (p *Person) IsZero() bool { return p.ID == "" && p.Name == "" && p.Role == "" }

// Truth is a truth value that may be unknown.
type Truth uint8

// The truth values.
const (
	Unknown Truth = iota
	No
	Yes
)

func truth(b bool) Truth {
	if b {
		return Yes
	}
	return No
}
