package records

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// answer collects what the sources of one request say.
type answer struct {
	reader *Reader
	match  *Match
	query  Query
	sink   Sink

	shared bool       // several sources are read side by side
	mu     sync.Mutex // if shared, guards all below; held during every call of sink
	err    error      // the sink's failure
	bytes  int64
	asked  []progress              // in the order of the sections
	index  [care.AboutMe + 1]uint8 // where in asked a section is
}

// progress is the state of one asked section.
type progress struct {
	outcome care.Outcome
	open    int  // sources that have not ended it
	told    bool // the sink has the outcome
}

func newAnswer(r *Reader, match *Match, query Query, sink Sink) *answer {
	a := &answer{reader: r, match: match, query: query, sink: sink, asked: make([]progress, query.Sections.Len())}
	at := 0
	for s := range query.Sections.All() {
		p := &a.asked[at]
		a.index[s] = uint8(at)
		at++
		p.outcome.Section, p.outcome.State = s, care.NotSupported
		for i := range r.sources {
			if r.sources[i].sections.Has(s) {
				p.open++
			}
		}
	}
	return a
}

// of returns the progress of an asked section.
func (a *answer) of(s care.Section) *progress { return &a.asked[a.index[s]] }

// lock keeps the sources of one answer apart, if there are several: each record
// takes it once.
func (a *answer) lock() {
	if a.shared {
		a.mu.Lock()
	}
}

func (a *answer) unlock() {
	if a.shared {
		a.mu.Unlock()
	}
}

func (a *answer) failure() error {
	a.lock()
	defer a.unlock()
	return a.err
}

// readAll reads the sources side by side. When the sink fails all are stopped.
func (a *answer) readAll(ctx context.Context, held []holding, shadow care.SectionSet) {
	a.shared = true
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	for _, h := range held {
		all.Go(func() {
			if a.readSource(ctx, h, shadow); a.failure() != nil {
				stop()
			}
		})
	}
	all.Wait()
}

// readSource reads everything asked of one source, and ends all its sections.
func (a *answer) readSource(ctx context.Context, h holding, shadow care.SectionSet) {
	asked := a.query.Sections & h.source.sections
	if asked == 0 {
		return
	}
	s := &sourceRead{answer: a, origin: &h.source.origin, asked: asked, ended: care.AllSections &^ asked, withheld: map[string]struct{}{}}
	switch h.state {
	case confirmed:
		s.fetch(ctx, h, asked|shadow&h.source.sections)
	case absent:
		s.endRest(care.Empty, "")
	default:
		s.endRest(care.Unavailable, h.reason)
	}
}

// sourceRead is the reading of one source.
type sourceRead struct {
	answer   *answer
	origin   *care.Origin
	asked    care.SectionSet
	ended    care.SectionSet // sections that need no end any more
	withheld map[string]struct{}
	waiting  waiting
	rows     [care.AboutMe + 1]int
	ends     []care.End
}

// fetch reads the source until it is done, fails, stalls or the answer ends.
func (s *sourceRead) fetch(ctx context.Context, h holding, sections care.SectionSet) {
	began := time.Now()
	ctx, dog := watch(ctx, s.answer.reader.limits.Stall)
	defer dog.stop()
	reason := s.drain(ctx, h, sections, dog)
	if dog.barked() {
		reason = "TIMEOUT"
	}
	gone := s.answer.failure() != nil
	s.called(h.source, began, gone, reason)
	if gone {
		return
	}
	s.release()
	s.endRest(care.Unavailable, reason)
}

// called notes how the reading of the source went.
func (s *sourceRead) called(source *source, began time.Time, gone bool, reason string) {
	outcome := care.SourceUnavailable
	switch {
	case gone:
		outcome, reason = care.Cancelled, ""
	case s.ended == care.AllSections:
		outcome, reason = care.OK, ""
	}
	s.answer.match.log.add(source, "FETCH", began, outcome, reason)
}

// drain takes all that the source yields and returns why it stopped before its
// last end, if it did. A connector that panics is a source that failed.
func (s *sourceRead) drain(ctx context.Context, h holding, sections care.SectionSet, dog *watchdog) (reason string) {
	defer func() {
		if recover() != nil {
			reason = "DEFECT"
		}
	}()
	query := care.Query{Patient: h.patient, Sections: sections, MaxRows: s.answer.reader.limits.Rows}
	for item, err := range h.source.connector.Fetch(ctx, query) {
		dog.pause()
		if err != nil {
			return reasonOr(err, care.KindOf(err).String())
		}
		if !s.take(item) {
			return ""
		}
		dog.resume()
	}
	return "NO_END"
}

// take takes one item and reports whether to go on.
func (s *sourceRead) take(item care.Item) bool {
	a := s.answer
	a.lock()
	defer a.unlock()
	switch {
	case a.err != nil:
		return false
	case item.Record != nil:
		s.record(item.Record)
	case item.End != nil && s.asked.Has(item.End.Section) && !s.ended.Has(item.End.Section):
		s.end(item.End)
	}
	return a.err == nil
}

// record sends a record, or holds it back for now or for good.
func (s *sourceRead) record(r *care.Record) {
	a := s.answer
	secret := r.Confidentiality != care.Normal || a.reader.withhold.any(r.Codes)
	if secret {
		s.withheld[r.ID] = struct{}{}
	}
	if !s.asked.Has(r.Section) || s.ended.Has(r.Section) {
		return // a shadow section, or one already ended
	}
	out := &a.of(r.Section).outcome
	s.rows[r.Section]++
	switch {
	case secret:
		out.Withheld++
	case s.rows[r.Section] > a.reader.limits.Rows || len(r.Resource) > a.reader.limits.Resource:
		out.Failed++
	case dated.Has(r.Section) && !a.query.Period.Holds(r.Effective):
		out.Outside++
	case len(r.Links) > 0:
		if !s.waiting.add(r) {
			out.Failed++
		}
	default:
		a.send(r)
	}
}

// send passes a record on, within the budget of bytes. Allergies are outside
// it: however much else there is, they must not be the ones that are missing.
// The limits of rows and of one resource bound them.
func (a *answer) send(r *care.Record) {
	out := &a.of(r.Section).outcome
	if a.bytes += int64(len(r.Resource)); a.bytes > a.reader.limits.Bytes && r.Section != care.Allergies {
		out.Failed++
		return
	}
	if err := a.sink.Record(r); err != nil {
		a.err = err
		return
	}
	out.Sent++
	if r.Ended {
		out.Ended++
	}
}

// end notes a section's end. It counts at once unless records of the section
// are waiting.
func (s *sourceRead) end(e *care.End) {
	s.ended = s.ended.With(e.Section)
	if slices.ContainsFunc(s.waiting.records, func(r care.Record) bool { return r.Section == e.Section }) {
		c := *e
		c.Warnings = slices.Clone(e.Warnings)
		s.ends = append(s.ends, c)
		return
	}
	s.answer.end(s.origin, e, s.rows[e.Section])
}

// release lets the waiting records go, now that it is known what is withheld.
func (s *sourceRead) release() {
	a := s.answer
	a.lock()
	defer a.unlock()
	s.waiting.spread(s.withheld)
	for i := range s.waiting.records {
		r := &s.waiting.records[i]
		if a.err != nil {
			return
		}
		if _, bad := s.withheld[r.ID]; bad {
			a.of(r.Section).outcome.Withheld++
			continue
		}
		a.send(r)
	}
	for i := range s.ends {
		a.end(s.origin, &s.ends[i], s.rows[s.ends[i].Section])
	}
}

// endRest ends, in one way, every section that the source has not ended.
func (s *sourceRead) endRest(state care.State, reason string) {
	a := s.answer
	a.lock()
	defer a.unlock()
	for section := range (s.asked &^ s.ended).All() {
		end := care.End{Section: section, State: state, Read: s.rows[section], Reason: reason}
		a.end(s.origin, &end, s.rows[section])
	}
	s.ended |= s.asked
}

// end merges one source's end of a section into its outcome. When it was the
// last source, the sink is told.
func (a *answer) end(origin *care.Origin, e *care.End, yielded int) {
	p := a.of(e.Section)
	out := &p.outcome
	p.open--
	out.Read += max(e.Read, yielded+e.Failed)
	out.Failed += max(e.Failed, e.Read-yielded)
	out.Sources = append(out.Sources, origin.Source)
	if e.Detail != "" {
		out.Details = append(out.Details, e.Detail)
	}
	for _, w := range e.Warnings {
		out.Warnings = addWarning(out.Warnings, w)
	}
	if !e.AsOf.IsZero() && (out.AsOf.IsZero() || e.AsOf.Before(out.AsOf)) {
		out.AsOf = e.AsOf
	}
	state := e.State
	if state == care.Truncated && e.Section == care.Allergies {
		state, out.Reason = care.Unavailable, "LIMIT" // a cut list of allergies is worse than none
	}
	if state >= out.State {
		out.State = state
		if e.Reason != "" {
			out.Reason = e.Reason
		}
		out.Limit, out.Boundary = max(out.Limit, e.Limit), laterDate(out.Boundary, e.Boundary)
	}
	if p.open == 0 {
		a.tell(p)
	}
}

// finish tells the outcomes that no source has ended: unsupported sections.
func (a *answer) finish() error {
	a.lock()
	defer a.unlock()
	for i := range a.asked {
		if p := &a.asked[i]; !p.told {
			a.tell(p)
		}
	}
	return a.err
}

// tell gives the sink a section's outcome, once everything about it is known.
func (a *answer) tell(p *progress) {
	if a.err != nil {
		return
	}
	p.told = true
	settle(&p.outcome)
	a.err = a.sink.Outcome(&p.outcome)
}

// settle makes the state agree with the numbers: nothing that was lost or held
// back may look complete.
func settle(o *care.Outcome) {
	if o.Withheld > 0 {
		o.Warnings = addWarning(o.Warnings, care.ConfidentialItems)
		if o.State < care.Withheld {
			o.State = care.Withheld
		}
	}
	if o.Failed > 0 {
		o.State = care.Unavailable
		if o.Reason == "" {
			o.Reason = "LIMIT"
		}
	}
	if o.State == care.Empty && o.Read > 0 {
		o.State = care.Complete
	}
}

func addWarning(list []care.Warning, w care.Warning) []care.Warning {
	if slices.Contains(list, w) {
		return list
	}
	return append(list, w)
}

// laterDate returns the later of two boundaries: entries before it are not
// surely there, whichever source they come from.
func laterDate(a, b care.DateTime) care.DateTime {
	if a.IsZero() || !b.IsZero() && b.Time.After(a.Time) {
		return b
	}
	return a
}
