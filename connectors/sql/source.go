package sql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// Name is the kind of these connectors in a configuration.
const Name = "sql"

// Kind returns the kind "sql" for a registry.
func Kind() connectors.Kind {
	return connectors.Of(Name, "PostgreSQL, MySQL and MariaDB, SQL Server, Oracle and SQLite, one SELECT for each section",
		defaults, open)
}

// source is one open database. It fulfils care.Connector,
// care.DocumentReader and care.DirectiveSource.
type source struct {
	settings *Settings
	plan     *plan
	deps     connectors.Deps
	origin   *care.Origin
	db       *sql.DB
	whole    *sql.DB // for reading all directives; nil when there are none

	inspecting chan struct{} // held by whoever looks up the login's rights
	inspected  atomic.Int64  // when that last went well, Unix nanoseconds

	mu       sync.Mutex
	bindings map[care.Section]binding // of the columns that each query last gave
}

// binding is a layout matched with the columns of one query.
type binding struct {
	columns []string
	layout  *ukcore.Binding
}

var (
	_ care.DocumentReader  = (*source)(nil)
	_ care.DirectiveSource = (*source)(nil)
)

// Limits of the pool. Connections are opened when they are needed and not kept
// for long: the source's own users come first.
const (
	maxIdleTime = 2 * time.Minute
	maxLifetime = 30 * time.Minute
)

// open prepares a source. It reads the password and the certificates but does
// not connect: the database may be down when the agent starts.
func open(_ context.Context, deps connectors.Deps, s *Settings) (care.Connector, error) {
	p, problems := s.compile()
	if len(problems) > 0 {
		return nil, &care.Error{Kind: care.BadRequest, Op: Name, Reason: "SETTINGS",
			Detail: problems[0].Path + ": " + problems[0].Detail}
	}
	a, err := s.access()
	if err != nil {
		return nil, err
	}
	origin := deps.Origin
	opened := &source{settings: s, plan: p, deps: deps, origin: &origin,
		inspecting: make(chan struct{}, 1), bindings: map[care.Section]binding{}}
	if err := opened.connect(a); err != nil {
		return nil, err
	}
	return opened, nil
}

// connect makes the pools. It opens no connection.
func (s *source) connect(a access) error {
	connector, err := s.plan.dialect.connect(s.settings, a)
	if err != nil {
		return err
	}
	patient := *s.settings
	patient.StatementTimeout = wholeTime
	whole, err := s.plan.dialect.connect(&patient, a)
	if err != nil {
		return err
	}
	if s.HoldsDirectives() {
		s.whole = sql.OpenDB(whole)
		s.whole.SetMaxOpenConns(1)
		s.whole.SetMaxIdleConns(0) // it is needed once per schedule
	}
	s.db = sql.OpenDB(connector)
	s.db.SetMaxOpenConns(s.settings.MaxConnections)
	s.db.SetMaxIdleConns(s.settings.MaxConnections)
	s.db.SetConnMaxIdleTime(maxIdleTime)
	s.db.SetConnMaxLifetime(maxLifetime)
	return nil
}

// Describe says what the source serves.
func (s *source) Describe() care.Description {
	return care.Description{Origin: *s.origin, Kind: Name,
		Sections: s.plan.served() & s.deps.Sections, Documents: s.servesDocuments()}
}

// Close closes all connections, after the queries that run.
func (s *source) Close() error {
	err := s.db.Close()
	if s.whole != nil {
		err = errors.Join(err, s.whole.Close())
	}
	if err != nil {
		return &care.Error{Kind: care.SourceUnavailable, Op: s.origin.Source, Reason: reasonDown, Err: err,
			Detail: "a connection could not be closed in order"}
	}
	return nil
}

// maxSecret is the most bytes of a password or a file of certificates.
const maxSecret = 1 << 20

// access reads the files that a connection needs.
func (s *Settings) access() (access, error) {
	if s.Driver == driverSQLite {
		return access{}, nil
	}
	password, err := readPassword(s.PasswordFile)
	if err != nil {
		return access{}, err
	}
	config, err := s.tlsConfig()
	return access{password: password, tls: config}, err
}

// readPassword reads a file that nobody but its owner may read. On Windows,
// where files have no such mode, the folder's access list has to see to it.
func readPassword(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fileError("password_file", "cannot be opened by the agent's account", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return "", fileError("password_file", "is not a regular file", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return "", fileError("password_file", "may be read by others than its owner; set its mode to 0600", nil)
	}
	text, err := readAll(f)
	if err != nil {
		return "", fileError("password_file", "cannot be read", err)
	}
	password := strings.TrimRight(string(text), "\r\n")
	if password == "" || strings.ContainsAny(password, "\r\n\x00") {
		return "", fileError("password_file", "must hold the password on one line and nothing else", nil)
	}
	return password, nil
}

// tlsConfig returns how to trust the server, or nil when TLS is off.
func (s *Settings) tlsConfig() (*tls.Config, error) {
	if s.TLS == tlsOff {
		return nil, nil
	}
	c := &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12}
	if s.CAFile == "" {
		return c, nil
	}
	f, err := os.Open(s.CAFile)
	if err != nil {
		return nil, fileError("ca_file", "cannot be opened by the agent's account", err)
	}
	defer f.Close()
	text, err := readAll(f)
	if err != nil {
		return nil, fileError("ca_file", "cannot be read", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(text) {
		return nil, fileError("ca_file", "holds no PEM certificate", nil)
	}
	return c, nil
}

// readAll reads a small file.
func readAll(f *os.File) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err == nil && len(text) > maxSecret {
		err = io.ErrShortBuffer
	}
	return text, err
}

func fileError(setting, what string, err error) error {
	return &care.Error{Kind: care.BadRequest, Op: Name, Reason: "SETTINGS", Err: err,
		Detail: "the file of the setting " + setting + " " + what}
}
