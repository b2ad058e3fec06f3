// Package care is the vocabulary that every other package speaks: who asks
// (Requester), about whom (NHSNumber, Subject, Patient), for what (Request,
// Section), what a source answers (Record, End, Outcome), what can go wrong
// (Kind, Error), what is written down (Event), and the contract that every
// source of records fulfils (Connector).
//
// It imports the standard library only and does no input or output. Types that
// identify a person redact themselves: printing, logging or encoding one by
// accident, alone or inside another value, shows "[redacted]".
//
// Read request.go, record.go and connector.go first; the rest is detail.
package care
