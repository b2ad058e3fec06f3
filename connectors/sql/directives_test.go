package sql

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// gathered reads everything there is.
func gathered(t *testing.T, c care.Connector) (list []care.Directive, last error) {
	t.Helper()
	for d, err := range c.(care.DirectiveSource).Directives(t.Context()) {
		if last = err; err == nil {
			list = append(list, d)
		}
	}
	return list, last
}

// TestUnreadableRow checks what the error of a row says, and what it does not.
func TestUnreadableRow(t *testing.T) {
	const canary = "canary"
	w := filled(t, newSQLite, "INSERT INTO said (nhs_number, directive, effective_date, sections) VALUES ('"+absentNumber+"', 'DISSENT', '2099-01-01', '"+canary+"')")
	c := openedUntilEnd(t, withQueries(w.settings()))
	list, err := gathered(t, c)
	wantReason(t, err, care.SourceUnavailable, reasonRow)
	if len(list) != 3 {
		t.Errorf("%d rows came before the one that cannot be read, want 3", len(list))
	}
	_, of := c.(care.DirectiveSource).DirectivesOf(t.Context(), nhs(absentNumber))
	wantReason(t, of, care.SourceUnavailable, reasonRow)
	for query, text := range map[string]string{"consent_query, row 4": err.Error(), "patient_consent_query, row 1": of.Error()} {
		if !strings.Contains(text, query+": the column sections") || strings.Contains(text, canary) || strings.Contains(text, absentNumber) {
			t.Errorf("the error is %q", text)
		}
	}
	if _, err := c.Identify(t.Context(), nhs(firstNumber)); err != nil {
		t.Errorf("Identify beside it: %v", err)
	}
}

func TestDirectiveBudgets(t *testing.T) {
	w := filled(t, newSQLite)
	s := openedUntilEnd(t, withQueries(w.settings())).(*source)
	for limit, reason := range map[int]string{2: reasonLimit, 3: ""} {
		n := 0
		err := s.allDirectives(t.Context(), limit, func(care.Directive) error { n++; return nil })
		if n != limit || (err == nil) != (reason == "") {
			t.Errorf("limit %d: %d directives, %v", limit, n, err)
		}
		if reason != "" {
			wantReason(t, err, care.SourceUnavailable, reason)
		}
	}
	settings := withQueries(w.settings())
	settings.PatientConsentQuery = "SELECT nhs_number, 'DISSENT' AS directive, NULL AS effective_date " +
		"FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n LIMIT 1001) JOIN patients WHERE nhs_number = :nhs_number"
	_, err := openedUntilEnd(t, settings).(care.DirectiveSource).DirectivesOf(t.Context(), nhs(firstNumber))
	wantReason(t, err, care.SourceUnavailable, reasonLimit)
	settings.PatientConsentQuery = strings.Replace(settings.PatientConsentQuery, "1001", "1000", 1)
	list, err := openedUntilEnd(t, settings).(care.DirectiveSource).DirectivesOf(t.Context(), nhs(firstNumber))
	if err != nil || len(list) != maxPatientRows {
		t.Errorf("%d directives, %v", len(list), err)
	}
}

// TestDirectivesAreStreamed reads from a query that never ends.
func TestDirectivesAreStreamed(t *testing.T) {
	w := filled(t, newSQLite)
	s := withQueries(w.settings())
	s.ConsentQuery = "SELECT nhs_number, 'DISSENT' AS directive, NULL AS effective_date " +
		"FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n) JOIN patients ON nhs_number = '" + firstNumber + "'"
	n := 0
	for _, err := range openedUntilEnd(t, s).(care.DirectiveSource).Directives(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 10_000 {
			break
		}
	}
}

// TestWholeReadingHasAConnectionOfItsOwn reads everything while all the
// connections of requests are in use, and answers requests meanwhile.
func TestWholeReadingHasAConnectionOfItsOwn(t *testing.T) {
	s := withQueries(filled(t, newSQLite).settings())
	s.MaxConnections = 1
	c := openedUntilEnd(t, s)
	if _, err := c.Identify(t.Context(), nhs(firstNumber)); err != nil { // the rights are known from here on
		t.Fatal(err)
	}
	p := care.Patient{LocalID: care.NewPrivate("1001"), NHSNumber: nhs(firstNumber)}
	for _, err := range c.Fetch(t.Context(), care.Query{Patient: p, Sections: care.SetOf(care.Problems), MaxRows: 10}) {
		if err != nil {
			t.Fatal(err)
		}
		if list, err := gathered(t, c); len(list) != 3 || err != nil {
			t.Errorf("%d directives, %v", len(list), err)
		}
		break
	}
	for _, err := range c.(care.DirectiveSource).Directives(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Identify(t.Context(), nhs(firstNumber)); err != nil {
			t.Error(err)
		}
	}
	if open := c.(*source).whole.Stats().OpenConnections; open != 0 {
		t.Errorf("%d connections are kept after a whole reading", open)
	}
}

func TestColumnsOfDirectives(t *testing.T) {
	w := filled(t, newSQLite, "CREATE TABLE moments (nhs_number text, directive text, effective_date DATETIME)",
		"CREATE TABLE days (nhs_number text, directive text, effective_date DATE)", "INSERT INTO days VALUES ('"+firstNumber+"', 'DISSENT', '2024-05-06')")
	for _, tc := range []struct {
		name, columns, reason, text string
	}{
		{"the fewest with a word", "nhs_number, directive, effective_date FROM said WHERE directive IS NOT NULL", "", ""},
		{"the fewest with a code", "nhs_number, code, code_system, effective_date FROM said WHERE code IS NOT NULL", "", ""},
		{"capitals", "nhs_number AS NHS_Number, directive AS DIRECTIVE, effective_date FROM said WHERE directive IS NOT NULL", "", ""},
		{"a column of dates", "nhs_number, directive, effective_date FROM days", "", ""},
		{"no date", "nhs_number, directive FROM said", reasonColumns, "effective_date"},
		{"no number", "directive, effective_date FROM said", reasonColumns, "nhs_number"},
		{"no meaning", "nhs_number, effective_date FROM said", reasonColumns, "directive"},
		{"a code without its system", "nhs_number, code, effective_date FROM said", reasonColumns, "code_system"},
		{"a system without its code", "nhs_number, code_system, effective_date FROM said", reasonColumns, "code_system"},
		{"a misspelt column", "nhs_number, directive, effective_date, sections AS section FROM said", reasonColumns, "section:"},
		{"a column twice", "nhs_number, directive, effective_date, effective_date FROM said", reasonColumns, "twice"},
		{"a column of which the driver loses the zone", "nhs_number, directive, effective_date FROM moments", reasonColumns, "effective_date"},
		{"no table", "nhs_number, directive, effective_date FROM nothing", reasonQuery, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := withQueries(w.settings())
			s.ConsentQuery = "SELECT " + tc.columns
			s.PatientConsentQuery = "SELECT * FROM (SELECT " + tc.columns + ") WHERE :nhs_number IS NOT NULL"
			c := openedUntilEnd(t, s)
			list, err := gathered(t, c)
			_, probe := c.Probe(t.Context())
			if tc.reason == "" {
				if err != nil || probe != nil || len(list) == 0 {
					t.Errorf("%d directives, %v; Probe: %v", len(list), err, probe)
				}
				return
			}
			wantReason(t, err, care.SourceUnavailable, tc.reason)
			if err != nil && (!strings.Contains(err.Error(), tc.text) || tc.reason == reasonColumns && !strings.Contains(err.Error(), consentQuery)) {
				t.Errorf("error %q does not name %s", err, tc.text)
			}
			if probe == nil && tc.name != "a column twice" { // the query around it makes two names of it
				t.Error("Probe finds nothing")
			}
		})
	}
}

// TestOptionalConsentQueries leaves out the one query, and both.
func TestOptionalConsentQueries(t *testing.T) {
	s := withQueries(filled(t, newSQLite).settings())
	s.PatientConsentQuery = ""
	c := openedUntilEnd(t, s)
	if list, err := gathered(t, c); len(list) != 3 || err != nil {
		t.Errorf("%d directives, %v", len(list), err)
	}
	_, err := c.(care.DirectiveSource).DirectivesOf(t.Context(), nhs(firstNumber))
	wantReason(t, err, care.Unsupported, "NOT_CONFIGURED")
	s.ConsentQuery = ""
	c = openedUntilEnd(t, s)
	if c.(care.DirectiveSource).HoldsDirectives() {
		t.Error("a source without the query holds directives")
	}
	_, err = gathered(t, c)
	wantReason(t, err, care.Unsupported, "NOT_CONFIGURED")
	if _, err := c.Probe(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPatientConsentQueryOfAnother(t *testing.T) {
	s := withQueries(filled(t, newSQLite).settings())
	s.PatientConsentQuery = strings.Replace(s.PatientConsentQuery, "nhs_number = :", "nhs_number <> :", 1)
	list, err := openedUntilEnd(t, s).(care.DirectiveSource).DirectivesOf(t.Context(), nhs(firstNumber))
	wantReason(t, err, care.SourceUnavailable, reasonStranger)
	if len(list) > 0 {
		t.Error("directives came beside the error")
	}
}

func TestDirectivesNeedALoginThatOnlyReads(t *testing.T) {
	w := newSQLite(t)
	w.exec(t, people()...)
	c := openedUntilEnd(t, withQueries(w.settings()))
	list, err := gathered(t, c)
	wantReason(t, err, care.SourceUnavailable, reasonWritable)
	of, errOf := c.(care.DirectiveSource).DirectivesOf(t.Context(), nhs(firstNumber))
	wantReason(t, errOf, care.SourceUnavailable, reasonWritable)
	if len(list)+len(of) > 0 {
		t.Error("directives came all the same")
	}
}

// TestProbeLeavesTheWholeReadingAlone checks that a check of the source does
// not run the query of all statements, which may be work.
func TestProbeLeavesTheWholeReadingAlone(t *testing.T) {
	s := withQueries(filled(t, newSQLite).settings())
	s.ConsentQuery = "SELECT nhs_number, directive, effective_date FROM nothing"
	if _, err := openedUntilEnd(t, s).Probe(t.Context()); err != nil {
		t.Error(err)
	}
	s.PatientConsentQuery = "SELECT nhs_number, directive, effective_date FROM nothing WHERE nhs_number = :nhs_number"
	_, err := openedUntilEnd(t, s).Probe(t.Context())
	wantReason(t, err, care.SourceUnavailable, reasonQuery)
	if err != nil && !strings.Contains(err.Error(), patientConsentQuery) {
		t.Errorf("error %q does not name the query", err)
	}
}

func FuzzDirectiveRow(f *testing.F) {
	f.Add(firstNumber, "2024-05-06", "93C1.", "READ2", "", "2024-05-06 10:40", "clerk", "RWH E82001", "")
	f.Add(firstNumber, "2024-05-06T00:00:00Z", "", "", "DISSENT", "", "\x00é", "", "MEDICATIONS")
	f.Add("", "1899-12-30", "416409005", "http://snomed.info/sct", "consent", "2024", "\xff", ",", "ALL")
	f.Fuzz(func(t *testing.T, number, effective, code, system, kind, recorded, by, organisations, sections string) {
		d, fault := readRow(map[int]ukcore.Value{subjectColumn: ukcore.Text(number), effectiveColumn: ukcore.Text(effective),
			codeColumn: ukcore.Text(code), systemColumn: ukcore.Text(system), kindColumn: ukcore.Text(kind), recordedColumn: ukcore.Text(recorded),
			byColumn: ukcore.Text(by), organisationsColumn: ukcore.Text(organisations), sectionsColumn: ukcore.Text(sections)})
		if fault != "" {
			return
		}
		inYears := func(t time.Time) bool { return t.Year() >= 1900 && t.Year() <= lastYear+1 }
		switch {
		case d.NHSNumber.IsZero(), d.Kind.Valid() == (d.Code.Code != ""), d.Code.Code != "" && d.Code.System == "":
			t.Errorf("a row without a fault says nothing, or two things: %+v", d)
		case !inYears(d.Effective), !d.Recorded.IsZero() && !inYears(d.Recorded):
			t.Errorf("a row without a fault is of %v, recorded %v", d.Effective, d.Recorded)
		case len(d.By) > maxBy, !utf8.ValidString(d.By), strings.ContainsAny(d.By, "\r\n\x00"), len(d.Code.Code) > maxCode:
			t.Errorf("a text that cannot be kept: %q, %q", d.By, d.Code.Code)
		case len(d.Scope.Organisations) > maxTargets, len(d.Scope.Organisations) > 0 && d.Scope.Sections != 0:
			t.Errorf("the scope %+v", d.Scope)
		}
	})
}
