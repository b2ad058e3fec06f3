// Package e2e holds the end-to-end tests of the built programs: mcr-agent and
// mcrctl, as a site and a region run them, against real PostgreSQL and MariaDB
// servers. It has no code of its own.
//
// The tests carry the build tag "e2e" and need the database servers' programs
// on the machine (Debian: postgresql, mariadb-server):
//
//	MCR_SHARED=... go test -tags e2e -count=1 ./cmd/internal/e2e
//
// MCR_SHARED names a folder that holds data/csv-synthea: a Synthea CSV export
// and, in same-patients-fhir-r4, Synthea's own FHIR R4 Bundles of some of the
// same patients. The tests of those patients fail without it; the others make
// their own patients. With MCR_FHIR_OUT every resource that was served is
// written into that folder as e2e-<database>.ndjson, and those of the patients
// that the tests make as e2e-<database>-generated.ndjson, for a validator that
// is not ours.
package e2e
