package budget

import (
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

var evening = time.Date(2026, 3, 1, 20, 0, 0, 0, time.UTC)

func past(at time.Time, n care.NHSNumber, told care.Kind) Past {
	return Past{At: at, Broker: "b", User: "u", Organisation: "RWH", Number: n, Told: told, Ended: true}
}

// TestRestartKeepsTheBudget uses up a part, starts again and uses the rest.
func TestRestartKeepsTheBudget(t *testing.T) {
	for reason, test := range map[string]struct {
		limits  Limits
		numbers []care.NHSNumber
		told    care.Kind
	}{
		"PATIENTS_USER":  {with(func(l *Limits) { l.PatientsPerHour = 50 }), apart(100), care.OK},
		"NOT_FOUND_USER": {with(func(l *Limits) { l.NotFoundPerHour = 50 }), apart(100), care.PatientNotFound},
		"SEQUENCE_USER":  {with(func(l *Limits) { l.NeighboursPerHour = 49 }), sequence(t, 100), care.OK},
	} {
		k := New(only(User, test.limits), Options{})
		for i, n := range test.numbers[:30] {
			k.Recall(past(evening.Add(time.Duration(i)*time.Second), n, test.told))
		}
		if test.told == care.OK {
			wantStop(t, k.Admit(hurried, asks("b", "RWH", "u", test.numbers[0])), "")
		}
		for _, n := range test.numbers[30:50] {
			wantStop(t, k.ask(asks("b", "RWH", "u", n), test.told), "")
		}
		wantStop(t, k.ask(asks("b", "RWH", "u", test.numbers[50]), test.told), reason)
	}
}

// TestRecallRefusesAgain recalls a sweep with all its refusals: the user is
// stopped, the organisation is not charged with what was refused, and nobody is
// alerted twice.
func TestRecallRefusesAgain(t *testing.T) {
	rules := Rules{with(func(l *Limits) { l.PatientsPerHour = 10 }), with(func(l *Limits) { l.PatientsPerHour = 20 }), wide}
	alerts := 0
	k := New(rules, Options{OnReached: func(Reached) { alerts++ }})
	all := apart(1000)
	for _, n := range all {
		k.Recall(past(evening, n, care.LimitExceeded))
	}
	wantStop(t, k.ask(asks("b", "RWH", "u", all[999]), care.OK), "PATIENTS_USER")
	wantStop(t, k.ask(asks("b", "RWH", "v", all[999]), care.OK), "")
	if alerts != 0 {
		t.Errorf("%d alerts for what was told before", alerts)
	}
}

// TestRecallOfWhatDidNotEnd counts a request without an end as one that served
// nobody, for an hour.
func TestRecallOfWhatDidNotEnd(t *testing.T) {
	c := new(clock)
	k := New(only(User, with(func(l *Limits) { l.NotFoundPerHour = 3 })), Options{Uptime: c.uptime})
	for _, n := range apart(3) {
		p := past(evening, n, care.OK)
		p.Ended = false
		k.Recall(p)
	}
	other := asks("b", "RWH", "u", number(900000))
	wantStop(t, k.admit(other), "NOT_FOUND_USER")
	c.passed = 60 * time.Minute
	wantStop(t, k.admit(other), "NOT_FOUND_USER")
	c.passed = 65 * time.Minute
	wantStop(t, k.admit(other), "")
}

// TestRecallLivesTheHourAgain recalls two hours: what was more than an hour
// before the last request is forgotten, whatever the clock says now, and a
// clock that was set back in between frees nothing.
func TestRecallLivesTheHourAgain(t *testing.T) {
	c := new(clock)
	k := New(only(User, with(func(l *Limits) { l.PatientsPerHour = 3 })), Options{Uptime: c.uptime})
	all := apart(20)
	for i, at := range []time.Duration{0, 5 * time.Minute, 80 * time.Minute, 81 * time.Minute, 10 * time.Minute} {
		k.Recall(past(evening.Add(at), all[i], care.OK))
	}
	if h := k.hours[User][key{"b", "RWH", "u"}]; h.distinct() != 3 {
		t.Errorf("%d patients are recalled, want 3", h.distinct())
	}
	wantStop(t, k.ask(asks("b", "RWH", "u", all[10]), care.OK), "PATIENTS_USER")
	c.passed = 59 * time.Minute
	wantStop(t, k.ask(asks("b", "RWH", "u", all[10]), care.OK), "PATIENTS_USER")
	c.passed = 65 * time.Minute
	wantStop(t, k.ask(asks("b", "RWH", "u", all[10]), care.OK), "")
}

// TestRecallEqualsLiving compares a keeper that lived through an hour with one
// that was told of it.
func TestRecallEqualsLiving(t *testing.T) {
	c := new(clock)
	rules := Default("gp-practice")
	lived, told := New(rules, Options{Uptime: c.uptime}), New(rules, Options{Uptime: new(clock).uptime})
	kinds := []care.Kind{care.OK, care.PatientNotFound, care.NoPatientConsent, care.InvalidDemographics}
	for i, n := range sequence(t, 300) {
		c.passed = time.Duration(i) * 20 * time.Second
		r := asks("b", "RWH", []string{"u", "v", "w"}[i%3], n)
		_ = lived.ask(r, kinds[i%7%4])
		told.Recall(Past{evening.Add(c.passed), "b", r.Requester.UserID, "RWH", n, kinds[i%7%4], true})
	}
	for l := range levels {
		for name, h := range lived.hours[l] {
			g := told.hours[l][name]
			if g == nil || g.asked != h.asked || g.near != h.near || g.missed != h.missed || g.open != h.open || g.told != h.told {
				t.Errorf("%v %v: lived %+v, told %+v", l, name, h, g)
			}
		}
	}
}
