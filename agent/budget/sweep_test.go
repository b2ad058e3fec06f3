package budget

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// asker names who asks the i-th time in a sweep.
type asker func(i int) (broker, organisation, user string)

func oneUser(int) (string, string, string)     { return "b", "RWH", "u" }
func manyUsers(i int) (string, string, string) { return "b", "RWH", fmt.Sprint("u", i) }
func manyBrokers(i int) (string, string, string) {
	return fmt.Sprint("b", i%7), "RWH", fmt.Sprint("u", i)
}
func manyEverything(i int) (string, string, string) {
	return "b", fmt.Sprintf("R%05d", i), fmt.Sprint("u", i)
}

// TestSweep sends 100,000 numbers and wants exactly those admitted that the
// limit allows, and one alert.
func TestSweep(t *testing.T) {
	gp, hospital := Default("gp-practice"), Default("hospital")
	distinct, following := apart(many / 25)[:40000], sequence(t, 100000)
	for name, test := range map[string]struct {
		rules    Rules
		asker    asker
		numbers  []care.NHSNumber
		told     care.Kind
		admitted int
		reason   string
	}{
		"one user, patients who are here":      {gp, oneUser, distinct, care.OK, gp.User.PatientsPerHour, "PATIENTS_USER"},
		"one user, numbers in a row":           {gp, oneUser, following, care.OK, gp.User.NeighboursPerHour + 1, "SEQUENCE_USER"},
		"one user, nobody there":               {gp, oneUser, distinct, care.PatientNotFound, gp.User.ShareFrom, "NOT_FOUND_USER"},
		"one user, invented demographics":      {gp, oneUser, distinct, care.InvalidDemographics, gp.User.ShareFrom, "NOT_FOUND_USER"},
		"one user, who breaks off":             {gp, oneUser, distinct, care.Cancelled, gp.User.PatientsPerHour, "PATIENTS_USER"},
		"many users, patients who are here":    {gp, manyUsers, distinct, care.OK, gp.Organisation.PatientsPerHour, "PATIENTS_ORGANISATION"},
		"many users, numbers in a row":         {gp, manyUsers, following, care.OK, gp.Organisation.NeighboursPerHour + 1, "SEQUENCE_ORGANISATION"},
		"many users, nobody there":             {gp, manyUsers, distinct, care.PatientNotFound, gp.Organisation.ShareFrom, "NOT_FOUND_ORGANISATION"},
		"many brokers of one organisation":     {gp, manyBrokers, distinct, care.OK, gp.Organisation.PatientsPerHour, "PATIENTS_ORGANISATION"},
		"many organisations, patients":         {gp, manyEverything, distinct, care.OK, gp.Broker.PatientsPerHour, "PATIENTS_BROKER"},
		"many organisations, numbers in a row": {gp, manyEverything, following, care.OK, gp.Broker.NeighboursPerHour + 1, "SEQUENCE_BROKER"},
		"many organisations, nobody there":     {gp, manyEverything, distinct, care.PatientNotFound, gp.Broker.NotFoundPerHour, "NOT_FOUND_BROKER"},
		"a hospital, many organisations":       {hospital, manyEverything, distinct, care.OK, hospital.Broker.PatientsPerHour, "PATIENTS_BROKER"},
	} {
		t.Run(name, func(t *testing.T) {
			var alerts []Reached
			k := New(test.rules, Options{Uptime: new(clock).uptime, MaxKeys: 2 * many, OnReached: func(r Reached) { alerts = append(alerts, r) }})
			admitted, last := 0, error(nil)
			for i := range 100000 {
				broker, organisation, user := test.asker(i)
				err := k.ask(asks(broker, organisation, user, test.numbers[i%len(test.numbers)]), test.told)
				if err == nil && i < len(test.numbers) {
					admitted++
				} else if err != nil {
					last = err
				}
			}
			wantStop(t, last, test.reason)
			if admitted != test.admitted {
				t.Errorf("%d numbers were admitted, want %d", admitted, test.admitted)
			}
			if len(alerts) != 1 || alerts[0].Reason != test.reason || alerts[0].Count < alerts[0].Limit {
				t.Errorf("alerts %+v, want one of %s", alerts, test.reason)
			}
		})
	}
}

// TestAlertNamesTheKey looks at every part of an alert.
func TestAlertNamesTheKey(t *testing.T) {
	for l, want := range map[Level]Reached{
		User:         {User, "b", "RWH", "u", "PATIENTS_USER", 3, 3},
		Organisation: {Organisation, "", "RWH", "", "PATIENTS_ORGANISATION", 3, 3},
		Broker:       {Broker, "b", "", "", "PATIENTS_BROKER", 3, 3},
	} {
		var got []Reached
		k := New(only(l, with(func(x *Limits) { x.PatientsPerHour = 3 })), Options{OnReached: func(r Reached) { got = append(got, r) }})
		for _, n := range apart(6) {
			_ = k.ask(asks("b", "RWH", "u", n), care.OK)
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("%v: alerts %+v, want %+v", l, got, want)
		}
	}
}

// TestAlertOncePerHour keeps a key stopped for three hours.
func TestAlertOncePerHour(t *testing.T) {
	c, alerts := new(clock), 0
	k := New(only(User, with(func(l *Limits) { l.PatientsPerHour = 3 })), Options{Uptime: c.uptime, OnReached: func(Reached) { alerts++ }})
	all := apart(2000)
	for i := range 36 * 5 { // every minute
		for j := range 4 { // the first three again, and one more
			_ = k.ask(asks("b", "RWH", "u", all[j%3]), care.OK)
			_ = k.ask(asks("b", "RWH", "u", all[10+i]), care.OK)
		}
		c.passed = time.Duration(i) * time.Minute
	}
	if alerts != 3 {
		t.Errorf("%d alerts in three hours, want 3", alerts)
	}
}

// TestReReadingHidesNoSearch mixes a search into a thousand reads of one
// patient.
func TestReReadingHidesNoSearch(t *testing.T) {
	k := New(only(User, with(func(l *Limits) { l.NotFoundShare, l.ShareFrom = 0.5, 10 })), Options{})
	var err error
	missed := 0
	for _, n := range apart(50) {
		for range 20 {
			wantStop(t, k.ask(asks("b", "RWH", "u", number(900000)), care.OK), "")
		}
		if err = k.ask(asks("b", "RWH", "u", n), care.PatientNotFound); err != nil {
			break
		}
		missed++
	}
	wantStop(t, err, "NOT_FOUND_USER")
	if missed != 9 { // nine of ten
		t.Errorf("stopped after %d, want 9", missed)
	}
}

// TestManyAtOnce has 64 goroutines ask at once, and settle only when all have
// asked: no more get through than the limit.
func TestManyAtOnce(t *testing.T) {
	for reason, limits := range map[string]Limits{
		"NOT_FOUND_USER": with(func(l *Limits) { l.NotFoundPerHour = 40 }),
		"PATIENTS_USER":  with(func(l *Limits) { l.PatientsPerHour = 40 }),
		"SEQUENCE_USER":  with(func(l *Limits) { l.NeighboursPerHour = 39 }),
	} {
		k := New(only(User, limits), Options{})
		numbers := sequence(t, 64*50)
		var mu sync.Mutex
		var admitted []*care.Request
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				for _, n := range numbers[i*50:][:50] {
					r := asks("b", "RWH", "u", n)
					if err := k.admit(r); err == nil {
						mu.Lock()
						admitted = append(admitted, r)
						mu.Unlock()
					}
				}
			})
		}
		all.Wait()
		for _, r := range admitted {
			k.Settle(r, care.PatientNotFound)
		}
		if reason == "SEQUENCE_USER" { // how many were first of a run depends on the order
			if n := len(admitted); n < 40 || n > 40+64 {
				t.Errorf("%s: %d admitted", reason, n)
			}
			continue
		}
		if len(admitted) != 40 {
			t.Errorf("%s: %d admitted, want 40", reason, len(admitted))
		}
	}
}
