package records_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/records"
)

func TestAgrees(t *testing.T) {
	full := care.Day(1950, time.May, 1)
	for _, c := range []struct {
		name          string
		family, given string
		born          care.DateTime
		want          bool
	}{
		{"exact", "O'Connor-Smith", "Zoë", full, true},
		{"no given name", "O'Connor-Smith", "", full, true},
		{"no apostrophe, no hyphen, capitals", "OCONNOR SMITH", "", full, true},
		{"typographic apostrophe and dash", "O’Connor–Smith", "", full, true},
		{"former name", "Brown", "", full, true},
		{"another family name", "Jones", "Zoë", full, false},
		{"no family name at all", "", "Zoë", full, false},
		{"another birthday", "O'Connor-Smith", "Zoë", care.Day(1951, time.June, 1), false},
		{"day and month swapped", "O'Connor-Smith", "Zoë", care.Day(1950, time.January, 5), false},
		{"one part differs, given name agrees", "O'Connor-Smith", "Zoe", care.Day(1950, time.May, 2), true},
		{"one part differs, no given name", "O'Connor-Smith", "", care.Day(1950, time.May, 2), false},
		{"one part differs, another given name", "O'Connor-Smith", "Anna", care.Day(1950, time.May, 2), false},
		{"one part differs, another family name", "Smith", "Zoe", care.Day(1950, time.May, 2), false},
		{"only the month is known", "O'Connor-Smith", "Zoe", care.DateTime{Time: time.Date(1950, 5, 1, 0, 0, 0, 0, time.UTC), Precision: care.ToMonth}, true},
		{"only the year is known", "O'Connor-Smith", "Zoe", care.DateTime{Time: time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC), Precision: care.ToYear}, false},
	} {
		p := person()
		p.Names = append(p.Names, care.Name{Use: "old", Family: private("Brown"), Given: []care.Private{private("Zoë")}})
		s := care.Subject{NHSNumber: p.NHSNumber, Family: private(c.family), Given: private(c.given), BirthDate: c.born}
		if got := records.Agrees(s, &p); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestAgreesSpellings(t *testing.T) {
	for held, asked := range map[string]string{"Müller": "MULLER", "Łukasz": "Lukasz", "Bjørn": "Bjorn", "Groß": "gross", "Nguyễn": "nguyen", "de la Cruz": "DeLaCruz", "Ὀδυσσεύς": "οδυσσευς"} {
		p := person()
		p.Names[0].Family = private(held)
		s := subject()
		s.Family = private(asked)
		if !records.Agrees(s, &p) {
			t.Errorf("%s and %s do not agree", held, asked)
		}
	}
}

func TestIdentify(t *testing.T) {
	other := number("9990000026")
	for _, c := range []struct {
		name   string
		change func(*fake)
		kind   care.Kind
		reason string
	}{
		{"confirmed", func(*fake) {}, care.OK, ""},
		{"absent", func(f *fake) { f.identify = &care.Error{Kind: care.PatientNotFound} }, care.PatientNotFound, "ABSENT"},
		{"another number", func(f *fake) { f.patient.NHSNumber = other }, care.SourceUnavailable, "WRONG_PATIENT"},
		{"two patients", func(f *fake) { f.identify = &care.Error{Kind: care.SourceUnavailable, Reason: "AMBIGUOUS"} }, care.SourceUnavailable, "AMBIGUOUS"},
		{"not verified", func(f *fake) { f.patient.Verified = false }, care.PatientNotFound, "NUMBER_NOT_VERIFIED"},
		{"has left", func(f *fake) { f.patient.Active = false }, care.PatientNotFound, "NOT_ACTIVE"},
		{"another name", func(f *fake) { f.patient.Names[0].Family = private("Else") }, care.InvalidDemographics, "DEMOGRAPHICS_DIFFER"},
		{"restricted by the source", func(f *fake) { f.patient.Restricted = true }, care.PatientNotFound, "SOURCE_RESTRICTED"},
		{"restricted, and another name", func(f *fake) { f.patient.Restricted, f.patient.Names = true, nil }, care.PatientNotFound, "SOURCE_RESTRICTED"},
		{"restricted and dissenting", func(f *fake) { f.patient.Restricted, f.patient.Dissent = true, true }, care.PatientNotFound, "SOURCE_RESTRICTED"},
		{"dissenting", func(f *fake) { f.patient.Dissent = true }, care.NoPatientConsent, "SOURCE_DISSENT"},
		{"down", func(f *fake) { f.identify = &care.Error{Kind: care.SourceUnavailable, Reason: "DOWN"} }, care.SourceUnavailable, "DOWN"},
	} {
		f := &fake{name: "a", patient: person(), sections: care.AllSections}
		c.change(f)
		reader := records.NewReader([]records.Source{{Connector: f, Sections: care.AllSections}}, records.DefaultLimits(), nil)
		_, err := reader.Identify(t.Context(), subject())
		if care.KindOf(err) != c.kind || care.ReasonOf(err) != c.reason {
			t.Errorf("%s: %v, want %v %s", c.name, err, c.kind, c.reason)
		}
	}
}

// With several sources, one that restricts or dissents speaks for all, and a
// source that cannot be read is no proof that the patient is not here.
func TestIdentifyOverSeveralSources(t *testing.T) {
	good := func() *fake { return &fake{name: "good", patient: person(), sections: care.AllSections} }
	down := &fake{name: "down", identify: &care.Error{Kind: care.SourceUnavailable, Reason: "DOWN"}}
	absent := &fake{name: "absent", identify: &care.Error{Kind: care.PatientNotFound}}
	unsaid := &fake{name: "unsaid", identify: &care.Error{Kind: care.ConsentUnavailable, Reason: "SOURCE"}}
	faulty := func(kind care.Kind, reason string) *fake {
		return &fake{name: reason, identify: &care.Error{Kind: kind, Reason: reason}}
	}
	stranger := good()
	stranger.patient.NHSNumber = number("9990000026")
	dissent, restricted, differs := good(), good(), good()
	dissent.patient.Dissent, restricted.patient.Restricted, differs.patient.Names = true, true, nil
	for _, c := range []struct {
		name    string
		sources []*fake
		want    care.Kind
	}{
		{"one is enough", []*fake{absent, down, differs, good()}, care.OK},
		{"absent and down", []*fake{absent, down}, care.SourceUnavailable},
		{"absent and differs", []*fake{absent, differs}, care.InvalidDemographics},
		{"dissent anywhere", []*fake{good(), dissent, down}, care.NoPatientConsent},
		{"restricted anywhere", []*fake{good(), dissent, restricted}, care.PatientNotFound},
		{"unreadable choices anywhere", []*fake{good(), unsaid, absent}, care.ConsentUnavailable},
		{"unreadable choices, restricted elsewhere: as for anybody", []*fake{unsaid, restricted}, care.ConsentUnavailable},
		{"restricted, and a source is down: as for anybody", []*fake{down, restricted}, care.SourceUnavailable},
		{"restricted, and two patients elsewhere: as one who is not here", []*fake{faulty(care.SourceUnavailable, "AMBIGUOUS"), restricted}, care.PatientNotFound},
		{"restricted, and an unreadable row elsewhere", []*fake{restricted, faulty(care.SourceUnavailable, "ROW_UNMAPPABLE")}, care.PatientNotFound},
		{"restricted, and somebody else's row elsewhere", []*fake{restricted, stranger}, care.PatientNotFound},
		{"restricted, and unknown codes elsewhere", []*fake{restricted, faulty(care.ConsentUnavailable, "NOT_UNDERSTOOD")}, care.PatientNotFound},
		{"restricted, unknown codes, and a source is down", []*fake{restricted, faulty(care.ConsentUnavailable, "NOT_UNDERSTOOD"), down}, care.SourceUnavailable},
		{"two patients, absent elsewhere", []*fake{absent, faulty(care.SourceUnavailable, "AMBIGUOUS")}, care.SourceUnavailable},
		{"restricted, and not here: as for anybody", []*fake{absent, restricted}, care.PatientNotFound},
		{"absent everywhere", []*fake{absent, absent}, care.PatientNotFound},
		{"no source", nil, care.SourceUnavailable},
	} {
		var list []records.Source
		for _, f := range c.sources {
			list = append(list, records.Source{Connector: f, Sections: care.AllSections})
		}
		if _, err := records.NewReader(list, records.DefaultLimits(), nil).Identify(t.Context(), subject()); care.KindOf(err) != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestIdentifyGivesUpOnASilentSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{name: "a", hang: true}
		reader := records.NewReader([]records.Source{{Connector: f, Sections: care.AllSections}}, records.DefaultLimits(), nil)
		if _, err := reader.Identify(t.Context(), subject()); care.KindOf(err) != care.SourceUnavailable || care.ReasonOf(err) != "TIMEOUT" {
			t.Errorf("%v", err)
		}
	})
}

// FuzzAgrees checks that names are compared the same way round as back.
func FuzzAgrees(f *testing.F) {
	f.Add("O'Connor", "oconnor")
	f.Add("Zoë\u0301", "zoe")
	f.Add("\xff", "x")
	f.Fuzz(func(t *testing.T, held, asked string) {
		agree := func(held, asked string) bool {
			p := person()
			p.Names = []care.Name{{Family: private(held)}}
			return records.Agrees(care.Subject{Family: private(asked), BirthDate: p.BirthDate}, &p)
		}
		if agree(held, asked) != agree(asked, held) {
			t.Errorf("%q and %q agree one way round only", held, asked)
		}
	})
}
