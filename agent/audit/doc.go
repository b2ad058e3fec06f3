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
// Every entry is a leaf of a Merkle tree (package tree). Prove shows with a
// signed head that an entry is in the journal, and only what is on disk is ever
// signed. What names a patient is sealed by a Box: a copied journal names
// nobody, and can be verified without the key.
//
// # Files
//
// The folder has mode 0700. On Windows its access rights are the installer's to
// set and are not checked here.
//
//	journal-<number of the first entry, 20 digits>.jsonl   segments, 0600; closed ones 0400
//	checkpoint          the newest signed head, at most a second old; of no entries at first
//	heads/<size>.note   heads that a witness countersigned
//	tile/               the tree's full tiles
//	journal.lock        keeps a second agent out
//	*.torn              what a crash left half-written
//	*.tmp               files that are being made; removed by Open
//
// A segment is allocated and zero from the start, so that a commit costs one
// write and one fdatasync and changes no metadata; readers stop at the first
// NUL. The form of every file is written down in packaging/doc/journal-format.md.
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
// Tiles and checkpoint are written beside that, once a second, and are durable
// when the journal was closed. Nobody waits for them.
//
// # Opening
//
// Opening is recovery. It looks first and changes nothing. The last segment is
// read through. If all that follows its last whole line belongs to the last
// batch, it was never promised to anyone: it is copied to a .torn file, cleared,
// and its numbers are given out again. If entries of an earlier batch are
// damaged, nothing is touched and a new segment is begun. Either way a
// JOURNAL_REPAIRED entry tells of it. The last batch is written once more and
// synced before anything is built on it, because after a failed fdatasync the
// operating system may show lines that never reached the disk. AGENT_RECOVERED
// tells that the run before did not close the journal.
//
// Then the tree is made: up to the newest signed head from tiles, which must
// give that head's root, or else from the lines; beyond it from the lines alone,
// because tiles are not synced as entries are. The hash of a line is named by
// the line after it, so one line that cannot be read is made up for. The journal
// is lost, and only looked at, until a person has dealt with it, if entries are
// missing that the head vouches for (ROLLED_BACK), if entries differ from those
// it vouches for (REWRITTEN), if no head is left for entries that are archived or
// pruned (NO_HEAD), or if hashes cannot be had (DAMAGED). Such a journal is put
// back from a copy, or Renew begins another in its place.
//
// Open finds what it needs for writing. What it does not look at, older segments
// above all, is for package verify.
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
// missing_to, and whose prev is the leaf of the last durable entry; in the tree
// they have the leaf tree.MissingLeaf. Readers accept a gap only where such an
// entry states it and pass over lines that carry a number stated as missing.
// Numbers that were once durable are never stated as missing.
//
// What happened is true whether or not it could be written: of all events but
// decisions to release, which without an entry did not come about, the last 256
// are kept in memory and written after the repair with the time at which they
// occurred; lost counts those that were not kept. They do not survive the
// process.
//
// A full disk, or a quota, shows before that. The next segment is made while
// the one in use still has a sixteenth of its space. If it cannot be made,
// releases are refused from then on (NO_SPACE, QUOTA, or whatever the cause is),
// and refusals and outcomes go into that space as ordinary entries; the last of
// it is kept to tell that segments are archived. No number is missing after such
// an episode; a JOURNAL_REPAIRED entry tells of it. A segment that a failure took
// out of use is replaced past the quota by one of the reserve's size.
//
// # Keeping
//
// Nothing is removed by itself. Archive moves closed segments to another folder,
// and Prune deletes those older than two years; both leave tiles and heads, so
// that what is left can be proved, and write an entry first that says which
// numbers went. ReadWith and ScanWith look in the archive too.
package audit
