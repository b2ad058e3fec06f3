package agent

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/budget"
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
	if a.tail, err = a.readTail(); err != nil {
		t.Fatal(err)
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
		"before a run":   {append([]care.Event{{Kind: care.ConsentChanged, ConsentEpoch: 9}}, append(many, care.Event{Kind: care.AgentStopped})...), 9},
		"an older store": {append(append([]care.Event{{Kind: care.ConsentChanged, ConsentEpoch: 9}}, many...), care.Event{Kind: care.AgentStopped, ConsentEpoch: 3}), 3},
	} {
		if got := journalled(t, c.events...).tail.anchor; got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestTailOverMissingNumbers: millions of numbers that never became entries end
// no search, and a window never holds more entries than it may.
func TestTailOverMissingNumbers(t *testing.T) {
	const first, missing = 2*window + 7, 5_000_000
	a := journalled(t, slices.Repeat([]care.Event{{Kind: care.ConnectionOpened}}, first)...)
	if err := a.journal.Close(); err != nil {
		t.Fatal(err)
	}
	after := uint64(first + missing + 1)
	line := fmt.Sprintf(`{"v":1,"seq":%d,"batch":%d,"prev":"%064d","time":"2026-11-22T14:03:10.703701Z","kind":"JOURNAL_REPAIRED","missing_from":%d,"missing_to":%d}`+"\n",
		after, after, 0, first+1, after-1)
	if err := os.WriteFile(filepath.Join(JournalFolder(a.site), fmt.Sprintf("journal-%020d.jsonl", after)), []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []uint64
	err := backwards(a.site, after, func(lines []audit.Line) bool {
		if len(lines) > window {
			t.Errorf("%d entries are held at once", len(lines))
		}
		for i := range slices.Backward(lines) {
			got = append(got, lines[i].Sequence)
		}
		return true
	})
	if err != nil || len(got) != first+1 || got[0] != after || got[1] != first || got[first] != 1 || !slices.IsSortedFunc(got, func(a, b uint64) int { return cmp.Compare(b, a) }) {
		t.Errorf("%d entries were seen, %v", len(got), err)
	}
}

// TestTailIsShort: where the agent never ran, a long journal is not read
// through.
func TestTailIsShort(t *testing.T) {
	a := journalled(t, append([]care.Event{{Kind: care.AgentStarted, ConfigHash: "x"}},
		slices.Repeat([]care.Event{{Kind: care.ConsentChanged, ConsentEpoch: 1}}, maxTail+window)...)...)
	if a.tail.config != "" || a.tail.anchor != 1 {
		t.Errorf("the tail is %+v", a.tail)
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
		err := a.newBudget().Admit(t.Context(), request(list[3]))
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
	keeper := a.newBudget()
	var err error
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

// TestTailRemembersRequests: in their order, with how each ended.
func TestTailRemembersRequests(t *testing.T) {
	list := numbers(3)
	a := journalled(t, slices.Concat(asks(1, "u1", list[0], care.PatientNotFound), asks(0, "u2", list[1], care.NoPatientConsent),
		asks(0, "u3", list[2], care.OK)[:1])...)
	want := []budget.Past{
		{User: "u1", Told: care.PatientNotFound, Ended: true},
		{User: "u2", Told: care.NoPatientConsent, Ended: true},
		{User: "u3"},
	}
	if len(a.tail.past) != len(want) {
		t.Fatalf("%d requests are remembered", len(a.tail.past))
	}
	for i, got := range a.tail.past {
		if got.Number.Reveal() != fmt.Sprint(list[i]) || got.At.IsZero() || got.Broker != "region" || got.Organisation != "RWH" ||
			got.User != want[i].User || got.Told != want[i].Told || got.Ended != want[i].Ended {
			t.Errorf("request %d is %+v, want %+v", i, got, want[i])
		}
	}
}

// TestDowntimeResetsNoBudget: the hour that counts is the last that the agent
// ran, however long ago that was.
func TestDowntimeResetsNoBudget(t *testing.T) {
	list := numbers(2)
	for name, c := range map[string]struct {
		idle time.Duration // from the request to the stop
		full bool
	}{
		"stopped at once":        {0, true},
		"stopped hours later":    {2 * time.Hour, false},
		"stopped within an hour": {50 * time.Minute, true},
	} {
		a := journalled(t)
		if err := a.journal.Close(); err != nil {
			t.Fatal(err)
		}
		now := time.Now().Add(-48 * time.Hour)
		options := a.journalOptions(a.keys)
		options.Now = func() time.Time { return now }
		a.site.StateFolder = t.TempDir()
		var err error
		if a.journal, err = audit.Open(JournalFolder(a.site), options); err != nil {
			t.Fatal(err)
		}
		for _, e := range asks(1, "u1", list[0], care.OK) {
			a.journal.Append(e)
		}
		now = now.Add(c.idle)
		if err := a.journal.Append(care.Event{Kind: care.AgentStopped}).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if a.tail, err = a.readTail(); err != nil {
			t.Fatal(err)
		}
		a.site.Limits.PatientsPerHour.User = 1
		err = a.newBudget().Admit(t.Context(), asks(0, "u1", list[1], care.OK)[0].Request)
		if full := care.KindOf(err) == care.LimitExceeded; full != c.full {
			t.Errorf("%s: a further patient: %v", name, err)
		}
		_ = a.journal.Close()
	}
}

// TestConfigIsNoted: another agent.yaml than the agent last ran with is an
// entry, the same one is not, whatever commands ran with meanwhile.
func TestConfigIsNoted(t *testing.T) {
	for name, c := range map[string]struct {
		last  care.Event
		after string
		noted bool
	}{
		"another":            {care.Event{Kind: care.AgentStarted, ConfigHash: "other"}, "", true},
		"another at its end": {care.Event{Kind: care.AgentStopped, ConfigHash: "other"}, "", true},
		"the same":           {care.Event{Kind: care.AgentStarted}, "", false},
		"a command between":  {care.Event{Kind: care.AgentStarted}, "other", false},
	} {
		a := journalled(t, c.last, care.Event{Kind: care.JournalSearched, ConfigHash: c.after})
		before := a.journal.Status().Entries
		a.noteConfig()
		if err := a.journal.Append(a.event(care.AgentStarted)).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if noted := a.journal.Status().Entries == before+2; noted != c.noted {
			t.Errorf("%s: noted %t, want %t", name, noted, c.noted)
		}
	}
}
