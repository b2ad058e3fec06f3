// Package consent keeps what patients and those responsible for them have said
// about sharing the record of this site, and answers for each request whether
// the record may leave. Doubt means refuse.
//
// # What is kept
//
// Statements (care.Directive) come from the region, from the site, and from its
// record systems, the sources. Each of these is a set of its own. What they mean
// together is package rule's business; what a region and its sites send each
// other is package feed's. Linked NHS numbers of one person are read together.
//
// The national data opt-out and Type 1 objections are not statements here and
// must not be imported as such: they are about purposes beyond the person's own
// care, which this agent does not serve (NHS England, national data opt-out
// operational policy guidance).
//
// # How it is kept
//
// In a vault (package vault): one sealed file that proves every answer, also
// that there is nothing. Patients' keys are HMACs of the NHS number under the
// site key, so that a copied file names nobody. The vault seals a state with its
// directory: what the sets are, how old, and what was last told to the region.
//
// # What is not relied on
//
// Silence, and an earlier consent, count only while everyone who has to be heard was heard lately, and
// the region has vouched for this very process since it started or the machine
// slept: a copy of the whole machine put back from the past cannot know what it
// has forgotten. Ages go by the wall clock or by the time since the machine was
// started, whichever is more, so that setting the clock makes nothing fresh.
//
// A store that is older than the journal or the region remembers, or that had to
// be made anew, is Lost: it refuses everything until everything was brought
// back. The region compares digests, so that it sees what it has told. What the
// site has said is in its journal. An older copy of store and journal together,
// changed before the region is heard, is noticed too: the region is told only
// epochs of changes that were made while it vouched, and remembers the highest.
//
// Start reading at Store.Check, then Store.update, then Store.Meet.
package consent
