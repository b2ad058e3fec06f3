// Package gate is the only way from a request to a record. Its order is the
// safety case: who asks and for whom is checked, the site's policy and the
// patient's consent are asked, the decision is on disk, the source is read,
// the person is the right one, consent still holds, and only then do bytes
// leave; at the end it is written down how it went.
package gate

import (
	"context"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/policy"
	"github.com/mycarerecord/edge-agent/agent/records"
)

// Policy decides which sections a requester may have.
type Policy interface {
	Decide(req *care.Request, speaksFor []care.ODSCode) (policy.Grant, error)
}

// Budget guards against asking about one patient after the other.
type Budget interface {
	// Admit counts the request against those who ask, lets it wait or refuses
	// it. It knows nothing of whether the patient exists.
	Admit(ctx context.Context, req *care.Request) error
	// Settle counts what an admitted request was told at its end.
	Settle(req *care.Request, told care.Kind)
}

// Consent knows what patients have said.
type Consent interface {
	// Check says whether the request may be answered.
	Check(req *care.Request) care.ConsentAnswer
	// Version changes whenever any patient's flag changes or the store fails. It
	// is cheap enough to ask before every message.
	Version() uint64
}

// Journal writes down what happens.
type Journal interface {
	// Append starts writing an event that somebody will wait for.
	Append(care.Event) care.Entry
	// AppendLazily writes an event that nobody waits for yet, soon, or at once
	// when somebody does wait.
	AppendLazily(care.Event) care.Entry
	// Prove shows that an entry, which is on disk, is in the journal.
	Prove(care.Position) (care.Proof, error)
}

// Records reads the sources.
type Records interface {
	Identify(ctx context.Context, subject care.Subject) (*records.Match, error)
	Read(ctx context.Context, match *records.Match, query records.Query, sink records.Sink) error
	Document(ctx context.Context, match *records.Match, id string) (care.Document, error)
	Sections() care.SectionSet
	// Quick reports whether Identify takes less time than it is worth to do
	// something else meanwhile.
	Quick() bool
}

// Answer is an answer on its way to the caller. Only Flush lets bytes leave,
// and only the gate calls it.
type Answer interface {
	// Open notes who answers about whom. It comes first.
	Open(req *care.Request, patient *care.Patient, doc *care.Document)
	// Record adds a record to the next message and tells whether it is full.
	Record(*care.Record) (full bool)
	// Outcome adds a section's outcome to the next message.
	Outcome(*care.Outcome)
	// Chunk adds a part of a document; the next message is then full.
	Chunk([]byte)
	// Close adds where the request stands in the journal. It comes last.
	Close(receipt care.Receipt, digest string)
	// Flush sends the next message.
	Flush() error
}

// Call is one request with what the connection says of the caller.
type Call struct {
	Request   *care.Request
	SpeaksFor []care.ODSCode // organisations the broker may speak for; nil means any
	Answer    Answer
}

// Gate is safe for concurrent use. All its fields are required.
type Gate struct {
	Policy       Policy
	Budget       Budget
	Consent      Consent
	Journal      Journal
	Records      Records
	ConfigHash   string // fingerprint of the configuration in force
	Timeout      time.Duration
	DocumentSize int64 // bytes of one document
}

// pass takes one request through the gate: in, through deliver, and out.
// However it goes, how it ended is written down.
func (g *Gate) pass(ctx context.Context, call Call, deliver func(*release) error) (err error) {
	ctx, stop := context.WithTimeout(ctx, g.Timeout)
	defer stop()
	r := &release{gate: g, Call: call, ctx: ctx}
	defer func() { r.settle(err) }()
	defer func() {
		if recover() != nil {
			err = r.end(defect)
		}
	}()
	if err := r.admit(); err != nil {
		return r.end(err)
	}
	return r.end(deliver(r))
}

// admit is steps 1 to 6: whatever it lets through may be read for this caller.
func (r *release) admit() error {
	g := r.gate
	if err := r.Request.Validate(); err != nil { // 1: well formed
		return r.refuse(err)
	}
	grant, err := g.Policy.Decide(r.Request, r.SpeaksFor) // 2: what the site allows, and how many
	if err != nil {
		return r.refuse(err)
	}
	if err = g.Budget.Admit(r.ctx, r.Request); err != nil {
		return r.refuse(err)
	}
	r.grant, r.counted = grant, true
	if err = r.ask(); err != nil { // 3: what the patient allows
		return r.refuse(err)
	}
	r.decide()                                         // 4: written down; on disk before anything leaves, see release.flush
	r.match, err = g.Records.Identify(r.ctx, r.whom()) // 5: the source is read meanwhile
	again := r.stillAllowed()                          // the source may have told of a dissent just now
	if reason, hidden := r.restriction(again); hidden {
		return hide(r.match, err, reason) // as if the source had no such patient
	}
	if again != nil {
		return again
	}
	return err // 6: nil only if r.match is the person asked for, for certain
}

// Locate tells which sections of the patient's record the requester may have.
func (g *Gate) Locate(ctx context.Context, call Call) (sections care.SectionSet, err error) {
	err = g.pass(ctx, call, func(r *release) error {
		r.Answer.Open(r.Request, &r.match.Patient, nil)
		sections = r.grant.Released & g.Records.Sections()
		return nil
	})
	return sections, err
}

// Release sends the asked sections of one patient's record.
func (g *Gate) Release(ctx context.Context, call Call) error {
	return g.pass(ctx, call, func(r *release) error {
		r.Answer.Open(r.Request, &r.match.Patient, nil)
		r.refusedSections()
		query := records.Query{Sections: r.grant.Released, Period: r.Request.Period}
		return g.Records.Read(r.ctx, r.match, query, r) // 7 and 8: release.Record, release.flush
	})
}

// ReleaseDocument sends the content of one document of the patient.
func (g *Gate) ReleaseDocument(ctx context.Context, call Call) error {
	call.Request.Sections = care.SetOf(care.Documents)
	return g.pass(ctx, call, func(r *release) error {
		doc, err := g.Records.Document(r.ctx, r.match, r.Request.DocumentID)
		if err != nil {
			return err
		}
		defer doc.Body.Close()
		r.Answer.Open(r.Request, &r.match.Patient, &doc)
		return r.document(&doc)
	})
}
