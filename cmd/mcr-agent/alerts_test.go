package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/alerts"
	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestChoose(t *testing.T) {
	var open []alerts.Alert
	for _, n := range []uint64{5, 9, 12, 40, 41} {
		open = append(open, alerts.Alert{Number: n})
	}
	for _, c := range []struct {
		named string
		want  [][2]uint64
		count int
	}{
		{"5", [][2]uint64{{5, 5}}, 1},
		{"12 5", [][2]uint64{{5, 5}, {12, 12}}, 2},
		{"9 5", [][2]uint64{{5, 9}}, 2},
		{"6-39", [][2]uint64{{9, 12}}, 2},
		{"41 40 40 5-9", [][2]uint64{{5, 9}, {40, 41}}, 4},
		{"1-100", [][2]uint64{{5, 41}}, 5},
	} {
		got, err := choose(open, strings.Fields(c.named))
		if err != nil || !slices.Equal(got.ranges, c.want) || got.count != c.count || len(got.notOpen) != 0 {
			t.Errorf("%s: %+v, %v; want %v, %d", c.named, got, err, c.want, c.count)
		}
	}
	for text, reason := range map[string]string{"": "ALERTS", "0": "ALERTS", "x": "ALERTS", "9-5": "ALERTS", "9-": "ALERTS", "-9": "ALERTS",
		"6-8": "NO_ALERT"} {
		if got, err := choose(open, []string{"5", text}); care.ReasonOf(err) != reason || got.ranges != nil {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	if got, err := choose(open, []string{"6", "5", "99"}); err != nil || got.count != 1 || !slices.Equal(got.notOpen, []uint64{6, 99}) {
		t.Errorf("numbers of no open alert: %+v, %v", got, err)
	}
}

func TestNotesThatNameAPatient(t *testing.T) {
	for text, want := range map[string]bool{"": false, "spoke to 9990000042": true, "999 000 0042": true, "no. 999-000-0042.": true,
		"9990000043": false, "call 01632 960001": false, "99900": false} {
		if namesPatient(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

func TestShowAlert(t *testing.T) {
	number, err := care.ParseNHSNumber("9990000042")
	if err != nil {
		t.Fatal(err)
	}
	a := alerts.Alert{Number: 12, Kind: alerts.BreakGlass, Time: time.Unix(9, 0), Seen: alerts.Seen{Number: 15, Time: time.Unix(99, 0), By: "site:ann", Note: "spoke\x1b to them"}}
	l := audit.Line{UserName: "Dr Ann Example\x1b[2J", UserID: "555", RoleName: "GP", RoleCode: "R0260", Organisation: "E82001", NHSNumber: number,
		Patient: audit.Sealed{Box: []byte{1}}, Interaction: "GET_RECORD", Sections: []string{"ALLERGIES", "ALERTS"}, Purpose: "BTG", Permission: "NOT_ASKED",
		AlertReason: "EMERGENCY", Reason: "unconscious", Refusal: "NO_PATIENT_CONSENT", TrueReason: "DISSENT"}
	var out bytes.Buffer
	if err := showAlert(&streams{out: &out}, &a, &l); err != nil {
		t.Fatal(err)
	}
	want := []string{"Alert 12, BREAK_GLASS, seen by site:ann on " + localTime(a.Seen.Time) + ", entry 15: spoke to them", "When " + localTime(a.Time),
		"Who Dr Ann Example[2J (555)", "Role GP (R0260)", "Organisation E82001", "Patient NHS number 9990000042",
		"Asked for GET_RECORD (ALLERGIES, ALERTS)", "Purpose BTG", "Permission NOT_ASKED", "Reason EMERGENCY", "As typed unconscious",
		"Refused NO_PATIENT_CONSENT (DISSENT)"}
	var got []string
	for text := range strings.Lines(out.String()) {
		name, rest, _ := strings.Cut(strings.TrimSuffix(text, "\n"), "  ")
		got = append(got, name+" "+strings.TrimLeft(rest, " "))
	}
	if !slices.Equal(got, want) {
		t.Errorf("shown is\n%q, want\n%q", got, want)
	}
	out.Reset()
	l.NHSNumber = care.NHSNumber{}
	if err := showAlert(&streams{out: &out}, &a, &l); err != nil || !strings.Contains(out.String(), "  sealed\n") {
		t.Errorf("shown is %s, %v", &out, err)
	}
}

// What was found is not taken for all when it cannot be written.
func TestAlertsListEndsWithTheError(t *testing.T) {
	some := []alerts.Alert{{Number: 1, Kind: alerts.BreakGlass}}
	for name, write := range map[string]func(*streams, []alerts.Alert) error{"table": alertsTable, "json": alertsJSON} {
		if err := write(&streams{out: full{}}, some); err == nil {
			t.Errorf("%s: a full disk is no error", name)
		}
	}
}

// siteOfTest writes an agent.yaml and returns a function that runs a command
// with it, and checks its exit code.
func siteOfTest(t *testing.T) func(code int, args ...string) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "mcr") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := certificates(folder); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("testdata/alerts.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, yaml, _ := strings.Cut(string(script), "-- agent.yaml --\n")
	path := filepath.Join(folder, "agent.yaml")
	state := filepath.ToSlash(filepath.Join(folder, "state"))
	if err := os.WriteFile(path, []byte(strings.Replace(yaml, "$STATE", state, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(code int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if got := run(append(args, "--config", path), strings.NewReader("9990000018\n"), &out, &errs); got != code {
			t.Fatalf("%q: exit code %d, want %d: %s", args, got, code, &errs)
		}
		return out.String()
	}
}

// TestAlertByNumber looks at one of two alerts and deals with it.
func TestAlertByNumber(t *testing.T) {
	mcr := siteOfTest(t)
	mcr(exitOK, "consent", "set", "dissent")
	bogus := filepath.Join(t.TempDir(), "bogus.note")
	if err := os.WriteFile(bogus, []byte("no head"), 0o600); err != nil {
		t.Fatal(err)
	}
	mcr(exitRefused, "audit", "verify", "--head", bogus)
	mcr(exitRefused, "audit", "verify", "--head", bogus)
	var open []alertJSON
	if err := json.Unmarshal([]byte(mcr(exitOK, "alerts", "list", "--format", "json")), &open); err != nil || len(open) != 2 {
		t.Fatalf("the alerts are %v, %v", open, err)
	}
	number := strconv.FormatUint(open[0].Reference, 10)
	shown := mcr(exitOK, "alerts", "show", number)
	for _, want := range []string{"Alert    " + number + ", INTEGRITY_CHECKED, open\n", "Done by  site:", "HEAD_INVALID"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not in\n%s", want, shown)
		}
	}
	searched := mcr(exitOK, "audit", "search", "--kind", "JOURNAL_SEARCHED", "--format", "ndjson")
	if want := `"query":"a privacy alert","from":` + number + `,"to":` + number + "}"; strings.Count(searched, want) != 1 {
		t.Errorf("%s is not in\n%s", want, searched)
	}
	if got := mcr(exitOK, "alerts", "seen", number, "--note", "a test"); got != "Written down as dealt with: 1 alert. Still open: 1.\n" {
		t.Error(got)
	}
	again := mcr(exitOK, "alerts", "seen", number, "--note", "another")
	if !strings.HasPrefix(again, "Alert "+number+" was dealt with before, seen by site:") || !strings.HasSuffix(again, ": a test. Nothing is written about it again.\n") || strings.Count(again, "\n") != 1 {
		t.Error(again)
	}
	if got := mcr(exitOK, "audit", "search", "--kind", "ALERT_SEEN", "--format", "ndjson"); strings.Count(got, "\n") != 1 {
		t.Errorf("it is written again:\n%s", got)
	}
	if shown = mcr(exitOK, "alerts", "show", number); !strings.Contains(shown, "INTEGRITY_CHECKED, seen by site:") || !strings.Contains(shown, ": a test\n") {
		t.Errorf("shown is\n%s", shown)
	}
	var left []alertJSON
	if err := json.Unmarshal([]byte(mcr(exitOK, "alerts", "list", "--format", "json")), &left); err != nil || len(left) != 1 || left[0] != open[1] {
		t.Errorf("the alerts are %v, %v, want %v", left, err, open[1:])
	}
}
