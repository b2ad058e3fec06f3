package view

import (
	"encoding/json"
	"html"
	"strings"
)

// The types here hold the few elements of FHIR R4 that a reader is shown.
// Numbers keep the digits that they came with.

type coding struct {
	Code    string
	Display string
}

// String returns the term, else the code; HL7's code for what is not known is
// put into words.
func (c coding) String() string {
	switch {
	case c.Display != "":
		return c.Display
	case c.Code == "UNK":
		return "unknown"
	}
	return c.Code
}

type concept struct {
	Coding []coding
	Text   string
}

// String returns what the user saw, else the term of the first code, else the
// code.
func (c concept) String() string {
	if c.Text != "" {
		return c.Text
	}
	for _, k := range c.Coding {
		if k.Display != "" {
			return k.Display
		}
	}
	if len(c.Coding) > 0 {
		return c.Coding[0].String()
	}
	return ""
}

// code returns the first code: for elements whose codes are a closed list.
func (c concept) code() string {
	if len(c.Coding) > 0 && c.Coding[0].Code != "" {
		return c.Coding[0].Code
	}
	return c.Text
}

// concepts are one concept or a list of them: some elements are one in one type
// and a list in another.
type concepts []concept

// UnmarshalJSON reads both forms.
func (list *concepts) UnmarshalJSON(data []byte) error {
	return oneOrMany(data, (*[]concept)(list))
}

// String returns all that are there, separated by commas.
func (list concepts) String() string { return join(", ", texts(list)...) }

type reference struct {
	Display    string
	Identifier struct{ Value string }
}

// String returns how the target is called; what has only a link is not named.
func (r reference) String() string {
	if r.Display != "" {
		return r.Display
	}
	return r.Identifier.Value
}

type references []reference

// String returns all that are named, separated by semicolons.
func (list references) String() string { return join("; ", texts(list)...) }

type quantity struct {
	Value      json.Number
	Comparator string
	Unit, Code string
}

// String returns number and unit as they came.
func (q quantity) String() string {
	if q.Value == "" {
		return ""
	}
	unit := q.Unit
	if unit == "" {
		unit = q.Code
	}
	return join(" ", q.Comparator+q.Value.String(), unit)
}

type period struct{ Start, End string }

// String returns when it ended; the start is the date of the entry.
func (p period) String() string {
	if p.End == "" {
		return ""
	}
	return "until " + date(p.End)
}

type annotation struct{ Text string }

type annotations []annotation

// String returns the texts of all, separated by " / ".
func (list annotations) String() string {
	var all []string
	for _, a := range list {
		all = append(all, a.Text)
	}
	return join(" / ", all...)
}

type identifier struct {
	Value    string
	Assigner reference
}

// identifiers are one identifier or a list of them: Composition and
// QuestionnaireResponse have one, all other resources a list.
type identifiers []identifier

// UnmarshalJSON reads both forms.
func (list *identifiers) UnmarshalJSON(data []byte) error {
	return oneOrMany(data, (*[]identifier)(list))
}

func oneOrMany[T any](data []byte, list *[]T) error {
	if len(data) > 0 && data[0] == '{' {
		*list = make([]T, 1)
		return json.Unmarshal(data, &(*list)[0])
	}
	return json.Unmarshal(data, list)
}

// assigner returns the organisation that holds the entry.
func (list identifiers) assigner() string {
	for _, i := range list {
		if name := i.Assigner.String(); name != "" {
			return name
		}
	}
	return ""
}

type humanName struct {
	Text, Family string
	Given        []string
	Prefix       []string
}

// String returns the name as one line, family name last.
func (n humanName) String() string {
	if n.Text != "" {
		return n.Text
	}
	return join(" ", join(" ", n.Prefix...), join(" ", n.Given...), strings.ToUpper(n.Family))
}

type contactPoint struct{ System, Value string }

// String returns number or address.
func (c contactPoint) String() string { return c.Value }

type contactPoints []contactPoint

// String returns all, separated by commas.
func (list contactPoints) String() string { return join(", ", texts(list)...) }

type address struct {
	Text       string
	Line       []string
	City       string
	PostalCode string
}

// String returns the address as one line.
func (a address) String() string {
	if a.Text != "" {
		return a.Text
	}
	return join(", ", join(", ", a.Line...), a.City, a.PostalCode)
}

type narrative struct{ Status, Div string }

// String returns the words of a narrative that says more than the structured
// part of its resource; other narratives repeat that part.
func (n narrative) String() string {
	if n.Status != "additional" {
		return ""
	}
	var b strings.Builder
	tag := false
	for _, r := range n.Div {
		switch {
		case r == '<':
			tag = true
			b.WriteByte(' ')
		case r == '>' && tag:
			tag = false
		case !tag:
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(html.UnescapeString(b.String()))
}

// extension is read for the few extensions of UK Core that matter to a reader.
type extension struct {
	URL                  string
	ValueDateTime        string
	ValueString          string
	ValueCodeableConcept concept
	Extension            []extension
}

type extensions []extension

// of returns the extension with the last part of its URL, or an empty one.
func (list extensions) of(name string) extension {
	for _, e := range list {
		if e.URL == name || strings.HasSuffix(e.URL, "/"+name) {
			return e
		}
	}
	return extension{}
}

// texts returns the strings of a list.
func texts[T interface{ String() string }](list []T) []string {
	all := make([]string, len(list))
	for i := range list {
		all[i] = list[i].String()
	}
	return all
}

// titled returns a kind and a title, once if they are the same.
func titled(kind, title string) string {
	if kind == title {
		return kind
	}
	return join(": ", kind, title)
}

// join puts the parts that are there together.
func join(separator string, parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, separator)
}
