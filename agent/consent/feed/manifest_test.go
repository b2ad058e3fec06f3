package feed

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// TestGolden holds rows and manifests to the frozen form.
func TestGolden(t *testing.T) {
	l := goldenLedger(t)
	var sent, held []byte
	for d, err := range l.Directives() {
		check(t, err)
		sent = AppendRows(sent, &d)
		statements, err := rule.Explode(&d, asOf)
		check(t, err)
		for _, s := range statements {
			held = AppendRow(held, d.NHSNumber, &s)
		}
	}
	golden(t, "rows.golden", sent)
	if !bytes.Equal(sent, held) {
		t.Errorf("a ledger sends other rows than its sites hold:\n%s", held)
	}
	m, err := l.Snapshot()
	check(t, err)
	signed, err := m.Sign(testSigner(t))
	check(t, err)
	golden(t, "snapshot.golden", signed)

	check(t, l.Next(813, asOf.Add(5*time.Minute+time.Microsecond)))
	_, err = l.Admit(dissent(100))
	check(t, err)
	m, _, ok := l.Changes(812)
	if signed, err = m.Sign(testSigner(t)); !ok || err != nil {
		t.Fatal(err)
	}
	golden(t, "changes.golden", signed)
}

// TestEscapes checks that no text can look like two fields or two rows.
func TestEscapes(t *testing.T) {
	s := rule.Statement{Kind: care.Dissent, Effective: -1, Recorded: 2, By: "a|b\nc\\n", Code: care.Coding{System: "|", Code: `\`}}
	want := number(1).Reveal() + `|DISSENT|*|-1|2|a\|b\nc\\n|\||\\` + "\n"
	if got := string(AppendRow([]byte("x"), number(1), &s)); got != "x"+want {
		t.Errorf("row %q, want %q", got, want)
	}
}

// TestRowsOfWhatWasSent checks the rows of a directive as it is sent: its
// targets in order, and a time of recording that was left out.
func TestRowsOfWhatWasSent(t *testing.T) {
	d := care.Directive{NHSNumber: number(1), Kind: care.Dissent, Effective: time.UnixMilli(1700), Scope: care.Scope{Organisations: []care.ODSCode{"RWH", "RAJ"}}}
	n := number(1).Reveal()
	if got, want := string(AppendRows(nil, &d)), n+"|DISSENT|ORG:RWH|1700|1700|||\n"+n+"|DISSENT|ORG:RAJ|1700|1700|||\n"; got != want {
		t.Errorf("rows %q, want %q", got, want)
	}
	d.Scope, d.Recorded = care.Scope{Sections: care.SetOf(care.Documents, care.Allergies)}, time.UnixMilli(-1)
	if got, want := string(AppendRows(nil, &d)), n+"|DISSENT|SECTION:ALLERGIES|1700|-1|||\n"+n+"|DISSENT|SECTION:DOCUMENTS|1700|-1|||\n"; got != want {
		t.Errorf("rows %q, want %q", got, want)
	}
}

func TestReadReturnsWhatWasWritten(t *testing.T) {
	l := goldenLedger(t)
	snapshot, err := l.Snapshot()
	check(t, err)
	changes, _, _ := l.Changes(812)
	for _, m := range []*Manifest{snapshot, changes} {
		signed, err := m.Sign(testSigner(t))
		check(t, err)
		again, err := m.Sign(testSigner(t))
		if check(t, err); !bytes.Equal(signed, again) || ID(signed) != ID(again) || ID(signed) == ID(m.Unsigned()) {
			t.Error("the same manifest is not the same bytes")
		}
		for name, read := range map[string]func() (*Manifest, error){
			"signed":                   func() (*Manifest, error) { return Read(signed, []string{testPublic}) },
			"signed, second key":       func() (*Manifest, error) { return Read(signed, []string{otherKey(t), testPublic}) },
			"signed, none asked":       func() (*Manifest, error) { return Read(signed, nil) },
			"unsigned":                 func() (*Manifest, error) { return Read(m.Unsigned(), nil) },
			"signed twice, one unkown": func() (*Manifest, error) { return Read(alsoSigned(t, m), []string{testPublic}) },
		} {
			if got, err := read(); err != nil || *got != *m {
				t.Errorf("%s: %+v, err %v, want %+v", name, got, err, m)
			}
		}
	}
}

func otherKey(t testing.TB) string {
	_, public, err := note.GenerateKey(nil, "other.example")
	check(t, err)
	return public
}

// alsoSigned returns the manifest with a signature of an unknown key as well.
func alsoSigned(t testing.TB, m *Manifest) []byte {
	secret, _, err := note.GenerateKey(nil, "other.example")
	check(t, err)
	other, err := note.NewSigner(secret)
	check(t, err)
	signed, err := note.Sign(&note.Note{Text: string(m.Unsigned())}, other, testSigner(t))
	check(t, err)
	return signed
}

func TestReadRefusesSignatures(t *testing.T) {
	m, err := goldenLedger(t).Snapshot()
	check(t, err)
	signed, err := m.Sign(testSigner(t))
	check(t, err)
	keys := []string{testPublic}
	other := bytes.Replace(signed, []byte("sequence 812"), []byte("sequence 813"), 1)
	for name, read := range map[string]func() (*Manifest, error){
		"not signed":         func() (*Manifest, error) { return Read(m.Unsigned(), keys) },
		"another key":        func() (*Manifest, error) { return Read(signed, []string{otherKey(t)}) },
		"another text":       func() (*Manifest, error) { return Read(other, keys) },
		"another signature":  func() (*Manifest, error) { return Read(append(signed[:len(signed)-9], "AAAAAAA=\n"...), keys) },
		"nothing at all":     func() (*Manifest, error) { return Read(nil, keys) },
		"a signature of its": func() (*Manifest, error) { return Read([]byte("\n\n— x AAAAAAA=\n"), keys) },
	} {
		_, err := read()
		if care.KindOf(err) != care.Unauthenticated || care.ReasonOf(err) != ReasonSignature {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = Read(signed, []string{testPublic, "no key"})
	fails(t, err, care.BadRequest, ReasonKey)
	fails(t, CheckKeys([]string{"no key"}), care.BadRequest, ReasonKey)
	check(t, CheckKeys([]string{testPublic}))
}

func TestReadRefuses(t *testing.T) {
	l := goldenLedger(t)
	m, err := l.Snapshot()
	check(t, err)
	good := string(m.Unsigned())
	for name, c := range map[string]struct{ old, new string }{
		"another version":        {"consent/v1", "consent/v2"},
		"no region":              {"region hweiics", "region "},
		"region with a space":    {"region hweiics", "region hwe iics"},
		"long region":            {"region hweiics", "region " + strings.Repeat("x", 65)},
		"region not ASCII":       {"region hweiics", "region süd"},
		"no kind":                {"snapshot", "everything"},
		"changes of nothing":     {"snapshot", "changes 0"},
		"changes of the future":  {"snapshot", "changes 813"},
		"changes without a base": {"snapshot", "changes"},
		"leading zero":           {"sequence 812", "sequence 0812"},
		"sign":                   {"sequence 812", "sequence +812"},
		"no sequence":            {"sequence 812", "sequence 0"},
		"huge":                   {"rows 7", "rows 9007199254740993"},
		"overflow":               {"rows 7", "rows 18446744073709551616"},
		"time without Z":         {"02:00:00.000Z", "02:00:00.000+00:00"},
		"time without fraction":  {"02:00:00.000Z", "02:00:00Z"},
		"too exact a time":       {"02:00:00.000Z", "02:00:00.0000Z"},
		"year 1":                 {"2026-03-01T", "0001-03-01T"},
		"year 2300":              {"2026-03-01T", "2300-03-01T"},
		"more patients":          {"patients 5", "patients 9"},
		"digest too short":       {"digest ", "digest AAAA\n#"},
		"a field more":           {"digest ", "extra 1\ndigest "},
		"a field less":           {"rows 7\n", ""},
		"another order":          {"rows 7\n", "rows 7\nrows 7\n"},
		"trailing space":         {"rows 7\n", "rows 7 \n"},
		"carriage return":        {"rows 7\n", "rows 7\r\n"},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Fatalf("%s: nothing to replace in\n%s", name, good)
		}
		_, err := Read([]byte(text), nil)
		if care.KindOf(err) != care.BadRequest || care.ReasonOf(err) != ReasonManifest {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{"empty": "", "no end": strings.TrimSuffix(good, "\n"), "a line more": good + "x\n", "padding bits": padded(good)} {
		if _, err := Read([]byte(text), nil); care.ReasonOf(err) != ReasonManifest {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = Read([]byte(good+strings.Repeat("\n", MaxManifest)), nil)
	fails(t, err, care.LimitExceeded, ReasonManifest)
	m.Region = "a b"
	_, err = m.Sign(testSigner(t))
	fails(t, err, care.BadRequest, ReasonManifest)
}

// padded changes bits of the last base64 digit that no byte has.
func padded(manifest string) string {
	at := strings.LastIndex(manifest, "=") - 1
	return manifest[:at] + string(manifest[at]+1) + manifest[at+1:]
}

func TestReadRefusesTooManyChanges(t *testing.T) {
	m := Manifest{Region: "x", Base: 1, Sequence: 2, AsOf: asOf, Rows: MaxChanges}
	_, err := Read(m.Unsigned(), nil)
	check(t, err)
	m.Rows++
	_, err = Read(m.Unsigned(), nil)
	fails(t, err, care.BadRequest, ReasonManifest)
	if m.Snapshot, m.Base = true, 0; len(m.Unsigned()) > 0 {
		_, err = Read(m.Unsigned(), nil)
		check(t, err)
	}
}

// FuzzRead proves that nothing panics and that what is accepted has one
// spelling only.
func FuzzRead(f *testing.F) {
	m := &Manifest{Region: "x", Snapshot: true, Sequence: 2, AsOf: asOf, Rows: 1, Patients: 1, Directives: 1}
	f.Add(m.Unsigned())
	signed, err := m.Sign(testSigner(f))
	check(f, err)
	f.Add(signed)
	f.Fuzz(func(t *testing.T, text []byte) {
		_, _ = Read(text, []string{testPublic})
		m, err := Read(text, nil)
		if err == nil && !bytes.HasPrefix(text, m.Unsigned()) {
			t.Errorf("accepted %q, which is written %q", text, m.Unsigned())
		}
	})
}

// TestDocument checks that the examples of the document are the golden files.
func TestDocument(t *testing.T) {
	document, err := os.ReadFile("../../../packaging/doc/consent-sync.md")
	check(t, err)
	for _, name := range []string{"flags.csv", "rows.golden", "snapshot.golden"} {
		example, err := os.ReadFile(filepath.Join("testdata", name))
		check(t, err)
		if !bytes.Contains(document, append(append([]byte("```\n"), example...), "```\n"...)) {
			t.Errorf("consent-sync.md does not have %s", name)
		}
	}
	if !bytes.Contains(document, []byte(testPublic)) {
		t.Error("consent-sync.md does not have the key")
	}
}
