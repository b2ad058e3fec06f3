package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/mycarerecord/edge-agent/agent/care"
)

var update = flag.Bool("update", false, "write the golden file anew")

// everyKind returns one event of every kind, between them with every field.
func everyKind() []care.Event {
	at := time.Date(2026, 11, 22, 15, 4, 5, 999999999, time.FixedZone("", 3600))
	request := sampleRequest()
	document := sampleRequest()
	document.Interaction, document.DocumentID, document.Sections = care.ReadDocument, "doc-1", 0
	document.Purpose, document.Permission = care.BreakGlass, care.PermissionEmergency
	document.Period.To = care.Day(2026, 2, 28)
	document.Invalid = errors.New("never written")
	alerted := sampleRequest()
	alerted.Purpose, alerted.AlertReason = care.BreakGlass, care.CourtOrder
	return []care.Event{
		{Kind: care.AgentStarted, Detail: "version 1.0.0", ConfigHash: "sha256:77aa", Actor: "systemd"},
		{Kind: care.ReleaseDecided, Request: request, Released: care.SetOf(care.Allergies), ConsentEpoch: 42, ConfigHash: "sha256:77aa"},
		{Kind: care.ReleaseRefused, Request: document, Refusal: care.PatientNotFound, TrueReason: "RESTRICTED", ConsentEpoch: 43, Alert: true},
		{Kind: care.ReleaseEnded, Request: request, Decision: 2, Calls: []care.SourceCall{
			{Source: "emis", Operation: "FETCH", Duration: 1500 * time.Microsecond, Count: 2},
			{Source: "lab", Operation: "PROBE", Outcome: care.SourceUnavailable, Reason: "TIMEOUT"}}, Records: 17, Bytes: 52431, Digest: "sha256:0bad", Duration: 1234567 * time.Nanosecond,
			Outcomes: []care.Outcome{
				{Section: care.Allergies, State: care.Complete, Read: 3, Sent: 3, Ended: 1, Sources: []string{"emis", "lab"}},
				{Section: care.Medications, State: care.Withheld, Read: 10, Sent: 7, Withheld: 1, Outside: 1, Failed: 1, Limit: 500,
					Boundary: care.Day(2019, 7, 1), AsOf: at, Warnings: []care.Warning{care.ConfidentialItems, care.DataInTransit},
					Reason: "ROW_UNMAPPABLE", Sources: []string{"emis"}, Details: []string{"table medication, column dose"}},
			}},
		{Kind: care.AccessRefused, Broker: &care.Broker{Name: "east", Certificate: "ab12", Software: "broker/2.1"},
			Peer: "192.0.2.7:50211", Refusal: care.Unauthenticated, TrueReason: "EXPIRED", Detail: "the certificate has expired"},
		{Kind: care.ConsentChanged, Directive: &care.Directive{NHSNumber: request.Subject.NHSNumber, Kind: care.Dissent,
			Authority: care.Site, Effective: at, Recorded: at.Add(time.Second), By: "DOMAIN\\reception"}, ConsentEpoch: 44, Actor: "DOMAIN\\reception"},
		{Kind: care.ConsentChanged, Count: 20000, ConsentEpoch: 45, Actor: "east"},
		{Kind: care.ConfigApplied, ConfigHash: "sha256:88bb", Actor: "bundle.dsse"},
		{Kind: care.SourceWritable, Detail: "source emis: the login can write"},
		{Kind: care.JournalRepaired, TrueReason: ReasonIOError},
		{Kind: care.ConnectionOpened, Peer: "[2001:db8::1]:443", Outbound: true, Broker: &care.Broker{Name: "east"}},
		{Kind: care.JournalSearched, Actor: "DOMAIN\\guardian", Query: "user=555000111222 from=2026-01-01", Count: 3},
		{Kind: care.JournalArchived, Actor: "DOMAIN\\admin", From: 1, To: 512, Detail: "/archive"},
		{Kind: care.AgentStopped, Detail: "tab\t quote\" backslash\\ escape\x1b[31m bad\xff del\x7f csi\u009b line\u2028 pound£ 漢字 𝔸"},
		{Kind: care.ReleaseDecided, Request: alerted, Alert: true},
	}
}

// goldenLines writes the events down with a clock that stands still.
func goldenLines() []byte {
	var lines []byte
	box := newTestBox()
	h := header{batch: 1, time: time.Date(2026, 11, 22, 14, 3, 7, 1000, time.UTC)}
	for i, event := range everyKind() {
		var note repairNote
		h.sequence = uint64(i + 1)
		h.occurred = time.Time{}
		if event.Kind == care.JournalRepaired {
			note = repairNote{from: 7, to: 9, lost: 3}
		}
		if event.Kind == care.ReleaseRefused {
			h.occurred = h.time.Add(-time.Minute)
		}
		line := appendLine(nil, &h, box.appendBody(nil, &event, note))
		h.prev = leafHash(line)
		lines = append(append(lines, line...), '\n')
	}
	return lines
}

// TestGolden freezes format version 1: what it writes today must be readable
// for decades. A change that breaks this test needs a new version number.
func TestGolden(t *testing.T) {
	path := filepath.Join("testdata", "v1.jsonl")
	got := goldenLines()
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("lines differ from %s (-frozen +now):\n%s", path, diff)
	}
}

func TestEveryFieldIsReadBack(t *testing.T) {
	for raw := range bytes.Lines(goldenLines()) {
		raw = bytes.TrimSuffix(raw, []byte("\n"))
		line, err := decodeLine(raw)
		if err != nil {
			t.Fatal(err)
		}
		var written, read map[string]any
		if err := json.Unmarshal(raw, &written); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(struct {
			*Line
			Prev string `json:"prev"`
			V    int    `json:"v"`
		}{&line, string(written["prev"].(string)), 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(again, &read); err != nil {
			t.Fatal(err)
		}
		dropZero(read)
		if diff := cmp.Diff(written, read); diff != "" {
			t.Errorf("%v is not read as it was written (-written +read):\n%s", line, diff)
		}
	}
}

// dropZero removes what the journal would have left out.
func dropZero(object map[string]any) {
	for name, value := range object {
		switch v := value.(type) {
		case map[string]any:
			dropZero(v)
			if len(v) == 0 {
				delete(object, name)
			}
		case []any:
			for _, element := range v {
				if inner, ok := element.(map[string]any); ok {
					dropZero(inner)
				}
			}
		}
		if value == nil || value == "" || value == 0.0 || value == false || value == "0001-01-01T00:00:00Z" {
			delete(object, name)
		}
	}
}

func TestWhatNamesAPatientIsNotReadable(t *testing.T) {
	for _, secret := range []string{"Canary", "1956", "never written", "9990000042", "unconscious", "doc-1"} {
		if bytes.Contains(goldenLines(), []byte(secret)) {
			t.Errorf("a line holds %q", secret)
		}
	}
}

func TestTexts(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"plain", 9, `"plain"`},
		{"", 9, `""`},
		{`a"b\c`, 9, `"a\"b\\c"`},
		{"a\nb\tc\rd\x00", 9, `"a\nb\tc\u000dd\u0000"`},
		{"\x1b[2J", 9, `"\u001b[2J"`},
		{"\u0085\u009b\u2028\u2029", 99, `"\u0085\u009b\u2028\u2029"`},
		{"\xff\xc3", 9, `"��"`},
		{"£漢𝔸", 99, `"£漢𝔸"`},
		{"abcdef", 5, `"abcde…"`},
		{"abcd£", 5, `"abcd…"`}, // never half a rune
		{"漢", 1, `"…"`},
		{"\xbf\xbf\xbf", 2, `"…"`},
	} {
		if got := string(appendText(nil, c.in, c.limit)); got != c.want {
			t.Errorf("appendText(%q, %d) = %s, want %s", c.in, c.limit, got, c.want)
		}
	}
}

func TestLists(t *testing.T) {
	var o object
	o.texts("a", nil, 2, 9)
	o.texts("b", []string{"x", "y"}, 2, 9)
	o.texts("c", []string{"x", "y", "z", "w"}, 2, 9)
	if got, want := string(o.buf), `"b":["x","y"],"c":["x","y","…"]`; got != want {
		t.Errorf("lists are %s, want %s", got, want)
	}
}

// TestTheLongestLine fills every text with what takes the most room.
func TestTheLongestLine(t *testing.T) {
	long := strings.Repeat("\x01", 5000)
	many := make([]string, 100)
	warnings := make([]care.Warning, 100)
	for i := range many {
		many[i], warnings[i] = long, care.Warning(long)
	}
	outcomes := make([]care.Outcome, 100)
	for i := range outcomes {
		outcomes[i] = care.Outcome{Section: care.AboutMe, Warnings: warnings, Reason: long, Sources: many, Details: many}
	}
	event := care.Event{
		Kind: care.EventKind(long), TrueReason: long, Detail: long, ConfigHash: long, Digest: long, Actor: long, Outcomes: outcomes,
		Directive: &care.Directive{By: long},
		Request: &care.Request{
			ID: long, TraceParent: long, DocumentID: long, Reason: long, Sections: care.AllSections,
			Broker: care.Broker{Name: long, Certificate: long, Software: long},
			Requester: care.Requester{UserID: long, UserName: long, RoleCode: long, RoleName: long, RoleProfile: long,
				Organisation: care.ODSCode(long), OrganisationName: long},
		},
	}
	line := appendLine(nil, &header{sequence: maxSequence, batch: maxSequence}, testBox.appendBody(nil, &event, repairNote{}))
	if len(line) > maxLine {
		t.Errorf("a line can have %d bytes, more than the %d that readers take", len(line), maxLine)
	}
	got, err := decodeLine(line)
	if err != nil || !got.OutcomesCut || len(got.Outcomes) != maxOutcomes {
		t.Errorf("%d outcomes, cut %v, %v", len(got.Outcomes), got.OutcomesCut, err)
	}
	repair := care.Event{Kind: care.JournalRepaired, Detail: long, TrueReason: long}
	line = appendLine(nil, &header{sequence: maxSequence, batch: maxSequence}, testBox.appendBody(nil, &repair, repairNote{from: maxSequence, to: maxSequence}))
	if len(line) > maxRepairLine {
		t.Errorf("a line that states a gap can have %d bytes, more than %d", len(line), maxRepairLine)
	}
}

func TestHeadersThatAreRefused(t *testing.T) {
	const good = `{"v":1,"seq":12,"batch":11,"prev":"` + zeros + `","time":"2026-11-22T14:03:07.000001Z","kind":"X"}`
	if _, _, ok := parseHeader([]byte(good)); !ok {
		t.Fatal("a good line is refused")
	}
	for _, change := range [][2]string{
		{`"v":1`, `"v":2`}, {`"seq":12`, `"seq":012`}, {`"seq":12`, `"seq":-1`}, {`"seq":12`, `"seq":0`}, {`"seq":12`, `"seq":`},
		{`"seq":12`, `"seq":10`}, {`"seq":12`, `"seq":9007199254740993`}, {`"seq":12`, `"seq":99999999999999999999`},
		{`"batch":11`, `"batch":0`}, {`"prev":"00`, `"prev":"0g`}, {`"prev":"00`, `"prev":"0`}, {`:07.000001Z`, `:61.000001Z`},
		{`000001Z`, `001Z`}, {`.000001Z`, `,000001Z`}, {`"prev":"00`, `"prev":"0A`}, {`"kind"`, `"king"`}, {`"kind"`, `"occurred":"x","kind"`}, {`}`, ``},
	} {
		if _, _, ok := parseHeader([]byte(strings.Replace(good, change[0], change[1], 1))); ok {
			t.Errorf("a line with %s is accepted", change[1])
		}
	}
}

const zeros = "0000000000000000000000000000000000000000000000000000000000000000"

func FuzzAppendText(f *testing.F) {
	f.Add("plain", 9)
	f.Add("\x00\x1b\xff\"\\\u2028", 3)
	f.Fuzz(func(t *testing.T, in string, limit int) {
		limit = max(0, min(limit, 1<<16))
		encoded := appendText(nil, in, limit)
		var out string
		if err := json.Unmarshal(encoded, &out); err != nil {
			t.Fatalf("%q: %v", encoded, err)
		}
		if !utf8.Valid(encoded) || bytes.ContainsAny(encoded, "\n\r\x00\x1b\x7f") || len(encoded) > 6*limit+5 {
			t.Fatalf("%q is not safe or longer than %d bytes allow", encoded, limit)
		}
		if len(in) <= limit && out != strings.ToValidUTF8(replaceEach(in), "�") {
			t.Fatalf("%q became %q", in, out)
		}
	})
}

// replaceEach replaces every byte that is not UTF-8 by itself.
func replaceEach(s string) string { return string([]rune(s)) }

// TestTheEpochOfAFailedStore: it is a number above all that a line can hold,
// and the line must be readable all the same.
func TestTheEpochOfAFailedStore(t *testing.T) {
	h := header{sequence: 1, batch: 1, time: time.Date(2026, 11, 22, 14, 3, 7, 0, time.UTC)}
	line := appendLine(nil, &h, newTestBox().appendBody(nil, &care.Event{Kind: care.ReleaseRefused, ConsentEpoch: 1<<64 - 1}, repairNote{}))
	if got, err := decodeLine(line); err != nil || got.ConsentEpoch != 0 {
		t.Errorf("%s is read as epoch %d, %v", line, got.ConsentEpoch, err)
	}
}
