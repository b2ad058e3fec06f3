package audit

import (
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Limits of what one line can hold, in bytes of text before escaping and in
// list elements. Together they keep every line below maxLine, so that readers
// need no more memory than that.
const (
	maxCode     = 128  // codes, identifiers, dates
	maxName     = 256  // names of people, organisations, products; fingerprints
	maxText     = 1024 // free text: reason, detail
	maxOutcomes = 32   // more than there are sections
	maxSources  = 16
	maxDetails  = 8
	maxWarnings = 8
	maxCalls    = 64
	maxTargets  = 64  // organisations that a directive is about
	maxNote     = 256 // one detail of an outcome

	minLine       = 128 // less than any line has
	maxLine       = 1 << 20
	maxRepairLine = 16 << 10 // a line that states a gap
)

// repairNote is what the journal itself adds to a JournalRepaired event.
type repairNote struct {
	from, to uint64 // numbers that were given out and are not in the journal
	lost     int    // refusals and outcomes that were not kept
}

// appendBody appends what a line says of the event: everything from "kind" on.
// It does not depend on the line's place in the journal.
func (b *Box) appendBody(dst []byte, e *care.Event, note repairNote) []byte {
	o := object{buf: dst}
	o.text("kind", string(e.Kind), maxCode)
	if e.Request != nil {
		appendRequest(&o, e.Request)
	} else if e.Broker != nil {
		appendBroker(&o, e.Broker)
	}
	o.text("peer", e.Peer, maxCode)
	o.flag("outbound", e.Outbound)
	b.appendPatient(&o, e)
	appendSections(&o, "released", e.Released)
	if e.Refusal != care.OK {
		o.text("refusal", e.Refusal.String(), maxCode)
	}
	o.text("true_reason", e.TrueReason, maxCode)
	o.text("detail", e.Detail, maxText)
	if e.ConsentEpoch < maxSequence { // a store that has failed says a number that no line can hold
		o.count("consent_epoch", e.ConsentEpoch)
	}
	o.text("config", e.ConfigHash, maxName)
	o.flag("alert", e.Alert)
	appendEnd(&o, e)
	appendDirective(&o, e.Directive)
	o.number("count", int64(e.Count))
	o.text("actor", e.Actor, maxName)
	o.text("query", e.Query, maxText)
	o.count("from", e.From)
	o.count("to", e.To)
	o.count("missing_from", note.from)
	o.count("missing_to", note.to)
	o.number("lost", int64(note.lost))
	return o.buf
}

func appendRequest(o *object, r *care.Request) {
	o.text("request_id", r.ID, maxCode)
	o.text("traceparent", r.TraceParent, maxCode)
	if r.Interaction != 0 {
		o.text("interaction", r.Interaction.String(), maxCode)
	}
	o.time("received", r.Received)
	appendBroker(o, &r.Broker)
	appendRequester(o, &r.Requester)
	if r.Purpose != 0 {
		o.text("purpose", r.Purpose.String(), maxCode)
	}
	if r.Permission != 0 {
		o.text("permission", r.Permission.String(), maxCode)
	}
	if r.AlertReason != 0 {
		o.text("alert_reason", r.AlertReason.String(), maxCode)
	}
	appendSections(o, "sections", r.Sections)
	appendDate(o, "period_from", r.Period.From)
	appendDate(o, "period_to", r.Period.To)
}

func appendBroker(o *object, b *care.Broker) {
	o.text("broker", b.Name, maxName)
	o.text("broker_certificate", b.Certificate, maxName)
	o.text("broker_software", b.Software, maxName)
}

func appendRequester(o *object, r *care.Requester) {
	o.text("user_id", r.UserID, maxCode)
	o.text("user_name", r.UserName, maxName)
	o.text("role_code", r.RoleCode, maxCode)
	o.text("role_name", r.RoleName, maxName)
	o.text("role_profile", r.RoleProfile, maxCode)
	o.text("organisation", string(r.Organisation), maxCode)
	o.text("organisation_name", r.OrganisationName, maxName)
}

// appendEnd appends how a request ended.
func appendEnd(o *object, e *care.Event) {
	o.count("decision", e.Decision)
	if len(e.Outcomes) > 0 {
		o.key("outcomes")
		o.buf = append(o.buf, '[')
		for i := range e.Outcomes[:min(len(e.Outcomes), maxOutcomes)] {
			if i > 0 {
				o.buf = append(o.buf, ',')
			}
			o.buf = appendOutcome(o.buf, &e.Outcomes[i])
		}
		o.buf = append(o.buf, ']')
	}
	o.flag("outcomes_cut", len(e.Outcomes) > maxOutcomes)
	appendCalls(o, e.Calls)
	o.number("records", int64(e.Records))
	o.number("bytes", e.Bytes)
	o.text("digest", e.Digest, maxName)
	o.number("duration_us", e.Duration.Microseconds())
}

func appendCalls(o *object, calls []care.SourceCall) {
	if len(calls) == 0 {
		return
	}
	o.key("calls")
	o.buf = append(o.buf, '[')
	for i := range calls[:min(len(calls), maxCalls)] {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		c := &calls[i]
		inner := object{buf: append(o.buf, '{')}
		inner.text("source", c.Source, maxCode)
		inner.text("operation", c.Operation, maxCode)
		inner.number("duration_us", c.Duration.Microseconds())
		inner.text("outcome", c.Outcome.String(), maxCode)
		inner.text("reason", c.Reason, maxCode)
		inner.number("count", int64(c.Count))
		o.buf = append(inner.buf, '}')
	}
	o.buf = append(o.buf, ']')
}

func appendOutcome(dst []byte, out *care.Outcome) []byte {
	o := object{buf: append(dst, '{')}
	o.text("section", out.Section.String(), maxCode)
	o.text("state", out.State.String(), maxCode)
	o.number("read", int64(out.Read))
	o.number("sent", int64(out.Sent))
	o.number("withheld", int64(out.Withheld))
	o.number("outside", int64(out.Outside))
	o.number("failed", int64(out.Failed))
	o.number("ended", int64(out.Ended))
	o.number("limit", int64(out.Limit))
	appendDate(&o, "boundary", out.Boundary)
	o.time("as_of", out.AsOf)
	appendWarnings(&o, out.Warnings)
	o.text("reason", out.Reason, maxCode)
	o.texts("sources", out.Sources, maxSources, maxCode)
	o.texts("details", out.Details, maxDetails, maxNote)
	return append(o.buf, '}')
}

func appendWarnings(o *object, warnings []care.Warning) {
	var texts [maxWarnings + 1]string
	n := min(len(warnings), len(texts))
	for i := range n {
		texts[i] = string(warnings[i])
	}
	o.texts("warnings", texts[:n], maxWarnings, maxCode/2)
}

func appendDirective(o *object, d *care.Directive) {
	if d == nil {
		return
	}
	o.key("directive")
	inner := object{buf: append(o.buf, '{')}
	inner.text("kind", d.Kind.String(), maxCode)
	if n := len(d.Scope.Organisations); n > 0 {
		organisations := make([]string, n)
		for i, o := range d.Scope.Organisations {
			organisations[i] = string(o)
		}
		inner.texts("organisations", organisations, maxTargets, maxCode)
	}
	appendSections(&inner, "sections", d.Scope.Sections)
	inner.text("authority", d.Authority.String(), maxCode)
	inner.text("source", d.Source, maxCode)
	inner.time("effective", d.Effective)
	inner.time("recorded", d.Recorded)
	inner.text("by", d.By, maxName)
	inner.text("code_system", d.Code.System, maxName)
	inner.text("code", d.Code.Code, maxCode)
	o.buf = append(inner.buf, '}')
}

func appendSections(o *object, name string, set care.SectionSet) {
	if set == 0 {
		return
	}
	o.key(name)
	sep := byte('[')
	for s := range (set & care.AllSections).All() {
		o.buf = append(o.buf, sep, '"')
		o.buf = append(o.buf, s.String()...)
		o.buf = append(o.buf, '"')
		sep = ','
	}
	if sep == '[' {
		o.buf = append(o.buf, sep)
	}
	o.buf = append(o.buf, ']')
}

func appendDate(o *object, name string, d care.DateTime) {
	if d.IsZero() {
		return
	}
	o.key(name)
	o.buf = append(o.buf, '"')
	o.buf = d.Append(o.buf)
	o.buf = append(o.buf, '"')
}

// header is the part of a line that says where in the journal it stands.
type header struct {
	sequence uint64
	batch    uint64
	prev     [32]byte
	time     time.Time
	occurred time.Time // zero: at time
}

// appendLine appends a whole line without its newline.
func appendLine(dst []byte, h *header, body []byte) []byte {
	o := object{buf: append(dst, `{"v":1`...), more: true}
	o.count("seq", h.sequence)
	o.count("batch", h.batch)
	o.hash("prev", &h.prev)
	o.instant("time", h.time)
	o.time("occurred", h.occurred)
	o.buf = append(o.buf, ',')
	o.buf = append(o.buf, body...)
	return append(o.buf, '}')
}
