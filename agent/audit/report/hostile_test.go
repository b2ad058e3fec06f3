package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// hostileTexts try to become something else than text.
var hostileTexts = []string{
	`</td><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</style><link rel=stylesheet href=//x>`, `{{.Journal}}`, `&lt;b&gt;`,
	`=HYPERLINK("http://x","click")`, `+1+cmd|' /C calc'!A0`, `-2+3`, `@SUM(1)`, "  =1", "\t=1", "\r=1", "\u00a0=1", "＝1", `a","b`, "two\r\nlines",
	"bidi \u202e desrever \u2066x\u2069", "zero\u200bwidth\ufeff", "nul\x00 bell\a esc\x1b[2J del\x7f c1\u009b", "line\u2028sep", "bad \xff\xfe utf-8",
	"tag \U000e0041", "z" + strings.Repeat("\u0301", 200), "میخواهم\u200cها", strings.Repeat("long", 300), " ", "a  b",
}

// hostileLines hold a hostile text in every field that comes from elsewhere.
func hostileLines(t testing.TB) []audit.Line {
	var lines []audit.Line
	for i, text := range hostileTexts {
		l := line(t, uint64(1000+3*i), day(2), care.ReleaseDecided)
		l.Interaction, l.Purpose, l.Permission = "GET_RECORD", text, text
		if i%2 == 0 {
			l.Interaction, l.Purpose = text, "BTG"
		}
		l.RequestID, l.Broker, l.UserID, l.UserName, l.RoleCode, l.RoleName = text, text, text, text, text, text
		l.Organisation, l.OrganisationName, l.Reason, l.DocumentID, l.Peer = care.ODSCode(text), text, text, text, text
		l.Sections, l.Released = []string{text}, []string{text}
		end := l
		end.Sequence, end.Kind, end.Decision, end.Records, end.Detail, end.TrueReason = l.Sequence+1, care.ReleaseEnded, l.Sequence, 1, text, text
		end.Outcomes = []audit.LineOutcome{{Section: text, State: text, Sent: 1, Withheld: 1}}
		if i%3 == 0 {
			end.Refusal = text
		}
		other := line(t, l.Sequence+2, day(3), care.ConsentChanged)
		other.Actor, other.Query, other.Refusal = text, text, text
		other.Directive = &audit.LineDirective{Kind: "DISSENT", Authority: text, By: text}
		if i%2 == 0 {
			other.Kind = care.EventKind(text)
		}
		lines = append(lines, l, end, other)
	}
	return lines
}

func hostileReport(t testing.TB, audience Audience) *Report {
	about := sampleAbout(t, audience)
	about.MadeBy, about.Site.Name = hostileTexts[0], hostileTexts[1]
	return build(t, about, hostileLines(t))
}

var (
	tagPattern       = regexp.MustCompile(`<(/?[A-Za-z!][^\s>]*)([^>]*)>`)
	attributePattern = regexp.MustCompile(`([^\s=]+)(?:="[^"]*")?`)
)

// shapeOf returns the elements and attributes of a page, without its texts. A
// "<" that begins no tag is one of them.
func shapeOf(page []byte) (elements map[string]bool) {
	elements = map[string]bool{}
	tags := tagPattern.FindAllStringSubmatch(string(page), -1)
	if bytes.Count(page, []byte("<")) != len(tags) {
		elements["<"] = true
	}
	for _, tag := range tags {
		elements[tag[1]] = true
		for _, a := range attributePattern.FindAllStringSubmatch(tag[2], -1) {
			elements[tag[1]+" "+a[1]] = true
		}
	}
	return elements
}

func TestHostileHTML(t *testing.T) {
	for _, audience := range []Audience{ForPatient, ForGuardian} {
		known := shapeOf(written(t, build(t, sampleAbout(t, audience), sampleLines(t)), "html"))
		for element := range shapeOf(written(t, hostileReport(t, audience), "html")) {
			if !known[element] {
				t.Errorf("a text became <%s>", element)
			}
		}
	}
}

// TestHTMLStandsAlone: the page loads nothing and its policy fits its style.
func TestHTMLStandsAlone(t *testing.T) {
	page := string(written(t, hostileReport(t, ForGuardian), "html"))
	for element := range shapeOf([]byte(page)) {
		if slices.Contains([]string{"script", "img", "link", "iframe", "object", "a", "form"}, element) || strings.HasSuffix(element, " style") || strings.Contains(element, " on") {
			t.Errorf("the page has <%s>", element)
		}
	}
	if strings.Contains(style, "url(") || strings.Contains(style, "@import") {
		t.Error("the style loads something")
	}
	inner := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page)[1]
	sum := sha256.Sum256([]byte(inner))
	policy := html.UnescapeString(regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)[1])
	if want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"; policy != want {
		t.Errorf("the policy is %q, want %q", policy, want)
	}
}

func TestHostileCSV(t *testing.T) {
	for _, audience := range []Audience{ForPatient, ForGuardian} {
		out := written(t, hostileReport(t, audience), "csv")
		rest, marked := bytes.CutPrefix(out, []byte("\xef\xbb\xbf"))
		if !marked || bytes.Count(rest, []byte("\n")) != bytes.Count(rest, []byte("\r\n")) {
			t.Error("no byte order mark, or a line that does not end as RFC 4180 has it")
		}
		rows, err := csv.NewReader(bytes.NewReader(rest)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[string]int{}
		for _, row := range rows[1:] {
			kinds[row[0]]++
			for _, cell := range row {
				if c := strings.TrimSpace(cell); c != "" && strings.ContainsAny(c[:1], "=+-@\t\r") || strings.HasPrefix(c, "＝") {
					t.Errorf("the cell %q is a formula", cell)
				}
			}
		}
		if kinds["ACCESS"] != len(hostileTexts) || kinds["EVENT"] != len(hostileTexts) {
			t.Errorf("rows were made or lost: %v", kinds)
		}
	}
}

// TestNothingInvisible: no format holds a character that is not seen, but line
// ends and the joiners of words.
func TestNothingInvisible(t *testing.T) {
	r := hostileReport(t, ForGuardian)
	for format := range formats {
		out := bytes.TrimPrefix(written(t, r, format), []byte("\xef\xbb\xbf"))
		if !utf8.Valid(out) {
			t.Errorf("%s is not UTF-8", format)
		}
		for _, c := range string(out) {
			if !unicode.IsGraphic(c) && c != '\n' && c != '\r' && c != '\u200c' {
				t.Errorf("%s holds %U", format, c)
			}
		}
		if format == "json" || format == "fhir.json" {
			var v any
			if err := json.Unmarshal(out, &v); err != nil {
				t.Errorf("%s: %v", format, err)
			}
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"Dr Siân O'Neil": "Dr Siân O'Neil", " a\r\nb\t": "a  b", "a\u202eb": "a\ufffdb", "\x1b[2J": "\ufffd[2J", "\xff": "\ufffd",
		"می\u200cخواهم": "می\u200cخواهم", "e" + strings.Repeat("\u0301", 9) + "f\u0301": "e\u0301\u0301\u0301\u0301f\u0301", "\u2028x": "x", "  ": "",
	} {
		if got := clean(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// FuzzClean: whatever goes in, what comes out can be shown, and is not changed
// again.
func FuzzClean(f *testing.F) {
	for _, s := range hostileTexts {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := clean(s)
		if clean(got) != got {
			t.Errorf("%q became %q and then %q", s, got, clean(got))
		}
		for _, c := range got {
			if !unicode.IsGraphic(c) && c != '\u200c' && c != '\u200d' {
				t.Errorf("%q still holds %U", s, c)
			}
		}
	})
}
