package budget

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// read is one request of a simulated shift.
type read struct {
	at                 time.Duration
	organisation, user string
	number             care.NHSNumber
	told               care.Kind
}

// shift is a simulation of twelve hours' work.
type shift struct {
	*rand.Rand
	pool         []care.NHSNumber
	organisation string
	notFound     float64 // part of the patients
	mistyped     float64 // part of the first entries, by which a neighbour is asked for
	reads        []read
}

// somebody is a person who needs care, and what is said when they are asked for.
type somebody struct {
	number care.NHSNumber
	told   care.Kind
}

func (s *shift) somebody() somebody {
	p := somebody{s.pool[s.IntN(len(s.pool))], care.OK}
	if s.Float64() < s.notFound {
		p.told = care.PatientNotFound
	}
	return p
}

// within returns a time between two, in minutes after at.
func (s *shift) within(at time.Duration, from, to int) time.Duration {
	return at + time.Duration(from)*time.Minute + time.Duration(s.Float64()*float64(to-from)*float64(time.Minute))
}

// look has a user look at somebody; who is not found is tried again.
func (s *shift) look(at time.Duration, user string, p somebody) {
	s.reads = append(s.reads, read{at, s.organisation, user, p.number, p.told})
	if p.told != care.OK && s.IntN(2) == 0 {
		s.reads = append(s.reads, read{s.within(at, 0, 2), s.organisation, user, p.number, p.told})
	}
}

// enter has a user type somebody's number in, which may go wrong.
func (s *shift) enter(at time.Duration, user string, p somebody) {
	if s.Float64() < s.mistyped {
		b, _ := baseOf(p.number)
		wrong := somebody{number(int(b) - 999000000 + 1 + s.IntN(5)), care.PatientNotFound}
		if s.IntN(2) == 0 {
			wrong.told = care.InvalidDemographics
		}
		s.look(at, user, wrong)
	}
	s.look(s.within(at, 0, 1), user, p)
}

// arrivals returns when so many come in twelve hours, by the weights of the
// hours, a tenth of them in three bursts.
func (s *shift) arrivals(n int, weights [12]float64) []time.Duration {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	bursts := [3]time.Duration{}
	for i := range bursts {
		bursts[i] = time.Duration(s.Float64() * float64(11*time.Hour))
	}
	all := make([]time.Duration, n)
	for i := range all {
		if i%10 == 0 {
			all[i] = s.within(bursts[s.IntN(3)], 0, 15)
			continue
		}
		x, hour := s.Float64()*sum, 0
		for x > weights[hour] && hour < 11 {
			x -= weights[hour]
			hour++
		}
		all[i] = s.within(time.Duration(hour)*time.Hour, 0, 60)
	}
	return all
}

var (
	evenings = [12]float64{16, 15, 14, 12, 11, 9, 7, 6, 6, 7, 8, 9}
	mornings = [12]float64{8, 14, 16, 15, 13, 11, 10, 9, 9, 10, 9, 8}
)

// emergencyDepartment is a busy night: 450 attendances. The reception, the two
// triage rooms and each ward share a login, twelve doctors have their own.
func emergencyDepartment(s *shift) {
	s.organisation, s.notFound, s.mistyped = "RWH", 0.06, 0.02
	for _, at := range s.arrivals(450, evenings) {
		p := s.somebody()
		s.enter(at, "ed-reception", p)
		triaged := s.within(at, 3, 20)
		s.look(triaged, "ed-triage", p)
		doctor := fmt.Sprint("ed-doctor-", s.IntN(12))
		for range 1 + s.IntN(4) {
			s.look(s.within(triaged, 15, 240), doctor, p)
			s.look(s.within(triaged, 10, 300), "ed-majors", p)
		}
		if s.IntN(10) < 3 {
			for range 3 {
				s.look(s.within(at, 180, 600), fmt.Sprint("ward-", s.IntN(5)), p)
			}
		}
	}
}

// callCentre is a provider of NHS 111 on a bank holiday: 3,000 calls, sixty
// call handlers, and twenty clinicians who call back.
func callCentre(s *shift) {
	s.organisation, s.notFound, s.mistyped = "NNJ", 0.08, 0.03
	for _, at := range s.arrivals(3000, mornings) {
		p, handler := s.somebody(), fmt.Sprint("handler-", s.IntN(60))
		s.enter(at, handler, p)
		s.look(s.within(at, 2, 10), handler, p)
		if s.IntN(10) < 4 {
			s.look(s.within(at, 10, 60), fmt.Sprint("clinician-", s.IntN(20)), p)
		}
	}
}

// controlRoom is an ambulance service: 2,000 calls, four desks with a login
// each, and the crews.
func controlRoom(s *shift) {
	s.organisation, s.notFound, s.mistyped = "RYC", 0.10, 0.02
	for _, at := range s.arrivals(2000, evenings) {
		p, crew := s.somebody(), fmt.Sprint("crew-", s.IntN(90))
		s.enter(at, fmt.Sprint("desk-", s.IntN(4)), p)
		for range 1 + s.IntN(3) {
			s.look(s.within(at, 8, 90), crew, p)
		}
	}
}

// wardRounds are those of a hospital with twenty wards of 28 beds, all in the
// same three and a half hours: the ward's login for every patient, the
// consultant, the junior doctors, and a pharmacist for every four wards.
func wardRounds(s *shift) {
	s.organisation, s.notFound, s.mistyped = "RDD", 0.01, 0.01
	for ward := range 20 {
		for bed := range 28 {
			p, at := s.somebody(), s.within(8*time.Hour, bed*7, bed*7+7)
			s.enter(s.within(8*time.Hour, -30, 0), fmt.Sprint("ward-", ward), p)
			s.look(at, fmt.Sprint("consultant-", ward), p)
			for range 3 {
				s.look(s.within(at, 0, 180), fmt.Sprint("junior-", ward, "-", s.IntN(2)), p)
			}
			s.look(s.within(8*time.Hour, 0, 210), fmt.Sprint("pharmacist-", ward/4), p)
		}
	}
}

// kinds are those of site.kind in agent.yaml.
var kinds = []string{"gp-practice", "extended-hours", "out-of-hours", "nhs-111", "ambulance", "pharmacy", "mental-health-trust", "community-trust", "hospital", "council", "care-provider"}

// TestOrdinaryWorkIsNeverSlowed has each kind of site asked by those who work,
// all of whose patients are its own, with the defaults: nobody waits.
func TestOrdinaryWorkIsNeverSlowed(t *testing.T) {
	rules := map[Rules]string{} // kinds with the same rules are one case
	for _, kind := range kinds {
		rules[Default(kind)] = kind
	}
	pool := make([]care.NHSNumber, 200000)
	for i := range pool {
		pool[i] = number(i * 5)
	}
	together := func(s *shift) {
		for _, one := range []func(*shift){emergencyDepartment, callCentre, controlRoom, wardRounds} {
			one(s)
		}
	}
	for name, test := range map[string]struct {
		seeds uint64
		work  func(*shift)
	}{
		"emergency department": {200, emergencyDepartment}, "call centre": {10, callCentre}, "control room": {10, controlRoom},
		"ward rounds": {40, wardRounds}, "all through one broker": {5, together},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range test.seeds {
				s := &shift{Rand: rand.New(rand.NewPCG(seed, 111)), pool: pool}
				test.work(s)
				slices.SortStableFunc(s.reads, func(a, b read) int { return int(a.at - b.at) })
				for r, kind := range rules {
					if err := s.through(r); err != nil {
						t.Fatalf("seed %d, asking a site like %s: %v", seed, kind, err)
					}
				}
			}
		})
	}
}

// through sends a shift's requests and returns how the first was refused or
// slowed, if one was.
func (s *shift) through(rules Rules) error {
	c := new(clock)
	k := New(rules, Options{Uptime: c.uptime})
	for _, r := range s.reads {
		c.passed = max(c.passed, r.at)
		req := asks("region", r.organisation, r.user, r.number)
		if err := k.Admit(hurried, req); err != nil {
			return fmt.Errorf("at %v %s is held back: %w; %+v", r.at, r.user, err, k.Status().Pressed)
		}
		k.Settle(req, r.told)
	}
	return nil
}

// TestDefaults wants limits that are set, that widen from user to broker, and
// for a kind nobody knows the narrower ones.
func TestDefaults(t *testing.T) {
	if len(kinds) != 11 || Default("spaceship") != Default("pharmacy") || Default("hospital") == Default("pharmacy") {
		t.Error("kinds and rules do not fit")
	}
	for _, kind := range kinds {
		r := Default(kind)
		for l := range levels {
			now := r.of(l)
			if now.NotFoundShare <= 0 || now.NotFoundShare >= 1 || now.ShareFrom < 40 || now.NotFoundPerHour >= now.PatientsPerHour || now.NeighboursPerHour >= now.NotFoundPerHour {
				t.Errorf("%s %v: %+v", kind, l, now)
			}
			if l > User {
				if before := r.of(l - 1); now.PatientsPerHour <= before.PatientsPerHour || now.NotFoundPerHour <= before.NotFoundPerHour || now.NeighboursPerHour <= before.NeighboursPerHour {
					t.Errorf("%s %v is not wider than the level below: %+v", kind, l, now)
				}
			}
		}
	}
}
