package memory

import (
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors"
	"github.com/mycarerecord/edge-agent/connectors/connectortest"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// opened opens a synthetic practice of the cast the way a configuration does.
func opened(t testing.TB, sections care.SectionSet) *Connector {
	t.Helper()
	registry := connectors.New(Kind())
	settings, ok := registry.NewSettings(KindName)
	if !ok {
		t.Fatal("the kind is not in its own registry")
	}
	settings.(*Settings).Patients, settings.(*Settings).Directives = len(cast), true
	c, err := registry.Open(t.Context(), KindName, connectors.Deps{Origin: origin, Sections: sections, Log: hclog.NewNullLogger(),
		Now: func() time.Time { return today }}, settings)
	if err != nil {
		t.Fatal(err)
	}
	return c.(*Connector)
}

// TestConformance runs the suite over the cast. What it expects is counted
// from the rows of the practice, not from the connector's answers.
func TestConformance(t *testing.T) {
	p := Synthetic(1, len(cast), today)
	h := connectortest.Harness{
		Open:    func(t testing.TB) care.Connector { return opened(t, care.AllSections) },
		Absent:  absent(t),
		Secrets: []string{"Larkspur", "07700", "anaphylaxis", "Apixaban"},
		Faults: connectortest.Faults{
			Down:       func(t testing.TB) care.Connector { return failing(t, (*Connector).Stop) },
			Hang:       hanging,
			Ambiguous:  ambiguous,
			Unmappable: func(t testing.TB) (care.Connector, care.NHSNumber, care.Section) { return faulty(t, 1) },
			Broken:     func(t testing.TB) (care.Connector, care.NHSNumber, care.Section) { return faulty(t, 0) },
			Unreadable: func(t testing.TB) care.Connector {
				return failing(t, func(c *Connector) { c.FailDirectives(true) })
			},
		},
	}
	for i, m := range p.Cast() {
		switch m.Role {
		case CastEmpty, CastInTransit: // looked at by tests of their own
		default:
			patient := p.patient(i)
			h.Patients = append(h.Patients, connectortest.Patient{NHSNumber: m.NHSNumber, Family: m.Family, Sections: wants(t, patient),
				Directives: patient.Directives})
		}
	}
	spoken := slices.IndexFunc(h.Patients, func(p connectortest.Patient) bool { return p.Directives != nil })
	h.Patients[0], h.Patients[spoken] = h.Patients[spoken], h.Patients[0]
	connectortest.Run(t, h)
}

// wants counts the rows of a patient by section.
func wants(t *testing.T, patient Patient) map[care.Section]connectortest.Want {
	t.Helper()
	encoder := ukcore.NewEncoder(&origin, patient.Person.LocalID)
	list := map[care.Section]connectortest.Want{}
	nils := map[care.Section]int{}
	for _, row := range patient.Rows {
		if patient.Deleted[row] {
			continue
		}
		record, err := encoder.Encode(row)
		if err != nil {
			t.Fatal(err)
		}
		if ukcore.NilKnown(row) {
			nils[record.Section]++
		}
		w := list[record.Section]
		w.State, w.Records = care.Complete, w.Records+1
		if nils[record.Section] == w.Records {
			w.State = care.NilKnown
		}
		list[record.Section] = w
	}
	return list
}

func absent(t *testing.T) care.NHSNumber {
	t.Helper()
	n, ok := testNumber(5000)
	if !ok {
		t.Fatal("there is no such number")
	}
	return n
}

func failing(t testing.TB, fail func(*Connector)) *Connector {
	t.Helper()
	c := opened(t, care.AllSections)
	fail(c)
	return c
}

func hanging(t testing.TB) (care.Connector, <-chan struct{}) {
	t.Helper()
	c := opened(t, care.AllSections)
	return c, c.Hang()
}

func ambiguous(t testing.TB) (care.Connector, care.NHSNumber) {
	t.Helper()
	number, _ := testNumber(7000)
	one, two := Sized(number, 1, 0), Sized(number, 1, 1)
	c, err := New(origin, []Patient{one, two})
	if err != nil {
		t.Fatal(err)
	}
	return c, number
}

// faulty returns a patient one of whose sections is unavailable, because that
// many rows of it failed or, with none, as a whole.
func faulty(t testing.TB, failed int) (care.Connector, care.NHSNumber, care.Section) {
	t.Helper()
	number, _ := testNumber(7000)
	p := Sized(number, 3*SizedRecord, 1)
	end := care.End{State: care.Unavailable, Failed: failed, Reason: "QUERY", Detail: "table observations"}
	if failed > 0 {
		end.Reason = ukcore.RowUnmappable
	}
	p.Ends = map[care.Section]care.End{care.Observations: end}
	c, err := New(origin, []Patient{p})
	if err != nil {
		t.Fatal(err)
	}
	return c, number, care.Observations
}
