package feed

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
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
		{NHSNumber: number(1), Kind: care.Dissent, Effective: day.Add(24*time.Hour - time.Millisecond), By: "reception"},
		{NHSNumber: number(2), Kind: care.ConsentGiven, Effective: day, By: `Smith, "Jo"`},
		{NHSNumber: number(3), Kind: care.Restriction, Effective: day.Add(9 * time.Hour), By: "süd"},
		{NHSNumber: number(4), Kind: care.Unrestricted, Effective: day.Add(10*time.Hour + time.Second/2), By: "x"},
	} {
		if !got[i].Effective.Equal(want.Effective) {
			t.Errorf("line %d: effective %v, want %v", i+2, got[i].Effective, want.Effective)
		}
		if got[i].Effective = want.Effective; !reflect.DeepEqual(got[i], want) {
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

// more is the header with all columns, in an order of its own.
const more = header + ",code,sections,organisations,recorded,code_system"

func TestParseFileColumns(t *testing.T) {
	n := number(1).Reveal()
	file := more + "\n" +
		n + ",DISSENT,2026-11-20T10:00:00.0009Z,me,416409005,,RWH  RAJ,2026-11-21,http://snomed.info/sct\n" +
		n + ",CONSENT,2026-11-20,me,,documents care-plans,,2026-11-21T09:00:00Z,\n" +
		n + ",RESTRICTION,2026-11-20T10:00:00Z,me,,,,,\n"
	got, err := parseAll(strings.NewReader(file))
	check(t, err)
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	want := []care.Directive{
		{NHSNumber: number(1), Kind: care.Dissent, Effective: day.Add(10 * time.Hour), By: "me", Recorded: day.Add(48*time.Hour - time.Millisecond),
			Scope: care.Scope{Organisations: []care.ODSCode{"RWH", "RAJ"}}, Code: care.Coding{System: "http://snomed.info/sct", Code: "416409005"}},
		{NHSNumber: number(1), Kind: care.ConsentGiven, Effective: day, By: "me", Recorded: day.Add(33 * time.Hour),
			Scope: care.Scope{Sections: care.SetOf(care.Documents, care.CarePlans)}},
		{NHSNumber: number(1), Kind: care.Restriction, Effective: day.Add(10 * time.Hour), By: "me"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestParseFileRefusesColumns(t *testing.T) {
	good := number(1).Reveal() + ",DISSENT,2026-11-20,me,"
	codes := make([]string, rule.MaxOrganisations+1)
	for i := range codes {
		codes[i] = fmt.Sprintf("X%02d", i)
	}
	for name, c := range map[string]struct{ rest, column string }{
		"code without its system":    {"1,,,,", "code"},
		"system without a code":      {",,,,http://x", "code"},
		"long code":                  {strings.Repeat("1", rule.MaxCode+1) + ",,,,x", "code"},
		"long system":                {"1,,,," + strings.Repeat("x", rule.MaxSystem+1), "code_system"},
		"system with a tab":          {"1,,,,a\tb", "code_system"},
		"unknown section":            {",SECRET,,,", "sections"},
		"unknown organisation":       {",,secret,,", "organisations"},
		"organisation twice":         {",,RWH RWH,,", "organisations"},
		"too many organisations":     {",," + strings.Join(codes, " ") + ",,", "organisations"},
		"organisations and sections": {",ALLERGIES,RWH,,", "sections"},
		"recorded is no time":        {",,,yesterday,", "recorded"},
	} {
		_, err := parseAll(strings.NewReader(more + "\n" + good + c.rest))
		if care.KindOf(err) != care.BadRequest || !strings.Contains(err.Error(), "line 2, column "+c.column+":") || strings.Contains(strings.ToUpper(err.Error()), "SECRET") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := parseAll(strings.NewReader(more + "\n" + good + ",," + strings.Join(codes[1:], " ") + ",,")); err != nil {
		t.Errorf("as many organisations as can be: %v", err)
	}
	scoped := strings.Replace(good, "DISSENT", "RESTRICTION", 1)
	for _, rest := range []string{",ALLERGIES,,,", ",,RWH,,"} {
		if _, err := parseAll(strings.NewReader(more + "\n" + scoped + rest)); care.KindOf(err) != care.BadRequest {
			t.Errorf("a restriction about a part: %v", err)
		}
	}
	for _, head := range []string{header + ",SECRET", header + ",code,code", header + ",by", "directive,nhs_number,effective,by", "nhs_number,directive,effective", header + ","} {
		if _, err := parseAll(strings.NewReader(head + "\n")); care.KindOf(err) != care.BadRequest || !strings.Contains(err.Error(), "line 1: ") || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", head, err)
		}
	}
}

// TestParseFileManyTexts checks that texts stay right when more of them are
// read than are held.
func TestParseFileManyTexts(t *testing.T) {
	var file strings.Builder
	file.WriteString(header + "\n")
	for i := range 2*maxTexts + 5 {
		fmt.Fprintf(&file, "%s,DISSENT,2026-11-20,by %d\n", number(1).Reveal(), i%(maxTexts+3))
	}
	got, err := parseAll(strings.NewReader(file.String()))
	check(t, err)
	for i, d := range got {
		if d.By != fmt.Sprintf("by %d", i%(maxTexts+3)) {
			t.Fatalf("line %d: %q", i+2, d.By)
		}
	}
}

// TestParseFileTooManyLines checks the last line that is taken, without reading
// all before it.
func TestParseFileTooManyLines(t *testing.T) {
	line := number(1).Reveal() + ",DISSENT,2026-11-20,me"
	for at, kind := range map[int]care.Kind{maxLines + 1: care.OK, maxLines + 2: care.LimitExceeded} {
		p := fileParser{texts: map[string]string{}}
		check(t, p.header(header))
		p.line = at
		if _, err := p.directive(line); care.KindOf(err) != kind {
			t.Errorf("line %d: %v", at, err)
		}
	}
}

// TestWriteFile checks that what is written is read as it was, and what stands
// in for a missing By.
func TestWriteFile(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var all []care.Directive
	for range 500 {
		d := random(r)
		d.By = []string{"me", `"`, "a, b", "'", `x"y"`}[r.IntN(5)]
		if r.IntN(4) == 0 {
			d.Code = care.Coding{System: "http://read.info/ctv3", Code: "XaKRw, \"x\""}
		}
		all = append(all, d)
	}
	var file strings.Builder
	check(t, WriteFile(&file, listed(all...)))
	got, err := parseAll(strings.NewReader(file.String()))
	check(t, err)
	for i := range all {
		if !bytes.Equal(AppendRows(nil, &got[i]), AppendRows(nil, &all[i])) || !got[i].Recorded.Equal(all[i].Recorded) {
			t.Fatalf("line %d: %+v, want %+v", i+2, got[i], all[i])
		}
	}
	file.Reset()
	nobody := care.Directive{NHSNumber: number(1), Kind: care.Dissent, Effective: asOf, Authority: care.SourceFlag, Source: "gp system"}
	stated := nobody
	stated.Source = ""
	check(t, WriteFile(&file, listed(nobody, stated)))
	if text := file.String(); !strings.Contains(text, ",gp system,") || !strings.Contains(text, ",SOURCE,") {
		t.Error(text)
	}
	failed := errors.New("failed")
	err = WriteFile(io.Discard, func(yield func(care.Directive, error) bool) { yield(care.Directive{}, failed) })
	if !errors.Is(err, failed) {
		t.Errorf("err %v", err)
	}
	if err := WriteFile(full{}, listed(nobody)); !errors.Is(err, errFull) {
		t.Errorf("err %v", err)
	}
}

// full is a disk without space.
type full struct{}

var errFull = errors.New("full")

func (full) Write([]byte) (int, error) { return 0, errFull }

// FuzzParseFile proves that nothing hangs or panics, that what is read can be
// stored, and that fields are split as encoding/csv splits them.
func FuzzParseFile(f *testing.F) {
	line := number(1).Reveal() + ",DISSENT,2026-11-20,"
	for _, by := range []string{"me", `"a, ""b"""`, `"`, `"a"b`, "a,b", "\xff", "me\r", "me\n" + line + "x"} {
		f.Add([]byte(header + "\n" + line + by))
		f.Add([]byte(more + "\n" + line + by + ",1,,RWH RAJ,2026-01-02,http://x"))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		all, err := parseAll(bytes.NewReader(file))
		for _, d := range all {
			d.Authority = care.Site
			if _, why := rule.Explode(&d, time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)); why != nil {
				t.Errorf("what was read cannot be stored: %v", why)
			}
		}
		if err != nil || bytes.ContainsRune(file, '\ufeff') {
			return
		}
		r := csv.NewReader(bytes.NewReader(file))
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
