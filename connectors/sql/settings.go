package sql

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // Windows has no zone database of its own

	"github.com/mycarerecord/edge-agent/agent/care"
)

// The values of Settings.TLS.
const (
	tlsVerify = "verify" // encrypted, certificate verified
	tlsOff    = "off"    // in the clear, within this machine only
)

// Limits of the settings.
const (
	maxConnections      = 32
	maxStatementTimeout = 2 * time.Minute
)

// Settings are the site's settings of one source of kind "sql".
type Settings struct {
	Driver       string `yaml:"driver"`        // postgres, mysql (also MariaDB), sqlite, sqlserver or oracle
	Host         string `yaml:"host"`          // name or address; for postgres and mysql also the path of a Unix socket
	Port         int    `yaml:"port"`          // 0 is the driver's usual port
	Database     string `yaml:"database"`      // database, for oracle the service name
	User         string `yaml:"user"`          // login with rights to SELECT and nothing else
	PasswordFile string `yaml:"password_file"` // file of which nobody but its owner may read (0600)
	TLS          string `yaml:"tls"`           // verify (default) or off, which is for this machine only
	CAFile       string `yaml:"ca_file"`       // PEM certificates to trust instead of the system's
	File         string `yaml:"file"`          // sqlite: absolute path of the database

	PatientQuery  string            `yaml:"patient_query"`  // SELECT with :nhs_number
	Queries       map[string]string `yaml:"queries"`        // by section, SELECT with :local_id or :nhs_number
	DocumentQuery string            `yaml:"document_query"` // SELECT with :local_id and :document_id

	ConsentQuery        string `yaml:"consent_query"`         // SELECT of all that patients have said about sharing; no parameters
	PatientConsentQuery string `yaml:"patient_consent_query"` // the same of one patient, SELECT with :nhs_number; optional

	StatementTimeout   time.Duration `yaml:"statement_timeout"`    // longest wait for a query or its next row (default 5s)
	MaxConnections     int           `yaml:"max_connections"`      // at once (default 4)
	TimeZone           string        `yaml:"time_zone"`            // of times without an offset (default Europe/London)
	AllowWritableLogin bool          `yaml:"allow_writable_login"` // serve although the login could write; shown and journalled
}

func defaults() *Settings {
	return &Settings{TLS: tlsVerify, StatementTimeout: 5 * time.Second, MaxConnections: 4, TimeZone: "Europe/London"}
}

// Validate returns every fault of the settings at once. It does no input or
// output: whether files and servers are there shows when they are used.
func (s *Settings) Validate() []care.Problem {
	_, problems := s.compile()
	return problems
}

// plan is what settings mean: all statements read, ready to be sent.
type plan struct {
	dialect  *dialect
	patient  statement
	sections map[care.Section]statement
	document *statement // nil when there is none

	consent        *statement // nil when there is none
	patientConsent *statement // nil when there is none

	zone *time.Location
}

// served returns the sections that have a query.
func (p *plan) served() care.SectionSet {
	return care.SetOf(slices.Collect(maps.Keys(p.sections))...)
}

// compile reads the settings and finds all their faults.
func (s *Settings) compile() (*plan, []care.Problem) {
	c := compiler{settings: s, plan: &plan{sections: map[care.Section]statement{}}}
	c.driver()
	c.limits()
	if c.plan.dialect == nil {
		return nil, c.problems
	}
	if s.Driver == driverSQLite {
		c.file()
	} else {
		c.server()
	}
	c.queries()
	c.consent()
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return c.plan, nil
}

// compiler collects the faults of settings.
type compiler struct {
	settings *Settings
	plan     *plan
	problems []care.Problem
}

func (c *compiler) problem(path, format string, args ...any) {
	c.problems = append(c.problems, care.Problem{Path: "$." + path, Detail: fmt.Sprintf(format, args...)})
}

// forbid finds settings that have no meaning for the driver.
func (c *compiler) forbid(values map[string]string) {
	for _, path := range slices.Sorted(maps.Keys(values)) {
		if values[path] != "" {
			c.problem(path, "has no meaning for the driver %s", c.settings.Driver)
		}
	}
}

func (c *compiler) require(values map[string]string) {
	for _, path := range slices.Sorted(maps.Keys(values)) {
		if values[path] == "" {
			c.problem(path, "is missing")
		}
	}
}

func (c *compiler) driver() {
	d, ok := dialects[c.settings.Driver]
	if !ok {
		c.problem("driver", "must be one of %s", strings.Join(slices.Sorted(maps.Keys(dialects)), ", "))
		return
	}
	c.plan.dialect = d
}

func (c *compiler) limits() {
	s := c.settings
	if s.StatementTimeout < 100*time.Millisecond || s.StatementTimeout > maxStatementTimeout {
		c.problem("statement_timeout", "must be between 100ms and %v", maxStatementTimeout)
	}
	if s.MaxConnections < 1 || s.MaxConnections > maxConnections {
		c.problem("max_connections", "must be between 1 and %d", maxConnections)
	}
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil || s.TimeZone == "" || s.TimeZone == "Local" {
		c.problem("time_zone", "must be the name of a time zone, such as Europe/London")
	}
	c.plan.zone = zone
}

// file checks the settings of a database that is a file.
func (c *compiler) file() {
	s := c.settings
	c.forbid(map[string]string{"host": s.Host, "database": s.Database, "user": s.User,
		"password_file": s.PasswordFile, "ca_file": s.CAFile})
	if s.Port != 0 {
		c.problem("port", "has no meaning for the driver %s", s.Driver)
	}
	if !filepath.IsAbs(s.File) || strings.ContainsRune(s.File, 0) {
		c.problem("file", "must be the absolute path of the database")
	}
}

// server checks the settings of a database behind a connection.
func (c *compiler) server() {
	s := c.settings
	c.forbid(map[string]string{"file": s.File})
	c.require(map[string]string{"host": s.Host, "database": s.Database, "user": s.User, "password_file": s.PasswordFile})
	if s.PasswordFile != "" && !filepath.IsAbs(s.PasswordFile) {
		c.problem("password_file", "must be an absolute path")
	}
	if s.Port < 0 || s.Port > 65535 {
		c.problem("port", "must be between 1 and 65535, or 0 for the usual one")
	}
	for path, v := range map[string]string{"host": s.Host, "database": s.Database, "user": s.User} {
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			c.problem(path, "holds a control character")
		}
	}
	c.tls()
}

func (c *compiler) tls() {
	s := c.settings
	switch s.TLS {
	case tlsVerify:
		if isSocket(s.Host) {
			c.problem("tls", "must be off for a Unix socket")
		}
	case tlsOff:
		if s.Host != "" && !isLocal(s.Host) {
			c.problem("tls", "may be off only when the host is this machine: localhost, 127.0.0.1, ::1 or a Unix socket")
		}
		c.forbid(map[string]string{"ca_file": s.CAFile})
	default:
		c.problem("tls", "must be verify or off")
	}
	if s.CAFile != "" && !filepath.IsAbs(s.CAFile) {
		c.problem("ca_file", "must be an absolute path")
	}
	if isSocket(s.Host) && s.Driver != driverPostgres && s.Driver != driverMySQL {
		c.problem("host", "must be a name or address; %s has no Unix sockets", s.Driver)
	}
}

// isSocket reports whether a host is the path of a Unix socket.
func isSocket(host string) bool { return strings.HasPrefix(host, "/") }

// isLocal reports whether a host cannot be another machine.
func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return isSocket(host) || host == "localhost" || ip != nil && ip.IsLoopback()
}

// queries reads all statements.
func (c *compiler) queries() {
	s := c.settings
	c.plan.patient, _ = c.statement("patient_query", s.PatientQuery, []string{paramNumber})
	if len(s.Queries) == 0 {
		c.problem("queries", "names no section")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Queries)) {
		c.query(name, s.Queries[name])
	}
	if s.DocumentQuery == "" {
		return
	}
	d, _ := c.statement("document_query", s.DocumentQuery, []string{paramLocalID, paramDocument}, paramNumber)
	c.plan.document = &d
	if _, ok := c.plan.sections[care.Documents]; !ok {
		c.problem("document_query", "needs the query of the section DOCUMENTS, which says what may leave")
	}
}

// consent reads the statements that find what patients have said.
func (c *compiler) consent() {
	s := c.settings
	if s.ConsentQuery != "" {
		st, _ := c.statement(consentQuery, s.ConsentQuery, nil)
		c.plan.consent = &st
	}
	if s.PatientConsentQuery == "" {
		return
	}
	st, _ := c.statement(patientConsentQuery, s.PatientConsentQuery, []string{paramNumber})
	c.plan.patientConsent = &st
	if s.ConsentQuery == "" {
		c.problem(patientConsentQuery, "needs consent_query, by which all statements are read on a schedule")
	}
}

func (c *compiler) query(name, text string) {
	path := "queries." + name
	section, ok := care.ParseSection(name)
	if !ok {
		c.problem(path, "there is no section of this name; there are %s", care.AllSections)
		return
	}
	if _, twice := c.plan.sections[section]; twice {
		c.problem(path, "the section is there twice, in two spellings")
	}
	st, ok := c.statement(path, text, nil, paramLocalID, paramNumber)
	if ok && len(st.params) == 0 {
		c.problem(path, "does not ask for one patient; use :local_id or :nhs_number")
	}
	c.plan.sections[section] = st
}

// statement reads one statement that must have the needed parameters and may
// have the others. It reports whether the statement can be read at all.
func (c *compiler) statement(path, text string, needed []string, others ...string) (statement, bool) {
	st, err := parseStatement(text, c.plan.dialect.lexis, slices.Concat(needed, others)...)
	if err != nil {
		c.problem(path, "%v", err)
		return statement{}, false
	}
	for _, name := range needed {
		if !slices.Contains(st.params, name) {
			c.problem(path, "does not use :%s", name)
		}
	}
	return st, true
}

// port returns the port to connect to.
func (s *Settings) port(usual int) int { return cmp.Or(s.Port, usual) }
