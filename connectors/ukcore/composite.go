package ukcore

import (
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// date is a date of any precision.
//
//go:noinline
func date[R any](name, doc string, at func(*R) *care.DateTime) field[R] {
	c := Column{Name: name, Type: DateTimeColumn, Doc: doc}
	return one(c, func(row *R, r *reader) { *at(row) = r.date(0) })
}

// day is a date without a time of day, such as a date of birth.
//
//go:noinline
func day[R any](name, doc string, at func(*R) *care.DateTime) field[R] {
	c := Column{Name: name, Type: DateColumn, Doc: doc}
	return one(c, func(row *R, r *reader) { *at(row) = r.date(0) })
}

// concept is a coded idea in four columns: prefix_code, prefix_code_system,
// prefix_code_display and prefix_text. what names it in the documentation.
//
//go:noinline
func concept[R any](prefix, what string, at func(*R) *Concept) field[R] {
	return field[R]{
		columns: []Column{
			{Name: prefix + "_code", Type: CodeColumn, Doc: what + ": the code."},
			{Name: prefix + "_code_system", Type: CodeColumn, Doc: what + ": the code system, by short name or URI; required where there is a code."},
			{Name: prefix + "_code_display", Type: TextColumn, Doc: what + ": the term of the code."},
			{Name: prefix + "_text", Type: TextColumn, Doc: what + ": the text the user saw."},
		},
		set: func(row *R, r *reader) {
			first := len(r.codings)
			r.coding(0, 1, 2)
			*at(row) = Concept{Codings: r.codings[first:len(r.codings):len(r.codings)], Text: r.text(3)}
		},
	}
}

// mainConcept is the code of the row itself, with room for the code it was
// translated from. At least one of its columns must hold something when it is
// needed.
//
//go:noinline
func mainConcept[R any](what string, at func(*R) *Concept) field[R] {
	return field[R]{
		needed: true,
		columns: []Column{
			{Name: "code", Type: CodeColumn, Doc: what + ": the code. Code, original_code or code_text must be there."},
			{Name: "code_system", Type: CodeColumn, Doc: "Code system of code, by short name or URI; required where there is a code."},
			{Name: "code_display", Type: TextColumn, Doc: "Term of code."},
			{Name: "code_text", Type: TextColumn, Doc: "Original text: what the user saw. It is kept although there is a code."},
			{Name: "original_code", Type: CodeColumn, Doc: "The code that was entered, where code is a translation of it."},
			{Name: "original_code_system", Type: CodeColumn, Doc: "Code system of original_code."},
			{Name: "original_code_display", Type: TextColumn, Doc: "Term of original_code."},
		},
		set: func(row *R, r *reader) {
			first := len(r.codings)
			r.coding(0, 1, 2)
			r.coding(4, 5, 6)
			c := Concept{Codings: r.codings[first:len(r.codings):len(r.codings)], Text: r.text(3)}
			if c.IsZero() {
				r.fail(0, "a code, an original code or a text")
			}
			*at(row) = c
		},
	}
}

// coding appends the coding of three columns, if there is one.
func (r *reader) coding(code, system, display int) {
	c := care.Coding{Code: r.code(code), Display: r.text(display)}
	if c.Code == "" {
		return
	}
	name := r.code(system)
	uri, ok := CodeSystem(name)
	if !ok {
		r.fail(system, "a code system: a URI or one of "+names(codeSystems[:]))
		return
	}
	c.System = uri
	r.codings = append(r.codings, c)
}

// quantity is a number with its unit in four columns.
//
//go:noinline
func quantity[R any](prefix, what string, at func(*R) *Quantity) field[R] {
	return field[R]{
		columns: []Column{
			{Name: prefix, Type: NumberColumn, Doc: what + ", as a number with the digits of the source."},
			{Name: prefix + "_comparator", Type: CodeColumn, Allowed: comparators, Doc: "How the true value compares with " + prefix + "; empty means equal."},
			{Name: prefix + "_unit", Type: TextColumn, Doc: "Unit of " + prefix + " as the source writes it."},
			{Name: prefix + "_unit_code", Type: CodeColumn, Doc: "UCUM code of the unit, if known."},
		},
		set: func(row *R, r *reader) {
			*at(row) = Quantity{Value: r.decimal(0), Comparator: r.choice(1), Unit: r.text(2), UnitCode: r.code(3)}
		},
	}
}

var comparators = []string{"<", "<=", ">=", ">"}

// span is a reference range in three columns.
//
//go:noinline
func span[R any](prefix, what string, at func(*R) *Range) field[R] {
	return field[R]{
		columns: []Column{
			{Name: prefix + "_low", Type: NumberColumn, Doc: what + ": lower end, in the unit of the value."},
			{Name: prefix + "_high", Type: NumberColumn, Doc: what + ": upper end, in the unit of the value."},
			{Name: prefix + "_text", Type: TextColumn, Doc: what + " as it was reported."},
		},
		set: func(row *R, r *reader) { *at(row) = Range{Low: r.decimal(0), High: r.decimal(1), Text: r.text(2)} },
	}
}

// organisation is an organisation in two columns.
//
//go:noinline
func organisation[R any](prefix, what string, at func(*R) *Organisation) field[R] {
	return field[R]{
		columns: []Column{
			{Name: prefix + "_code", Type: CodeColumn, Doc: what + ": ODS code."},
			{Name: prefix + "_name", Type: TextColumn, Doc: what + ": name."},
		},
		set: func(row *R, r *reader) {
			*at(row) = Organisation{Code: r.ods(0), Name: r.text(1)}
		},
	}
}

func (r *reader) ods(i int) care.ODSCode {
	code := care.ODSCode(strings.ToUpper(r.code(i)))
	if code != "" && !code.Valid() {
		r.fail(i, "an ODS code: 3 to 10 letters and digits")
	}
	return code
}

// person is a professional in four columns.
//
//go:noinline
func person[R any](prefix, what string, at func(*R) *Person) field[R] {
	return field[R]{
		columns: []Column{
			{Name: prefix + "_name", Type: TextColumn, Doc: what + ": name."},
			{Name: prefix + "_role", Type: TextColumn, Doc: what + ": role in words."},
			{Name: prefix + "_id", Type: CodeColumn, Doc: what + ": professional or user number."},
			{Name: prefix + "_id_system", Type: CodeColumn, Doc: "Register of " + prefix + "_id, by short name or URI."},
		},
		set: func(row *R, r *reader) {
			p := Person{Name: r.text(0), Role: r.text(1), ID: r.code(2)}
			if name := r.code(3); name != "" && p.ID != "" {
				uri, ok := PersonSystem(name)
				if !ok {
					r.fail(3, "a register: a URI or one of "+names(personSystems[:]))
				}
				p.System = uri
			}
			*at(row) = p
		},
	}
}
