package sql

import (
	"context"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// rightsAge is how long a login that was found harmless is taken to be so.
const rightsAge = 10 * time.Minute

// admit makes sure that the rights of the login are known before a patient is
// looked for. It asks the server on first use and then every ten minutes.
func (s *source) admit(ctx context.Context) error {
	if s.fresh() {
		return nil
	}
	select {
	case s.inspecting <- struct{}{}:
		defer func() { <-s.inspecting }()
	case <-ctx.Done():
		return s.gone(ctx)
	}
	if s.fresh() {
		return nil
	}
	_, err := s.inspect(ctx)
	return err
}

func (s *source) fresh() bool {
	at := s.inspected.Load()
	age := s.deps.Now().UnixNano() - at
	return at != 0 && age >= 0 && age < int64(rightsAge)
}

// inspect looks up the server's version and what the login could write. It
// fails when the login could write and the site does not insist.
func (s *source) inspect(ctx context.Context) (care.Readiness, error) {
	t, err := s.begin(ctx)
	if err != nil {
		return care.Readiness{}, s.explain(ctx, err)
	}
	defer t.end()
	var version string
	var rights []string
	err = t.step(func() (err error) {
		if err = t.tx.QueryRowContext(t.ctx, s.plan.dialect.version).Scan(&version); err != nil {
			return err
		}
		rights, err = s.plan.dialect.rights(t.ctx, t.tx, s.settings)
		return err
	})
	if err != nil {
		return care.Readiness{}, s.explain(ctx, err)
	}
	return s.judge(version, rights)
}

func (s *source) judge(version string, rights []string) (care.Readiness, error) {
	r := care.Readiness{Writable: len(rights) > 0, Detail: s.plan.dialect.product + " " + printable(version) + ", the login can only read"}
	if r.Writable {
		could := printable(strings.Join(rights, "; "))
		if !s.settings.AllowWritableLogin {
			return care.Readiness{}, s.unavailable(reasonWritable,
				"the login could write: "+could+"; give the agent a login that may only SELECT, or set allow_writable_login")
		}
		r.Detail = s.plan.dialect.product + " " + printable(version) + ", the login could write: " + could
	}
	s.inspected.Store(s.deps.Now().UnixNano())
	return r, nil
}

// printable keeps what a server says about itself short and on one line.
func printable(text string) string {
	const limit = 400
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	return text[:min(len(text), limit)]
}

// Probe checks the login's rights, and that every query runs and has its
// documented columns. It runs the queries for no patient: their parameters are
// NULL, which equals nothing, and no row is read. The query of all directives
// has none and is left to its schedule: merely to begin it can be work for the
// server.
func (s *source) Probe(ctx context.Context) (care.Readiness, error) {
	r, err := s.inspect(ctx)
	if err != nil {
		return care.Readiness{}, err
	}
	if err := s.tryQueries(ctx); err != nil {
		return care.Readiness{}, err
	}
	return r, nil
}

// tryQueries runs all queries for no patient.
func (s *source) tryQueries(ctx context.Context) error {
	err := s.try(ctx, "patient_query", s.plan.patient, func(c *cursor) error {
		_, err := s.patientColumns(c)
		return err
	})
	for section := range s.Describe().Sections.All() {
		if err != nil {
			return err
		}
		err = s.try(ctx, "queries."+section.String(), s.plan.sections[section], func(c *cursor) error {
			_, err := s.bind(section, c)
			return err
		})
	}
	if err == nil && s.plan.document != nil {
		err = s.try(ctx, "document_query", *s.plan.document, func(c *cursor) error {
			_, err := s.documentColumns(c)
			return err
		})
	}
	if err == nil && s.plan.patientConsent != nil {
		err = s.try(ctx, patientConsentQuery, *s.plan.patientConsent, func(c *cursor) error {
			_, err := s.directiveColumns(patientConsentQuery, c)
			return err
		})
	}
	return err
}

// try runs one query for no patient and looks at its columns.
func (s *source) try(ctx context.Context, name string, st statement, look func(*cursor) error) error {
	t, err := s.begin(ctx)
	if err != nil {
		return s.explain(ctx, err)
	}
	defer t.end()
	c, err := t.query(st, nil)
	defer c.close()
	if err != nil {
		e := s.explain(ctx, err)
		e.Detail = name + ": " + e.Detail
		return e
	}
	return look(c)
}
