package memory

import "github.com/mycarerecord/edge-agent/agent/care"

// Role is a part in the named cast. The cast is the same in every practice,
// whatever its seed, and comes first.
type Role uint8

// The roles. Those in the first group are for a demonstration to tell its
// story with; the others are the awkward cases.
const (
	// CastEmergency arrives in an emergency department: elderly, on an
	// anticoagulant, with anaphylaxis to penicillin. Every section holds
	// something.
	CastEmergency Role = iota + 1
	// CastToDissent carries no flag in the source: a demonstration records
	// this patient's dissent in the consent store.
	CastToDissent
	// CastToRestrict carries no flag in the source: a demonstration restricts
	// this patient in the consent store.
	CastToRestrict
	// CastSourceDissent has dissented, and the source says so.
	CastSourceDissent
	// CastSourceRestricted is sensitive (S-flag), and the source says so.
	CastSourceRestricted
	// CastSameName1 and CastSameName2 share both names, not the birth date.
	CastSameName1
	CastSameName2
	// CastTwin1 and CastTwin2 share family name, birth date, sex and address.
	CastTwin1
	CastTwin2
	// CastEmpty is known to the source, which holds nothing: every section is
	// Empty.
	CastEmpty
	// CastInTransit has just come from another practice, whose record has not
	// arrived: every section is InTransit.
	CastInTransit
	// CastConfidential has confidential items: a problem with the consultation,
	// medicine, letter and appointment that name it.
	CastConfidential
	// CastLongTerm has several long-term conditions and many results.
	CastLongTerm
	// CastPregnant is in the third trimester.
	CastPregnant
	// CastChild has missed a vaccination and has a safeguarding flag.
	CastChild
	// CastEndOfLife has a ReSPECT form and an end of life care plan.
	CastEndOfLife
	// CastMentalHealth was detained under the Mental Health Act, has a crisis
	// plan, a medicine that a hospital prescribes, and beside the statement
	// that no allergy is known one that has resolved.
	CastMentalHealth
	// CastNilKnown has the statement that no allergy is known.
	CastNilKnown
	// CastDegraded has an allergy that lost its code in a transfer, and a row
	// that was entered in error and is not served.
	CastDegraded
	// CastRenamed is asked for under the name before marriage.
	CastRenamed
	// CastPartialBirthDate was born in a year of which no more is known.
	CastPartialBirthDate
	// CastLeft has left the practice, CastDeceased has died: neither is active.
	CastLeft
	CastDeceased
	// CastTest is a test patient of the source.
	CastTest
	// CastUnverified has a number that was not traced (status 02).
	CastUnverified
)

// Member is one of the cast, as an asker needs to know them.
type Member struct {
	Role      Role
	NHSNumber care.NHSNumber
	Family    string
	Given     string
	BirthDate care.DateTime
	Gender    string
	Story     string // one line for the reader of a demonstration
}

// Cast returns the members of the cast that live in the practice, in the order
// of their roles.
func (p *Practice) Cast() []Member {
	var list []Member
	for i := range p.residents {
		if m := castOf(p.residents[i].role); m != nil {
			r := &p.residents[i]
			list = append(list, Member{r.role, r.number, r.family, r.given, r.birth, r.gender, m.story})
		}
	}
	return list
}

// Member returns the member with a role and whether the practice is large
// enough to hold them.
func (p *Practice) Member(role Role) (Member, bool) {
	for _, m := range p.Cast() {
		if m.Role == role {
			return m, true
		}
	}
	return Member{}, false
}

// member is one of the cast as this file writes them down.
type member struct {
	role                                          Role
	number, prefix, given, second, family, former string
	gender, born, story                           string
	write                                         func(c *chart)
}

// castOf returns the member with a role, or nil.
func castOf(role Role) *member {
	if role == 0 || int(role) > len(cast) {
		return nil
	}
	return &cast[role-1]
}

// cast is the cast in the order of the roles. The numbers lie below
// ordinaryBody.
var cast = [...]member{
	{CastEmergency, "9990001014", "Mrs", "Margaret", "Rose", "Holloway", "", "female", "1941-03-08",
		"elderly, on apixaban, anaphylaxis to penicillin, frail, with a ReSPECT form", (*chart).emergency},
	{CastToDissent, "9990001022", "Mr", "Gethin", "", "Parry-Williams", "", "male", "1968-11-21",
		"no flag in the source; for the consent store to hold a dissent", (*chart).ordinary},
	{CastToRestrict, "9990001030", "Ms", "Imogen", "", "Sale", "", "female", "1986-06-02",
		"no flag in the source; for the consent store to restrict", (*chart).ordinary},
	{CastSourceDissent, "9990001049", "Mr", "Desmond", "", "Achebe", "", "male", "1957-02-14",
		"dissent coded in the practice's own record", (*chart).dissented},
	{CastSourceRestricted, "9990001057", "Ms", "Leonie", "", "Marsh", "", "female", "1991-09-30",
		"sensitive (S-flag) in the practice's own record", (*chart).sheltered},
	{CastSameName1, "9990001065", "Mr", "David", "John", "Evans", "", "male", "1949-05-17",
		"one of two patients of the same name", (*chart).hasSameName},
	{CastSameName2, "9990001073", "Mr", "David", "John", "Evans", "", "male", "1979-05-07",
		"the other of two patients of the same name", (*chart).ordinary},
	{CastTwin1, "9990001081", "", "Amara", "", "Osei-Bonsu", "", "female", "2017-04-12",
		"one of twins", (*chart).firstTwin},
	{CastTwin2, "9990001103", "", "Amira", "", "Osei-Bonsu", "", "female", "2017-04-12",
		"the other of twins", (*chart).secondTwin},
	{CastEmpty, "9990001111", "Mr", "Ludwik", "", "Zieliński", "", "male", "1999-01-09",
		"known, and nothing is recorded", (*chart).nothing},
	{CastInTransit, "9990001138", "Ms", "Bronwen", "", "Ap Rhys", "", "female", "1974-12-03",
		"record transfer from the previous practice not finished", (*chart).inTransit},
	{CastConfidential, "9990001146", "Mr", "Callum", "", "Strachan", "", "male", "1983-08-25",
		"confidential items, and what names them", (*chart).confidential},
	{CastLongTerm, "9990001154", "Mr", "Harbhajan", "Singh", "Dhillon", "", "male", "1952-10-19",
		"diabetes, heart disease, kidney disease: many results", (*chart).longTerm},
	{CastPregnant, "9990001162", "Mrs", "Chloé", "", "D'Arcy-O'Neill", "O'Neill", "female", "1994-07-23",
		"in the third trimester", (*chart).expecting},
	{CastChild, "9990001170", "", "Kofi", "", "Addo", "", "male", "2021-02-27",
		"a vaccination declined, a safeguarding flag", (*chart).child},
	{CastEndOfLife, "9990001189", "Mr", "Wilfred", "Arthur", "Tolley", "", "male", "1938-01-30",
		"lung cancer, ReSPECT form, end of life care plan", (*chart).endOfLife},
	{CastMentalHealth, "9990001197", "Ms", "Saoirse", "", "Ní Dhomhnaill", "", "female", "1989-03-16",
		"crisis plan, Mental Health Act, clozapine from the hospital", (*chart).mentalHealth},
	{CastNilKnown, "9990001200", "Ms", "Zoë", "", "Müller-Hart", "", "female", "2003-05-05",
		"no known allergies, stated as such", (*chart).nilKnown},
	{CastDegraded, "9990001219", "Mr", "Ifeanyi", "", "Nwosu", "", "male", "1971-04-04",
		"an allergy that lost its code in a transfer", (*chart).degraded},
	{CastRenamed, "9990001227", "Mrs", "Harriet", "Jane", "Lockwood", "Fairbairn", "female", "1980-02-29",
		"known under the name before marriage too", (*chart).ordinary},
	{CastPartialBirthDate, "9990001235", "Mr", "Abdul", "", "Rahimi", "", "male", "1960",
		"born in a year of which no more is known", (*chart).ordinary},
	{CastLeft, "9990001243", "Ms", "Petra", "", "Voss", "", "female", "1985-05-20",
		"has left the practice", (*chart).left},
	{CastDeceased, "9990001251", "Mrs", "Edna", "May", "Copplestone", "", "female", "1930-06-11",
		"has died", (*chart).deceased},
	{CastTest, "9990001278", "Mr", "Test", "", "Donotuse-Testpatient", "", "male", "1970-01-01",
		"a test patient of the source", (*chart).testPatient},
	{CastUnverified, "9990001286", "Mr", "Nikolai", "", "Vasilev", "", "male", "1977-07-07",
		"NHS number not traced", (*chart).unverified},
}

// resident returns the member as a resident without an address. The list above
// is source code: what cannot be read in it stays empty, and a test looks.
func (m *member) resident() resident {
	r := resident{role: m.role, prefix: m.prefix, given: m.given, second: m.second, family: m.family, former: m.former, gender: m.gender}
	r.number, _ = care.ParseNHSNumber(m.number)
	r.birth, _ = care.ParseDateTime(m.born, nil)
	return r
}
