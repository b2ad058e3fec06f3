// Package audit is the journal: what was asked, by whom, about whom, what was
// decided and how it ended, on disk before a byte of a record leaves.
//
// # What it promises
//
// Append gives an event its number and its leaf hash and starts to write it;
// Wait on the returned entry returns nil only once the entry and all before it
// are on disk. Numbers order entries, the clock does not. Nothing that is on
// disk is ever rewritten with other bytes. Whoever cannot get nil from Wait
// must not release.
//
// The reverse does not hold: an entry whose Wait failed may be found in the
// journal after a crash. A decision without an outcome reads as "may have been
// disclosed".
//
// # Files
//
// The folder (mode 0700) holds segments named journal-<number of the first
// entry, 20 digits>.jsonl (mode 0600). A segment is preallocated and zero, so
// that a commit costs one write and one fdatasync and changes no metadata;
// a reader stops at the first NUL. journal.lock keeps a second agent out.
// *.torn files hold what a crash left half-written. On Windows the folder's
// access rights are the installer's to set and are not checked here.
//
// # Lines, format version 1
//
// One line is one entry: a JSON object in UTF-8 that ends with a newline. The
// first five fields are always there, in this order; then come those the event
// has. What is empty, zero or false is left out. A text that was too long ends
// with "…"; bytes that are not UTF-8 become U+FFFD.
//
//	v          1, the version of this format
//	seq        number of the entry, from 1, without gaps
//	batch      number of the first entry that was committed together with it
//	prev       leaf hash of the entry before, hexadecimal; zeros for the first
//	time       when it was written, UTC, microseconds
//	occurred   when it happened, if it could not be written then
//	kind       RELEASE_DECIDED, RELEASE_REFUSED, ... (care.EventKind)
//
//	request_id, traceparent, interaction, received, document_id
//	broker, broker_certificate, broker_software
//	user_id, user_name, role_code, role_name, role_profile,
//	organisation, organisation_name          the requester, as at the time
//	purpose, permission, reason              why, and who agreed
//	nhs_number                               about whom
//	sections, period_from, period_to         what was asked
//
//	released                                 sections that may leave
//	refusal, true_reason                     what the caller was told, and why
//	detail, consent_epoch, config, alert
//	decision                                 seq of the decision that this ends
//	outcomes    [{section, state, read, sent, withheld, outside, failed,
//	              ended, limit, boundary, as_of, warnings, reason, sources, details}]
//	outcomes_cut                             there were more than 32
//	records, bytes, digest, duration_us
//	directive   {kind, authority, effective, recorded, by}
//	count, actor
//	missing_from, missing_to, lost           JOURNAL_REPAIRED only, see below
//
// A leaf hash is that of RFC 6962 section 2.1: SHA-256 of a zero byte and the
// line without its newline. Because each line names the hash of the one
// before, an edit, a removal or a reordering within the journal shows from the
// files alone. That the end was cut off, or that everything was rebuilt, does
// not: that needs a signed head kept elsewhere, which is not built yet.
// NHS numbers stand in the clear; encryption is not built yet either.
//
// # Commits
//
// Callers share one pending buffer. Whoever commits takes the whole buffer,
// writes it with one write and one fdatasync outside the lock that callers
// need, and then wakes all who wait for that batch. A batch is written only
// after the one before it is on disk, so a crash can tear the last batch only.
// The committer is a goroutine of its own, so that a commit runs beside the
// reading of the source; where the source is quicker than that is worth, the
// one who waits for an entry commits it, if nobody else is at it.
//
// # Opening
//
// Opening is recovery. The last segment is read through. If all that follows
// its last whole line belongs to the last batch, it was never promised to
// anyone: it is copied to a .torn file, cleared, and its numbers are given out
// again. If entries of an earlier batch are damaged, nothing is touched: a new
// segment is begun and Verify reports the damage for ever. Either way a
// JOURNAL_REPAIRED entry tells of it. The last batch is written once more and
// synced before anything is built on it, because after a failed fdatasync the
// operating system may show lines that never reached the disk.
//
// # Failures
//
// After a failed write or fdatasync nothing is tried again on that file. The
// batch and everything queued behind it fail with care.AuditUnavailable, and
// so does every Append, until a fresh segment could be made and written, which
// is tried once a second. A segment that was removed, renamed, replaced or cut
// is noticed at the next commit and treated the same (reason MISSING).
//
// Numbers that were given out and never became durable are not used again:
// whether they are on disk cannot be known. The first entry of the fresh
// segment is a JOURNAL_REPAIRED entry that names them, missing_from to
// missing_to, and whose prev is the leaf of the last durable entry. Readers
// accept a gap only where such an entry states it and pass over lines that
// carry a number stated as missing. Numbers that were once durable are never
// stated as missing: if their file was removed, Verify says so.
//
// What happened is true whether or not it could be written: of all events but
// decisions to release, which without an entry did not come about, the last 256
// are kept in memory and written after the repair with the time at which they
// occurred; lost counts those that were not kept. They do not survive the
// process.
package audit
