// Package forward sends copies of journal entries to syslog servers and to
// receivers of OpenTelemetry logs while they are written.
//
// # The journal is the queue
//
// Nothing is queued in memory and nobody who appends to the journal knows of
// this package: each receiver has a goroutine that reads the journal's files
// from its own position, at most [MaxBatch] entries or 1 MiB at a time. A
// receiver that is slow, stuck or gone therefore takes a few MiB, costs a
// release nothing, and catches up later. Only entries that the journal's newest
// signed head covers are sent, because only those are on disk for certain; that
// head is written once a second.
//
// # What is promised
//
// Every entry is sent at least once. The position, number and leaf hash of the
// last entry delivered, is saved once a second and when the agent stops, so
// after a crash some entries are sent twice; the field seq tells. What could
// not be sent, because it was pruned first or cannot be read, is counted in
// [Status]. A position that does not fit the journal, as after one was begun
// anew, is given up, and the journal is sent from its first entry.
//
// OTLP receivers acknowledge. Syslog over TLS does not (RFC 5425): an entry
// counts as delivered when TLS has taken it. When a connection is lost, the
// batch that was sent last is sent once more on the next. What a receiver lost
// beyond that, or lost after reading it, is not noticed.
//
// # What leaves
//
// See the fields in fields.go, which packaging/doc/journal-forwarding.md lists.
// Without Receiver.Identifiers nothing that names a patient is even decrypted,
// and whatever looks like an NHS number in any text is blotted out.
package forward
