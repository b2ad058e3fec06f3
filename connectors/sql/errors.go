package sql

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Further reasons, beside those of faults.
const (
	reasonAmbiguous = "AMBIGUOUS"      // two rows for one patient
	reasonStranger  = "WRONG_PATIENT"  // the source answered with another person, or with nobody's row
	reasonColumns   = "COLUMNS"        // a query has not the documented columns
	reasonWritable  = "WRITABLE_LOGIN" // the login could write
	reasonLimit     = "LIMIT"          // more allergies than may be read
	reasonRow       = "ROW_UNMAPPABLE" // a row is not of the documented form
)

// errSlow is the cause when a step took longer than the site allows.
var errSlow = errors.New("sql: the step took too long")

// advice says what to do about a reason.
var advice = map[string]string{
	reasonDown:    "the database cannot be reached or closed the connection; check that it runs, its address and the way there",
	reasonTimeout: "the database did not answer in time; check its load and the indexes that the query needs",
	reasonLogin:   "the database refused the login; check user, password and the name of the database",
	reasonTLS:     "the certificate of the database is not trusted or not valid for its name; check ca_file and host",
	reasonQuery:   "the database refused the query; run it by hand with the agent's login",
}

// explain turns what a driver said into an error that says nothing of it but
// the server's code. ctx is the caller's.
func (s *source) explain(ctx context.Context, err error) *care.Error {
	if ctx.Err() != nil {
		return s.gone(ctx)
	}
	if e, ok := errors.AsType[*care.Error](err); ok {
		return e
	}
	f, ok := s.plan.dialect.fault(err)
	switch {
	case ok:
	case errors.Is(err, errSlow) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled):
		f.reason = reasonTimeout
	case isCertificateError(err):
		f.reason = reasonTLS
	default:
		f.reason = reasonDown
	}
	e := s.unavailable(f.reason, advice[f.reason])
	if f.code != "" {
		e.Detail += " (" + f.code + ")"
	}
	e.Err = err
	return e
}

// gone is the error of a call whose caller went away or has no time left.
func (s *source) gone(ctx context.Context) *care.Error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &care.Error{Kind: care.Cancelled, Op: s.origin.Source, Err: ctx.Err(), Detail: "the caller went away"}
	}
	e := s.unavailable(reasonTimeout, "the time of the request was over before the database had answered")
	e.Err = ctx.Err()
	return e
}

func (s *source) unavailable(reason, detail string) *care.Error {
	return &care.Error{Kind: care.SourceUnavailable, Op: s.origin.Source, Reason: reason, Detail: detail}
}

// endsFetch reports whether nothing more can be read after an error: not only
// one section, but the source or the caller is gone.
func endsFetch(e *care.Error) bool {
	switch e.Reason {
	case reasonTimeout, reasonQuery, reasonColumns, reasonLimit:
		return e.Kind != care.SourceUnavailable
	}
	return true
}

func isCertificateError(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok || err != nil && strings.Contains(err.Error(), "x509: ")
}

// columnError says which columns of a query are not as documented.
func (s *source) columnError(query string, problems []care.Problem) *care.Error {
	var b strings.Builder
	b.WriteString("the columns of " + query + " are not as documented")
	for i, p := range problems {
		if i == 5 {
			b.WriteString("; and more")
			break
		}
		b.WriteString("; " + p.Path + ": " + p.Detail)
	}
	return s.unavailable(reasonColumns, b.String())
}
