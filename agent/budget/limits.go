package budget

// Limits are what one key may do within an hour. A count of zero stops
// everything; there is no value that means "no limit".
type Limits struct {
	PatientsPerHour   int // distinct patients asked for
	NotFoundPerHour   int // answers that served nobody: see Settle
	NeighboursPerHour int // distinct patients asked for whose number is within 10 of another's, checked without its check digit

	// NotFoundShare is how many of the patients asked for may be such that
	// nobody was served, from 0 to 1, once there were ShareFrom patients. Each
	// counts once: re-reading one patient must not hide a search, and a ward
	// that looks for one missing patient again and again is not one.
	NotFoundShare float64
	ShareFrom     int
}

// Rules are the limits of each kind of key.
type Rules struct{ User, Organisation, Broker Limits }

func (r *Rules) of(l Level) *Limits {
	switch l {
	case User:
		return &r.User
	case Organisation:
		return &r.Organisation
	}
	return &r.Broker
}

// person is what one user may do. It is the same at every kind of site, because
// it depends on who asks: a login that a whole emergency department shares asks
// for up to 140 patients in the worst hour of a night (TestOrdinaryWorkIsNeverSlowed).
var person = Limits{PatientsPerHour: 200, NotFoundPerHour: 60, NeighboursPerHour: 30, NotFoundShare: 0.6, ShareFrom: 50}

// local suits a site whose patients are those of one place. Even there one
// organisation may ask for all its patients: a provider of NHS 111 takes some
// 700 calls in its worst hour.
var local = Rules{
	User:         person,
	Organisation: Limits{PatientsPerHour: 1200, NotFoundPerHour: 400, NeighboursPerHour: 60, NotFoundShare: 0.3, ShareFrom: 200},
	Broker:       Limits{PatientsPerHour: 4000, NotFoundPerHour: 1000, NeighboursPerHour: 150, NotFoundShare: 0.25, ShareFrom: 1000},
}

// regional suits a site that knows a good part of a region's population.
var regional = Rules{
	User:         person,
	Organisation: Limits{PatientsPerHour: 2500, NotFoundPerHour: 800, NeighboursPerHour: 120, NotFoundShare: 0.3, ShareFrom: 200},
	Broker:       Limits{PatientsPerHour: 12000, NotFoundPerHour: 3000, NeighboursPerHour: 500, NotFoundShare: 0.25, ShareFrom: 1000},
}

// Default returns the rules for a kind of site, as agent.yaml names it in
// site.kind. A kind that is not known has the narrower ones.
func Default(kind string) Rules {
	switch kind {
	case "out-of-hours", "nhs-111", "ambulance", "mental-health-trust", "community-trust", "hospital", "council":
		return regional
	}
	return local // gp-practice, extended-hours, pharmacy, care-provider
}
