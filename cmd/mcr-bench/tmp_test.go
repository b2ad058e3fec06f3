package main

import (
	"testing"
	"context"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/records"
	"github.com/mycarerecord/edge-agent/connectors/memory"
)

type nul struct{ n int }

func (s *nul) Record(r *care.Record) error { s.n++; return nil }
func (s *nul) Outcome(o *care.Outcome) error { return nil }

func BenchmarkRead(b *testing.B) {
	num, _ := care.ParseNHSNumber("9990000018")
	c, err := memory.New(care.Origin{Source: "clinical"}, []memory.Patient{memory.Sized(num, 1<<20, 0)})
	if err != nil {
		b.Fatal(err)
	}
	r := records.NewReader([]records.Source{{Connector: c, Sections: care.AllSections}}, records.DefaultLimits(), nil)
	m, err := r.Identify(context.Background(), care.Subject{NHSNumber: num, Family: care.NewPrivate("Sized"), BirthDate: care.Day(1970, 1, 1)})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s := &nul{}
		if err := r.Read(context.Background(), m, records.Query{Sections: care.SetOf(care.Observations)}, s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIdentify(b *testing.B) {
	num, _ := care.ParseNHSNumber("9990000018")
	c, err := memory.New(care.Origin{Source: "clinical"}, []memory.Patient{memory.Sized(num, 1<<20, 0)})
	if err != nil {
		b.Fatal(err)
	}
	r := records.NewReader([]records.Source{{Connector: c, Sections: care.AllSections}}, records.DefaultLimits(), nil)
	b.ReportAllocs()
	for b.Loop() {
		_, err := r.Identify(context.Background(), care.Subject{NHSNumber: num, Family: care.NewPrivate("Sized"), BirthDate: care.Day(1970, 1, 1)})
		if err != nil {
			b.Fatal(err)
		}
	}
}
