package care_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestParseNHSNumber(t *testing.T) {
	for _, c := range []struct {
		name, text string
		ok         bool
	}{
		{"test range", "9990000018", true},
		{"printed form", "999 000 0018", true},
		{"hyphens", "999-000-0018", true},
		{"ordinary range", "9434765919", true},
		{"check digit 0 from remainder 0", "9434765870", true},
		{"wrong check digit", "9990000019", false},
		{"check value 10 fits no digit", "9990000000", false},
		{"too short", "999000001", false},
		{"too long", "99900000180", false},
		{"empty", "", false},
		{"letters", "99900000l8", false},
		{"leading space", " 9990000018", false},
		{"trailing space", "9990000018 ", false},
		{"full-width digits", "９９９００００１８８", false},
		{"Scottish CHI", "0101010101", false},
		{"Northern Irish", "3200000007", false},
	} {
		n, err := care.ParseNHSNumber(c.text)
		if (err == nil) != c.ok {
			t.Errorf("%s: error %v, want accepted=%v", c.name, err, c.ok)
		}
		if err != nil && care.KindOf(err) != care.InvalidNHSNumber {
			t.Errorf("%s: kind %v", c.name, care.KindOf(err))
		}
		if err == nil && n.Reveal() != strings.NewReplacer(" ", "", "-", "").Replace(c.text) {
			t.Errorf("%s: digits changed", c.name)
		}
	}
}

func TestRepeatedDigitsAreNoNumber(t *testing.T) {
	for d := '0'; d <= '9'; d++ {
		if _, err := care.ParseNHSNumber(strings.Repeat(string(d), 10)); err == nil {
			t.Errorf("ten times %c was accepted", d)
		}
	}
}

func TestEverySingleDigitErrorIsFound(t *testing.T) {
	const good = "9434765919"
	for i := range len(good) {
		for d := byte('0'); d <= '9'; d++ {
			if text := []byte(good); text[i] != d {
				text[i] = d
				if _, err := care.ParseNHSNumber(string(text)); err == nil {
					t.Errorf("digit %d changed to %c was accepted", i, d)
				}
			}
		}
	}
}

func TestTestRange(t *testing.T) {
	for text, want := range map[string]bool{"9990000018": true, "9434765919": false} {
		if n := number(t, text); n.IsTest() != want {
			t.Errorf("IsTest is %v, want %v", n.IsTest(), want)
		}
	}
	if (care.NHSNumber{}).IsTest() {
		t.Error("no number is a test number")
	}
}

func number(t testing.TB, text string) care.NHSNumber {
	t.Helper()
	n, err := care.ParseNHSNumber(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// shapes are the ways in which an identifier may sit in something printed.
func shapes(n care.NHSNumber, p care.Private) map[string]any {
	type unexported struct {
		n care.NHSNumber
		p care.Private
	}
	type Exported struct {
		N care.NHSNumber
		P care.Private
	}
	return map[string]any{
		"number": n, "private": p, "pointer": &n,
		"unexported fields": unexported{n, p}, "pointer to unexported": &unexported{n, p},
		"exported fields": Exported{n, p}, "slice": []any{n, p, unexported{n, p}},
		"map value": map[string]any{"x": Exported{n, p}}, "map key": map[care.NHSNumber]care.Private{n: p},
		"request":   care.Request{Subject: care.Subject{NHSNumber: n, Family: p}},
		"patient":   &care.Patient{NHSNumber: n, LocalID: p, Names: []care.Name{{Family: p, Given: []care.Private{p}}}},
		"directive": care.Directive{NHSNumber: n},
		"event":     care.Event{Request: &care.Request{Subject: care.Subject{NHSNumber: n, Family: p}}, Directive: &care.Directive{NHSNumber: n}},
	}
}

func TestIdentifiersRedactThemselves(t *testing.T) {
	const digits, name = "9434765919", "Canaryname"
	var printed bytes.Buffer
	for shape, v := range shapes(number(t, digits), care.NewPrivate(name)) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p"} {
			fmt.Fprintf(&printed, "%s "+verb+"\n", shape, v)
		}
		text, err := json.Marshal(v)
		fmt.Fprintf(&printed, "%s json %s %v\n", shape, text, err)
		text, err = xml.Marshal(v)
		fmt.Fprintf(&printed, "%s xml %s %v\n", shape, text, err)
		for _, asJSON := range []bool{true, false} {
			hclog.New(&hclog.LoggerOptions{Output: &printed, JSONFormat: asJSON}).Info("shape", "v", v, "w", fmt.Sprint(v))
		}
		slog.New(slog.NewJSONHandler(&printed, nil)).Info("shape", "v", v)
		slog.New(slog.NewTextHandler(&printed, nil)).Info("shape", "v", v)
		fmt.Fprintln(&printed, fmt.Errorf("wrapped %v: %w", v, fmt.Errorf("inner %+v", v)))
	}
	for _, secret := range []string{digits, name, fmt.Sprintf("%x", digits), fmt.Sprintf("%x", name), fmt.Sprintf("%X", name)} {
		if strings.Contains(printed.String(), secret) {
			at := strings.Index(printed.String(), secret)
			t.Errorf("an identifier is shown: %.80q", printed.String()[max(0, at-60):])
		}
	}
	if !strings.Contains(printed.String(), "[redacted]") {
		t.Error("nothing was redacted: the test printed nothing")
	}
}

func TestParseErrorQuotesNothing(t *testing.T) {
	for _, text := range []string{"943476591x", "9434765918", "94347659190"} {
		if _, err := care.ParseNHSNumber(text); strings.Contains(err.Error(), text[:8]) {
			t.Errorf("the error quotes its input: %v", err)
		}
	}
}

func FuzzParseNHSNumber(f *testing.F) {
	for _, s := range []string{"9990000018", "999 000 0018", "", "0000000000", "99900000180", "\xff\xfe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := care.ParseNHSNumber(text)
		if err != nil {
			if !n.IsZero() {
				t.Error("a number came with an error")
			}
			return
		}
		if again, err := care.ParseNHSNumber(n.Reveal()); err != nil || again != n {
			t.Errorf("the digits do not parse to the same number: %v", err)
		}
	})
}

func TestNobody(t *testing.T) {
	seen := map[care.NHSNumber]bool{}
	for range 1000 {
		n := care.Nobody()
		if parsed, err := care.ParseNHSNumber(n.Reveal()); err != nil || parsed != n || !n.IsTest() {
			t.Fatalf("%s: %v", n.Reveal(), err)
		}
		seen[n] = true
	}
	if len(seen) < 900 {
		t.Errorf("only %d different ones", len(seen))
	}
}
