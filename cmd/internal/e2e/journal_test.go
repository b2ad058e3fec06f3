//go:build e2e

package e2e

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// checkJournal holds the journal against the requests that were made: each
// has an entry of the decision and one of how it ended.
func (a *agent) checkJournal(t *testing.T, requests int) {
	t.Helper()
	decided, ended := 0, map[uint64]bool{}
	var decisions []uint64
	for _, e := range a.entries(t) {
		switch {
		case e.Interaction == "GET_RECORD" && e.Decision == 0:
			decided++
			decisions = append(decisions, e.Sequence)
			if e.NHSNumber == "" || e.UserName != "Dr End Toend" || e.Organisation != "RWH" || e.Purpose != "TREAT" {
				t.Errorf("entry %d does not say who asked about whom, and why", e.Sequence)
			}
		case e.Decision != 0:
			ended[e.Decision] = true
		}
	}
	if decided != requests {
		t.Errorf("%d requests were made, %d are in the journal", requests, decided)
	}
	for _, n := range decisions {
		if !ended[n] {
			t.Errorf("entry %d has no entry of how the request ended", n)
		}
	}
	tail := a.audit(t, "tail", "-n", "100000")
	if n := strings.Count(tail, "Dr End Toend"); n < requests {
		t.Errorf("audit tail shows %d entries of the requester, want at least %d:\n%s", n, requests, tail)
	}
}

// entry is what the tests look at of an entry of the journal.
type entry struct {
	Sequence     uint64 `json:"seq"`
	Kind         string
	Interaction  string
	NHSNumber    string `json:"nhs_number"`
	UserName     string `json:"user_name"`
	Organisation string
	Purpose      string
	Refusal      string
	TrueReason   string `json:"true_reason"`
	Detail       string
	Decision     uint64
	Outcomes     []struct {
		Section, State, Reason string
		Details                []string
	}
}

// entries reads the whole journal with audit show.
func (a *agent) entries(t testing.TB) []entry {
	t.Helper()
	var list []entry
	decoder := json.NewDecoder(strings.NewReader(a.audit(t, "show", "1", "1000000")))
	for decoder.More() {
		var e entry
		if err := decoder.Decode(&e); err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// canaries are what of the patients must never be in a log: everything in the
// patients' rows that cannot be there by chance, their NHS numbers, and the
// keys by which the source knows them.
func canaries(t testing.TB, all tables) []string {
	t.Helper()
	var list []string
	for _, p := range all.patients(t) {
		list = append(list, p.number, p.id, p.family, p.given)
	}
	for _, row := range all.of(t, "patients", "") {
		for _, column := range []string{"birthdate", "ssn", "drivers", "passport", "maiden", "birthplace", "address", "lat", "lon"} {
			if len(row[column]) > 4 {
				list = append(list, row[column])
			}
		}
	}
	for _, name := range []string{"conditions", "medications", "procedures"} {
		for _, row := range all.of(t, name, "") {
			list = append(list, row["description"])
		}
	}
	slices.Sort(list)
	return slices.Compact(slices.DeleteFunc(list, func(s string) bool { return s == "" }))
}

// leaks returns how many of the canaries a log holds. Which ones is not told:
// it would be one more leak.
func leaks(log string, canaries []string) (n int) {
	log = strings.ToLower(log)
	digits := regexp.MustCompile(`[ \-_]`).ReplaceAllString(log, "")
	for _, c := range canaries {
		c = strings.ToLower(c)
		if strings.Contains(log, c) || len(c) == 10 && !strings.ContainsFunc(c, notDigit) && strings.Contains(digits, c) {
			n++
		}
	}
	return n
}

func notDigit(r rune) bool { return r < '0' || r > '9' }

// scanLog looks for canaries in an agent's log, once it is sure that it would
// find one.
func scanLog(t *testing.T, log *agentLog, all tables) {
	t.Helper()
	text, list := log.all(), canaries(t, all)
	if !strings.Contains(text, "agent started") {
		t.Fatal("the log is not that of an agent")
	}
	p := all.patients(t)[0]
	for _, planted := range []string{p.number, p.number[:3] + " " + p.number[3:6] + " " + p.number[6:], strings.ToUpper(p.family), p.born} {
		if leaks(text+"\n"+`{"@message":"x","detail":"`+planted+`"}`, list) == 0 {
			t.Fatal("the scanner does not find a canary that was planted")
		}
	}
	if n := leaks(text, list); n > 0 {
		t.Errorf("the agent's log holds %d texts of patients", n)
	}
}
