// Package sql reads record systems that keep their data in a SQL database:
// PostgreSQL, MySQL and MariaDB, SQL Server, Oracle (in builds with the tag
// "oracle") and SQLite files. Its kind is "sql".
//
// # What a site writes
//
// A site writes no FHIR. It writes one SELECT that finds a patient and one for
// each section it serves, usually over views, whose columns have the names
// documented by ukcore.LayoutOf(section). The SELECTs of sections take the
// patient as :local_id or :nhs_number; newest rows come first, so that the
// boundary of a list that had to be cut can be told. A query that gives the
// column nhs_number is checked row by row: a row with another number than the
// patient's, or with none, ends the fetch with the reason WRONG_PATIENT.
//
// The patient query takes :nhs_number and returns these columns. All but the
// last are required, and only those marked may be NULL:
//
//	local_id           key of the patient, handed to the other queries
//	nhs_number         as the source holds it; compared with the one asked for
//	nhs_number_status  01 is present and verified (NHS Data Dictionary); may be NULL
//	family_name        official family name
//	given_names        given names, separated by spaces; may be NULL
//	birth_date         a date, or YYYY or YYYY-MM
//	gender             male, female, other or unknown, or 1, 2, 9, 0; may be NULL
//	active             registered or known here now
//	test_patient       a test or dummy patient
//	restricted         marked sensitive (PDS S-flag)
//	dissent            has objected to sharing this record
//	old_family_names   earlier names, separated by semicolons; may be NULL; optional
//
// The optional document query takes :local_id and :document_id and returns
// content_type, title and content. The id is that of a row of the DOCUMENTS
// query, which must be there too.
//
// What patients have said about sharing comes from consent_query, which takes
// no parameters and gives every statement, and patient_consent_query, which
// takes :nhs_number and gives those of one patient, with the columns of
// directiveTable. The second is optional: without it only the schedule applies.
//
// # Why it cannot write
//
// Five belts, none of which relies on another: (1) a reader of SQL accepts one
// SELECT and nothing that writes, locks, or calls what can; (2) values travel
// as bind parameters only; (3) sessions and transactions are read-only where
// the server knows such a thing, and always rolled back; (4) the rights of the
// login are looked up before the first patient is, and a login that could
// write is refused unless the site insists; (5) SQLite files are opened
// read-only.
//
// # What has been tried
//
// The conformance suite runs against SQLite in every test run and, with the
// build tag "e2e", against real PostgreSQL and MariaDB servers. SQL
// Server and Oracle have not been run: their tests cover the texts that would
// be sent, not what a server makes of them. SQL Server needs the database
// option ALLOW_SNAPSHOT_ISOLATION.
//
// # Order and limits
//
// A fetch reads the sections one after the other in one transaction, so that
// they show one moment (REPEATABLE READ or a snapshot). When the query of one
// section fails, or a table has changed its columns since PostgreSQL's driver
// planned the query, the others are read in a new transaction, hence at a later
// moment. A text has at most 1 MiB and a document 16 MiB; the row limit comes
// with each query and counts rows that the source marks as deleted. Allergies,
// which are not cut, are read whole before the first is yielded: beyond the row
// limit or 32 MiB of memory the section is unavailable.
//
// All directives are read over a connection of their own, which is beyond
// max_connections and has ten minutes instead of the statement_timeout, at most
// 5,000,000 rows, never more than one in memory. Writers of an SQLite file that
// is not in WAL mode wait meanwhile.
//
// When a call is given up the server stops its query: PostgreSQL (which also
// looks for the agent every second), SQL Server and SQLite are told by their
// drivers; a session of MariaDB or MySQL is killed
// over a connection of its own, beyond max_connections for that moment. One
// that cannot be reached within a second is left to its statement_timeout.
package sql

//go:generate go test -run TestDirectiveColumnsDocument . -update
