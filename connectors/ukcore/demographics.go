package ukcore

import "github.com/mycarerecord/edge-agent/agent/care"

// Patient is the demographics of the patient (UKCore-Patient). There is one
// such row; its ID is the patient's key in the source.
type Patient struct {
	Entry
	NHSNumber       care.NHSNumber
	NHSNumberStatus string // 01 to 08 (NHS Data Dictionary, NHS number status indicator)
	Names           []HumanName
	BirthDate       care.DateTime
	Gender          string // FHIR administrative gender: male, female, other or unknown
	Deceased        Truth
	DeathDate       care.DateTime
	Addresses       []Address
	Telecoms        []Telecom
	Ethnicity       Concept
	Language        Concept // language to speak with the patient
	Interpreter     Truth   // whether an interpreter is required
	Practice        Organisation
}

// HumanName is one name of a person.
type HumanName struct {
	Use    string // FHIR name use: official, usual, old, maiden or nickname
	Prefix string
	Given  []string // first given name first
	Family string
	Suffix string
}

// Address is a postal address.
type Address struct {
	Use      string // FHIR address use: home, temp, old or work
	Lines    []string
	Postcode string
}

// Telecom is a telephone number or e-mail address.
type Telecom struct {
	System string // phone or email
	Use    string // home, work or mobile; empty if not known
	Value  string
}

var patientShape = &shape{section: care.Demographics, resource: "Patient", profile: "Patient", kind: "patient", ids: ownIDs, noNote: true}

func (*Patient) shape() *shape { return patientShape }

func (p *Patient) encode(w *writer) {
	list := w.array("extension")
	w.conceptExtension("EthnicCategory", &p.Ethnicity)
	w.interpreter(p.Interpreter)
	w.closeArray(list)
	list = w.array("identifier")
	w.nhsNumber(p)
	w.bareIdentifier("", p.ID)
	w.closeArray(list)
	w.names(p.Names)
	w.telecoms(p.Telecoms)
	w.text("gender", p.Gender)
	w.day("birthDate", p.BirthDate)
	if p.DeathDate.IsZero() {
		w.truth("deceasedBoolean", p.Deceased)
	} else {
		w.date("deceasedDateTime", p.DeathDate)
	}
	w.addresses(p.Addresses)
	w.communication(&p.Language)
	list = w.array("generalPractitioner")
	w.organisation("", &p.Practice)
	w.closeArray(list)
	w.organisation("managingOrganization", &Organisation{Code: w.enc.origin.Organisation, Name: w.enc.origin.OrganisationName})
}

// nhsNumber appends the NHS number with its verification status.
func (w *writer) nhsNumber(p *Patient) {
	if p.NHSNumber.IsZero() {
		return
	}
	at := w.object("")
	if p.NHSNumberStatus != "" {
		list := w.array("extension")
		one := w.extension("NHSNumberVerificationStatus")
		w.code("valueCodeableConcept", ukSystem+"UKCore-NHSNumberVerificationStatusEngland", p.NHSNumberStatus)
		w.closeObject(one)
		w.closeArray(list)
	}
	w.text("system", care.NHSNumberSystem)
	w.text("value", p.NHSNumber.Reveal())
	w.closeObject(at)
}

func (w *writer) interpreter(t Truth) {
	if t == Unknown {
		return
	}
	at := w.object("")
	w.text("url", "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired")
	w.truth("valueBoolean", t)
	w.closeObject(at)
}

func (w *writer) communication(language *Concept) {
	list := w.array("communication")
	one := w.object("")
	w.concept("language", language)
	w.closeObject(one)
	w.closeArray(list)
}

func (w *writer) names(names []HumanName) {
	list := w.array("name")
	for i := range names {
		n := &names[i]
		if n.Family == "" && len(n.Given) == 0 {
			continue
		}
		at := w.object("")
		w.text("use", n.Use)
		w.text("family", n.Family)
		w.texts("given", n.Given...)
		w.texts("prefix", n.Prefix)
		w.texts("suffix", n.Suffix)
		w.closeObject(at)
	}
	w.closeArray(list)
}

func (w *writer) telecoms(telecoms []Telecom) {
	list := w.array("telecom")
	for i := range telecoms {
		t := &telecoms[i]
		if t.Value == "" {
			continue
		}
		at := w.object("")
		w.text("system", t.System)
		w.text("value", t.Value)
		w.text("use", t.Use)
		w.closeObject(at)
	}
	w.closeArray(list)
}

func (w *writer) addresses(addresses []Address) {
	list := w.array("address")
	for i := range addresses {
		a := &addresses[i]
		if len(a.Lines) == 0 && a.Postcode == "" {
			continue
		}
		at := w.object("")
		w.text("use", a.Use)
		w.texts("line", a.Lines...)
		w.text("postalCode", a.Postcode)
		w.closeObject(at)
	}
	w.closeArray(list)
}

var (
	genders   = []string{"male", "female", "other", "unknown"}
	nhsStatus = []string{"01", "02", "03", "04", "05", "06", "07", "08"}
)

var demographicsLayout = &Layout{Section: care.Demographics, Kinds: []Kind{
	define("patient", patientShape, "The patient: one row, whose id is the patient's key.",
		nhsNumberField(),
		choice("nhs_number_status", "NHS number status indicator; 01 is present and verified.", nhsStatus,
			func(p *Patient) *string { return &p.NHSNumberStatus }),
		nameField("official", "", true), nameField("usual", "usual_", false), nameField("old", "previous_", false),
		day("birth_date", "Date of birth.", func(p *Patient) *care.DateTime { return &p.BirthDate }),
		choice("gender", "Administrative gender.", genders, func(p *Patient) *string { return &p.Gender }),
		known("deceased", "Whether the patient has died.", func(p *Patient) *Truth { return &p.Deceased }),
		date("death_date", "When the patient died.", func(p *Patient) *care.DateTime { return &p.DeathDate }),
		addressField(func(p *Patient) *[]Address { return &p.Addresses }),
		telecomField(func(p *Patient) *[]Telecom { return &p.Telecoms }),
		concept("ethnicity", "Ethnic category", func(p *Patient) *Concept { return &p.Ethnicity }),
		concept("language", "Language to speak with the patient", func(p *Patient) *Concept { return &p.Language }),
		known("interpreter_required", "Whether an interpreter is required.", func(p *Patient) *Truth { return &p.Interpreter }),
		organisation("gp_practice", "GP practice where the patient is registered", func(p *Patient) *Organisation { return &p.Practice }),
	),
}}

func nhsNumberField() field[Patient] {
	c := Column{Name: "nhs_number", Type: CodeColumn, Doc: "NHS number: ten digits."}
	return one(c, func(p *Patient, r *reader) {
		s := r.code(0)
		if s == "" {
			return
		}
		n, err := care.ParseNHSNumber(s)
		if err != nil {
			r.fail(0, "a valid NHS number")
		}
		p.NHSNumber = n
	})
}

// nameField is one name in five columns.
func nameField(use, prefix string, family bool) field[Patient] {
	return field[Patient]{
		columns: []Column{
			{Name: prefix + "family_name", Type: TextColumn, Required: family, Doc: "Family name (" + use + " name)."},
			{Name: prefix + "given_name", Type: TextColumn, Doc: "First given name (" + use + " name)."},
			{Name: prefix + "middle_names", Type: TextColumn, Doc: "Further given names (" + use + " name)."},
			{Name: prefix + "name_prefix", Type: TextColumn, Doc: "Title (" + use + " name)."},
			{Name: prefix + "name_suffix", Type: TextColumn, Doc: "Suffix (" + use + " name)."},
		},
		set: func(p *Patient, r *reader) {
			n := HumanName{Use: use, Family: r.text(0), Given: present(r.text(1), r.text(2)), Prefix: r.text(3), Suffix: r.text(4)}
			if n.Family != "" || n.Given != nil {
				p.Names = append(p.Names, n)
			}
		},
	}
}

// present returns the texts that are there.
func present(texts ...string) []string {
	var list []string
	for _, s := range texts {
		if s != "" {
			list = append(list, s)
		}
	}
	return list
}

// addressField is a home address in six columns.
func addressField[R any](at func(*R) *[]Address) field[R] {
	f := field[R]{set: func(row *R, r *reader) {
		a := Address{Use: "home", Lines: present(r.text(0), r.text(1), r.text(2), r.text(3), r.text(4)), Postcode: r.code(5)}
		if a.Lines != nil || a.Postcode != "" {
			*at(row) = append(*at(row), a)
		}
	}}
	for _, n := range []string{"1", "2", "3", "4", "5"} {
		f.columns = append(f.columns, Column{Name: "address_line" + n, Type: TextColumn, Doc: "Home address, line " + n + "."})
	}
	f.columns = append(f.columns, Column{Name: "postcode", Type: CodeColumn, Doc: "Home address: postcode."})
	return f
}

// telecomField is the telephone numbers and e-mail address of a person.
func telecomField[R any](at func(*R) *[]Telecom) field[R] {
	kinds := []Telecom{{"phone", "home", ""}, {"phone", "mobile", ""}, {"phone", "work", ""}, {"email", "", ""}}
	return field[R]{
		columns: []Column{
			{Name: "phone_home", Type: CodeColumn, Doc: "Telephone at home."},
			{Name: "phone_mobile", Type: CodeColumn, Doc: "Mobile telephone."},
			{Name: "phone_work", Type: CodeColumn, Doc: "Telephone at work."},
			{Name: "email", Type: CodeColumn, Doc: "E-mail address."},
		},
		set: func(row *R, r *reader) {
			for i, t := range kinds {
				if t.Value = r.code(i); t.Value != "" {
					*at(row) = append(*at(row), t)
				}
			}
		},
	}
}
