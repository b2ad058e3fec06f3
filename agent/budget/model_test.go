package budget

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// model is one key's hour as a plain list of what happened, counted anew for
// every question.
type model struct {
	patients map[int]*modelPatient
	near     []int64 // slots in which a patient with a neighbour came
	missed   []int64
	open     []int64
	told     map[Measure]int64
}

type modelPatient struct {
	last  int64
	state answer
	open  int
}

func recent(all []int64, now int64) (n int) {
	for _, at := range all {
		if now-at < slots {
			n++
		}
	}
	return n
}

func (m *model) forget(now int64) {
	for n, p := range m.patients {
		if now-p.last >= slots {
			delete(m.patients, n)
		}
	}
}

func (m *model) are(state answer) (n int) {
	for _, p := range m.patients {
		if p.state == state {
			n++
		}
	}
	return n
}

// judge returns the measures that stop a request, and how much is used at most.
func (m *model) judge(l *Limits, n int, now int64) (over map[Measure]bool, part float64) {
	over = map[Measure]bool{}
	p := m.patients[n]
	if p != nil && p.state == served {
		return over, 0
	}
	absent, all := m.are(nobody), m.are(nobody)+m.are(served)
	for measure, x := range map[Measure][2]int{
		Sequence: {recent(m.near, now), l.NeighboursPerHour}, NotFound: {recent(m.missed, now) + recent(m.open, now), l.NotFoundPerHour}, Patients: {len(m.patients), l.PatientsPerHour},
	} {
		if measure == Patients && p != nil {
			continue
		}
		over[measure] = x[0] >= x[1]
		part = max(part, float64(x[0])/float64(x[1]))
	}
	if all >= l.ShareFrom {
		over[NotFound] = over[NotFound] || float64(absent) > l.NotFoundShare*float64(all)
		part = max(part, float64(absent)/(l.NotFoundShare*float64(all)))
	}
	return over, part
}

func (m *model) ask(n int, now int64) {
	p := m.patients[n]
	if p == nil {
		for other := range m.patients {
			if other-n <= 10 && n-other <= 10 {
				m.near = append(m.near, now)
				break
			}
		}
		p = &modelPatient{}
		m.patients[n] = p
	}
	if p.last = now; p.state != served {
		p.open++
		m.open = append(m.open, now)
	}
}

func (m *model) settle(n int, told care.Kind, now int64) {
	p := m.patients[n]
	if p == nil {
		return
	}
	if p.open > 0 {
		p.open--
		for i := len(m.open) - 1; i >= 0 && now-m.open[i] < slots; {
			m.open = append(m.open[:i:i], m.open[i+1:]...)
			break
		}
	}
	switch told {
	case care.PatientNotFound, care.InvalidDemographics:
		m.missed = append(m.missed, now)
		p.state = nobody
	case care.OK, care.RecordNotFound:
		p.state = served
	}
}

// TestAgainstModel has a few users ask for a few patients at random and holds
// every verdict and every alert against the model's.
func TestAgainstModel(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { newComparison(seed).run(t) })
	}
}

type comparison struct {
	*rand.Rand
	clock  clock
	keeper *Keeper
	rules  Rules
	models [levels]map[key]*model
	flying []flight
	alerts []string
	wanted []string
	stops  int
}

type flight struct {
	req *care.Request
	n   int
	at  int64
}

func newComparison(seed uint64) *comparison {
	c := &comparison{Rand: rand.New(rand.NewPCG(seed, 7))}
	limits := func(scale int) Limits {
		return Limits{scale * (4 + c.IntN(12)), scale * (3 + c.IntN(10)), scale * (2 + c.IntN(10)), 0.3 + c.Float64()*0.6, 3 + c.IntN(20)}
	}
	c.rules = Rules{limits(1), limits(2), limits(3)}
	c.keeper = New(c.rules, Options{Uptime: c.clock.uptime, OnReached: func(r Reached) {
		c.alerts = append(c.alerts, fmt.Sprint(r.Reason, r.Broker, r.Organisation, r.User))
	}})
	for l := range c.models {
		c.models[l] = map[key]*model{}
	}
	return c
}

func (c *comparison) run(t *testing.T) {
	kinds := []care.Kind{care.OK, care.OK, care.OK, care.PatientNotFound, care.InvalidDemographics, care.NoPatientConsent, care.RecordNotFound}
	for step := range 3000 {
		switch x := c.IntN(100); {
		case x < 5:
			c.clock.passed += time.Duration(c.IntN(int(8 * time.Minute)))
		case x < 6:
			c.clock.passed += time.Duration(c.IntN(int(90 * time.Minute)))
		case x < 60 || len(c.flying) == 0:
			c.ask(t, step)
		default:
			i := c.IntN(len(c.flying))
			f := c.flying[i]
			c.flying = append(c.flying[:i], c.flying[i+1:]...)
			c.settle(f, kinds[c.IntN(len(kinds))])
		}
	}
	if fmt.Sprint(c.alerts) != fmt.Sprint(c.wanted) {
		t.Errorf("alerts\n%v\nwant\n%v", c.alerts, c.wanted)
	}
	if c.stops == 0 {
		t.Error("nothing was ever stopped")
	}
}

func (c *comparison) now() int64 { return int64(c.clock.passed / slotLength) }

// of returns the models of a request's keys.
func (c *comparison) of(req *care.Request) (all [levels]*model, who keys) {
	who = keysOf(req.Broker.Name, req.Requester.Organisation, req.Requester.UserID)
	for l, name := range who {
		if c.models[l][name] == nil {
			c.models[l][name] = &model{patients: map[int]*modelPatient{}, told: map[Measure]int64{}}
		}
		all[l] = c.models[l][name]
		all[l].forget(c.now())
	}
	return all, who
}

func (c *comparison) settle(f flight, told care.Kind) {
	if c.now()-f.at >= slots {
		return // no request takes an hour
	}
	c.keeper.Settle(f.req, told)
	all, _ := c.of(f.req)
	for _, m := range all {
		m.settle(f.n, told, c.now())
	}
}

func (c *comparison) ask(t *testing.T, step int) {
	n := c.IntN(60) * (1 + 24*c.IntN(2))
	num := number(n)
	b, _ := baseOf(num)
	req := asks(fmt.Sprint("b", c.IntN(2)), fmt.Sprint("ORG", c.IntN(2)), fmt.Sprint("u", c.IntN(2)), num)
	all, who := c.of(req)
	reason, part := c.verdict(all, who, int(b))
	pause, err := c.keeper.try(&who, b, false)
	if pause > 0 {
		c.keeper.leave(who[User])
		_, err = c.keeper.try(&who, b, true)
	}
	if care.ReasonOf(err) != reason {
		t.Fatalf("step %d: got %v, want %q", step, err, reason)
	}
	if reason != "" {
		c.stops++
		return
	}
	if want := delay(part); pause != want {
		t.Fatalf("step %d: waits %v, want %v (%v of a limit)", step, pause, want, part)
	}
	for _, m := range all {
		m.ask(int(b), c.now())
	}
	c.flying = append(c.flying, flight{req, int(b), c.now()})
}

// verdict returns the reason of a stop, if it is one, and notes the alert.
func (c *comparison) verdict(all [levels]*model, who keys, n int) (reason string, part float64) {
	for l, m := range all {
		over, used := m.judge(c.rules.of(Level(l)), n, c.now())
		part = max(part, used)
		for measure := range measures {
			if !over[measure] {
				continue
			}
			reason = measure.String() + "_" + Level(l).String()
			if last, told := m.told[measure]; !told || c.now()-last >= slots {
				m.told[measure] = c.now()
				c.wanted = append(c.wanted, fmt.Sprint(reason, who[l].broker, who[l].organisation, who[l].user))
			}
			return reason, part
		}
	}
	return "", part
}
