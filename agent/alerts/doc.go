// Package alerts is the queue of a site's privacy officer: what the journal
// says that a person is to look at, and the telling of it.
//
// # The journal is the queue
//
// An alert is an entry of the journal with its flag alert: a break-glass
// release, a budget that was reached, a journal or consent store that is not as
// it was left. Its number is its reference. It is open until an ALERT_SEEN entry
// names that number (from, to); that entry says who dealt with it, and how.
// Nothing is kept twice, so nothing can differ: [List] and [Find] read the
// journal's files, whether or not an agent runs.
//
// The file [Files].State only saves reading: up to which entry the journal was
// read, which alerts were open there, and which the officer was told of. It has
// a MAC under a secret key, because whoever could edit it could hide an alert. A
// file that is missing, damaged or of another journal counts for nothing: the
// journal is then read from its first entry, and what is open is told of again.
//
// # Telling
//
// A [Notifier] reads what is new in the journal and runs a program of the site's
// own, so that no address or protocol has to be known here. It gets the
// reference, kind and time of an alert and how many there are: no patient and
// no user, as the guidance for privacy officers of the Summary Care Record
// demands of notifications. It is run again until it succeeds; after a crash of
// the agent perhaps once more. Nobody who appends to the journal knows of this
// package, so that a program that hangs holds up no release.
package alerts
