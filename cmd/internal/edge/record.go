package edge

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Record is one patient's record as an agent sent it, section by section, with
// what this side found out about the answer.
type Record struct {
	Verdict
	// Opening says who answers about whom. Nil when the answer had none.
	Opening *edgev1.Opening
	// Sections are the sections that were asked for, in the order of their
	// numbers, whether or not anything came about them.
	Sections []Section
}

// Section is one section that was asked for.
type Section struct {
	Section care.Section
	// Outcome is how the agent says the section ended. Nil means that nothing
	// was said: the section is incomplete.
	Outcome *edgev1.SectionOutcome
	// Records are the section's records in the order in which they came.
	Records []*edgev1.Record
	// Faults are those of the Verdict that concern this section. With one, the
	// outcome is not to be believed.
	Faults []string
}

// State returns how the section ended. It is 0, which is no state, when the
// outcome is missing, is not a known one, or is not to be believed.
func (s *Section) State() care.State {
	state := stateOf(s.Outcome)
	if len(s.Faults) > 0 {
		return 0
	}
	return state
}

// Verdict is what this side found out about an answer.
type Verdict struct {
	// Whole is true when the answer has neither faults nor gaps: it is
	// everything that the site gives this requester. Sections that are
	// withheld in part, not permitted, switched off or unsupported are the
	// site's decision, are no gaps, and are told by their outcome.
	Whole bool
	// Faults say how the answer breaks the contract of RecordService.
	Faults []string
	// Gaps say which sections are not whole although nobody decided so:
	// unavailable, truncated, in transit.
	Gaps []string
	// Closing is the proof that the request is in the journal. Nil when it
	// did not come.
	Closing *edgev1.Closing
	// Bytes is the size of all resources that came.
	Bytes int64
}

// Reasons returns all faults and gaps. It is empty exactly when Whole is true.
func (v *Verdict) Reasons() []string { return slices.Concat(v.Faults, v.Gaps) }

// GetRecord reads a patient's record and checks the answer, down to whether
// each resource is the JSON it says it is. It holds the whole record in memory;
// VisitRecord does not.
//
// The Record is never nil. With an error it holds what came before the call
// failed and is not whole; after a refusal it must not be shown.
func (c *Client) GetRecord(ctx context.Context, request *edgev1.GetRecordRequest) (*Record, error) {
	record := &Record{}
	index := map[care.Section]int{}
	for section := range askedSections(request).All() {
		index[section] = len(record.Sections)
		record.Sections = append(record.Sections, Section{Section: section})
	}
	at := func(s edgev1.Section) *Section { return &record.Sections[index[sectionOf(s)]] }
	check := newChecker(request)
	err := c.visit(ctx, request, check, Visitor{
		Opening: func(o *edgev1.Opening) error { record.Opening = o; return nil },
		Record: func(r *edgev1.Record) error {
			if why := CheckResource(r); why != "" {
				check.section(sectionOf(r.GetSection()), why)
			}
			at(r.GetSection()).Records = append(at(r.GetSection()).Records, r)
			return nil
		},
		Outcome: func(o *edgev1.SectionOutcome) error { at(o.GetSection()).Outcome = o; return nil },
	})
	record.Verdict = check.verdict(err == nil)
	for i := range record.Sections {
		record.Sections[i].Faults = check.of(record.Sections[i].Section)
	}
	return record, err
}

// Visitor takes an answer as it arrives, in the calling goroutine. What the
// functions are given is theirs to keep. An error of one of them ends the call
// and is returned. A function may be nil.
type Visitor struct {
	Opening func(*edgev1.Opening) error
	Record  func(*edgev1.Record) error         // a record of a section that was asked for
	Outcome func(*edgev1.SectionOutcome) error // the first outcome of a section that was asked for
}

// VisitRecord reads a patient's record and hands it on piece by piece. It
// checks the answer as GetRecord does, except for what CheckResource checks:
// nothing may be called whole before VisitRecord has returned a Verdict that
// says so.
func (c *Client) VisitRecord(ctx context.Context, request *edgev1.GetRecordRequest, visitor Visitor) (Verdict, error) {
	check := newChecker(request)
	err := c.visit(ctx, request, check, visitor)
	return check.verdict(err == nil), err
}

func (c *Client) visit(ctx context.Context, request *edgev1.GetRecordRequest, check *checker, visitor Visitor) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stream, err := c.records.GetRecord(ctx, request)
	if err != nil {
		return err
	}
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := check.message(message, visitor); err != nil {
			return err
		}
	}
}

// CheckResource returns what is wrong with a record's resource, or nothing: it
// must be one JSON object whose type and id are those of the record.
func CheckResource(r *edgev1.Record) string {
	var is struct {
		Type string `json:"resourceType"`
		ID   string `json:"id"`
	}
	switch err := json.Unmarshal(r.GetResource(), &is); {
	case err != nil:
		return "a resource is not JSON"
	case is.Type != r.GetResourceType() || is.ID != r.GetId():
		return "a resource is not the one that its record says it is"
	}
	return ""
}

// askedSections returns the sections of a request; none means all.
func askedSections(request *edgev1.GetRecordRequest) care.SectionSet {
	if len(request.GetSections()) == 0 {
		return care.AllSections
	}
	var set care.SectionSet
	for _, s := range request.GetSections() {
		if section := sectionOf(s); section.Valid() {
			set = set.With(section)
		}
	}
	return set
}

// sectionOf returns the section of a number of the wire, or 0.
func sectionOf(s edgev1.Section) care.Section {
	if s < 0 || s > edgev1.Section(care.AboutMe) {
		return 0
	}
	return care.Section(s)
}

// stateOf returns the state of an outcome, or 0.
func stateOf(o *edgev1.SectionOutcome) care.State {
	if s := o.GetState(); s > 0 && s <= edgev1.SectionState(care.Disabled) {
		return care.State(s)
	}
	return 0
}
