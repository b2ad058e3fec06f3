package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"io"
	"iter"
	"os"
	"path/filepath"
	"testing"
	"time"
	_ "time/tzdata" // the tests' local time does not depend on the machine

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

var update = flag.Bool("update", false, "write the golden files")

// number returns a test NHS number.
func number(t testing.TB, text string) care.NHSNumber {
	t.Helper()
	n, err := care.ParseNHSNumber(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func london(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func sampleAbout(t testing.TB, audience Audience) About {
	return About{
		Patient: number(t, "9990000042"), Audience: audience, Site: Site{Code: "Y99901", Name: "Example Surgery", Address: "agent.example.nhs.uk"},
		From: day(1), To: day(28), Made: day(28).Add(10 * time.Hour), MadeBy: "EXAMPLE\\jo.bloggs", Zone: london(t),
		Journal: Journal{Origin: "example.org/Y99901/journal", Size: 4711, Root: sha256.Sum256([]byte("root"))},
	}
}

// day returns midnight in UTC of a day of March 2026, at whose end the clocks
// change.
func day(n int) time.Time { return time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC) }

// line returns an entry about the test patient, with a leaf of its own.
func line(t testing.TB, seq uint64, at time.Time, kind care.EventKind) audit.Line {
	l := audit.Line{Sequence: seq, Time: at, Kind: kind, NHSNumber: number(t, "9990000042")}
	l.Leaf = sha256.Sum256(binary.BigEndian.AppendUint64(nil, seq))
	return l
}

// asked adds who asked for what.
func asked(l audit.Line, interaction, purpose, permission string) audit.Line {
	l.RequestID, l.Broker, l.Interaction, l.Purpose, l.Permission = "req-"+l.Time.Format("0215"), "east", interaction, purpose, permission
	l.UserID, l.UserName, l.RoleCode, l.RoleName = "555000111222", "Dr Siân Example", "R0260", "General Medical Practitioner"
	l.Organisation, l.OrganisationName = "E82001", "Test Surgery"
	l.Sections = []string{"ALLERGIES", "MEDICATIONS"}
	return l
}

// refused adds that it was refused.
func refused(l audit.Line, kind care.Kind, reason string) audit.Line {
	l.Refusal, l.TrueReason, l.Detail = kind.String(), reason, "internal: "+reason
	return l
}

// ends makes l the end of a decision.
func ends(l audit.Line, decision uint64) audit.Line {
	l.Decision = decision
	return l
}

// sampleLines are entries of every kind about the test patient.
func sampleLines(t testing.TB) []audit.Line {
	const decided, ended, turned = care.ReleaseDecided, care.ReleaseEnded, care.ReleaseRefused
	record := func(seq uint64, at time.Time, kind care.EventKind) audit.Line {
		return asked(line(t, seq, at, kind), "GET_RECORD", "TREAT", "ASKED")
	}
	lines := []audit.Line{
		record(100, day(2).Add(9*time.Hour), decided), record(101, day(2).Add(9*time.Hour+time.Second), ended),
		asked(line(t, 110, day(3), decided), "GET_RECORD", "BTG", "NOT_ASKED"), asked(line(t, 111, day(3), ended), "GET_RECORD", "BTG", "NOT_ASKED"),
		refused(record(120, day(4), turned), care.NoPatientConsent, "DISSENT"),
		refused(record(130, day(5), turned), care.PatientNotFound, "RESTRICTED"), refused(record(131, day(5), ended), care.PatientNotFound, "RESTRICTED"),
		record(140, day(6), decided), refused(record(141, day(6), ended), care.PatientNotFound, "NOT_ACTIVE"),
		asked(line(t, 150, day(7), decided), "LOCATE_PATIENT", "ETREAT", "EMERGENCY"), asked(line(t, 151, day(7), ended), "LOCATE_PATIENT", "ETREAT", "EMERGENCY"),
		asked(line(t, 160, day(8), decided), "GET_DOCUMENT", "TREAT", "PATIENT_ABSENT"), asked(line(t, 161, day(8), ended), "GET_DOCUMENT", "TREAT", "PATIENT_ABSENT"),
		record(170, day(9), decided),
		record(180, day(10), decided), refused(record(181, day(10), ended), care.Cancelled, "CALLER_GONE"),
		record(190, day(11), decided), refused(record(191, day(11), ended), care.SourceUnavailable, "TIMEOUT"),
		ends(record(201, day(12), ended), 200), // 200 cannot be read
		line(t, 210, day(13), care.ConsentChanged), line(t, 220, day(14), care.ConsentChanged), line(t, 230, day(15), care.ConsentShown),
		line(t, 240, day(16), care.JournalSearched), line(t, 250, day(17), care.JournalExported), line(t, 260, day(18), "NEW_KIND"),
		refused(record(270, day(19), turned), care.AccessDenied, "ROLE"),
	}
	at := map[uint64]*audit.Line{}
	for i := range lines {
		l := &lines[i]
		at[l.Sequence] = l
		if l.Kind == ended && l.Decision == 0 {
			l.Decision = l.Sequence - 1
		}
		if l.Kind == decided {
			l.Released = l.Sections
		}
	}
	addDetails(at)
	return lines
}

// addDetails adds to the entries, by their numbers, what tells them apart.
func addDetails(at map[uint64]*audit.Line) {
	at[101].Records, at[101].Outcomes = 5, []audit.LineOutcome{
		{Section: "ALLERGIES", State: "COMPLETE", Read: 4, Sent: 4}, {Section: "MEDICATIONS", State: "WITHHELD", Read: 3, Sent: 1, Withheld: 2},
		{Section: "PROBLEMS", State: "EMPTY"}, {Section: "IMMUNISATIONS", State: "NIL_KNOWN"}, {Section: "REFERRALS", State: "IN_TRANSIT", Sent: 1},
		{Section: "DOCUMENTS", State: "TRUNCATED", Sent: 500}, {Section: "PROCEDURES", State: "UNAVAILABLE"}, {Section: "SOCIAL_CARE", State: "NOT_PERMITTED"},
		{Section: "CONTACTS", State: "DISABLED"}, {Section: "ABOUT_ME", State: "UNSUPPORTED"}, {Section: "NEW_SECTION", State: "NEW_STATE", Sent: 2},
	}
	at[101].OutcomesCut = true
	at[170].Released = []string{"ALLERGIES"} // the other is not for this requester
	at[110].Reason, at[110].Alert, at[111].Records = "Unconscious in A&E; <relatives> not reached", true, 1
	at[110].AlertReason = "COURT_ORDER"
	at[111].Outcomes = []audit.LineOutcome{{Section: "ALLERGIES", State: "COMPLETE", Sent: 1}}
	at[160].DocumentID, at[161].DocumentID, at[161].Bytes = "doc-17", "doc-17", 40_000
	at[181].Records, at[181].Outcomes = 3, []audit.LineOutcome{{Section: "ALLERGIES", State: "COMPLETE", Sent: 2}}
	at[201].Records, at[201].Outcomes = 1, []audit.LineOutcome{{Section: "ALLERGIES", State: "COMPLETE", Sent: 1}}
	at[210].Actor, at[210].Directive = "EXAMPLE\\reception", &audit.LineDirective{Kind: "DISSENT", Authority: "SITE", Effective: day(13), By: "Reception"}
	at[220].Actor, at[220].Directive = "EXAMPLE\\guardian", &audit.LineDirective{Kind: "RESTRICTION", Authority: "SITE", Effective: day(14), By: "Guardian"}
	at[230].Actor, at[240].Actor, at[250].Actor = "EXAMPLE\\reception", "EXAMPLE\\guardian", "EXAMPLE\\guardian"
	at[240].Query, at[260].Detail = "outcome RESTRICTED", "not known to this build"
}

// sequence yields lines without errors.
func sequence(lines []audit.Line) iter.Seq2[audit.Line, error] {
	return func(yield func(audit.Line, error) bool) {
		for _, l := range lines {
			if !yield(l, nil) {
				return
			}
		}
	}
}

func build(t testing.TB, about About, lines []audit.Line) *Report {
	t.Helper()
	r, err := Build(about, sequence(lines))
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) > 0 {
		r.Gaps = []Gap{{1, 80, 80, Pruned}, {81, 90, 10, Archived}, {91, 91, 1, Damaged}, {92, 99, 8, Missing}, {300, 400, 7, Sealed}}
	}
	return r
}

// formats are the forms of a report by the ending of their files.
var formats = map[string]func(*Report, io.Writer) error{
	"html": (*Report).WriteHTML, "csv": (*Report).WriteCSV, "json": (*Report).WriteJSON, "fhir.json": (*Report).WriteFHIR,
}

func written(t testing.TB, r *Report, format string) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := formats[format](r, &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// golden compares with a file, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from what was written before; look at the difference and run with -update if it is meant", name)
	}
}
