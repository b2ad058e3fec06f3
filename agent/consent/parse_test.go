package consent

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// parseAll reads a file to its end or its first fault.
func parseAll(r io.Reader) (all []care.Directive, err error) {
	for d, fault := range ParseFile(r) {
		if err != nil {
			return nil, errors.New("the sequence goes on after a fault")
		}
		if err = fault; err == nil {
			all = append(all, d)
		}
	}
	return all, err
}

func TestParseFile(t *testing.T) {
	n := func(i int) string { return number(i).Reveal() }
	spaced := n(3)[:3] + " " + n(3)[3:6] + " " + n(3)[6:]
	file := "\ufeff" + header + "\r\n" +
		n(1) + ",DISSENT,2026-11-20,reception\r\n" +
		n(2) + ",CONSENT,2026-11-20,\"Smith, \"\"Jo\"\"\"\r\n" +
		spaced + ",RESTRICTION,2026-11-20T10:00:00+01:00,süd\n" +
		"\"" + n(4) + "\",\"UNRESTRICTED\",2026-11-20T10:00:00.5Z,x"
	got, err := parseAll(strings.NewReader(file))
	check(t, err)
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for i, want := range []care.Directive{
		{NHSNumber: number(1), Kind: care.Dissent, Effective: day.Add(24*time.Hour - 1), By: "reception"},
		{NHSNumber: number(2), Kind: care.ConsentGiven, Effective: day, By: `Smith, "Jo"`},
		{NHSNumber: number(3), Kind: care.Restriction, Effective: day.Add(9 * time.Hour), By: "süd"},
		{NHSNumber: number(4), Kind: care.Unrestricted, Effective: day.Add(10*time.Hour + time.Second/2), By: "x"},
	} {
		if !got[i].Effective.Equal(want.Effective) {
			t.Errorf("line %d: effective %v, want %v", i+2, got[i].Effective, want.Effective)
		}
		if got[i].Effective = want.Effective; got[i] != want {
			t.Errorf("line %d: %+v, want %+v", i+2, got[i], want)
		}
	}
}

func TestParseFileRefuses(t *testing.T) {
	good := number(1).Reveal() + ",DISSENT,2026-11-20,"
	long := strings.Repeat("x", maxLine)
	for _, c := range []struct {
		name, lines string
		kind        care.Kind
		where       string
	}{
		{"wrong digit", "9990000001,DISSENT,2026-11-20,SECRET", care.InvalidNHSNumber, "line 2, column nhs_number"},
		{"unknown directive", number(1).Reveal() + ",SECRET,2026-11-20,me", care.BadRequest, "line 2, column directive"},
		{"secondary use objection", number(1).Reveal() + ",TYPE1,2026-11-20,SECRET", care.BadRequest, "line 2, column directive"},
		{"lower case", number(1).Reveal() + ",dissent,2026-11-20,SECRET", care.BadRequest, "line 2, column directive"},
		{"no date", number(1).Reveal() + ",DISSENT,,SECRET", care.BadRequest, "line 2, column effective"},
		{"month 13", number(1).Reveal() + ",DISSENT,2026-13-01,SECRET", care.BadRequest, "line 2, column effective"},
		{"no offset", number(1).Reveal() + ",DISSENT,2026-11-20T10:00:00,SECRET", care.BadRequest, "line 2, column effective"},
		{"year 1", number(1).Reveal() + ",DISSENT,0001-01-01,SECRET", care.BadRequest, "line 2, column effective"},
		{"year 9999", number(1).Reveal() + ",DISSENT,9999-12-31,SECRET", care.BadRequest, "line 2, column effective"},
		{"nobody", good, care.BadRequest, "line 2, column by"},
		{"long by", good + strings.Repeat("SECRET", 11), care.BadRequest, "line 2, column by"},
		{"by with a tab", good + "SECRET\tSECRET", care.BadRequest, "line 2, column by"},
		{"three columns", number(1).Reveal() + ",DISSENT,2026-11-20", care.BadRequest, "line 2"},
		{"five columns", good + "me,SECRET", care.BadRequest, "line 2"},
		{"bare quote", good + `SEC"RET`, care.BadRequest, "line 2"},
		{"text after a quote", good + `"SEC"RET`, care.BadRequest, "line 2"},
		{"open quote", good + `"SECRET`, care.BadRequest, "line 2"},
		{"not UTF-8", good + "SECRET\xff", care.BadRequest, "line 2"},
		{"blank line", "\n" + good + "me", care.BadRequest, "line 2"},
		{"header again", header, care.InvalidNHSNumber, "line 2, column nhs_number"},
		{"second line is bad", good + "me\n" + good, care.BadRequest, "line 3, column by"},
		{"line too long", good + "me\n" + long + "x", care.LimitExceeded, "line 3"},
		{"line far too long", good + "me\n" + strings.Repeat(",", 1<<20), care.LimitExceeded, "line 3"},
	} {
		_, err := parseAll(strings.NewReader(header + "\n" + c.lines))
		if care.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.where) {
			t.Errorf("%s: %v, want %v in %s", c.name, err, c.kind, c.where)
		}
		if err != nil && (strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), number(1).Reveal()[:6])) {
			t.Errorf("%s: the error quotes the line: %v", c.name, err)
		}
	}
	if _, err := parseAll(strings.NewReader(header + "\n" + long)); care.KindOf(err) != care.BadRequest {
		t.Errorf("a line just within the limit: %v", err)
	}
	for name, file := range map[string]string{"empty": "", "no header": good + "me\n", "other header": "nhs,by\n", "header, capitals": strings.ToUpper(header)} {
		if _, err := parseAll(strings.NewReader(file)); care.KindOf(err) != care.BadRequest || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := parseAll(io.MultiReader(strings.NewReader(header+"\n"+good+"me\n"), iotest.ErrReader(errors.New("SECRET"))))
	if fails(t, err, care.BadRequest, "FILE"); strings.Contains(err.Error(), "SECRET") {
		t.Errorf("the error quotes its cause: %v", err)
	}
}

// TestParseFileStops proves that a reader may leave at any line, as Replace
// does when it has had enough.
func TestParseFileStops(t *testing.T) {
	line := number(1).Reveal() + ",DISSENT,2026-11-20,me\n"
	n := 0
	for range ParseFile(strings.NewReader(header + "\n" + line + line)) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d lines", n)
	}
}

// FuzzParseFile proves that nothing hangs or panics, that what is read can be
// stored, and that fields are split as encoding/csv splits them.
func FuzzParseFile(f *testing.F) {
	line := number(1).Reveal() + ",DISSENT,2026-11-20,"
	for _, by := range []string{"me", `"a, ""b"""`, `"`, `"a"b`, "a,b", "\xff", "me\r", "me\n" + line + "x"} {
		f.Add([]byte(header + "\n" + line + by))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		all, err := parseAll(bytes.NewReader(file))
		for _, d := range all {
			if why := fault(&d, care.Site, time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)); why != nil {
				t.Errorf("what was read cannot be stored: %v", why)
			}
		}
		if err != nil || bytes.ContainsRune(file, '\ufeff') {
			return
		}
		r := csv.NewReader(bytes.NewReader(file))
		r.FieldsPerRecord = columns
		records, err := r.ReadAll()
		if err != nil || len(records) != len(all)+1 {
			t.Fatalf("encoding/csv: %d records, %v; here %d", len(records), err, len(all))
		}
		for i, record := range records[1:] {
			if want := []string{record[directiveColumn], record[byColumn]}; !slices.Equal(want, []string{all[i].Kind.String(), all[i].By}) {
				t.Errorf("line %d differs from encoding/csv", i+2)
			}
		}
	})
}
