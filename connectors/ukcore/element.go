package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// coding appends a Coding that the encoder itself makes.
func (w *writer) coding(system, code, display string) {
	at := w.object("")
	w.text("system", system)
	w.text("code", code)
	w.text("display", display)
	w.closeObject(at)
}

// concept appends a CodeableConcept and remembers its codes.
func (w *writer) concept(name string, c *Concept) {
	if c.IsZero() {
		return
	}
	at := w.object(name)
	list := w.array("coding")
	for i := range c.Codings {
		w.coding(c.Codings[i].System, c.Codings[i].Code, c.Codings[i].Display)
	}
	w.closeArray(list)
	w.text("text", c.Text)
	w.closeObject(at)
	w.codes = append(w.codes, c.Codings...)
}

// concepts appends an array of one CodeableConcept.
func (w *writer) concepts(name string, c *Concept) {
	at := w.array(name)
	w.concept("", c)
	w.closeArray(at)
}

// code appends a CodeableConcept with one code of a closed list, unless the
// code is empty.
func (w *writer) code(name, system, code string) {
	if code == "" {
		return
	}
	at := w.object(name)
	list := w.array("coding")
	w.coding(system, code, "")
	w.closeArray(list)
	w.closeObject(at)
}

// codeList appends an array of one such CodeableConcept.
func (w *writer) codeList(name, system, code string) {
	at := w.array(name)
	w.code("", system, code)
	w.closeArray(at)
}

// needConcept appends a CodeableConcept that FHIR requires.
func (w *writer) needConcept(name string, c *Concept) {
	if c.IsZero() {
		w.fail(name, "a code or a text")
	}
	w.concept(name, c)
}

// link remembers that the record names another.
func (w *writer) link(kind, key string) {
	if key == "" {
		return
	}
	w.ids = appendID(w.ids, w.enc.source, kind, key)
	w.ends = append(w.ends, len(w.ids))
}

// ref appends a reference to another record of the same source and remembers
// the link.
func (w *writer) ref(name string, target *shape, key string) {
	if key == "" {
		return
	}
	w.link(target.kind, key)
	w.refTo(name, target, key)
}

// refTo appends a reference whose link is known already.
func (w *writer) refTo(name string, target *shape, key string) {
	if key == "" {
		return
	}
	at := w.object(name)
	w.buf = append(w.buf, `"reference":"`...)
	w.buf = append(w.buf, target.resource...)
	w.buf = append(w.buf, '/')
	w.buf = appendID(w.buf, w.enc.source, target.kind, key)
	w.buf = append(w.buf, '"', ',')
	w.closeObject(at)
}

// refs appends an array of references to records of one kind.
func (w *writer) refs(name string, target *shape, keys ...string) {
	at := w.array(name)
	for _, k := range keys {
		w.ref("", target, k)
	}
	w.closeArray(at)
}

// subject appends the reference to the patient.
func (w *writer) subject(name string) { w.raw(name, w.enc.fixed.subject) }

// encounter appends the reference to the contact during which a row was
// written.
func (w *writer) encounter(e *Entry) { w.visit("encounter", e) }

// visit does so where the reference has another name. Its link is known
// already.
func (w *writer) visit(name string, e *Entry) {
	if s := e.visit(); s != nil {
		w.refTo(name, s, e.Consultation)
	}
}

// identifier appends the row's key as an identifier that the source
// organisation has assigned.
func (w *writer) identifier(e *Entry) {
	at := w.array("identifier")
	w.bareIdentifier("", e.ID)
	w.closeArray(at)
}

func (w *writer) bareIdentifier(name, key string) {
	f := &w.enc.fixed
	if f.key == "" {
		return
	}
	w.name(name)
	w.buf = append(w.buf, f.key...)
	w.escaped("identifier", key)
	w.buf = append(w.buf, f.assigner...)
}

// organisation appends a logical reference to an organisation.
func (w *writer) organisation(name string, o *Organisation) {
	if o.IsZero() {
		return
	}
	at := w.object(name)
	w.text("type", "Organization")
	if o.Code != "" {
		id := w.object("identifier")
		w.text("system", care.ODSSystem)
		w.text("value", string(o.Code))
		w.closeObject(id)
	}
	w.text("display", o.Name)
	w.closeObject(at)
}

// here returns where a row was done: its own organisation, or the source's.
func (w *writer) here(e *Entry) Organisation {
	if e.Organisation.IsZero() {
		return Organisation{Code: w.enc.origin.Organisation, Name: w.enc.origin.OrganisationName}
	}
	return e.Organisation
}

// person appends a logical reference to a professional. Role and organisation
// are told in words where the element has no place of their own for them.
func (w *writer) person(name string, p *Person, o *Organisation) {
	if p.IsZero() {
		return
	}
	at := w.object(name)
	w.text("type", "Practitioner")
	if p.ID != "" {
		id := w.object("identifier")
		w.text("system", p.System)
		w.text("value", p.ID)
		w.closeObject(id)
	}
	w.joined("display", p.Name, p.Role, orgName(o))
	w.closeObject(at)
}

func orgName(o *Organisation) string {
	switch {
	case o == nil:
		return ""
	case o.Name != "":
		return o.Name
	}
	return string(o.Code)
}

// joined appends the texts that are there, separated by commas, as one text.
func (w *writer) joined(name string, parts ...string) {
	at := len(w.buf)
	w.name(name)
	w.buf = append(w.buf, '"')
	start := len(w.buf)
	for _, p := range parts {
		if p == "" {
			continue
		}
		if len(w.buf) > start {
			w.buf = append(w.buf, ',', ' ')
		}
		w.escaped(name, p)
	}
	if len(w.buf) == start {
		w.buf = w.buf[:at]
		return
	}
	w.buf = append(w.buf, '"', ',')
}

// author appends the row's author as a single reference.
func (w *writer) author(name string, e *Entry) { w.person(name, &e.Author, &e.Organisation) }

// performers appends author and organisation of a row as an array of
// references.
func (w *writer) performers(name string, e *Entry) {
	at := w.array(name)
	w.person("", &e.Author, nil)
	w.organisation("", &e.Organisation)
	w.closeArray(at)
}

// actors appends author and organisation as performers of their own type.
func (w *writer) actors(name string, e *Entry) {
	at := w.array(name)
	one := w.object("")
	w.person("actor", &e.Author, nil)
	w.closeObject(one)
	one = w.object("")
	w.organisation("actor", &e.Organisation)
	w.closeObject(one)
	w.closeArray(at)
}

// period appends a Period.
func (w *writer) period(name string, start, end care.DateTime) {
	at := w.object(name)
	w.date("start", start)
	w.date("end", end)
	w.closeObject(at)
}

// annotations appends notes, each an Annotation.
func (w *writer) annotations(name string, notes ...string) {
	at := w.array(name)
	for _, n := range notes {
		w.annotation(n)
	}
	w.closeArray(at)
}

func (w *writer) annotation(text string) {
	at := w.object("")
	w.text("text", text)
	w.closeObject(at)
}

// dated appends an Annotation that tells a date in words, for which FHIR has
// no place, unless it is undated.
func (w *writer) dated(before string, d care.DateTime, after string) {
	if d.IsZero() {
		return
	}
	w.buf = append(w.buf, `{"text":"`...)
	w.buf = append(w.buf, before...)
	w.buf = d.Append(w.buf)
	w.buf = append(w.buf, after...)
	w.buf = append(w.buf, `"},`...)
}

// quantity appends a Quantity.
func (w *writer) quantity(name string, q *Quantity) {
	if q.Value == "" {
		return
	}
	at := w.object(name)
	w.decimal("value", q.Value)
	w.text("comparator", q.Comparator)
	w.unit(q)
	w.closeObject(at)
}

// unit appends the unit as the source writes it and its UCUM code.
func (w *writer) unit(q *Quantity) {
	w.text("unit", q.Unit)
	if q.UnitCode != "" {
		w.text("system", ucum)
		w.text("code", q.UnitCode)
	}
}

// extension opens an extension of UK Core; closeObject closes it.
func (w *writer) extension(name string) int {
	at := w.object("")
	w.name("url")
	w.buf = append(w.buf, `"`+ukProfile+`Extension-UKCore-`...)
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '"', ',')
	return at
}

// conceptExtension appends an extension of UK Core that holds a concept.
func (w *writer) conceptExtension(name string, c *Concept) {
	if c.IsZero() {
		return
	}
	at := w.extension(name)
	w.concept("valueCodeableConcept", c)
	w.closeObject(at)
}

// absent appends, for an element that FHIR requires, that the source does not
// say (FHIR R4, data-absent-reason). name is that of the element, for a
// primitive with a leading underscore.
func (w *writer) absent(name string) {
	w.raw(name, `{"extension":[{"url":"`+dataAbsent+`","valueCode":"unknown"}]}`)
}

// status appends a status; where the source has none it is unknown, never
// guessed.
func (w *writer) status(s string) {
	if s == "" {
		s = "unknown"
	}
	w.text("status", s)
}

// must appends a code that FHIR requires and for which it knows no "unknown".
func (w *writer) must(name, s string) {
	if s == "" {
		w.fail(name, "a code; it is required")
	}
	w.text(name, s)
}

// problems appends references to the problems of a row.
func (w *writer) problems(name string, e *Entry) {
	at := w.array(name)
	for _, p := range e.Problems {
		w.refTo("", problemShape, p)
	}
	w.closeArray(at)
}
