package budget

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// TestFloodOfUsers invents users until the table is full. Those who were there
// keep their counts, and those who come through another broker have a place.
func TestFloodOfUsers(t *testing.T) {
	c := new(clock)
	rules := only(User, with(func(l *Limits) { l.PatientsPerHour = 5 }))
	k := New(rules, Options{MaxKeys: 100, Uptime: c.uptime})
	all := apart(1000)
	for _, n := range all[:5] {
		wantStop(t, k.ask(asks("good", "RWH", "nurse", n), care.OK), "")
	}
	refused := 0
	for i := range 10000 {
		if k.ask(asks("bad", "RWJ", fmt.Sprint("invented", i), all[i%1000]), care.OK) != nil {
			refused++
		}
	}
	if want := 10000 - 50 - 5; refused > want || refused < want-100 {
		t.Errorf("%d of the flood were refused, want about %d", refused, want)
	}
	wantStop(t, k.ask(asks("good", "RWH", "nurse", all[6]), care.OK), "PATIENTS_USER")
	wantStop(t, k.Admit(hurried, asks("good", "RWH", "nurse", all[0])), "")
	for i := range 30 {
		wantStop(t, k.Admit(hurried, asks("good", "RWH", fmt.Sprint("doctor", i), all[100+i])), "")
	}
	if n := len(k.hours[User]); n > 102 {
		t.Errorf("%d users have a place, want 100 and one for newcomers of each broker", n)
	}
	c.passed += 66 * time.Minute
	k.Status()
	for l := range levels {
		if n := len(k.hours[l]); n != 0 {
			t.Errorf("after an hour %d %vs are left", n, l)
		}
	}
	wantStop(t, k.Admit(hurried, asks("bad", "RWJ", "honest", all[0])), "")
	if got := k.hours[Broker][key{broker: "bad"}].brought; got != [levels]int{1, 1, 0} {
		t.Errorf("the broker brought %v", got)
	}
}

// TestBrokerOutlivesItsUsers has a broker keep its count of places for as long
// as somebody who came through it has one, though nothing else is left of it:
// an organisation that others use as well stays on.
func TestBrokerOutlivesItsUsers(t *testing.T) {
	c := new(clock)
	k := New(Rules{wide, wide, wide}, Options{Uptime: c.uptime})
	wantStop(t, k.ask(asks("first", "RWH", "u", number(0)), care.OK), "")
	c.passed = 50 * time.Minute
	wantStop(t, k.ask(asks("second", "RWH", "u", number(0)), care.OK), "")
	c.passed = 80 * time.Minute
	if s := k.Status(); s.Users != 1 || s.Organisations != 1 || s.Brokers != 2 {
		t.Errorf("status %+v", s)
	}
	wantStop(t, k.ask(asks("first", "RWJ", "u", number(0)), care.OK), "")
	if got := k.hours[Broker][key{broker: "first"}].brought; got != [levels]int{1, 2, 0} {
		t.Errorf("the broker brought %v", got)
	}
	c.passed = 200 * time.Minute
	if s := k.Status(); s.Users+s.Organisations+s.Brokers != 0 {
		t.Errorf("status %+v", s)
	}
}

// TestFullTables fills all levels: what has no place shares one budget.
func TestFullTables(t *testing.T) {
	k := New(Rules{with(func(l *Limits) { l.PatientsPerHour = 3 }), wide, wide}, Options{MaxKeys: 4})
	all := apart(100)
	for i := range 40 {
		_ = k.ask(asks(fmt.Sprint("b", i), fmt.Sprintf("R%03d", i), fmt.Sprint("u", i), all[i]), care.OK)
	}
	s := k.Status()
	if !s.Crowded || s.Brokers != 5 || s.Organisations != 5 || s.Users != 5 {
		t.Errorf("status %+v", s)
	}
	for l := range levels {
		for name, h := range k.hours[l] {
			if h.open.sum != 0 {
				t.Errorf("%v %v: %d requests are in flight", l, name, h.open.sum)
			}
		}
	}
}

// TestStatus wants the keys that are near a limit or past it, the latter first,
// and no patient's number anywhere.
func TestStatus(t *testing.T) {
	k := New(only(User, with(func(l *Limits) { l.PatientsPerHour = 10 })), Options{})
	all := apart(20)
	for i, user := range []string{"slowed", "stopped", "free"} {
		for _, n := range all[:[]int{8, 10, 7}[i]] {
			wantStop(t, k.ask(asks("b", "RWH", user, n), care.OK), "")
		}
	}
	s := k.Status()
	want := []Pressed{
		{Reached{User, "b", "RWH", "stopped", "PATIENTS_USER", 10, 10}, true},
		{Reached{User, "b", "RWH", "slowed", "PATIENTS_USER", 8, 10}, false},
	}
	if len(s.Pressed) != 2 || s.Pressed[0] != want[0] || s.Pressed[1] != want[1] || s.Users != 3 || s.Crowded {
		t.Errorf("status %+v", s)
	}
	for i := range 150 {
		for _, n := range all[:8] {
			_ = k.ask(asks("b", "RWH", fmt.Sprint("u", i), n), care.OK)
		}
	}
	if s = k.Status(); len(s.Pressed) != 100 || s.More != 52 {
		t.Errorf("%d named, %d more", len(s.Pressed), s.More)
	}
	if text := fmt.Sprintf("%+v %v", s, k.ask(asks("b", "RWH", "stopped", all[12]), care.OK)); regexp.MustCompile(`\d{9}`).MatchString(text) {
		t.Error("a number is shown")
	}
}

// TestRefusalsSayWhatToDo reads every refusal.
func TestRefusalsSayWhatToDo(t *testing.T) {
	seen := map[string]bool{}
	for l := range levels {
		for m := range measures {
			e := stopped(l, m).(*care.Error)
			seen[e.Reason] = true
			if !strings.Contains(e.Detail, "_per_hour."+strings.ToLower(l.String())) || !strings.Contains(e.Detail, "can still be opened") || e.Op != "budget" || e.Kind != care.LimitExceeded {
				t.Errorf("%v", e)
			}
		}
	}
	if len(seen) != 9 || !seen["NOT_FOUND_ORGANISATION"] || Level(9).String() != "UNKNOWN_LEVEL" || Measure(9).String() != "UNKNOWN_MEASURE" {
		t.Errorf("reasons %v", seen)
	}
}
