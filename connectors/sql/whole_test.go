package sql

import (
	"reflect"
	"runtime"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// endlessAllergies is a million allergies of the patient.
const endlessAllergies = `SELECT 'a' || i AS id, 'Penicillin' AS code_text FROM (WITH RECURSIVE n(i) AS
	(SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT i FROM n) AS many WHERE :local_id <> ''`

// TestAllergiesWithoutEnd holds that what cannot be cut cannot fill the memory
// either, whatever number of rows the site allows.
func TestAllergiesWithoutEnd(t *testing.T) {
	s := withQueries(filled(t, newSQLite).settings())
	s.Queries["ALLERGIES"] = endlessAllergies
	c := openedUntilEnd(t, s)
	p, err := c.Identify(t.Context(), nhs(firstNumber))
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	records := 0
	var got care.End
	for item, err := range c.Fetch(t.Context(), care.Query{Patient: p, Sections: care.SetOf(care.Allergies, care.Problems), MaxRows: 2_000_000}) {
		switch {
		case err != nil:
			t.Fatal(err)
		case item.Record != nil && item.Record.Section == care.Allergies:
			records++
		case item.End != nil && item.End.Section == care.Allergies:
			got = *item.End
			runtime.ReadMemStats(&after)
		case item.End != nil && item.End.State != care.Complete:
			t.Errorf("the problems end as %+v", *item.End)
		}
	}
	if got.State != care.Unavailable || got.Reason != reasonLimit || records > 0 {
		t.Errorf("%d allergies, which end as %+v", records, got)
	}
	// All that was ever allocated, garbage included; a million rows take more
	// than 300 MiB.
	if grew := after.TotalAlloc - before.TotalAlloc; grew > 4*maxWhole || grew < maxWhole/2 {
		t.Errorf("%d MiB were allocated", grew>>20)
	}
}

func TestRowSize(t *testing.T) {
	if n := reflect.TypeFor[ukcore.Value]().Size(); n != valueSize {
		t.Errorf("a value takes %d bytes, not %d", n, valueSize)
	}
	row := []ukcore.Value{ukcore.Text("four"), ukcore.Bytes([]byte("fives")), ukcore.Integer(1), {}}
	if n := rowSize(row); n != 4*valueSize+9 {
		t.Errorf("rowSize = %d", n)
	}
}
