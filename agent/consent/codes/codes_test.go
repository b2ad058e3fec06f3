package codes

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// The shipped list says what is expected of each code, in as few words as can
// be: whoever changes the list must change this too.
func TestShipped(t *testing.T) {
	want := map[Verdict]string{
		Dissent:    "416409005 93C1. 9Nd1. XaKRw XaKII",
		Consent:    "417528008 425691002 93C0. 9Nd7.",
		ThirdParty: "320011000000108 9NdH. 9NdJ. XaNwT XaNwU",
		Ignored: "416308001 827241000000103 881561000000100 93C3. 9Ndl. 9Ndm. 9Ndn. 9Ndo. 9Nu0. 9Nu4. 9R1.. " +
			"XaKRy XaXj6 XaZ89 XaaVL 9R1..",
	}
	got := make(map[Verdict]string)
	for r := range Shipped().Rows() {
		got[r.Verdict] = strings.TrimSpace(got[r.Verdict] + " " + r.Code)
		if v, known := Shipped().Of(care.Coding{System: r.System, Code: r.Code, Display: "x"}); !known || v != r.Verdict {
			t.Errorf("%s: %v, %v", r.Code, v, known)
		}
		if r.System == SNOMED && !care.ValidSNOMED(r.Code) {
			t.Errorf("%s is no SNOMED CT identifier", r.Code)
		}
	}
	for v, codes := range want {
		if got[v] != codes {
			t.Errorf("%v: %s\nwant %s", v, got[v], codes)
		}
	}
	if d := Shipped().Date(); d.Year() < 2026 {
		t.Errorf("dated %v", d)
	}
	if s := Shipped().Systems(); !slices.Equal(s, []string{CTV3, ReadV2, SNOMED}) {
		t.Errorf("systems %v", s)
	}
}

// One code in all the ways in which systems write it, and what only looks like it.
func TestOf(t *testing.T) {
	for _, c := range []struct {
		system, code string
		want         Verdict
		known        bool
	}{
		{ReadV2, "93C1.", Dissent, true},
		{ReadV2, "93C1", Dissent, true},
		{ReadV2, "93C1.00", Dissent, true},
		{ReadV2, "93C1.11", Dissent, true},
		{ReadV2, "93C1.1a", Dissent, true},
		{ReadV2, "9R1..", Ignored, true},
		{ReadV2, "9R1.", Ignored, true},
		{ReadV2, "9R1", Ignored, true},
		{ReadV2, "9R1..00", Ignored, true},
		{CTV3, "XaKRw", Dissent, true},
		{CTV3, "XaKRw00", Dissent, true},
		{SNOMED, "416409005", Dissent, true},
		{ReadV2, "93C1..", 0, false},
		{ReadV2, "93C100", 0, false},
		{ReadV2, "93C1.0", 0, false},
		{ReadV2, "93C1.000", 0, false},
		{ReadV2, "93C1...", 0, false},
		{ReadV2, "93C1. 0", 0, false},
		{ReadV2, "93.1.", 0, false},
		{ReadV2, "93c1.", 0, false},
		{ReadV2, "93C1. ", 0, false},
		{ReadV2, " 93C1", 0, false},
		{ReadV2, ".....", 0, false},
		{ReadV2, "", 0, false},
		{ReadV2, "XaKRw", 0, false},
		{CTV3, "93C1.", 0, false},
		{SNOMED, "93C1.", 0, false},
		{SNOMED, "0416409005", 0, false},
		{SNOMED, "416409006", 0, false},
		{"http://read.info/readv2/", "93C1.", 0, false},
		{"", "93C1.", 0, false},
	} {
		if v, known := Shipped().Of(care.Coding{System: c.system, Code: c.code}); v != c.want || known != c.known {
			t.Errorf("%s %q: %v, %v", c.system, c.code, v, known)
		}
	}
}

func TestApply(t *testing.T) {
	read := func(code string) care.Coding { return care.Coding{System: ReadV2, Code: code, Display: "SECRET"} }
	for _, c := range []struct {
		name   string
		d      care.Directive
		keep   bool
		kind   care.DirectiveKind
		reason string
	}{
		{"dissent", care.Directive{Code: read("93C1.")}, true, care.Dissent, ""},
		{"consent", care.Directive{Code: read("93C0.00")}, true, care.ConsentGiven, ""},
		{"third party", care.Directive{Code: read("9NdH.")}, true, care.Dissent, ""},
		{"type 1", care.Directive{Code: read("9Nu0.")}, false, 0, ""},
		{"no code", care.Directive{Kind: care.Restriction}, true, care.Restriction, ""},
		{"both, agreeing", care.Directive{Kind: care.Dissent, Code: read("93C1.")}, true, care.Dissent, ""},
		{"both, not agreeing", care.Directive{Kind: care.ConsentGiven, Code: read("93C1.")}, false, care.ConsentGiven, "CODE"},
		{"neither", care.Directive{}, false, 0, "CODE"},
		{"a kind that is none", care.Directive{Kind: care.Unrestricted + 1}, false, care.Unrestricted + 1, "CODE"},
		{"unknown", care.Directive{Code: read("SECRE")}, false, 0, "UNKNOWN_CODE"},
		{"of a system that is not known", care.Directive{Code: care.Coding{System: "SECRET", Code: "93C1."}}, false, 0, "UNKNOWN_CODE"},
		{"a text without a code", care.Directive{Kind: care.Dissent, Code: care.Coding{Display: "SECRET"}}, false, care.Dissent, "UNKNOWN_CODE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := c.d
			keep, err := Shipped().Apply(&d)
			if keep != c.keep || d.Kind != c.kind || care.ReasonOf(err) != c.reason || d.Code != c.d.Code {
				t.Errorf("keep %v, kind %v, %v", keep, d.Kind, err)
			}
			if err != nil && (care.KindOf(err) != care.SourceUnavailable || strings.Contains(err.Error(), "SECRE")) {
				t.Errorf("%v", err)
			}
		})
	}
}

const top = dated + "2026-12-01\n" + header + "\n"

func TestLoad(t *testing.T) {
	list := "\ufeff" + strings.ReplaceAll(top, "\n", "\r\n") +
		"http://read.info/readv2,9NdH,ignored,\"Declined, \"\"third party\"\"\",decision of the site\r\n" +
		"https://fhir.hl7.org.uk/Id/egton-codes,EGTON 1,dissent,A code of the practice's own,the practice\r\n" +
		"http://read.info/readv2,93C1.00,dissent,Refused,x"
	l, err := Load(strings.NewReader(list))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		coding care.Coding
		want   Verdict
		known  bool
	}{
		{care.Coding{System: ReadV2, Code: "9NdH."}, Ignored, true},
		{care.Coding{System: ReadV2, Code: "93C1"}, Dissent, true},
		{care.Coding{System: "https://fhir.hl7.org.uk/Id/egton-codes", Code: "EGTON 1"}, Dissent, true},
		{care.Coding{System: "https://fhir.hl7.org.uk/Id/egton-codes", Code: "EGTON 2"}, 0, false},
		{care.Coding{System: ReadV2, Code: "9Nu0."}, 0, false}, // left out, so not known
	} {
		if v, known := l.Of(c.coding); v != c.want || known != c.known {
			t.Errorf("%+v: %v, %v", c.coding, v, known)
		}
	}
	rows := slices.Collect(l.Rows())
	if len(rows) != 3 || rows[0].Meaning != `Declined, "third party"` || rows[0].Source != "decision of the site" || rows[2].Code != "93C1." {
		t.Errorf("%+v", rows)
	}
	if l.Date().Format("2006-01-02") != "2026-12-01" {
		t.Errorf("%v", l.Date())
	}
}

// row returns a list of one line.
func row(line string) string { return top + line }

// manyRows returns a list of one code too many.
func manyRows() string {
	list := top
	for i := range maxRows + 1 {
		list += fmt.Sprintf("urn:SECRET,X%d,dissent,m,s\n", i)
	}
	return list
}

var long = strings.Repeat("x", 257)

// refused are lists that are not loaded, and where the fault is.
var refused = []struct{ name, list, where string }{
	{"nothing", "", "line 1: the list ends"},
	{"no codes", top, "line 3: the list ends"},
	{"no date", header + "\nhttp://read.info/readv2,93C1.,dissent,m,s", "line 1: write the date"},
	{"a date of a spreadsheet", "date,22/11/2026\n" + header, "line 1: write the date"},
	{"another header", dated + "2026-12-01\nsystem,code,verdict,meaning\n", "line 2: the header"},
	{"four columns", row("http://read.info/readv2,93C1.,dissent,SECRET"), "line 3: it is not five"},
	{"six columns", row("http://read.info/readv2,93C1.,dissent,m,s,SECRET"), "line 3: it is not five"},
	{"an empty line", row("\nhttp://read.info/readv2,93C1.,dissent,m,s"), "line 3: it is not five"},
	{"a bare quote", row(`http://read.info/readv2,93C1.,dissent,SEC"RET,s`), "line 3: it is not five"},
	{"an open quote", row(`http://read.info/readv2,93C1.,dissent,m,"SECRET`), "line 3: it is not five"},
	{"not UTF-8", row("http://read.info/readv2,93C1.,dissent,\xff,s"), "line 3: it is not UTF-8"},
	{"no system", row(",93C1.,dissent,SECRET,s"), "line 3, column system"},
	{"a long system", row("urn:" + long + ",93C1.,dissent,SECRET,s"), "line 3, column system"},
	{"a rounded code", row("http://snomed.info/sct,8.81561E+14,dissent,SECRET,s"), "line 3, column code"},
	{"a wrong check digit", row("http://snomed.info/sct,416409006,dissent,SECRET,s"), "line 3, column code"},
	{"no Read code", row("http://read.info/readv2,SECRET,dissent,m,s"), "line 3, column code"},
	{"a Read code of dots", row("http://read.info/readv2,.....,ignored,SECRET,s"), "line 3, column code"},
	{"a Read code with a dot within", row("http://read.info/readv2,9.C1.,ignored,SECRET,s"), "line 3, column code"},
	{"a long code", row("urn:x,SECRET" + long + ",dissent,m,s"), "line 3, column code"},
	{"no code", row("urn:x,,dissent,SECRET,s"), "line 3, column code"},
	{"no verdict", row("http://read.info/readv2,93C1.,,SECRET,s"), "line 3, column verdict"},
	{"a verdict of another case", row("http://read.info/readv2,93C1.,Dissent,SECRET,s"), "line 3, column verdict"},
	{"an unknown verdict", row("http://read.info/readv2,93C1.,unknown verdict,SECRET,s"), "line 3, column verdict"},
	{"no meaning", row("http://read.info/readv2,93C1.,dissent,,SECRET"), "line 3, column meaning"},
	{"a long meaning", row("http://read.info/readv2,93C1.,dissent," + long + ",SECRET"), "line 3, column meaning"},
	{"no source", row("http://read.info/readv2,93C1.,dissent,SECRET,"), "line 3, column source"},
	{"a source with a tab", row("http://read.info/readv2,93C1.,dissent,SECRET,a\tb"), "line 3, column source"},
	{"twice", row("http://read.info/readv2,93C1.,dissent,SECRET,s\nhttp://read.info/readv2,93C1,dissent,SECRET,s"), "line 4, column code: the list has"},
	{"a dissent made consent", row("http://read.info/readv2,93C1,consent,SECRET,s"), "line 3, column verdict: this code is"},
	{"a dissent made nothing", row("http://snomed.info/sct,416409005,ignored,SECRET,s"), "line 3, column verdict: this code is"},
	{"a dissent made a third party's", row("http://read.info/ctv3,XaKII,third-party,SECRET,s"), "line 3, column verdict: this code is"},
	{"a long line", row("http://read.info/readv2,93C1.,dissent,m," + strings.Repeat("SECRET", 200)), "line 3 is longer"},
	{"a line of one byte too many", row(strings.Repeat("x", maxLine+1) + "\n"), "line 3 is longer"},
	{"many codes", manyRows(), "line 1003: a list has"},
}

func TestLoadRefuses(t *testing.T) {
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			l, err := Load(strings.NewReader(c.list))
			if l != nil || err == nil || !strings.Contains(err.Error(), c.where) || strings.Contains(err.Error(), "SECRET") {
				t.Fatalf("%v, want %s", err, c.where)
			}
			kind := care.BadRequest
			if strings.Contains(c.where, "longer") || strings.Contains(c.where, "has") && !strings.Contains(c.where, "the list has") {
				kind = care.LimitExceeded
			}
			if care.KindOf(err) != kind || care.ReasonOf(err) != "LINE" {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestLoadBrokenOff(t *testing.T) {
	broken := errors.New("SECRET")
	_, err := Load(iotest.TimeoutReader(strings.NewReader(top + "urn:x,1,dissent,m,s\n")))
	if care.ReasonOf(err) != "FILE" {
		t.Errorf("%v", err)
	}
	_, err = Load(iotest.ErrReader(broken))
	if !errors.Is(err, broken) || care.ReasonOf(err) != "FILE" || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("%v", err)
	}
}

func TestVerdictNames(t *testing.T) {
	for v := range Ignored + 2 {
		if got := parseVerdict(v.String()); got != v && v >= Dissent && v <= Ignored {
			t.Errorf("%d is %s is %d", v, v, got)
		}
	}
	if parseVerdict("") != 0 || parseVerdict("unknown verdict") != 0 || Verdict(0).String() != "unknown verdict" {
		t.Error("no verdict is one")
	}
}

// Whatever is loaded is within its budgets, finds its own codes and takes back
// no dissent.
func FuzzLoad(f *testing.F) {
	f.Add(shipped)
	f.Add([]byte(top + "urn:x,1,consent,\"a, \"\"b\"\"\",s\r\n"))
	f.Add(bytes.ReplaceAll(shipped, []byte("dissent"), []byte("ignored")))
	f.Fuzz(func(t *testing.T, list []byte) {
		l, err := Load(bytes.NewReader(list))
		if err != nil {
			if l != nil || care.ReasonOf(err) == "" {
				t.Fatal(err)
			}
			return
		}
		if len(l.rows) == 0 || len(l.rows) > maxRows || len(l.rows) != len(l.byID) {
			t.Fatalf("%d rows", len(l.rows))
		}
		for r := range l.Rows() {
			v, known := l.Of(care.Coding{System: r.System, Code: r.Code})
			if !known || v != r.Verdict || !plain(r.System, maxSystem) || !plain(r.Code, maxCode) {
				t.Fatalf("%+v: %v, %v", r, v, known)
			}
			if s, _ := Shipped().Of(care.Coding{System: r.System, Code: r.Code}); s == Dissent && v != Dissent {
				t.Fatalf("%+v takes back a dissent", r)
			}
		}
	})
}
