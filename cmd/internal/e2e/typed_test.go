//go:build e2e

package e2e

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// typed are views of observations with columns of the types that record
// systems have: local times without a zone, decimals, truth values, codes of a
// fixed width, and texts in an old character set. The third row of a patient
// is confidential and the fourth was deleted.
var typed = map[string]string{
	postgres.driver: `SELECT b.patient AS patient, CAST(b.row_id AS bigint) AS id, CAST(REPLACE(b.date, 'Z', '') AS timestamp) AS effective,
		CAST(b.code AS character(40)) AS code, 'LOINC' AS code_system, b.description AS code_text,
		CAST(b.value AS numeric(20, 2)) AS value, b.units AS value_unit,
		b.description = 'Body Weight' AND b.date LIKE '____-03-%' AS confidential, b.date LIKE '____-04-%' AS deleted
		FROM observations b WHERE b.category = 'vital-signs'`,
	mariadb.driver: `SELECT b.patient AS patient, CAST(b.row_id AS unsigned) AS id, CAST(REPLACE(REPLACE(b.date, 'T', ' '), 'Z', '') AS datetime) AS effective,
		CAST(b.code AS char(40)) AS code, 'LOINC' AS code_system, CONVERT(b.description USING latin1) AS code_text,
		CAST(b.value AS decimal(20, 2)) AS value, b.units AS value_unit,
		b.description = 'Body Weight' AND b.date LIKE '____-03-%' AS confidential, b.date LIKE '____-04-%' AS deleted
		FROM observations b WHERE b.category = 'vital-signs'`,
}

// TestTypedColumns serves observations from columns that are no texts.
func TestTypedColumns(t *testing.T) {
	servers(t, func(t *testing.T, d *database) {
		all := generated(t)
		tab := all["observations"]
		for _, row := range tab.rows {
			if row[tab.at(t, "description")] == "Body Weight" && strings.Contains(row[tab.at(t, "date")], "-05-") {
				row[tab.at(t, "description")] = "Gewicht, früh" // in latin1 the ü is another byte
			}
		}
		d.load(t, all)
		d.replace(t, "vw_mcr_observations", typed[d.driver])
		src := d.source(t, "pas", "OBSERVATIONS")
		src.with(source{"queries": map[string]string{"OBSERVATIONS": `SELECT id, effective, code, code_system, code_text, value, value_unit,
			confidential, deleted FROM vw_mcr_observations WHERE patient = :local_id ORDER BY effective DESC`}})
		w := newWorld(t, d, all, nil, src)
		for _, p := range w.patients {
			w.wantTyped(t, p)
		}
		w.end(t)
	})
}

// weight is a row of the typed view, as it is in the table or in the answer.
type weight struct{ clock, code, text, value string }

// wantTyped compares an answer with the rows of the table. Times are compared
// by what a clock in London showed, summer and winter.
func (w *world) wantTyped(t *testing.T, p patient) {
	t.Helper()
	want := map[weight]int{}
	for _, row := range w.all.of(t, "observations", p.id) {
		if month := row["date"][5:7]; row["category"] == "vital-signs" && month != "03" && month != "04" {
			want[weight{strings.TrimSuffix(row["date"], "Z"), row["code"], row["description"], row["value"]}]++
		}
	}
	record := w.ask(t, p)
	wantEnd(t, record, care.Observations, care.Withheld, "")
	if o := of(t, record, care.Observations).Outcome; o.GetRowsRead() != 11 || o.GetWithheld() != 1 {
		t.Errorf("%d rows read, %d withheld; want 11 (one was deleted) and 1", o.GetRowsRead(), o.GetWithheld())
	}
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	got := map[weight]int{}
	for _, record := range of(t, record, care.Observations).Records {
		r := decode(t, record.GetResource())
		at, err := time.Parse(time.RFC3339, r.EffectiveDateTime)
		if err != nil {
			t.Fatal(err)
		}
		got[weight{at.In(london).Format("2006-01-02T15:04:05"), r.Code.of(loinc), r.Code.Text, digits(t, record.GetResource())}]++
	}
	if !maps.Equal(got, want) {
		t.Errorf("the answer has %v, the table has %v", got, want)
	}
}

// digits returns the value of an Observation with the digits it has.
func digits(t testing.TB, resource []byte) string {
	t.Helper()
	var r struct{ ValueQuantity struct{ Value json.Number } }
	if err := json.Unmarshal(resource, &r); err != nil {
		t.Fatal(err)
	}
	return r.ValueQuantity.Value.String()
}
