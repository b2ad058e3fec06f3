// Package index is the search index of the journal: which entries are about a
// patient, a user, an organisation, a role, a broker, an outcome, a section or
// of a kind. It lies in the folder "index" of the journal's folder and can be
// made again from the journal at any time: to begin anew, delete it.
//
// # What it is trusted with
//
// Nothing. A search reads the lines of all entries that it yields and checks
// them against the query with the code that made the index. What the index does
// not cover is read from the lines: what came after the last update, a block
// that is missing, and a block that fails its seal. So a damaged, torn, old or
// missing index costs time and never an entry, and nothing in it is synced to
// disk. What even the lines do not tell is a Gap.
//
// # Blocks
//
// A block covers 8192 numbers, n*8192 to n*8192+8191, and is one file whose
// name is n in 10 digits. It is written whole under the name "new" and renamed.
// Only the newest block ever changes.
//
//	magic    "MCRIDX1\n"
//	length   of the header, 4 bytes, big-endian
//	header   numbers are unsigned varints:
//	         n; runs (from, to, segment, offset, bytes), with their count before;
//	         spans that the journal states as missing (from, to), likewise;
//	         earliest and latest time in microseconds since 1970; leaf hash of
//	         the last entry, 32 bytes; entries whose patient could not be told;
//	         bytes of each part
//	seal     HMAC-SHA256 of the header
//	parts    16 with posting lists, 1 with the length of every line; each
//	         followed by its seal, which covers that of the header
//
// A run is a range of entries whose lines follow one another in a segment; with
// the lengths it gives the place of every line, which is read with one pread.
// Numbers that are in no run and are not stated as missing were not readable,
// or not at hand, when the block was made.
//
// A posting list is found under the first 8 bytes of HMAC-SHA256 of a byte for
// the dimension and of the value, in the part that the first 4 bits name. No
// value stands in the clear, and without the key no guess can be tried; how
// often a value occurs does show. Keys for terms and seals are derived from the
// key of the index.
//
// # Why not a database
//
// bbolt has no page checksums and reports damage by panics, sometimes by
// endless recursion; its lock keeps a command out while the agent has it open;
// random keys make it write much. Blocks need neither lock nor recovery: a
// reader sees the old block or the new one.
package index
