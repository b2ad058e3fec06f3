package care

import (
	"context"
	"time"
)

// EventKind is the kind of a journal entry. The codes are stable: they stay
// readable for decades.
type EventKind string

// The kinds of event.
const (
	// Requests for records.
	ReleaseDecided EventKind = "RELEASE_DECIDED" // a request was allowed; nothing has left yet
	ReleaseRefused EventKind = "RELEASE_REFUSED" // a request was refused
	ReleaseEnded   EventKind = "RELEASE_ENDED"   // how a decided or refused request ended
	AccessRefused  EventKind = "ACCESS_REFUSED"  // a call was turned away before it named a patient

	// Patients' choices.
	ConsentChanged EventKind = "CONSENT_CHANGED"
	ConsentShown   EventKind = "CONSENT_SHOWN"   // somebody at the site looked at patients' statements
	ConsentLinked  EventKind = "CONSENT_LINKED"  // two NHS numbers were found to be one person's, or not to be
	ConsentDoubted EventKind = "CONSENT_DOUBTED" // the consent store cannot be relied on: nothing is released
	ConsentTrusted EventKind = "CONSENT_TRUSTED" // it can be relied on again
	ConsentRebuilt EventKind = "CONSENT_REBUILT" // a lost or older store was replaced; the site's own statements were read back from the journal
	AlertSeen      EventKind = "ALERT_SEEN"      // the site's privacy officer dealt with alerts
	BudgetReached  EventKind = "BUDGET_REACHED"  // somebody asked about more patients than the site expects

	// What the agent runs with.
	ConfigApplied      EventKind = "CONFIG_APPLIED"      // the agent runs with another configuration than the last time
	ConfigRefused      EventKind = "CONFIG_REFUSED"      // the agent did not start: the configuration has faults
	CertificateChanged EventKind = "CERTIFICATE_CHANGED" // certificate files were replaced, or found faulty
	SiteKeyCopied      EventKind = "SITE_KEY_COPIED"     // somebody is about to make a sealed copy of the site key
	SiteKeyRestored    EventKind = "SITE_KEY_RESTORED"   // somebody put the site key back from a sealed copy
	ConsoleSignedOn    EventKind = "CONSOLE_SIGNED_ON"   // somebody at the site opened the agent's console

	// Other systems.
	ConnectionOpened EventKind = "CONNECTION_OPENED"
	ConnectionClosed EventKind = "CONNECTION_CLOSED"
	SourceCalled     EventKind = "SOURCE_CALLED"   // calls of a source that belong to no request
	SourceWritable   EventKind = "SOURCE_WRITABLE" // a source's login can write and the site insists

	// The agent itself.
	AgentStarted   EventKind = "AGENT_STARTED"
	AgentStopped   EventKind = "AGENT_STOPPED"
	AgentRecovered EventKind = "AGENT_RECOVERED" // the run before ended without AGENT_STOPPED
	ClockJumped    EventKind = "CLOCK_JUMPED"    // the system's clock was set

	// The journal itself.
	JournalRepaired  EventKind = "JOURNAL_REPAIRED"  // a torn tail was set aside, or writing resumed after a failure
	JournalSearched  EventKind = "JOURNAL_SEARCHED"  // somebody looked for entries
	JournalExported  EventKind = "JOURNAL_EXPORTED"  // entries were copied out
	JournalWitnessed EventKind = "JOURNAL_WITNESSED" // a witness countersigned a head
	JournalArchived  EventKind = "JOURNAL_ARCHIVED"  // whole segments were moved elsewhere
	JournalPruned    EventKind = "JOURNAL_PRUNED"    // whole segments were deleted
	JournalRenewed   EventKind = "JOURNAL_RENEWED"   // the first entry of a journal that replaces a lost one
	IntegrityChecked EventKind = "INTEGRITY_CHECKED" // the journal or the consent store was verified
)

// SourceCall tells of calls of one source system; never what they returned.
type SourceCall struct {
	Source    string        // name of the source in the site's configuration
	Operation string        // IDENTIFY, FETCH, DOCUMENT or PROBE
	Duration  time.Duration // of several calls alike: the longest
	Outcome   Kind          // OK, or how it failed
	Reason    string        // stable sub-code of the failure
	Count     int           // how many calls alike; 0 means one
}

// Event is what one journal entry says. Sequence number, time and leaf hash
// are the journal's to add.
type Event struct {
	Kind         EventKind
	Request      *Request   // whose request; nil for events that are not about one
	Broker       *Broker    // for AccessRefused, where there is no Request
	Refusal      Kind       // OK, or the code the caller was given
	TrueReason   string     // what the caller was not told, such as RESTRICTED
	Detail       string     // plain words, no value of a record
	Released     SectionSet // sections that may leave
	ConsentEpoch uint64
	ConfigHash   string // fingerprint of the configuration in force; for ConfigRefused of that which was refused
	Alert        bool   // the site's privacy officer is to be told
	Decision     uint64 // for ReleaseEnded: sequence number of the decision
	Outcomes     []Outcome
	Records      int           // records sent
	Bytes        int64         // bytes of resources and documents sent
	Digest       string        // digest of what was sent
	Duration     time.Duration // from receipt to end
	Directive    *Directive    // for ConsentChanged: what was stated, by whom
	Linked       NHSNumber     // for ConsentLinked: the other number; the first is the Request's
	Count        int           // for bulk changes, and faults of a configuration: how many
	Actor        string        // who did it, where it is not a requester: an OS account, a broker, a file
	Calls        []SourceCall  // calls of sources that belong to the event
	Peer         string        // network address of the other side
	Outbound     bool          // the agent opened the connection
	Query        string        // how the journal was searched, without what names a patient
	From, To     uint64        // entries that the event is about, both included
}

// Entry is one event's place in the journal, which may not be on disk yet. Its
// methods may be called from many goroutines.
type Entry interface {
	// Position returns the entry's number and leaf hash; both are final as
	// soon as the event was appended.
	Position() Position

	// Wait returns nil once the entry and all before it are on disk. It fails
	// with AuditUnavailable when they will not be, and with the context's
	// error when ctx ends first, which says nothing about the entry.
	Wait(ctx context.Context) error
}
