package agent

import (
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

// journalled returns an agent whose journal holds the events.
func journalled(t *testing.T, events ...care.Event) *Agent {
	t.Helper()
	key, err := sitekey.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	site := &config.Site{StateFolder: t.TempDir(), Organisation: config.Organisation{ODSCode: "Y99901", Kind: "gp-practice"}}
	a := &Agent{site: site, log: hclog.NewNullLogger()}
	if a.keys, err = JournalKeysOf(site, key); err != nil {
		t.Fatal(err)
	}
	if a.journal, err = audit.Open(JournalFolder(site), a.journalOptions(a.keys)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.journal.Close() })
	var last care.Entry
	for _, e := range events {
		last = a.journal.Append(e)
	}
	if last != nil {
		if err := last.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// TestAnchor: the newest epoch counts wherever it stands, and not that of a
// store that had failed.
func TestAnchor(t *testing.T) {
	many := make([]care.Event, 2*window)
	for i := range many {
		many[i] = care.Event{Kind: care.ConnectionOpened}
	}
	for name, c := range map[string]struct {
		events []care.Event
		want   uint64
	}{
		"nothing":        {nil, 0},
		"no epoch":       {[]care.Event{{Kind: care.AgentStarted}}, 0},
		"the last":       {[]care.Event{{Kind: care.ReleaseDecided, ConsentEpoch: 3}, {Kind: care.ConsentChanged, ConsentEpoch: 4}}, 4},
		"out of order":   {[]care.Event{{Kind: care.ReleaseDecided, ConsentEpoch: 5}, {Kind: care.ReleaseEnded, ConsentEpoch: 4}}, 5},
		"failed since":   {[]care.Event{{Kind: care.ReleaseDecided, ConsentEpoch: 5}, {Kind: care.ReleaseRefused, ConsentEpoch: 1<<64 - 1}}, 5},
		"long ago":       {append([]care.Event{{Kind: care.ConsentChanged, ConsentEpoch: 7}}, many...), 7},
		"in a middle":    {append(append([]care.Event{{Kind: care.AgentStarted}, {Kind: care.ConsentChanged, ConsentEpoch: 8}}, many...), care.Event{Kind: care.AgentStopped}), 8},
		"edge of window": {append([]care.Event{{Kind: care.ConsentChanged, ConsentEpoch: 9}}, many[:window-1]...), 9},
	} {
		a := journalled(t, c.events...)
		if got, err := anchorOf(a.site, a.journal.Status().Entries); got != c.want || err != nil {
			t.Errorf("%s: %d, %v, want %d", name, got, err, c.want)
		}
	}
}

// asks are the events of a request that was served, or told what is given.
func asks(decision uint64, user string, number int, told care.Kind) []care.Event {
	n, err := care.ParseNHSNumber(fmt.Sprint(number))
	if err != nil {
		panic(err)
	}
	r := &care.Request{ID: "r", Requester: care.Requester{UserID: user, Organisation: "RWH"}, Broker: care.Broker{Name: "region"},
		Subject: care.Subject{NHSNumber: n}, Received: time.Now()}
	if told == care.PatientNotFound && user == "restricted" { // it is refused at once and ends all the same
		r.Requester.UserID = "u1"
		return []care.Event{{Kind: care.ReleaseRefused, Request: r, Refusal: told, TrueReason: "RESTRICTED"},
			{Kind: care.ReleaseEnded, Request: r, Decision: decision, Refusal: told, TrueReason: "RESTRICTED"}}
	}
	if told == care.NoPatientConsent || told == care.AccessDenied {
		return []care.Event{{Kind: care.ReleaseRefused, Request: r, Refusal: told}}
	}
	return []care.Event{{Kind: care.ReleaseDecided, Request: r}, {Kind: care.ReleaseEnded, Request: r, Decision: decision, Refusal: told}}
}

// numbers returns n valid numbers that are far apart.
func numbers(n int) (list []int) {
	for i := 9990000018; len(list) < n; i += 1_000_000 / 7 {
		if _, err := care.ParseNHSNumber(fmt.Sprint(i)); err == nil {
			list = append(list, i)
		}
	}
	return list
}

// TestARestartResetsNoBudget: what the journal tells of the last hour counts
// like what has happened since.
func TestARestartResetsNoBudget(t *testing.T) {
	list := numbers(4)
	request := func(number int) *care.Request { return asks(0, "u1", number, care.OK)[0].Request }
	for name, c := range map[string]struct {
		told care.Kind
		full bool
	}{
		"served":              {care.OK, true},
		"dissent":             {care.NoPatientConsent, true},
		"not found":           {care.PatientNotFound, true},
		"restricted":          {care.PatientNotFound, true},
		"refused by policy":   {care.AccessDenied, false},
		"somebody else asked": {care.OK, false},
	} {
		var events []care.Event
		for _, n := range list[:3] {
			user := "u1"
			switch name {
			case "somebody else asked":
				user = "u2"
			case "restricted":
				user = name
			}
			events = append(events, asks(uint64(len(events)+1), user, n, c.told)...)
		}
		a := journalled(t, events...)
		a.site.Limits.PatientsPerHour.User = 3
		keeper, err := a.newBudget()
		if err != nil {
			t.Fatal(err)
		}
		err = keeper.Admit(t.Context(), request(list[3]))
		if full := care.KindOf(err) == care.LimitExceeded; full != c.full {
			t.Errorf("%s: a further patient: %v", name, err)
		}
	}
}

// TestReachingABudgetIsAnAlert: the entry says who and how many, and names no
// patient.
func TestReachingABudgetIsAnAlert(t *testing.T) {
	a := journalled(t)
	a.site.Limits.PatientsPerHour.User = 1
	keeper, err := a.newBudget()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range numbers(2) {
		err = keeper.Admit(t.Context(), asks(0, "u1", n, care.OK)[0].Request)
	}
	if care.KindOf(err) != care.LimitExceeded {
		t.Fatalf("two patients were let through: %v", err)
	}
	if err := a.journal.Close(); err != nil {
		t.Fatal(err)
	}
	for line, err := range audit.Read(JournalFolder(a.site), 1, 0) {
		if err != nil || line.Kind != care.BudgetReached {
			continue
		}
		if line.Alert && line.TrueReason == "PATIENTS_USER" && line.Broker == "region" && len(line.Patient.Box) == 0 {
			return
		}
		t.Errorf("the entry is %s", line.Raw)
	}
	t.Error("no entry tells of it")
}

// TestConfigIsNoted: another agent.yaml than last time is an entry, the same
// one is not.
func TestConfigIsNoted(t *testing.T) {
	a := journalled(t, care.Event{Kind: care.AgentStarted, ConfigHash: "other"}, care.Event{Kind: care.ConsentDoubted})
	before := a.journal.Status().Entries
	a.noteConfig()
	if err := a.journal.Append(a.event(care.AgentStarted)).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := a.journal.Status().Entries; got != before+2 {
		t.Errorf("%d entries after a change, want %d", got, before+2)
	}
}
