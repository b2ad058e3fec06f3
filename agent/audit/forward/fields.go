package forward

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
)

// maxFields is how many bytes of fields one entry is sent with, as they stand
// in a syslog message. What does not fit is left out, and "truncated" says so.
const maxFields = maxMessage - headerRoom - maxText

// form is how a field's value is typed in OTLP.
type form uint8

const (
	asText form = iota
	asNumber
	asFlag
	asList
)

// field is one thing that is said of an entry, under the name that it has in
// the journal.
type field struct {
	name   string
	form   form
	text   string // as it stands in a syslog message
	number int64
	list   []string
}

// fields collects what is said of an entry, most important first. What is
// empty, zero or false is left out.
type fields struct {
	all  []field
	size int
	raw  bool // texts may hold NHS numbers
	cut  bool
}

// cost is how many bytes a field takes in a syslog message.
func (f *field) cost() int {
	return len(f.name) + len(` =""`) + len(f.text) + strings.Count(f.text, `"`) + strings.Count(f.text, `\`) + strings.Count(f.text, `]`)
}

func (c *fields) add(f field) {
	cost := f.cost()
	if c.size+cost > maxFields {
		c.cut = true
		return
	}
	c.size += cost
	c.all = append(c.all, f)
}

// code adds a text that the agent itself made.
func (c *fields) code(name, value string) {
	if value != "" {
		c.add(field{name: name, text: printable(value)})
	}
}

// text adds a text that somebody else may have chosen.
func (c *fields) text(name, value string) { c.code(name, c.safe(value)) }

func (c *fields) safe(value string) string {
	if c.raw {
		return printable(value)
	}
	return blotted(printable(value))
}

func (c *fields) number(name string, value int64) {
	if value != 0 {
		c.add(field{name: name, form: asNumber, number: value, text: strconv.FormatInt(value, 10)})
	}
}

func (c *fields) flag(name string, value bool) {
	if value {
		c.add(field{name: name, form: asFlag, text: "true"})
	}
}

func (c *fields) time(name string, value time.Time) {
	if !value.IsZero() {
		c.add(field{name: name, text: value.UTC().Format(timeLayout)})
	}
}

func (c *fields) list(name string, values []string) {
	if len(values) == 0 {
		return
	}
	safe := make([]string, len(values))
	for i, v := range values {
		safe[i] = c.safe(v)
	}
	c.add(field{name: name, form: asList, list: safe, text: strings.Join(safe, ", ")})
}

// collect says what leaves of an entry. Left out on purpose, besides what names
// a patient: the period asked for, dates of records, the digest of what was
// sent, and the remarks of connectors about single records.
func collect(l *audit.Line, identifiers bool, box *audit.Box) []field {
	c := &fields{raw: identifiers}
	c.number("seq", int64(l.Sequence))
	c.code("leaf", hex.EncodeToString(l.Leaf[:]))
	c.time("occurred", l.Occurred)
	c.outcome(l)
	c.request(l)
	c.other(l)
	if identifiers {
		c.patient(l, box)
	}
	c.details(l)
	if c.cut {
		c.all = append(c.all, field{name: "truncated", form: asFlag, text: "true"})
	}
	return c.all
}

// outcome adds what was decided.
func (c *fields) outcome(l *audit.Line) {
	c.text("refusal", l.Refusal)
	c.text("true_reason", l.TrueReason)
	c.flag("alert", l.Alert)
	c.number("decision", int64(l.Decision))
	c.text("request_id", l.RequestID)
	if isTraceParent(l.TraceParent) {
		c.code("traceparent", l.TraceParent)
	}
}

// request adds who asked for what. All of it is about staff and systems.
func (c *fields) request(l *audit.Line) {
	c.text("interaction", l.Interaction)
	c.time("received", l.Received)
	c.text("broker", l.Broker)
	c.code("broker_certificate", l.Certificate)
	c.text("broker_software", l.Software)
	c.text("user_id", l.UserID)
	c.text("user_name", l.UserName)
	c.text("role_code", l.RoleCode)
	c.text("role_name", l.RoleName)
	c.text("role_profile", l.RoleProfile)
	c.text("organisation", string(l.Organisation))
	c.text("organisation_name", l.OrganisationName)
	c.text("purpose", l.Purpose)
	c.text("permission", l.Permission)
	c.text("alert_reason", l.AlertReason)
	c.list("sections", l.Sections)
	c.list("released", l.Released)
}

// other adds what entries that are not requests have.
func (c *fields) other(l *audit.Line) {
	c.text("actor", l.Actor)
	c.text("peer", l.Peer)
	c.flag("outbound", l.Outbound)
	c.text("query", l.Query)
	c.number("from", int64(l.From))
	c.number("to", int64(l.To))
	c.number("missing_from", int64(l.MissingFrom))
	c.number("missing_to", int64(l.MissingTo))
	c.number("lost", l.Lost)
	c.number("count", l.Count)
	c.code("config", l.ConfigHash)
	c.number("consent_epoch", int64(l.ConsentEpoch))
	c.text("detail", l.Detail)
}

// patient adds whom it was about, why it was asked, and what a patient decided.
func (c *fields) patient(l *audit.Line, box *audit.Box) {
	if err := box.Reveal(l); err != nil {
		c.flag("patient_sealed", true) // under another key, or changed
	}
	c.text("nhs_number", l.NHSNumber.Reveal())
	c.text("document_id", l.DocumentID)
	c.text("reason", l.Reason)
	if d := l.Directive; d != nil {
		c.text("directive", d.Kind)
		c.text("directive_authority", d.Authority)
		c.time("directive_effective", d.Effective)
		c.time("directive_recorded", d.Recorded)
		c.text("directive_by", d.By)
	}
}

// details adds how it went, which may be long.
func (c *fields) details(l *audit.Line) {
	c.number("records", l.Records)
	c.number("bytes", l.Bytes)
	c.number("duration_us", l.DurationUS)
	outcomes := make([]string, len(l.Outcomes))
	for i := range l.Outcomes {
		outcomes[i] = sayOutcome(&l.Outcomes[i])
	}
	c.list("outcomes", outcomes)
	calls := make([]string, len(l.Calls))
	for i := range l.Calls {
		calls[i] = sayCall(&l.Calls[i])
	}
	c.list("calls", calls)
}

// sayOutcome returns such as "ALLERGIES COMPLETE read=4 sent=4".
func sayOutcome(o *audit.LineOutcome) string {
	text := o.Section + " " + o.State
	if o.Reason != "" {
		text += " " + o.Reason
	}
	for _, n := range []struct {
		name  string
		count int64
	}{{"read", o.Read}, {"sent", o.Sent}, {"withheld", o.Withheld}, {"outside", o.Outside}, {"failed", o.Failed}, {"ended", o.Ended}} {
		if n.count != 0 {
			text += " " + n.name + "=" + strconv.FormatInt(n.count, 10)
		}
	}
	return text
}

// sayCall returns such as "clinical FETCH OK 1200us x3".
func sayCall(c *audit.LineCall) string {
	text := c.Source + " " + c.Operation + " " + c.Outcome
	if c.Reason != "" {
		text += " " + c.Reason
	}
	text += " " + strconv.FormatInt(c.DurationUS, 10) + "us"
	if c.Count > 1 {
		text += " x" + strconv.FormatInt(c.Count, 10)
	}
	return text
}

// isTraceParent reports whether s has the form of W3C Trace Context, section
// 3.2, version 00. Nothing else is sent as one: callers choose it.
func isTraceParent(s string) bool {
	if len(s) != 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return false
	}
	_, err := hex.DecodeString(s[:2] + s[3:35] + s[36:52] + s[53:])
	return err == nil && s == strings.ToLower(s)
}
