// Package consent keeps what patients and those responsible for them have said
// about sharing the record of this site, and answers for each request whether
// the record may leave. Doubt means refuse: a store that was never filled, is
// too old, is damaged or could not be written answers ConsentUnavailable.
//
// # What is kept
//
// A directive (care.Directive) comes from one authority: the region, the site
// or the source system. It is about one of two matters, sharing (DISSENT or
// CONSENT) or findability (RESTRICTION or UNRESTRICTED), and never touches the
// other: lifting a restriction does not lift a dissent. Of each patient,
// authority and matter the latest effective statement is kept; at the same
// instant the one recorded later, then the more restrictive one. Between
// authorities the most restrictive wins. Nothing overrides a dissent, not even
// break-glass: that replaces asking the patient, not the patient's answer
// (GP Connect, information governance principles). Decide holds the whole rule.
//
// Type 1 and type 2 objections and the national data opt-out are not directives
// here and must not be imported as such: they are about purposes beyond the
// person's own care, which this agent does not serve (NHS England, national
// data opt-out operational policy guidance). Nor is dissent to the Summary Care
// Record, which is another service.
//
// # How it is kept
//
// One bbolt file. A patient's key is an HMAC of the NHS number under the site's
// key, so that a copied file names nobody: plain hashes of NHS numbers can all
// be computed in minutes. bbolt has no checksums on its pages and a flipped bit
// can hide an entry, therefore every entry carries a MAC over authority, key
// and content with the epoch in which it was written, and a sealed record
// carries count and digest of each authority's whole set. Everything is checked
// when the store is opened and by Verify, which the agent runs every hour.
//
// A store that fails is never emptied or made anew: it refuses until a person
// has looked. To start again, stop the agent, move the file and its ".created"
// marker away, start, load the site's own directives and let the region send
// its snapshot. What the checks cannot see is a whole older copy of the file
// put back in its place; comparing Epoch with a copy kept elsewhere can.
//
// Start reading at Decide, then Store.Check, then Store.update.
package consent
