//go:build e2e && unix

package sql

import (
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// typedDirectives is one row of each server's own types.
var typedDirectives = map[string][]string{
	driverPostgres: {
		"CREATE TABLE typed_said (nhs_number bigint, code bigint, effective_date date, recorded_date timestamptz, organisations char(10))",
		"INSERT INTO typed_said VALUES (" + firstNumber + ", 416409005, '2024-07-01', '2024-07-01 10:00:00+02', 'RWH')",
	},
	driverMySQL: {
		"SET time_zone = '+02:00'",
		"CREATE TABLE typed_said (nhs_number bigint, code bigint, effective_date date, recorded_date timestamp, organisations char(10))",
		"INSERT INTO typed_said VALUES (" + firstNumber + ", 416409005, '2024-07-01', FROM_UNIXTIME(1719820800), 'RWH')",
	},
}

// typesOfDirectives reads numbers, dates and instants of the server's types, by
// both queries.
func typesOfDirectives(t *testing.T, create func(testing.TB) world) {
	w := filled(t, create, typedDirectives[create(t).(*serverWorld).driver]...)
	s := withQueries(w.settings())
	s.ConsentQuery = "SELECT nhs_number, code, 'SNOMED' AS code_system, effective_date, recorded_date, organisations FROM typed_said"
	s.PatientConsentQuery = s.ConsentQuery + " WHERE nhs_number = :nhs_number"
	c := openedUntilEnd(t, s)
	all, err := gathered(t, c)
	if err != nil {
		t.Fatal(err)
	}
	of, err := c.(care.DirectiveSource).DirectivesOf(t.Context(), nhs(firstNumber))
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]care.Directive{all, of} {
		if len(list) != 1 {
			t.Fatalf("%d directives, want 1", len(list))
		}
		if d := list[0]; d.NHSNumber != nhs(firstNumber) || d.Code.Code != "416409005" || !d.Effective.Equal(utc("2024-07-01T00:00:00Z")) ||
			!d.Recorded.Equal(utc("2024-07-01T08:00:00Z")) || d.Scope.Organisations[0] != "RWH" {
			t.Errorf("directive %+v", d)
		}
	}
}

// slowly are views of one row that takes two seconds, and of more rows than
// anybody could wait for.
var slowly = map[string][]string{
	driverPostgres: {"CREATE VIEW slowly AS SELECT CAST(pg_sleep(2) AS text) AS i",
		"CREATE VIEW very_many AS SELECT generate_series(1, 100000000000) AS i"},
	driverMySQL: {"CREATE VIEW slowly AS SELECT SLEEP(2) AS i",
		"CREATE VIEW very_many AS SELECT seq AS i FROM seq_1_to_100000000000"},
}

const oneSaid = "SELECT nhs_number, 'DISSENT' AS directive, effective_date FROM "

// wholeReadingHasItsOwnTime asks for what takes longer than a request may wait.
func wholeReadingHasItsOwnTime(t *testing.T, create func(testing.TB) world) {
	w := filled(t, create, slowly[create(t).(*serverWorld).driver]...)
	s := withQueries(w.settings())
	s.StatementTimeout = 500 * time.Millisecond
	s.ConsentQuery = oneSaid + "slowly JOIN said ON i IS NOT NULL WHERE nhs_number = '" + secondNumber + "'"
	s.PatientConsentQuery = oneSaid + "slowly JOIN said ON i IS NOT NULL WHERE nhs_number = :nhs_number"
	c := openedUntilEnd(t, s)
	if list, err := gathered(t, c); err != nil || len(list) != 1 {
		t.Errorf("%d directives, %v", len(list), err)
	}
	_, err := c.(care.DirectiveSource).DirectivesOf(t.Context(), nhs(secondNumber))
	wantReason(t, err, care.SourceUnavailable, reasonTimeout)
}

// wholeReadingGivenUp stops a reading after some rows. Nothing may read on.
func wholeReadingGivenUp(t *testing.T, create func(testing.TB) world) {
	w := filled(t, create, slowly[create(t).(*serverWorld).driver]...).(*serverWorld)
	s := withQueries(w.settings())
	s.ConsentQuery = oneSaid + "very_many JOIN said ON i IS NOT NULL WHERE nhs_number = '" + secondNumber + "'"
	c := openedUntilEnd(t, s)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		n := 0
		for _, err := range c.(care.DirectiveSource).Directives(t.Context()) {
			if err != nil {
				t.Error(err)
			}
			if n++; n == 1000 {
				break
			}
		}
	}()
	wait(t, stopped, "the reading that was given up does not end")
	w.running = "SELECT count(*) FROM " + map[string]string{
		driverPostgres: "pg_stat_activity WHERE usename = '" + w.reader + "' AND state = 'active' AND query LIKE '%very_many%'",
		driverMySQL:    "information_schema.processlist WHERE user = '" + w.reader + "' AND info LIKE '%very_many%'"}[w.driver]
	wait(t, w.ended(t), "the query still runs at the server")
	if p, err := c.Identify(t.Context(), nhs(firstNumber)); err != nil || p.NHSNumber != nhs(firstNumber) {
		t.Errorf("afterwards: %v", err)
	}
}
