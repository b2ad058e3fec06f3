// Package report answers "who has looked at my record?": from the journal's
// entries about one patient it makes a report in plain English, for that
// patient or for the site's Caldicott guardian, as HTML, CSV, JSON or FHIR
// AuditEvents.
//
// # What is reported
//
// An access is a decision and its end, joined by number: who asked, for whom
// they work, why, on what permission, and which parts of the record were shown.
// The contents of a record are not in the journal and so not in a report. A
// decision without an end reads "may have been shown": after a crash nobody can
// tell, and doubt is told, not hidden. Consent that was changed or looked at,
// and searches of the journal for this patient, are listed as events.
//
// # Two audiences
//
// A report on paper goes further than the person it was made for. A patient who
// is restricted (PDS S-flag) must not be given away by it, so a report for the
// patient says of a refusal what the caller was told, and no more: "not found"
// reads the same whether the patient was restricted, unknown or had left. It
// also leaves out that a restriction was set or lifted, how many entries were
// held back as sensitive, the site's internal details and how the journal was
// searched. That these are left out is said in every such report, so that saying
// it tells nothing. A report for the guardian holds all of it.
//
// # Hostile text
//
// Names, roles and reasons come from brokers and are shown to people. Controls,
// and characters that are invisible or turn the direction of writing, are
// replaced when a report is built, so no format can forget to; each format adds
// its own protection (see WriteHTML and WriteCSV).
//
// The package reads no files and keeps nothing; a Report may be written by many
// goroutines at once.
package report
