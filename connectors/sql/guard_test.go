package sql

import (
	"strings"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// guarded returns settings whose query of a section gives the NHS number of
// each row by an expression.
func guarded(w world, section care.Section, number string) *Settings {
	s := withQueries(w.settings())
	for name := range s.Queries {
		if strings.EqualFold(name, section.String()) {
			s.Queries[name] = strings.Replace(s.Queries[name], "SELECT ", "SELECT "+number+" AS NHS_Number, ", 1)
		}
	}
	return s
}

// TestGuardInEverySection lets each section in turn say whose its rows are,
// and lie about one of them.
func TestGuardInEverySection(t *testing.T) {
	w := filled(t, newSQLite)
	for section, want := range wanted {
		if section == care.Demographics {
			continue // see TestRowOfAnotherPatient
		}
		truth := openedUntilEnd(t, guarded(w, section, "'"+firstNumber+"'"))
		if got, err := fetched(t, truth, care.SetOf(section)); err != nil || got[section].State != care.Complete || got[section].Read != want.Records {
			t.Errorf("%v with the patient's number: %+v, %v", section, got[section], err)
		}
		liar := openedUntilEnd(t, guarded(w, section, "CASE id WHEN (SELECT min(id) FROM entries AS e WHERE e.patient = entries.patient AND "+
			"e.section = entries.section) THEN '"+secondNumber+"' ELSE '"+firstNumber+"' END"))
		got, err := fetched(t, liar, care.SetOf(section))
		wantReason(t, err, care.SourceUnavailable, reasonStranger)
		if len(got) > 0 {
			t.Errorf("%v with a stranger's row ended: %+v", section, got)
		}
	}
}

func TestLayoutsAllowTheGuard(t *testing.T) {
	for section := range care.AllSections.All() {
		layout, _ := ukcore.LayoutOf(section)
		var columns []string
		for _, c := range layout.Columns() {
			columns = append(columns, c.Name)
		}
		c := &cursor{columns: columns}
		if _, problems := layout.Bind(columns); problems != nil || c.numberColumn() < 0 {
			t.Errorf("%v: guard at %d, %v", section, c.numberColumn(), problems)
		}
	}
}

func TestIsOf(t *testing.T) {
	p := care.Patient{NHSNumber: nhs(firstNumber)}
	for _, tc := range []struct {
		name  string
		value ukcore.Value
		want  bool
	}{
		{"the patient's", ukcore.Text(firstNumber), true},
		{"printed", ukcore.Bytes([]byte(" 999 000 0026 ")), true},
		{"as a number", ukcore.Integer(9990000026), true},
		{"another's", ukcore.Text(secondNumber), false},
		{"none", ukcore.Value{}, false},
		{"blank", ukcore.Text(" "), false},
		{"no number", ukcore.Text("9990000027"), false},
		{"no text", ukcore.Bool(true), false},
	} {
		if got := isOf(p, []ukcore.Value{tc.value}, 0); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
	if isOf(care.Patient{}, []ukcore.Value{{}}, 0) {
		t.Error("no number is nobody's, not that of a patient without one")
	}
	if !isOf(p, nil, -1) {
		t.Error("a query without the column is refused")
	}
}

// TestGuardOfDocuments holds that the list that decides which document may
// leave is guarded when it is read for a document, too.
func TestGuardOfDocuments(t *testing.T) {
	w := filled(t, newSQLite)
	for number, reason := range map[string]string{firstNumber: "", secondNumber: reasonStranger} {
		c := openedUntilEnd(t, guarded(w, care.Documents, "'"+number+"'"))
		p, err := c.Identify(t.Context(), nhs(firstNumber))
		if err != nil {
			t.Fatal(err)
		}
		d, err := c.(care.DocumentReader).Document(t.Context(), p, "epr.document.d0")
		if reason != "" {
			wantReason(t, err, care.SourceUnavailable, reason)
		} else if err != nil {
			t.Error(err)
		} else if err := d.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}
