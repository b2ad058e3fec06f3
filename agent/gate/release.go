package gate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/policy"
	"github.com/mycarerecord/edge-agent/agent/records"
)

// release is one request on its way through the gate. It is the Sink of what
// the sources say.
type release struct {
	Call
	gate     *Gate
	ctx      context.Context
	grant    policy.Grant
	withheld care.SectionSet // by the patient's wish
	counted  bool            // the budget has admitted it
	consent  care.ConsentAnswer
	decision care.Entry // nil until something was written down
	waited   bool       // it is known whether the decision is on disk
	lost     error      // why it is not
	refused  error      // what the decision already says
	match    *records.Match

	outcomes []care.Outcome
	records  int
	bytes    int64
	manifest manifest
	content  hash.Hash // of a document
}

// ask asks what the patient allows. Sections that the patient does not want
// shared are taken out of the grant. Restricted patients pass: see decide.
func (r *release) ask() error {
	r.consent = r.gate.Consent.Check(r.Request)
	if k := r.consent.Refusal; k != care.OK && k != care.PatientNotFound {
		return refusal(k, r.consent.Reason)
	}
	r.withheld = r.grant.Released & r.consent.Withheld
	if r.grant.Released != 0 && r.withheld == r.grant.Released {
		return refusal(care.NoPatientConsent, r.consent.Reason)
	}
	r.grant.Released &^= r.withheld
	return nil
}

// settle tells the budget what the caller was told.
func (r *release) settle(err error) {
	if !r.counted {
		return
	}
	told := care.OK
	if refused, ok := errors.AsType[*Refused](err); ok {
		told = refused.Kind
	}
	r.gate.Budget.Settle(r.Request, told)
}

// decide writes down what was decided. For a restricted patient that is a
// refusal; the request goes on all the same, so that its answer takes the time
// and the number of entries of any other that finds no patient.
func (r *release) decide() {
	e := r.event(care.ReleaseDecided)
	e.Released, e.ConsentEpoch, e.Alert = r.grant.Released, r.consent.Epoch, r.consent.Alert
	if r.consent.Refusal != care.OK {
		e.Kind, e.Released, e.Refusal, e.TrueReason = care.ReleaseRefused, 0, r.consent.Refusal, r.consent.Reason
	}
	if r.gate.Records.Quick() {
		r.decision = r.gate.Journal.AppendLazily(e) // written where it is waited for
	} else {
		r.decision = r.gate.Journal.Append(e) // written while the source is asked
	}
}

// refuse writes a refusal down and returns it.
func (r *release) refuse(cause error) error {
	e := r.event(care.ReleaseRefused)
	e.Refusal, e.TrueReason, e.Detail = care.KindOf(cause), care.ReasonOf(cause), cause.Error()
	e.ConsentEpoch, e.Duration = r.consent.Epoch, time.Since(r.Request.Received)
	r.decision, r.refused = r.gate.Journal.Append(e), cause
	return cause
}

// written waits until the decision is on disk. Nothing is told to the caller,
// neither a byte of a record nor a refusal, before it has returned nil.
func (r *release) written() error {
	if !r.waited {
		r.waited = true
		if err := r.decision.Wait(r.ctx); err != nil {
			r.lost = unwritten(err)
		}
	}
	return r.lost
}

func (r *release) event(kind care.EventKind) care.Event {
	return care.Event{Kind: kind, Request: r.Request, ConfigHash: r.gate.ConfigHash}
}

// refusedSections gives their outcome to the sections that are not read.
func (r *release) refusedSections() {
	for s := range r.grant.Disabled.All() {
		r.told(&care.Outcome{Section: s, State: care.Disabled})
	}
	for s := range r.grant.NotPermitted.All() {
		r.told(&care.Outcome{Section: s, State: care.NotPermitted})
	}
	for s := range r.withheld.All() {
		r.told(&care.Outcome{Section: s, State: care.Withheld, Reason: care.NoPatientConsent.String()})
	}
}

// Record adds a record to the answer and sends what is full.
func (r *release) Record(rec *care.Record) error {
	r.records++
	r.bytes += int64(len(rec.Resource))
	r.manifest.add(rec)
	if r.Answer.Record(rec) {
		return r.flush()
	}
	return nil
}

// Outcome adds a section's outcome to the answer.
func (r *release) Outcome(o *care.Outcome) error {
	r.told(o)
	return nil
}

func (r *release) told(o *care.Outcome) {
	r.outcomes = append(r.outcomes, *o)
	r.Answer.Outcome(o)
}

// flush lets a message leave, once the decision is on disk (step 4) and if
// consent still holds (step 7).
func (r *release) flush() error {
	if err := r.written(); err != nil {
		return err
	}
	if err := r.stillAllowed(); err != nil {
		return err
	}
	err := r.Answer.Flush()
	if _, ours := errors.AsType[*care.Error](err); ours {
		return err // the caller is no longer who they were
	}
	if err != nil {
		return &care.Error{Kind: care.Cancelled, Op: "gate.flush", Reason: "CALLER_GONE", Detail: "the caller stopped taking the answer", Err: err}
	}
	return nil
}

// stillAllowed asks for consent again when any flag has changed since.
func (r *release) stillAllowed() error {
	if err := r.ctx.Err(); err != nil {
		return ended(err)
	}
	if r.gate.Consent.Version() == r.consent.Version {
		return nil
	}
	again := r.gate.Consent.Check(r.Request)
	if again.Refusal != care.OK {
		return refusal(again.Refusal, again.Reason)
	}
	if again.Withheld&r.grant.Released != 0 {
		return refusal(care.NoPatientConsent, again.Reason)
	}
	r.consent.Version = again.Version
	return nil
}

// document sends a document's content in chunks.
func (r *release) document(doc *care.Document) error {
	r.content = sha256.New()
	chunk := chunks.Get().(*[chunkSize]byte)
	defer chunks.Put(chunk)
	for {
		n, err := io.ReadFull(doc.Body, chunk[:])
		if r.bytes += int64(n); r.bytes > r.gate.DocumentSize {
			return &care.Error{Kind: care.LimitExceeded, Op: "gate.document", Reason: "DOCUMENT_SIZE",
				Detail: "the document is larger than the site allows; what was sent is not whole"}
		}
		if n > 0 {
			r.content.Write(chunk[:n])
			r.Answer.Chunk(chunk[:n])
			if ferr := r.flush(); ferr != nil {
				return ferr
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return &care.Error{Kind: care.SourceUnavailable, Op: "gate.document", Reason: "READ",
				Detail: "the document could not be read to its end; what was sent is not whole", Err: err}
		}
	}
}

// end writes down how the request ended, whatever became of the caller, and
// sends the receipt when all went well. The entry is not waited for: if it
// cannot be written the journal refuses, and with it the gate is shut for
// every later request until the journal is repaired.
func (r *release) end(err error) error {
	if r.decision == nil { // it failed before anything was decided
		_ = r.refuse(err)
	}
	if werr := r.written(); werr != nil {
		err = werr
	} else if err == nil {
		err = r.stillAllowed()
	}
	if r.refused != nil {
		return r.receipted(err) // the one entry says it all
	}
	err = ended(err)
	e := r.event(care.ReleaseEnded)
	e.Decision, e.Refusal, e.TrueReason = r.decision.Position().Sequence, care.KindOf(err), care.ReasonOf(err)
	if err != nil {
		e.Detail = err.Error()
	}
	e.Outcomes, e.Records, e.Bytes, e.Digest = r.outcomes, r.records, r.bytes, r.digest()
	if r.match != nil {
		e.Calls = r.match.Calls()
	}
	e.Duration = time.Since(r.Request.Received)
	entry := r.gate.Journal.AppendLazily(e)
	if err != nil {
		return r.receipted(err)
	}
	receipt := care.Receipt{Decision: r.decision.Position(), Ended: entry.Position()}
	if receipt.Proof, err = r.gate.Journal.Prove(receipt.Decision); err != nil {
		return r.receipted(err)
	}
	r.Answer.Close(receipt, e.Digest)
	return r.receipted(r.flush())
}

// receipted adds to an error where the decision stands in the journal, and
// takes from it what the caller must not know.
func (r *release) receipted(err error) error {
	if err == nil {
		return nil
	}
	refused := &Refused{Kind: care.KindOf(err), Reason: care.ReasonOf(err), RequestID: r.Request.ID}
	if e, ok := errors.AsType[*care.Error](err); ok {
		refused.Detail = e.Detail
	}
	if refused.Kind == care.PatientNotFound {
		refused.Reason, refused.Detail = "", records.NotFoundDetail
	}
	if r.decision != nil {
		refused.Sequence = r.decision.Position().Sequence
	}
	return refused
}

func (r *release) digest() string {
	if r.content != nil {
		return hex.EncodeToString(r.content.Sum(nil))
	}
	if r.records == 0 {
		return ""
	}
	return r.manifest.sum()
}
