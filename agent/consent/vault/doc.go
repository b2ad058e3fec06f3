// Package vault keeps sets of small values in one file so that every answer
// proves itself: that a key has this value, and just as well that it has none.
// Whatever happens to the file, an answer is the right one or an error.
//
// # Idea
//
// The first 16 bits of a key name one of 65,536 pages of its set. A page is
// sealed, and the first 8 bytes of its seal stand in a directory; so do those
// of the directory's groups in the root, which is sealed as well. The root and
// the directory, at most 512 KiB for a set, are in memory. So a page that is
// missing, older, moved or changed is noticed whenever it is read, and a page
// that the directory does not name is proof of absence without a look at the
// file. What this cannot see is a whole older copy of the file that was put
// there while it was closed: compare Root.Epoch with what is kept elsewhere.
//
// # Reading and changing
//
// A Reader sees one state and waits for nobody, with two exceptions: one that
// begins while a change is being synced for the last time waits for that sync,
// because what it would read could still be undone, and one that begins while
// the file grows waits for the change. Changes are made one at a time. Build
// writes a whole new set beside the old one, which is served until a change
// adopts the new.
//
// Any damage, and any error of a commit, fails the vault: it refuses
// everything, closes Failed, and the process must end and open it again. bbolt
// panics on pages that make no sense; that, and memory faults when the file was
// cut off, are caught. Open and Check read the file by themselves before bbolt
// sees it, in bounded memory, and no content can lead them astray.
//
// # Format
//
// The file is that of bbolt, version 2. Its headers must both be intact, of
// neighbouring transactions, each in the page of its transaction's parity; each
// page must be reached once or listed as free once; and the keys of each
// subtree must lie between those of the branch above. All numbers of the vault
// are big-endian.
//
//	bucket "r"                          one entry: key "1", value the sealed root
//	bucket "s" set(1) generation(8)     the groups and pages of a set, if it ever had entries
//	    key group(1)                    a sealed group; group g covers the pages g*256 to g*256+255
//	    key page(2)                     a sealed page
//
// Buckets of other generations than the root's are left over from crashes and
// count for nothing; there are no others. A page without entries and a group
// without pages are not stored.
//
// A sealed value is
//
//	epoch(8) nonce(12) ciphertext tag(16)
//
// of AES-256-GCM (NIST SP 800-38D) with a random nonce, under the key
// Derive("mcr consent vault v1: seal") of the site key (package sitekey), with
// this additional data:
//
//	version(1)=1 kind(1) set(1) generation(8) number(2) epoch(8)
//
// The kind is 1 for the root, with set, generation and number 0; 2 for a group
// and 3 for a page, which are the number. The epoch is that of the change that
// wrote the value, or the one after the root's when Build began; it is never
// above the root's. The first 8 bytes of the tag, as a number, are what this
// package calls the tag of the value; it is never 0. Random nonces allow 2^32
// values under one key, which is 65,000 builds of a full set.
//
// The plaintexts are
//
//	page    entries by ascending remainder: remainder(8) length(uvarint) value(length)
//	group   256 tags(8) of its pages, 0 for one that is not stored
//	root    16 sets: generation(8) entries(8) bytes(8) groups(32) tags(8 each)
//	        then the application's state, at most 64 KiB
//
// A remainder is the last 8 bytes of the 10 of a key; a length is 1 to 131,072;
// the entries of a page are at most 4 MiB. Bit g%8 of byte g/8 of groups says
// that group g is stored; the tags of those follow in order. Entries counts the
// entries of the set and bytes their plaintext. The epoch of the vault is the
// root's.
//
// Beside the file lies one named like it with ".created" at the end. It says
// that there was a vault, so that one that is missing is not taken for one that
// never was.
//
// Start reading at Reader.Get, then Vault.Update, then checkFile.
package vault
