package edge

import (
	"fmt"
	"slices"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// checker compares an answer with the contract of RecordService.GetRecord as
// it arrives. It keeps numbers and the ids of resources, no record.
type checker struct {
	asked    care.SectionSet
	messages int
	closing  *edgev1.Closing
	after    bool // something came after the closing
	bytes    int64
	ids      map[string]struct{}
	digest   manifest
	sections [care.AboutMe + 1]tally
	faults   []string
	gaps     []string
}

// tally is what came of one section. Number 0 collects what belongs to none.
type tally struct {
	records, ended uint32
	outcome        *edgev1.SectionOutcome
	faults         []string
}

func newChecker(request *edgev1.GetRecordRequest) *checker {
	return &checker{asked: askedSections(request), ids: map[string]struct{}{}}
}

// answer notes a fault of the whole answer, once.
func (c *checker) answer(what string) {
	if !slices.Contains(c.faults, what) {
		c.faults = append(c.faults, what)
	}
}

// section notes a fault of one section, once.
func (c *checker) section(s care.Section, what string) {
	if t := &c.sections[s]; !slices.Contains(t.faults, what) {
		t.faults = append(t.faults, what)
		c.faults = append(c.faults, s.String()+": "+what)
	}
}

func (c *checker) of(s care.Section) []string { return c.sections[s].faults }

// message takes one message and hands its contents on.
func (c *checker) message(m *edgev1.GetRecordResponse, visitor Visitor) error {
	c.messages++
	if c.closing != nil && !c.after {
		c.after = true
		c.answer("something came after the closing")
	}
	if err := c.opening(m.GetOpening(), visitor); err != nil {
		return err
	}
	for _, r := range m.GetRecords() {
		if c.record(r) && visitor.Record != nil {
			if err := visitor.Record(r); err != nil {
				return err
			}
		}
	}
	for _, o := range m.GetOutcomes() {
		if c.outcome(o) && visitor.Outcome != nil {
			if err := visitor.Outcome(o); err != nil {
				return err
			}
		}
	}
	if m.GetClosing() != nil {
		c.closing = m.GetClosing()
	}
	return nil
}

func (c *checker) opening(o *edgev1.Opening, visitor Visitor) error {
	switch {
	case o == nil && c.messages == 1:
		c.answer("the first message has no opening, so it is not known whose record this is")
	case o != nil && c.messages > 1:
		c.answer("an opening came later than in the first message")
	case o != nil:
		if visitor.Opening != nil {
			return visitor.Opening(o)
		}
	}
	return nil
}

// record counts a record and reports whether it is to be handed on.
func (c *checker) record(r *edgev1.Record) bool {
	c.bytes += int64(len(r.GetResource()))
	c.digest.add(r)
	s := sectionOf(r.GetSection())
	if !c.asked.Has(s) {
		c.answer("a record of a section that was not asked for came and was left out")
		return false
	}
	t := &c.sections[s]
	t.records++
	if r.GetEnded() {
		t.ended++
	}
	if t.outcome != nil {
		c.section(s, "a record came after the section's outcome")
	}
	if _, twice := c.ids[r.GetId()]; twice || r.GetId() == "" {
		c.section(s, "the id of a resource is missing or came before")
	}
	c.ids[r.GetId()] = struct{}{}
	return true
}

// outcome keeps a section's outcome and reports whether it is to be handed on.
func (c *checker) outcome(o *edgev1.SectionOutcome) bool {
	s := sectionOf(o.GetSection())
	if !c.asked.Has(s) {
		c.answer("an outcome of a section that was not asked for came and was left out")
		return false
	}
	t := &c.sections[s]
	if t.outcome != nil {
		c.section(s, "more than one outcome")
		return false
	}
	t.outcome = o
	return true
}

// verdict ends the answer. Ended is false when the call failed on the way.
func (c *checker) verdict(ended bool) Verdict {
	switch {
	case !ended:
		c.answer("the call failed before the answer was there")
	case c.messages == 0:
		c.answer("the answer is empty")
	}
	for s := range c.asked.All() {
		c.tally(s)
	}
	if ended {
		c.end()
	}
	return Verdict{Whole: len(c.faults)+len(c.gaps) == 0, Faults: c.faults, Gaps: c.gaps, Closing: c.closing, Bytes: c.bytes}
}

// end checks the closing.
func (c *checker) end() {
	if c.closing == nil {
		c.answer("the closing is missing")
		return
	}
	for _, why := range checkClosing(c.closing, c.digest.sum()) {
		c.answer(why)
	}
}

// checkClosing compares a closing with the digest of what came.
func checkClosing(closing *edgev1.Closing, digest string) (faults []string) {
	if closing.GetDigest() != digest {
		faults = append(faults, "the digest of what came is not that of what was sent")
	}
	decision, ended := closing.GetDecision(), closing.GetEnded()
	if decision.GetSequence() == 0 || ended.GetSequence() <= decision.GetSequence() ||
		len(decision.GetLeafHash()) != 32 || len(ended.GetLeafHash()) != 32 {
		faults = append(faults, "the closing does not say where the request stands in the journal")
	}
	return faults
}

// tally compares the outcome of one section with what came.
func (c *checker) tally(s care.Section) {
	t := &c.sections[s]
	o := t.outcome
	state := stateOf(o)
	switch {
	case o == nil:
		c.section(s, "no outcome, so the section is incomplete")
		return
	case state == 0:
		c.section(s, "the outcome is none that this program knows")
	case !plausible(state, o):
		c.section(s, "the outcome "+state.String()+" contradicts its own numbers")
	}
	if o.GetSent() != t.records {
		c.section(s, fmt.Sprintf("%d records were sent and %d came", o.GetSent(), t.records))
	}
	if o.GetEnded() != t.ended {
		c.section(s, fmt.Sprintf("%d ended records were sent and %d came", o.GetEnded(), t.ended))
	}
	if sum := uint64(o.GetSent()) + uint64(o.GetWithheld()) + uint64(o.GetOutsidePeriod()) + uint64(o.GetFailed()); uint64(o.GetRowsRead()) != sum {
		c.section(s, fmt.Sprintf("%d rows were read and %d are accounted for", o.GetRowsRead(), sum))
	}
	switch state {
	case care.Unavailable, care.Truncated, care.InTransit:
		gap := s.String() + ": " + state.String()
		if reason := o.GetReason(); reason != "" {
			gap += " (" + reason + ")"
		}
		c.gaps = append(c.gaps, gap)
	}
}

// plausible reports whether a state can go with its numbers: what was lost or
// held back may not look complete, and what was never read cannot be sent.
func plausible(state care.State, o *edgev1.SectionOutcome) bool {
	switch state {
	case care.Empty, care.NotSupported, care.NotPermitted, care.Disabled:
		return o.GetRowsRead() == 0
	case care.NilKnown, care.Complete, care.InTransit:
		return o.GetWithheld() == 0 && o.GetFailed() == 0
	case care.Withheld, care.Truncated:
		return o.GetFailed() == 0
	}
	return true
}
