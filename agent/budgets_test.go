package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/alerts"
	"github.com/mycarerecord/edge-agent/agent/budget"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// The status names organisations and brokers that a budget holds up, and counts
// users: who they are is for those who look at the alerts.
func TestBudgetAttention(t *testing.T) {
	slowed := func(l budget.Level, broker, organisation, user string) budget.Pressed {
		return budget.Pressed{Reached: budget.Reached{Level: l, Broker: broker, Organisation: care.ODSCode(organisation), User: user}}
	}
	stopped := func(l budget.Level, broker, organisation, user string) budget.Pressed {
		p := slowed(l, broker, organisation, user)
		p.Stopped = true
		return p
	}
	var many []budget.Pressed
	for i := range 12 {
		many = append(many, slowed(budget.Organisation, "", fmt.Sprintf("R%02d", i), ""))
	}
	for _, c := range []struct {
		status budget.Status
		want   []string
	}{
		{budget.Status{Users: 9, Waiting: 1}, nil},
		{budget.Status{Pressed: []budget.Pressed{slowed(budget.User, "north", "RWH", "ann")}},
			[]string{"Slowed down near a budget against enumeration: 1 user."}},
		{budget.Status{Pressed: []budget.Pressed{stopped(budget.Broker, "north", "", ""), stopped(budget.User, "north", "RWH", "ann"), stopped(budget.User, "north", "RWH", "bob"),
			slowed(budget.Organisation, "", "RWH", ""), slowed(budget.Organisation, "", "E82001", ""), slowed(budget.User, "north", "RWH", "eve")}, More: 7, Crowded: true},
			[]string{"Stopped by a budget against enumeration: broker north; 2 users. See mcr-agent alerts list.",
				"Slowed down near a budget against enumeration: organisations RWH, E82001; 1 user.",
				"Beyond these, slowed down or stopped: 7.",
				"So many ask that the agent cannot tell them apart any more: newcomers share one budget."}},
		{budget.Status{Pressed: many}, []string{"Slowed down near a budget against enumeration: organisations R00, R01, R02, R03, R04, R05, R06, R07, R08, R09, and 2 more."}},
		{budget.Status{Pressed: []budget.Pressed{slowed(budget.Organisation, "north", "", "")}},
			[]string{"Slowed down near a budget against enumeration: organisation (newcomers through north)."}},
	} {
		if got := budgetAttention(&c.status); !slices.Equal(got, c.want) {
			t.Errorf("told is %q, want %q", got, c.want)
		}
	}
}

// TestStatusTellsOfBudgets: what the budgets do is among what the agent's
// status says that somebody should know.
func TestStatusTellsOfBudgets(t *testing.T) {
	o := newOffice(t)
	limits := budget.Limits{PatientsPerHour: 2, NotFoundPerHour: 100, NotFoundShare: 1, ShareFrom: 100, NeighboursPerHour: 100}
	wide := limits
	wide.PatientsPerHour = 100
	o.agent.budget = budget.New(budget.Rules{User: limits, Organisation: limits, Broker: wide}, budget.Options{})
	var err error
	if o.agent.notifier, err = alerts.New(alerts.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, number := range []string{"9990000018", "9990000026"} {
		r := &care.Request{Broker: care.Broker{Name: "north"}, Subject: care.Subject{NHSNumber: nhs(t, number)}}
		r.Requester.Organisation, r.Requester.UserID = "RWH", "ann-0001"
		if err := o.agent.budget.Admit(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		o.agent.budget.Settle(r, care.OK)
	}
	all := strings.Join(o.agent.choicesAttention(), "\n")
	if !strings.Contains(all, "Stopped by a budget against enumeration: organisation RWH; 1 user.") || strings.Contains(all, "ann-0001") {
		t.Errorf("the status tells\n%s", all)
	}
}
