package report

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestGolden(t *testing.T) {
	for _, audience := range []Audience{ForPatient, ForGuardian} {
		r := build(t, sampleAbout(t, audience), sampleLines(t))
		for format := range formats {
			golden(t, string(audience)+"."+format, written(t, r, format))
		}
	}
	empty := build(t, About{Patient: number(t, "9990000042"), Site: Site{Code: "Y99901", Name: "Example Surgery"}, Made: day(28)}, nil)
	for format := range formats {
		golden(t, "empty."+format, written(t, empty, format))
	}
}

// TestPublish hands the FHIR form to the independent validator, under a name of
// its own because BALP is not UK Core.
func TestPublish(t *testing.T) {
	folder := os.Getenv("MCR_FHIR_OUT")
	if folder == "" {
		folder = t.TempDir()
	}
	for _, audience := range []Audience{ForPatient, ForGuardian} {
		for name, lines := range map[string][]audit.Line{"sample": sampleLines(t), "hostile": hostileLines(t), "empty": nil} {
			out := written(t, build(t, sampleAbout(t, audience), lines), "fhir.json")
			if err := os.WriteFile(filepath.Join(folder, "audit-report-"+string(audience)+"-"+name+".balp.json"), out, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestResults(t *testing.T) {
	r := build(t, sampleAbout(t, ForGuardian), sampleLines(t))
	want := map[uint64]Result{100: Shown, 110: Shown, 120: Refused, 130: Refused, 140: Refused, 150: Found, 160: Shown, 170: MayHaveBeen,
		180: PartlyShown, 190: Refused, 201: Shown, 270: Refused}
	if len(r.Accesses) != len(want) || len(r.Events) != 6 {
		t.Fatalf("%d accesses and %d events", len(r.Accesses), len(r.Events))
	}
	for _, a := range r.Accesses {
		if a.Result != want[a.Entry] {
			t.Errorf("entry %d: %s, want %s", a.Entry, a.Result, want[a.Entry])
		}
	}
	if r.Entries != len(sampleLines(t)) {
		t.Errorf("%d entries told of, want %d", r.Entries, len(sampleLines(t)))
	}
	if !r.Accesses[0].BreakGlass || r.Accesses[1].BreakGlass || r.Accesses[1].Entry != 270 {
		t.Error("break-glass is not first, or the others are not newest first")
	}
}

// parts of entry n, as "SECTION STATE" texts.
func partsOfEntry(r *Report, n uint64) (parts []string) {
	for _, a := range r.Accesses {
		for _, p := range a.Parts {
			if a.Entry == n {
				parts = append(parts, p.Section+" "+p.State)
			}
		}
	}
	return parts
}

func TestParts(t *testing.T) {
	r := build(t, sampleAbout(t, ForPatient), sampleLines(t))
	for n, want := range map[uint64][]string{
		130: nil,
		150: {"ALLERGIES CAN_BE_ASKED_FOR", "MEDICATIONS CAN_BE_ASKED_FOR"},
		160: {"DOCUMENTS COMPLETE"},
		170: {"ALLERGIES MAY_HAVE_BEEN_SHOWN"},
		180: {"ALLERGIES COMPLETE", "MEDICATIONS MAY_HAVE_BEEN_SHOWN"},
	} {
		if got := partsOfEntry(r, n); !slices.Equal(got, want) {
			t.Errorf("entry %d: %q, want %q", n, got, want)
		}
	}
}

// TestBroken: what of a request may have been shown when it did not end well.
func TestBroken(t *testing.T) {
	document := refused(ends(asked(line(t, 11, day(2), care.ReleaseEnded), "GET_DOCUMENT", "TREAT", "ASKED"), 10), care.Cancelled, "CALLER_GONE")
	document.Bytes = 1
	record := refused(ends(asked(line(t, 21, day(2), care.ReleaseEnded), "GET_RECORD", "TREAT", "ASKED"), 20), care.LimitExceeded, "TIME")
	record.Records = 1 // its decision cannot be read
	r := build(t, sampleAbout(t, ForPatient), []audit.Line{document, record})
	for _, a := range r.Accesses {
		if a.Result != PartlyShown {
			t.Errorf("entry %d: %s", a.Entry, a.Result)
		}
	}
	if got := partsOfEntry(r, 11); !slices.Equal(got, []string{"DOCUMENTS MAY_HAVE_BEEN_SHOWN"}) {
		t.Errorf("the document: %q", got)
	}
	if got := partsOfEntry(r, 21); !slices.Equal(got, []string{"ALLERGIES MAY_HAVE_BEEN_SHOWN", "MEDICATIONS MAY_HAVE_BEEN_SHOWN"}) {
		t.Errorf("the record: %q", got)
	}
	if page := string(written(t, r, "html")); strings.Count(page, "<strong>Shown in part") != 2 {
		t.Error("the page does not stress that something was shown in part")
	}
}

func TestBreakGlass(t *testing.T) {
	lines := []audit.Line{
		asked(line(t, 10, day(2), care.ReleaseRefused), "GET_RECORD", "BTG", "NOT_ASKED"), // tried, and refused
		asked(line(t, 20, day(2), care.ReleaseDecided), "GET_RECORD", "NEW", "NOT_ASKED"),
		asked(line(t, 30, day(2), care.ReleaseDecided), "GET_RECORD", "TREAT", "ASKED"),
	}
	lines[1].Alert = true
	r := build(t, sampleAbout(t, ForPatient), lines)
	if !r.Accesses[0].BreakGlass || !r.Accesses[1].BreakGlass || r.Accesses[2].BreakGlass || r.Accesses[2].Entry != 30 {
		t.Errorf("break-glass is told as %+v", r.Accesses)
	}
	page := string(written(t, r, "html"))
	_, after, _ := strings.Cut(page, `<h2 id="break-glass">`)
	section, _, _ := strings.Cut(after, "</section>")
	if strings.Count(section, "Break-glass</strong>") != 2 || strings.Count(page, "Break-glass</strong>") != 2 || !strings.Contains(page, "2 requests came from people who did not ask first") {
		t.Error("break-glass is not marked in its own table")
	}
}

// TestGapsAreTold: each format says what is not covered, before what is.
func TestGapsAreTold(t *testing.T) {
	r := build(t, sampleAbout(t, ForPatient), sampleLines(t))
	for format := range formats {
		text := string(written(t, r, format))
		for _, g := range []string{
			"Entries 1 to 80 of the journal: deleted", "Entries 81 to 90 of the journal: moved", "Entry 91 of the journal: damaged", "Entries 92 to 99 of the journal: not there",
			"7 of the journal", "entries between 300 and 400: whom they are about cannot be read", "It does not cover people who use", "This is the version for the patient",
		} {
			at := strings.Index(text, g)
			if at < 0 || at > strings.Index(text, "Dr Siân Example") {
				t.Errorf("%s does not begin with %q", format, g)
			}
		}
	}
}

// TestOrder: what is reported does not depend on the order of the entries.
func TestOrder(t *testing.T) {
	lines := sampleLines(t)
	want := written(t, build(t, sampleAbout(t, ForGuardian), lines), "json")
	slices.Reverse(lines)
	if !bytes.Equal(want, written(t, build(t, sampleAbout(t, ForGuardian), lines), "json")) {
		t.Error("entries in the reverse order give another report")
	}
}

func TestPeriod(t *testing.T) {
	about := sampleAbout(t, ForGuardian)
	about.From, about.To = day(2).Add(9*time.Hour), day(3)
	lines := sampleLines(t)[:4]
	lines[1].Time = day(3).Add(time.Minute) // it ended after the period
	r := build(t, about, lines)
	if len(r.Accesses) != 1 || r.Accesses[0].Entry != 100 || r.Accesses[0].Result != Shown || r.Entries != 2 {
		t.Errorf("an access from the first moment of the period that ended after it: %+v", r.Accesses)
	}
	about.From = about.From.Add(time.Nanosecond)
	if r := build(t, about, lines); len(r.Accesses) != 0 || r.Entries != 0 {
		t.Errorf("what was asked before the period is reported: %+v", r.Accesses)
	}
	about.From, about.To = time.Time{}, time.Time{}
	if r := build(t, about, lines); len(r.Accesses) != 2 {
		t.Error("without a period not everything is reported")
	}
	lines[0].Occurred = day(1)
	about.From = day(2)
	if r := build(t, about, lines[:1]); len(r.Accesses) != 0 {
		t.Error("an entry that was written later than it happened counts by when it was written")
	}
}

func TestOtherPatients(t *testing.T) {
	lines := sampleLines(t)
	for i := range lines {
		lines[i].NHSNumber = number(t, "9990000018")
	}
	lines[0].NHSNumber = care.NHSNumber{}
	r := build(t, sampleAbout(t, ForGuardian), lines)
	if len(r.Accesses)+len(r.Events)+r.Entries != 0 {
		t.Error("entries of another patient are reported")
	}
	about := sampleAbout(t, ForGuardian)
	about.Patient = care.NHSNumber{}
	if r := build(t, about, lines); r.Entries != 0 {
		t.Error("a report about nobody holds entries about nobody")
	}
}

// TestErrors: a report is whole or is not made.
func TestErrors(t *testing.T) {
	for _, failure := range []error{io.ErrUnexpectedEOF, &care.Error{Kind: care.AuditUnavailable, Reason: audit.ReasonDamaged}} {
		r, err := Build(sampleAbout(t, ForPatient), func(yield func(audit.Line, error) bool) {
			_ = yield(sampleLines(t)[0], nil) && yield(audit.Line{}, failure)
		})
		if !errors.Is(err, failure) || r != nil {
			t.Errorf("%v became %v", failure, err)
		}
	}
}

func TestTooMany(t *testing.T) {
	one := sampleLines(t)[0]
	_, err := Build(sampleAbout(t, ForPatient), func(yield func(audit.Line, error) bool) {
		for yield(one, nil) {
		}
	})
	if care.KindOf(err) != care.LimitExceeded {
		t.Errorf("endless entries: %v", err)
	}
}

// TestRestrictionDoesNotShow: a report for the patient is the same, byte by
// byte, whether the patient was restricted or simply not found.
func TestRestrictionDoesNotShow(t *testing.T) {
	all := sampleLines(t)
	cut := func(reason string, kind care.EventKind, released []string, more ...audit.Line) []audit.Line {
		a, b := all[5], all[6]
		a.Kind, a.Released, a.TrueReason, b.TrueReason, b.Detail = kind, released, reason, reason, "internal: "+reason
		if kind == care.ReleaseDecided {
			a.Refusal, a.TrueReason, a.Detail = "", "", ""
		}
		return append([]audit.Line{a, b}, more...)
	}
	var search = all[22]
	search.Query = "report for guardian"
	restricted := cut("RESTRICTED", care.ReleaseRefused, nil, all[20], search)
	lifted := all[20]
	lifted.Sequence, lifted.Directive = 221, &audit.LineDirective{Kind: "UNRESTRICTED"}
	restricted = append(restricted, lifted)
	search.Query = "by user"
	absent := cut("NOT_ACTIVE", care.ReleaseDecided, []string{"ALLERGIES"}, search)
	for format := range formats {
		x := written(t, build(t, sampleAbout(t, ForPatient), restricted), format)
		if !bytes.Equal(x, written(t, build(t, sampleAbout(t, ForPatient), absent), format)) {
			t.Errorf("%s: a patient's report tells that the patient was restricted", format)
		}
		about := sampleAbout(t, "") // as for the patient
		about.Audience = "anything"
		if bytes.Contains(written(t, build(t, about, restricted), format), []byte("RESTRICT")) {
			t.Errorf("%s: a report for nobody in particular tells of a restriction", format)
		}
		if full := written(t, build(t, sampleAbout(t, ForGuardian), restricted), format); !bytes.Contains(full, []byte("RESTRICTED")) {
			t.Errorf("%s: the guardian is not told of the restriction", format)
		}
	}
}

// TestGuardianOnly: what only the guardian may see is in no report for a patient.
func TestGuardianOnly(t *testing.T) {
	patient, guardian := build(t, sampleAbout(t, ForPatient), sampleLines(t)), build(t, sampleAbout(t, ForGuardian), sampleLines(t))
	for format := range formats {
		told, full := string(written(t, patient, format)), string(written(t, guardian, format))
		for _, secret := range []string{"internal:", "NOT_ACTIVE", "TIMEOUT", "outcome RESTRICTED", "east", "not known to this build", "2 entries held back"} {
			if strings.Contains(told, secret) {
				t.Errorf("%s for the patient holds %q", format, secret)
			}
			if !strings.Contains(full, secret) {
				t.Errorf("%s for the guardian lacks %q", format, secret)
			}
		}
	}
}
