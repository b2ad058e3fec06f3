package budget

import (
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// TestStoppedKeyGoesOnWithItsPatients stops a user in each way and asks again
// for a patient who was served and for one who was not.
func TestStoppedKeyGoesOnWithItsPatients(t *testing.T) {
	served, missing, unsettled, cancelled, other := number(500000), number(600000), number(700000), number(750000), number(800000)
	for _, test := range []struct {
		reason  string
		limits  Limits
		fill    []care.NHSNumber
		told    care.Kind
		missing string
	}{
		{"PATIENTS_USER", with(func(l *Limits) { l.PatientsPerHour = 8 }), apart(4), care.OK, ""},
		{"NOT_FOUND_USER", with(func(l *Limits) { l.NotFoundPerHour = 8 }), apart(6), care.PatientNotFound, "NOT_FOUND_USER"},
		{"NOT_FOUND_USER", with(func(l *Limits) { l.NotFoundShare, l.ShareFrom = 0.85, 4 }), apart(5), care.PatientNotFound, "NOT_FOUND_USER"},
		{"SEQUENCE_USER", with(func(l *Limits) { l.NeighboursPerHour = 8 }), sequence(t, 9), care.OK, "SEQUENCE_USER"},
	} {
		k := New(only(User, test.limits), Options{})
		wantStop(t, k.ask(asks("b", "RWH", "u", served), care.OK), "")
		wantStop(t, k.ask(asks("b", "RWH", "u", missing), care.PatientNotFound), "")
		wantStop(t, k.ask(asks("b", "RWH", "u", cancelled), care.Cancelled), "")
		wantStop(t, k.admit(asks("b", "RWH", "u", unsettled)), "")
		for _, n := range test.fill {
			wantStop(t, k.ask(asks("b", "RWH", "u", n), test.told), "")
		}
		wantStop(t, k.ask(asks("b", "RWH", "u", other), care.OK), test.reason)
		wantStop(t, k.Admit(hurried, asks("b", "RWH", "u", served)), "")
		wantStop(t, k.admit(asks("b", "RWH", "v", other)), "") // somebody else
		wantStop(t, k.admit(asks("b", "RWJ", "u", other)), "") // the same name elsewhere
		wantStop(t, k.admit(asks("c", "RWH", "u", other)), "")
		for _, n := range []care.NHSNumber{missing, unsettled, cancelled} {
			wantStop(t, k.admit(asks("b", "RWH", "u", n)), test.missing)
		}
	}
}

// TestAskingAgainCounts asks for one patient who is not found until stopped:
// an answer's time, measured often enough, may tell what its text does not.
func TestAskingAgainCounts(t *testing.T) {
	for _, told := range []care.Kind{care.PatientNotFound, care.InvalidDemographics} {
		k := New(only(User, with(func(l *Limits) { l.NotFoundPerHour = 5 })), Options{})
		r := asks("b", "RWH", "u", number(0))
		for range 5 {
			wantStop(t, k.ask(r, told), "")
		}
		wantStop(t, k.ask(r, told), "NOT_FOUND_USER")
	}
}

// TestAnswersThatCountAsNeither neither serve the patient nor say that there is
// none.
func TestAnswersThatCountAsNeither(t *testing.T) {
	k := New(only(User, with(func(l *Limits) { l.NotFoundPerHour, l.NotFoundShare, l.ShareFrom = 1, 0, 1 })), Options{})
	for _, told := range []care.Kind{care.NoPatientConsent, care.SourceUnavailable, care.Cancelled, care.AuditUnavailable, care.LimitExceeded, care.Internal} {
		wantStop(t, k.ask(asks("b", "RWH", "u", number(0)), told), "")
	}
	wantStop(t, k.ask(asks("b", "RWH", "u", number(0)), care.RecordNotFound), "")
	if h := k.hours[User][key{"b", "RWH", "u"}]; h.asked[served].sum != 1 || h.missed.sum != 0 || h.open.sum != 0 {
		t.Errorf("found %d, missed %d, open %d", h.asked[served].sum, h.missed.sum, h.open.sum)
	}
}

// TestSettleTwoOfOnePatient has two requests for one patient in flight.
func TestSettleTwoOfOnePatient(t *testing.T) {
	k := New(only(User, wide), Options{})
	r := asks("b", "RWH", "u", number(0))
	wantStop(t, k.admit(r), "")
	wantStop(t, k.admit(r), "")
	h := k.hours[User][key{"b", "RWH", "u"}]
	if h.open.sum != 2 {
		t.Fatalf("%d in flight, want 2", h.open.sum)
	}
	k.Settle(r, care.OK)
	wantStop(t, k.admit(r), "") // served meanwhile: nothing is kept free for it
	k.Settle(r, care.OK)
	k.Settle(r, care.PatientNotFound) // restricted meanwhile
	if h.open.sum != 0 || h.missed.sum != 1 || h.asked[served].sum != 0 || h.distinct() != 1 {
		t.Errorf("open %d, missed %d, found %d, asked %d", h.open.sum, h.missed.sum, h.asked[served].sum, h.distinct())
	}
}

// TestHourRolls wants a patient forgotten 60 to 65 minutes after the last
// request, and not before, wherever in five minutes that was.
func TestHourRolls(t *testing.T) {
	for _, start := range []time.Duration{0, time.Second, 4*time.Minute + 59*time.Second} {
		c := &clock{start}
		k := New(only(User, with(func(l *Limits) { l.PatientsPerHour = 1 })), Options{Uptime: c.uptime})
		first, second := asks("b", "RWH", "u", number(0)), asks("b", "RWH", "u", number(50))
		wantStop(t, k.ask(first, care.OK), "")
		c.passed += 40 * time.Minute
		wantStop(t, k.ask(first, care.OK), "") // seen again: the hour begins again
		c.passed += 60 * time.Minute
		wantStop(t, k.ask(second, care.OK), "PATIENTS_USER")
		wantStop(t, k.admit(first), "") // and again
		c.passed += 65 * time.Minute
		wantStop(t, k.ask(second, care.OK), "")
		wantStop(t, k.ask(first, care.OK), "PATIENTS_USER") // forgotten, and now it is another's turn
	}
}

// TestTimeBackwards wants nothing freed when the uptime falls back.
func TestTimeBackwards(t *testing.T) {
	c := &clock{10 * time.Hour}
	k := New(only(User, with(func(l *Limits) { l.PatientsPerHour = 1 })), Options{Uptime: c.uptime})
	wantStop(t, k.ask(asks("b", "RWH", "u", number(0)), care.OK), "")
	for _, at := range []time.Duration{0, 5 * time.Hour, 10*time.Hour + 59*time.Minute} {
		c.passed = at
		wantStop(t, k.ask(asks("b", "RWH", "u", number(50)), care.OK), "PATIENTS_USER")
	}
	c.passed = 100 * time.Hour
	wantStop(t, k.ask(asks("b", "RWH", "u", number(50)), care.OK), "")
}

// TestNoNumber wants a request without a number refused, and settling it to do
// nothing.
func TestNoNumber(t *testing.T) {
	k := New(Default(""), Options{})
	r := asks("b", "RWH", "u", care.NHSNumber{})
	if err := k.Admit(t.Context(), r); care.KindOf(err) != care.InvalidNHSNumber {
		t.Errorf("admitted: %v", err)
	}
	k.Settle(r, care.PatientNotFound)
	k.Settle(asks("b", "RWH", "u", number(0)), care.PatientNotFound) // never admitted
	k.Recall(Past{Broker: "b", User: "u", Organisation: "RWH"})
	if s := k.Status(); s.Users != 0 || s.Brokers != 0 {
		t.Errorf("something was counted: %+v", s)
	}
}

// TestNoLimitMeansNothing wants limits that were forgotten to stop everything.
func TestNoLimitMeansNothing(t *testing.T) {
	k := New(Rules{}, Options{})
	wantStop(t, k.Admit(t.Context(), asks("b", "RWH", "u", number(0))), "SEQUENCE_USER")
	if s := k.Status(); s.Users != 0 {
		t.Errorf("a refused request was counted: %+v", s)
	}
}

// TestSettleTooLate settles a request that took more than an hour: it has been
// counted for that hour as one that served nobody, and is forgotten.
func TestSettleTooLate(t *testing.T) {
	c := new(clock)
	k := New(only(User, wide), Options{Uptime: c.uptime})
	late, other := asks("b", "RWH", "u", number(0)), asks("b", "RWH", "u", number(50))
	wantStop(t, k.admit(late), "")
	c.passed = 50 * time.Minute
	wantStop(t, k.admit(other), "")
	c.passed = 70 * time.Minute
	k.Settle(late, care.PatientNotFound)
	if h := k.hours[User][key{"b", "RWH", "u"}]; h.missed.sum != 0 || h.open.sum != 1 || h.distinct() != 1 {
		t.Errorf("missed %d, in flight %d, patients %d", h.missed.sum, h.open.sum, h.distinct())
	}
}
