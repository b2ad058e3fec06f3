// Package verify checks a journal from its files and public keys alone: that
// every line is one the format knows, that entries follow from one another, and
// that the hash tree over them has the root of every signed head. It names each
// entry that is wrong or missing, and says what nobody can know from what there
// is.
//
// It follows packaging/doc/journal-format.md, not the code that writes the
// journal, and shares nothing with it but signed heads and hashes.
//
// The files are read once, in blocks of 2 MiB that are parsed on all
// processors and put together in order. Memory does not grow with the journal.
package verify
