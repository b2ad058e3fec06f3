package sql

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// The settings that hold the queries, as errors name them.
const (
	consentQuery        = "consent_query"
	patientConsentQuery = "patient_consent_query"
)

// Limits of reading directives.
const (
	maxDirectives  = 5_000_000        // rows of a whole reading
	maxPatientRows = 1_000            // rows about one patient
	wholeTime      = 10 * time.Minute // a whole reading
)

// HoldsDirectives reports whether the site has configured the query of all
// statements.
func (s *source) HoldsDirectives() bool { return s.plan.consent != nil }

// Directives streams what consent_query gives, over a connection of its own
// that is beyond max_connections and has ten minutes: requests are not held up
// by it, and it is not by their time limit.
func (s *source) Directives(ctx context.Context) iter.Seq2[care.Directive, error] {
	return func(yield func(care.Directive, error) bool) {
		err := s.allDirectives(ctx, maxDirectives, func(d care.Directive) error {
			if !yield(d, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(care.Directive{}, s.explain(ctx, err))
		}
	}
}

// allDirectives hands each statement to send, at most limit.
func (s *source) allDirectives(ctx context.Context, limit int, send func(care.Directive) error) error {
	if !s.HoldsDirectives() {
		return s.noDirectives("the settings of the source have no consent_query")
	}
	if err := s.admit(ctx); err != nil {
		return err
	}
	t, err := s.beginOn(ctx, s.whole, wholeTime)
	if err != nil {
		return err
	}
	defer t.end()
	c, err := t.query(*s.plan.consent, nil)
	defer c.close()
	if err == nil {
		err = s.directiveRows(ctx, c, consentQuery, limit, send)
	}
	if err != nil {
		t.cancel(nil) // to close a query is to read it to its end
	}
	return err
}

// DirectivesOf reads the statements about one patient by
// patient_consent_query.
func (s *source) DirectivesOf(ctx context.Context, number care.NHSNumber) ([]care.Directive, error) {
	list, err := s.directivesOf(ctx, number)
	if err != nil {
		return nil, s.explain(ctx, err)
	}
	return list, nil
}

func (s *source) directivesOf(ctx context.Context, number care.NHSNumber) ([]care.Directive, error) {
	if s.plan.patientConsent == nil {
		return nil, s.noDirectives("the settings of the source have no patient_consent_query; all statements are read on a schedule")
	}
	if err := s.admit(ctx); err != nil {
		return nil, err
	}
	t, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer t.end()
	c, err := t.query(*s.plan.patientConsent, map[string]string{paramNumber: number.Reveal()})
	defer c.close()
	if err != nil {
		return nil, err
	}
	var list []care.Directive
	err = s.directiveRows(ctx, c, patientConsentQuery, maxPatientRows, func(d care.Directive) error {
		if d.NHSNumber != number {
			return s.unavailable(reasonStranger, patientConsentQuery+" answered with another NHS number than asked for; correct its condition")
		}
		list = append(list, d)
		return nil
	})
	return list, err
}

// directiveRows hands the statement of each row to send. A row that cannot be
// read ends it: whoever skipped the row could skip a dissent.
func (s *source) directiveRows(ctx context.Context, c *cursor, query string, limit int, send func(care.Directive) error) error {
	at, err := s.directiveColumns(query, c)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		values, err := c.row()
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case values == nil:
			return nil
		case n > limit:
			return s.unavailable(reasonLimit, fmt.Sprintf("%s gives more than %d rows", query, limit))
		}
		r := directiveRow{at: at, values: values, zone: s.plan.zone}
		d := r.directive()
		if r.fault != "" {
			return s.unavailable(reasonRow, fmt.Sprintf("%s, row %d: the column %s", query, n, r.fault))
		}
		if err := send(d); err != nil {
			return err
		}
	}
}

// directiveColumns returns the position of each column of directiveTable, -1
// for those that are not there.
func (s *source) directiveColumns(query string, c *cursor) ([]int, error) {
	names := make([]string, len(directiveTable))
	for i := range directiveTable {
		names[i] = directiveTable[i].name
	}
	at, err := s.positions(query, c, names, len(names)-neededColumns)
	if err != nil {
		return nil, err
	}
	if at[kindColumn] < 0 && min(at[codeColumn], at[systemColumn]) < 0 {
		return nil, s.columnError(query, []care.Problem{{Path: directiveTable[kindColumn].name,
			Detail: "this column is missing, or code and code_system in its place"}})
	}
	return at, nil
}

// noDirectives is the error where the settings have no query.
func (s *source) noDirectives(why string) error {
	return &care.Error{Kind: care.Unsupported, Op: s.origin.Source, Reason: "NOT_CONFIGURED", Detail: why}
}
