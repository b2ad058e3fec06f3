package memory

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// directives are what the patients of a source have said about sharing.
type directives struct {
	mu       sync.Mutex
	held     bool // whether the source holds any such thing
	byNumber map[care.NHSNumber][]care.Directive
	failing  bool
	delay    time.Duration
}

// State makes the source hold these statements about a patient, and no others;
// their NHSNumber is filled in. The patient need not have a record here. From
// then on HoldsDirectives is true.
func (c *Connector) State(number care.NHSNumber, statements ...care.Directive) {
	statements = slices.Clone(statements)
	for i := range statements {
		statements[i].NHSNumber = number
		statements[i].Scope.Organisations = slices.Clone(statements[i].Scope.Organisations)
	}
	d := &c.directives
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held = true
	if d.byNumber == nil {
		d.byNumber = map[care.NHSNumber][]care.Directive{}
	}
	d.byNumber[number] = statements
}

// FailDirectives makes the source fail with SourceUnavailable and Reason QUERY
// where it is asked for directives, and nowhere else: a whole reading yields
// half of what there is before it does.
func (c *Connector) FailDirectives(failing bool) {
	c.directives.mu.Lock()
	defer c.directives.mu.Unlock()
	c.directives.failing = failing
}

// SlowDirectives makes the source take at least so long whenever it is asked
// for directives.
func (c *Connector) SlowDirectives(delay time.Duration) {
	c.directives.mu.Lock()
	defer c.directives.mu.Unlock()
	c.directives.delay = delay
}

// HoldsDirectives reports whether anything was stated here, if only once.
func (c *Connector) HoldsDirectives() bool {
	c.directives.mu.Lock()
	defer c.directives.mu.Unlock()
	return c.directives.held
}

// Directives yields every statement that the source held when it was asked.
func (c *Connector) Directives(ctx context.Context) iter.Seq2[care.Directive, error] {
	return func(yield func(care.Directive, error) bool) {
		all, failing := c.directives.all()
		err := c.wait(ctx)
		if failing {
			all = all[:len(all)/2]
		}
		for i := 0; i < len(all) && err == nil; i++ {
			if !yield(all[i], nil) {
				return
			}
			err = c.switches.ready(ctx)
		}
		if err == nil && failing {
			err = unreadable()
		}
		if err != nil {
			yield(care.Directive{}, err)
		}
	}
}

// DirectivesOf returns the statements about one patient.
func (c *Connector) DirectivesOf(ctx context.Context, number care.NHSNumber) ([]care.Directive, error) {
	if err := c.wait(ctx); err != nil {
		return nil, err
	}
	d := &c.directives
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failing {
		return nil, unreadable()
	}
	return slices.Clone(d.byNumber[number]), nil
}

// all returns every statement, and whether reading them fails.
func (d *directives) all() (list []care.Directive, failing bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Concat(slices.Collect(maps.Values(d.byNumber))...), d.failing
}

// wait is as slow as SlowDirectives says.
func (c *Connector) wait(ctx context.Context) error {
	c.directives.mu.Lock()
	delay := c.directives.delay
	c.directives.mu.Unlock()
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return c.switches.ready(ctx)
}

func unreadable() error {
	return &care.Error{Kind: care.SourceUnavailable, Op: "memory", Reason: "QUERY",
		Detail: "the directives of the source cannot be read; end that with FailDirectives"}
}
