package memory

import (
	"iter"
	"math/rand/v2"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// The practice. Neither the name nor the code exists: no ODS code of a
// practice begins with Y999.
const (
	PracticeCode = care.ODSCode("Y99901")
	PracticeName = "Northgate Surgery (fictional)"
)

// Practice is the synthetic practice: a named cast for demonstrations, then
// people at random. It is the same for the same seed, size and day.
type Practice struct {
	seed      uint64
	today     time.Time // midnight UTC
	residents []resident
}

// Synthetic returns a practice of the given size, 1 or more. Dates in its
// records are relative to the day of now, so that appointments lie ahead and
// children stay children.
func Synthetic(seed uint64, patients int, now time.Time) *Practice {
	y, m, d := now.UTC().Date()
	p := &Practice{seed: seed, today: time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
	p.settle(patients)
	return p
}

// Patients yields the patients, each built when it is asked for.
func (p *Practice) Patients() iter.Seq[Patient] {
	return func(yield func(Patient) bool) {
		for i := range p.residents {
			if !yield(p.patient(i)) {
				return
			}
		}
	}
}

// patient writes the record of one resident. Each has dice of its own, so that
// a larger practice holds the smaller one unchanged.
func (p *Practice) patient(i int) Patient {
	r := &p.residents[i]
	c := &chart{resident: r, index: i, today: p.today, dice: rand.New(rand.NewPCG(p.seed, uint64(i)))}
	c.patient = Patient{Person: r.person(i)}
	if member := castOf(r.role); member != nil {
		member.write(c)
	} else {
		c.ordinary()
	}
	c.patient.Directives = c.said()
	return c.patient
}

// person returns what Identify says of a resident.
func (r *resident) person(i int) care.Patient {
	p := care.Patient{
		LocalID: care.NewPrivate(localID(i)), NHSNumber: r.number, Verified: true, Active: true,
		BirthDate: r.birth, Gender: r.gender,
	}
	for _, n := range r.names() {
		name := care.Name{Use: n.Use, Family: care.NewPrivate(n.Family)}
		for _, g := range n.Given {
			name.Given = append(name.Given, care.NewPrivate(g))
		}
		p.Names = append(p.Names, name)
	}
	return p
}

// names returns the names of a resident, the official one first.
func (r *resident) names() []ukcore.HumanName {
	given := []string{r.given}
	if r.second != "" {
		given = append(given, r.second)
	}
	list := []ukcore.HumanName{{Use: "official", Prefix: r.prefix, Given: given, Family: r.family}}
	if r.former != "" {
		list = append(list, ukcore.HumanName{Use: "old", Given: given, Family: r.former})
	}
	return list
}

// The staff. Their numbers are made up and of the registers' form.
var (
	drAkande  = doctor("Dr Folasade Akande", "9999901")
	drWhelan  = doctor("Dr Tom Whelan", "9999902")
	drBhatt   = doctor("Dr Anjali Bhatt", "9999903")
	nursePike = ukcore.Person{ID: "99Z9901E", System: "https://fhir.hl7.org.uk/Id/nmc-number", Name: "Sister Joan Pike", Role: "Practice nurse"}
	pharmLowe = ukcore.Person{ID: "9999904", System: "https://fhir.hl7.org.uk/Id/gphc-number", Name: "Daniel Lowe", Role: "Clinical pharmacist"}
	reception = ukcore.Person{Name: "Carol Finch", Role: "Care co-ordinator"}
)

func doctor(name, gmc string) ukcore.Person {
	return ukcore.Person{ID: gmc, System: "https://fhir.hl7.org.uk/Id/gmc-number", Name: name, Role: "General practitioner"}
}

// Other organisations, all fictional.
var (
	northgate    = ukcore.Organisation{Code: PracticeCode, Name: PracticeName}
	hospital     = ukcore.Organisation{Code: "Y99911", Name: "Ashwellbury General Hospital (fictional)"}
	mentalHealth = ukcore.Organisation{Code: "Y99912", Name: "Marding Valley Mental Health Trust (fictional)"}
	community    = ukcore.Organisation{Code: "Y99913", Name: "Marding Valley Community Health (fictional)"}
	urgentCare   = ukcore.Organisation{Code: "Y99914", Name: "Marding Valley 111 (fictional)"}
	council      = ukcore.Organisation{Code: "Y99915", Name: "Mardingshire County Council (fictional)"}
	pharmacy     = ukcore.Organisation{Code: "Y99916", Name: "Chapel Street Pharmacy (fictional)"}
	hospice      = ukcore.Organisation{Code: "Y99917", Name: "St Alban's Well Hospice (fictional)"}
)
