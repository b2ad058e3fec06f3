package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/gate"
	"github.com/mycarerecord/edge-agent/agent/policy"
	"github.com/mycarerecord/edge-agent/agent/records"
	"github.com/mycarerecord/edge-agent/connectors/memory"
)

// sourceTime is how long the source of the step "release" takes.
const sourceTime = time.Millisecond

// slow is a source that takes its time, as a database does.
type slow struct{ *memory.Connector }

// Identify takes a millisecond.
func (s slow) Identify(ctx context.Context, number care.NHSNumber) (care.Patient, error) {
	time.Sleep(sourceTime)
	return s.Connector.Identify(ctx, number)
}

// release measures what being journalled adds to a release from a slow source:
// the same gate with the journal and without one, in turns.
func (b *bench) release() (err error) {
	j, err := b.openJournal("journal-release")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	floor, err := newFloor(b.folder)
	if err != nil {
		return err
	}
	defer floor.close()
	with, err := slowGate(j)
	if err != nil {
		return err
	}
	without, err := slowGate(unwritten{})
	if err != nil {
		return err
	}
	var added []float64
	for range b.rounds {
		sync, err := floor.median(200)
		if err != nil {
			return err
		}
		journalled, err := releases(with)
		if err != nil {
			return err
		}
		plain, err := releases(without)
		if err != nil {
			return err
		}
		added = append(added, float64(journalled-plain)/float64(sync))
	}
	b.add("release from a source that takes 1 ms", "p50 added by the journal", median(added), 0.8, " fdatasync")
	return nil
}

// releases returns the median time of a release.
func releases(g *gate.Gate) (time.Duration, error) {
	times := make([]time.Duration, 300)
	for i := range times {
		began := time.Now()
		if err := g.Release(context.Background(), gate.Call{Request: journalled(), Answer: nobody{}}); err != nil {
			return 0, err
		}
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// slowGate is the agent's gate before a slow source.
func slowGate(journal gate.Journal) (*gate.Gate, error) {
	request := journalled()
	patient := memory.Sized(request.Subject.NHSNumber, sizedPatients[0].bytes, 0)
	source, err := memory.New(care.Origin{Source: "slow", Organisation: "Y99901"}, []memory.Patient{patient})
	if err != nil {
		return nil, err
	}
	sources := []records.Source{{Connector: slow{source}, Sections: care.AllSections}}
	return &gate.Gate{
		Policy: &policy.Ceiling{Enabled: true, Organisations: []string{policy.Any}, Purposes: []care.Purpose{care.Treatment},
			Sections: care.AllSections, TestSite: true},
		Budget: unbounded{}, Consent: agreed{}, Journal: journal, Records: records.NewReader(sources, records.DefaultLimits(), records.NewWithhold()),
		Timeout: 10 * time.Second, DocumentSize: 1 << 20,
	}, nil
}

// unbounded is the budget of those who may ask for everybody.
type unbounded struct{}

func (unbounded) Admit(context.Context, *care.Request) error { return nil }
func (unbounded) Settle(*care.Request, care.Kind)            {}

// agreed is the consent of a patient who has said nothing.
type agreed struct{}

func (agreed) Check(*care.Request) care.ConsentAnswer { return care.ConsentAnswer{} }
func (agreed) Version() uint64                        { return 0 }

// unwritten is a journal that writes nothing down.
type unwritten struct{}

func (unwritten) Append(care.Event) care.Entry            { return unwritten{} }
func (unwritten) AppendLazily(care.Event) care.Entry      { return unwritten{} }
func (unwritten) Prove(care.Position) (care.Proof, error) { return care.Proof{}, nil }
func (unwritten) Position() care.Position                 { return care.Position{Sequence: 1} }
func (unwritten) Wait(context.Context) error              { return nil }

// nobody takes an answer and does nothing with it.
type nobody struct{}

func (nobody) Open(*care.Request, *care.Patient, *care.Document) {}
func (nobody) Record(*care.Record) bool                          { return false }
func (nobody) Outcome(*care.Outcome)                             {}
func (nobody) Chunk([]byte)                                      {}
func (nobody) Close(care.Receipt, string)                        {}
func (nobody) Flush() error                                      { return nil }
