package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/audit/index"
	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestEntryRange(t *testing.T) {
	for text, want := range map[string][2]uint64{"": {0, 0}, "7": {7, 7}, "7-": {7, 0}, "7-7": {7, 7}, "7-12": {7, 12}} {
		if first, last, err := entryRange(text); err != nil || first != want[0] || last != want[1] {
			t.Errorf("%q is %d to %d, %v", text, first, last, err)
		}
	}
	for _, text := range []string{"0", "-5", "5-4", "x", "5-x", "5-6-7", "5 - 6", "-", "99999999999999999999"} {
		if _, _, err := entryRange(text); care.KindOf(err) != care.BadRequest {
			t.Errorf("%q is taken: %v", text, err)
		}
	}
}

// hostile is an entry whose texts try to be more than texts.
var hostile = audit.Line{Sequence: 9, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Kind: care.ReleaseRefused, Refusal: "NO_PATIENT_CONSENT",
	UserName: "=HYPERLINK(\"x\")", UserID: " +1", RoleCode: "-1", RoleName: "GP\x1b[2J", Organisation: "@A", OrganisationName: "a,\"b\"\r\nc", Reason: "＝1",
	TrueReason: "DISSENT", Patient: audit.Sealed{Key: "00000000", Box: []byte{1}}}

// one yields one entry and then, perhaps, an error.
func one(l audit.Line, err error) iter.Seq2[audit.Line, error] {
	return func(yield func(audit.Line, error) bool) {
		if yield(l, nil) && err != nil {
			yield(audit.Line{}, err)
		}
	}
}

func TestSearchCSVIsHarmless(t *testing.T) {
	var out bytes.Buffer
	if n, err := csvOf(&streams{out: &out}, one(hostile, nil)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != 2 || len(rows[0]) != len(rows[1]) {
		t.Fatalf("the rows are %q, %v", rows, err)
	}
	for i, cell := range rows[1] {
		if strings.ContainsAny(cell, "\x1b\r\n") || strings.IndexAny(strings.TrimLeft(cell, " "), "=+-@＝＋－＠") == 0 {
			t.Errorf("%s is %q", rows[0][i], cell)
		}
	}
	if got := strings.Join(rows[1][3:6], "|"); got != "NO_PATIENT_CONSENT|DISSENT|sealed" {
		t.Errorf("answer and patient are %s", got)
	}
}

func TestSearchTableIsHarmless(t *testing.T) {
	var out bytes.Buffer
	if n, err := tableOf(&streams{out: &out}, one(hostile, nil)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	text := out.String()
	if strings.Count(text, "\n") != 2 || strings.Contains(text, "\x1b") || !strings.Contains(text, "NO_PATIENT_CONSENT (DISSENT)  sealed") {
		t.Errorf("the table is %q", text)
	}
}

// What was found before an error is not taken for all.
func TestSearchFormsEndWithTheError(t *testing.T) {
	broken := errors.New("broken")
	for name, write := range entryWriters {
		if _, err := write(&streams{out: &bytes.Buffer{}}, one(hostile, broken)); !errors.Is(err, broken) {
			t.Errorf("%s: error is %v", name, err)
		}
		if _, err := write(&streams{out: full{}}, one(hostile, nil)); !errors.Is(err, errFull) {
			t.Errorf("%s: error of a full disk is %v", name, err)
		}
	}
}

var errFull = errors.New("full")

// full is an output that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestRowTellsWhatHappened(t *testing.T) {
	l := audit.Line{Kind: care.ReleaseEnded, Records: 3, Time: time.Unix(9, 0), Occurred: time.Unix(5, 0), Actor: "admin"}
	if r := rowOf(&l); r.answer != "OK, 3 records sent" || !r.time.Equal(l.Occurred) || r.who != "admin" || r.patient != "" {
		t.Errorf("the row is %+v", r)
	}
	l = audit.Line{Kind: care.ConsentDoubted, TrueReason: "STALE"}
	if r := rowOf(&l); r.answer != "(STALE)" {
		t.Errorf("the row is %+v", r)
	}
	l = audit.Line{Kind: care.AgentStarted}
	if r := rowOf(&l); r.answer != "" {
		t.Errorf("the row is %+v", r)
	}
}

func TestTellCover(t *testing.T) {
	var out bytes.Buffer
	tellCover(&streams{err: &out}, 5, 10, []index.Gap{{From: 1, To: 9, Entries: 9, Reason: index.GapArchived}, {From: 20, To: 30, Entries: 2, Reason: index.GapSealed}})
	want := "5 entries fit.\nNot searched: 9 entries, from 1 to 9: in the archive, which is not at hand; see journal.archive_folder in agent.yaml.\n" +
		"Not known to fit or not: up to 2 entries, from 20 to 30: of a patient who cannot be told: sealed under another site key, or damaged.\n"
	if out.String() != want {
		t.Errorf("it says %q", out.String())
	}
	for _, reason := range []string{index.GapArchived, index.GapPruned, index.GapMissing, index.GapDamaged, index.GapSealed} {
		if gapWords[reason] == "" {
			t.Errorf("there are no words for %s", reason)
		}
	}
}
