package rule

// The reasons of an answer, for the journal. They are stable.
const (
	// Nothing can be said about anybody.

	ReasonDamaged     = "DAMAGED"      // the store is missing, unreadable or fails its checks
	ReasonPoisoned    = "POISONED"     // a change could not be written; the process must end
	ReasonClosed      = "CLOSED"       // the store was closed
	ReasonLost        = "LOST"         // the store was lost or put back from the past, and is not whole again
	ReasonNeverFilled = "NEVER_FILLED" // no snapshot of the region was ever loaded

	// What was said against sharing is known and holds; nothing else proves anything.

	ReasonClock         = "CLOCK"           // this machine's clock is behind a time that was seen before
	ReasonClockJumped   = "CLOCK_JUMPED"    // it was set, and the region has not vouched since
	ReasonUnvouched     = "UNVOUCHED"       // the region has not vouched for this process yet
	ReasonSourceNotRead = "SOURCE_NOT_READ" // a source that holds patients' statements was never read
	ReasonStale         = "STALE"           // the region was not heard for longer than the maximum age
	ReasonSourceStale   = "SOURCE_STALE"    // a source was not read for longer than its maximum age

	// The patient has said so.

	ReasonRestricted          = "RESTRICTED"           // sensitive patient; the caller is told "not found"
	ReasonDissent             = "DISSENT"              // the record must not be shared
	ReasonDissentOrganisation = "DISSENT_ORGANISATION" // not with the staff of that organisation
	ReasonDissentSections     = "DISSENT_SECTIONS"     // nothing that was asked for may be shared

	// The request does not say enough.

	ReasonNoPermission = "NO_PERMISSION" // the patient was not asked and nothing stands in for it
	ReasonNoReason     = "NO_REASON"     // break-glass without a reason
)
