package forward

import (
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// timeLayout is UTC with microseconds, the most that RFC 5424 section 6.2.3
// takes.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// maxText is the most bytes of the sentence that says what happened.
const maxText = 512

// record is an entry as it is sent.
type record struct {
	position care.Position
	time     time.Time
	kind     string
	severity severity
	text     string
	fields   []field
	size     int // bytes in a syslog message, more or less
}

// newRecord returns what is sent of an entry, and sets its patient if that is
// to be sent too. It keeps nothing of the line.
func newRecord(l *audit.Line, identifiers bool, box *audit.Box) *record {
	r := &record{
		position: l.Position(), time: l.Time, kind: string(l.Kind), severity: severityOf(l),
		fields: collect(l, identifiers, box),
	}
	c := fields{raw: identifiers}
	r.text = cut(c.safe(sentence(l)), maxText)
	r.size = headerRoom + len(r.text)
	for i := range r.fields {
		r.size += r.fields[i].cost()
	}
	return r
}

// headerRoom is more than the rest of a syslog message takes.
const headerRoom = 512

// severity is that of syslog (RFC 5424 section 6.2.1).
type severity uint8

const (
	sevAlert   severity = 1
	sevError   severity = 3
	sevWarning severity = 4
	sevNotice  severity = 5
	sevInfo    severity = 6
)

// kinds says how entries are put into words, and how serious each is if nothing
// else of the entry makes it worse.
var kinds = map[care.EventKind]struct {
	severity severity
	words    string
}{
	care.ReleaseDecided:     {sevInfo, "a request for a record was allowed"},
	care.ReleaseRefused:     {sevNotice, "a request for a record was refused"},
	care.ReleaseEnded:       {sevInfo, "a request for a record ended"},
	care.AccessRefused:      {sevWarning, "a caller was turned away"},
	care.ConsentChanged:     {sevNotice, "what patients decided about sharing was changed"},
	care.ConsentShown:       {sevInfo, "what a patient decided about sharing was looked at"},
	care.ConsentLinked:      {sevNotice, "whether two NHS numbers are one person's was decided"},
	care.ConsentDoubted:     {sevError, "the consent store cannot be relied on"},
	care.ConsentTrusted:     {sevNotice, "the consent store can be relied on again"},
	care.ConsentRebuilt:     {sevWarning, "the consent store was rebuilt from the journal"},
	care.AlertSeen:          {sevNotice, "the privacy officer dealt with alerts"},
	care.BudgetReached:      {sevWarning, "somebody asked about more patients than the site expects"},
	care.ConfigApplied:      {sevNotice, "the configuration was applied"},
	care.ConfigRefused:      {sevWarning, "a configuration was refused"},
	care.CertificateChanged: {sevNotice, "certificate files were replaced or are faulty"},
	care.SiteKeyCopied:      {sevWarning, "a copy of the site key is made"},
	care.SiteKeyRestored:    {sevWarning, "the site key was put back from a copy"},
	care.ConsoleSignedOn:    {sevNotice, "somebody opened the agent's console"},
	care.ConnectionOpened:   {sevInfo, "a connection was opened"},
	care.ConnectionClosed:   {sevInfo, "a connection was closed"},
	care.SourceCalled:       {sevInfo, "a source system was called"},
	care.SourceWritable:     {sevWarning, "the agent's login to a source system can write"},
	care.AgentStarted:       {sevNotice, "the agent was started"},
	care.AgentStopped:       {sevNotice, "the agent was stopped"},
	care.AgentRecovered:     {sevWarning, "the agent had ended without being stopped"},
	care.ClockJumped:        {sevWarning, "the system's clock was set"},
	care.JournalRepaired:    {sevWarning, "the journal was repaired"},
	care.JournalSearched:    {sevNotice, "the journal was searched"},
	care.JournalExported:    {sevNotice, "entries of the journal were copied out"},
	care.JournalWitnessed:   {sevInfo, "a witness countersigned the journal"},
	care.JournalArchived:    {sevNotice, "a part of the journal was archived"},
	care.JournalPruned:      {sevNotice, "a part of the journal was deleted"},
	care.JournalRenewed:     {sevWarning, "a new journal was begun"},
	care.IntegrityChecked:   {sevInfo, "the journal was verified"},
}

// refusals says how serious refusals are that are not just somebody's answer.
var refusals = map[string]severity{
	care.Internal.String():           sevError,
	care.AuditUnavailable.String():   sevError,
	care.ConsentUnavailable.String(): sevError,
	care.SourceUnavailable.String():  sevError,
	care.Unauthenticated.String():    sevWarning,
	care.AccessDenied.String():       sevWarning,
}

func severityOf(l *audit.Line) severity {
	s := sevNotice
	if k, known := kinds[l.Kind]; known {
		s = k.severity
	}
	if l.Refusal != "" {
		s = min(s, sevNotice)
		if worse, listed := refusals[l.Refusal]; listed {
			s = min(s, worse)
		}
	}
	if l.Alert {
		s = sevAlert
	}
	return s
}

// sentence says in plain words what happened, and never about whom.
func sentence(l *audit.Line) string {
	text := kinds[l.Kind].words
	if text == "" {
		text = string(l.Kind)
	}
	if l.Alert {
		text = "ALERT: " + text
	}
	for _, more := range []string{l.Refusal, l.TrueReason, l.Detail} {
		if more != "" {
			text += "; " + more
		}
	}
	return text
}
