// Package dbtest starts real database servers for tests: PostgreSQL and
// MariaDB, each with a data directory of its own that is removed when the test
// ends, listening on 127.0.0.1 only. It needs the servers' programs on the
// machine (Debian: postgresql, mariadb-server) and fails the test when they are
// not there. As root it runs them under the accounts "postgres" and "mysql",
// because PostgreSQL refuses to run as root.
//
// It is for Unix. Tests that use it carry the build tag "e2e".
package dbtest
