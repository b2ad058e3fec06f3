package ukcore

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

func TestAppendAllocatesNothing(t *testing.T) {
	for _, row := range fullRows() {
		e := testEncoder()
		buf, err := e.Append(make([]byte, 0, 16<<10), row)
		if err != nil {
			t.Fatal(err)
		}
		n := testing.AllocsPerRun(100, func() {
			if buf, err = e.Append(buf[:0], row); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%T: %v allocations", row, n)
		}
	}
}

func TestEncodeAllocatesOnlyTheIDs(t *testing.T) {
	e, row := testEncoder(), ptr(fullObservation("1", "vital-signs"))
	n := testing.AllocsPerRun(100, func() {
		if _, err := e.Encode(row); err != nil {
			t.Fatal(err)
		}
	})
	if n > 1 {
		t.Errorf("%v allocations, want one for the ids of the record and its links", n)
	}
}

// The yardstick: an Observation as a struct for encoding/json, with the
// members that the row of the benchmark has.
type (
	jsonCoding struct {
		System  string `json:"system"`
		Code    string `json:"code"`
		Display string `json:"display,omitempty"`
	}
	jsonConcept struct {
		Coding []jsonCoding `json:"coding,omitempty"`
		Text   string       `json:"text,omitempty"`
	}
	jsonReference struct {
		Reference  string      `json:"reference,omitempty"`
		Type       string      `json:"type,omitempty"`
		Identifier *jsonIdent  `json:"identifier,omitempty"`
		Display    string      `json:"display,omitempty"`
		Period     *jsonPeriod `json:"period,omitempty"`
	}
	jsonPeriod struct {
		Start time.Time `json:"start"`
	}
	jsonIdent struct {
		System   string         `json:"system"`
		Value    string         `json:"value"`
		Assigner *jsonReference `json:"assigner,omitempty"`
	}
	jsonQuantity struct {
		Value      json.Number `json:"value"`
		Comparator string      `json:"comparator,omitempty"`
		Unit       string      `json:"unit,omitempty"`
		System     string      `json:"system,omitempty"`
		Code       string      `json:"code,omitempty"`
	}
	jsonNote struct {
		Text string `json:"text"`
	}
	jsonRange struct {
		Low  *jsonQuantity `json:"low,omitempty"`
		High *jsonQuantity `json:"high,omitempty"`
		Text string        `json:"text,omitempty"`
	}
	jsonComponent struct {
		Code  jsonConcept   `json:"code"`
		Value *jsonQuantity `json:"valueQuantity,omitempty"`
		Why   *jsonConcept  `json:"dataAbsentReason,omitempty"`
	}
	jsonObservation struct {
		ResourceType string `json:"resourceType"`
		ID           string `json:"id"`
		Meta         struct {
			Source  string   `json:"source"`
			Profile []string `json:"profile"`
		} `json:"meta"`
		Identifier     []jsonIdent     `json:"identifier"`
		Status         string          `json:"status"`
		Category       []jsonConcept   `json:"category,omitempty"`
		Code           jsonConcept     `json:"code"`
		Subject        jsonReference   `json:"subject"`
		Encounter      jsonReference   `json:"encounter,omitzero"`
		Effective      time.Time       `json:"effectiveDateTime"`
		Issued         time.Time       `json:"issued"`
		Performer      []jsonReference `json:"performer"`
		Value          jsonQuantity    `json:"valueQuantity"`
		Interpretation []jsonConcept   `json:"interpretation,omitempty"`
		Note           []jsonNote      `json:"note,omitempty"`
		BodySite       jsonConcept     `json:"bodySite,omitzero"`
		Method         jsonConcept     `json:"method,omitzero"`
		Range          []jsonRange     `json:"referenceRange"`
		Component      []jsonComponent `json:"component,omitempty"`
	}
)

// typicalObservation is a blood test as a GP's system has it: about 1 KB.
func typicalObservation() *Observation {
	return &Observation{Entry: Entry{ID: "4711", Effective: at("2024-03-31T00:30:00+00:00"), Recorded: at("2024-04-01T09:15:00+01:00"), Author: doctor},
		Code: sct("1000621000000104", "Serum potassium level"), Value: Measure{Quantity: Quantity{Value: "4.1", Unit: "mmol/L", UnitCode: "mmol/L"}},
		Reference: Range{Low: "3.5", High: "5.3"}}
}

// yardstick returns the observation of the benchmark as a struct.
func yardstick(b *testing.B) *jsonObservation {
	b.Helper()
	out, err := testEncoder().Append(nil, typicalObservation())
	if err != nil {
		b.Fatal(err)
	}
	var o jsonObservation
	if err := json.Unmarshal(out, &o); err != nil {
		b.Fatal(err)
	}
	return &o
}

// BenchmarkObservation compares one Observation with encoding/json, both in
// turn; "x-of-json" is the ratio of the fastest round of each, which a busy
// machine disturbs least.
func BenchmarkObservation(b *testing.B) {
	e, row, o := testEncoder(), typicalObservation(), yardstick(b)
	buf := make([]byte, 0, 16<<10)
	ours, theirs := time.Hour, time.Hour
	for b.Loop() {
		start := time.Now()
		for range 10 {
			buf, _ = e.Append(buf[:0], row)
		}
		middle := time.Now()
		for range 10 {
			if _, err := json.Marshal(o); err != nil {
				b.Fatal(err)
			}
		}
		ours, theirs = min(ours, middle.Sub(start)), min(theirs, time.Since(middle))
	}
	b.ReportMetric(float64(len(buf)), "bytes/observation")
	b.ReportMetric(float64(ours.Nanoseconds())/10, "ns/observation")
	b.ReportMetric(float64(ours)/float64(theirs), "x-of-json")
}

// flatRows are rows as sources give them: all as texts, and with the types of
// a database in a section of several kinds.
var flatRows = map[string]struct {
	section care.Section
	columns string
	row     []Value
}{
	"texts": {care.Observations, "id effective code code_system code_display value value_unit value_unit_code status",
		values("1", "2024-05-01T09:00:00Z", "75367002", "SNOMED", "Blood pressure", "7.10", "mmol/L", "mmol/L", "final")},
	"types": {care.Investigations, "record_type deleted id effective recorded_at code code_system code_display value value_unit value_unit_code status",
		append([]Value{Text("result"), Bool(false), Text("1"), Instant(time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)), Date(time.Date(2024, 5, 2, 0, 0, 0, 0, time.UTC))},
			values("75367002", "SNOMED", "Blood pressure", "7.10", "mmol/L", "mmol/L", "final")...)},
}

// TestMapperAllocatesLittle holds that a row with the types of a database
// costs the ids of its record and one text for each date.
func TestMapperAllocatesLittle(t *testing.T) {
	f := flatRows["types"]
	m := mapperFor(t, f.section, f.columns)
	n := testing.AllocsPerRun(100, func() {
		if r, err := m.Row(f.row); err != nil || r == nil {
			t.Fatal(r, err)
		}
	})
	if n > 3 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkMapper reports what one row of a flat source costs.
func BenchmarkMapper(b *testing.B) {
	for name, f := range flatRows {
		b.Run(name, func(b *testing.B) {
			m := mapperFor(b, f.section, f.columns)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Row(f.row); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
