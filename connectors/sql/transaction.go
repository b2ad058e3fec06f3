package sql

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// transaction is one read-only transaction with a limit on how long any step
// of it may take. The time a caller needs between steps does not count. It is
// for one goroutine.
type transaction struct {
	db      *sql.DB
	tx      *sql.Tx // nil before it has begun
	dialect *dialect
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	wait    time.Duration
}

// begin starts a transaction, waiting for a free connection if need be. It
// must be ended.
func (s *source) begin(parent context.Context) (*transaction, error) {
	return s.beginOn(parent, s.db, s.settings.StatementTimeout)
}

// beginOn starts a transaction on one of the pools, whose servers were given
// the limit.
func (s *source) beginOn(parent context.Context, db *sql.DB, limit time.Duration) (*transaction, error) {
	ctx, cancel := context.WithCancelCause(parent)
	wait := limit + limit/4 // the server's own limit is to come first: its answer says more
	t := &transaction{db: db, dialect: s.plan.dialect, ctx: ctx, cancel: cancel, wait: wait,
		timer: time.AfterFunc(wait, func() { cancel(errSlow) })}
	if err := t.start(); err != nil {
		t.end()
		return nil, err
	}
	return t, nil
}

func (t *transaction) start() error {
	return t.step(func() (err error) {
		t.tx, err = t.dialect.begin(t.ctx, t.db)
		return err
	})
}

// rollback ends the transaction at the server and frees the connection.
func (t *transaction) rollback() {
	if t.tx != nil {
		// Nothing was written, and a lost connection rolls back by itself.
		_ = t.step(t.tx.Rollback)
	}
}

// end rolls back and stops the clock. It may be called more than once.
func (t *transaction) end() {
	t.rollback()
	t.timer.Stop()
	t.cancel(nil)
}

// step runs f within the time limit. An error that came of the limit is
// errSlow.
func (t *transaction) step(f func() error) error {
	t.timer.Reset(t.wait)
	err := f()
	t.timer.Stop()
	if cause := context.Cause(t.ctx); err != nil && cause == errSlow {
		return errSlow
	}
	return err
}

// query runs a statement with its parameters. The cursor must be closed. Where
// the driver had kept a plan that a change of the views has made useless, the
// statement is planned and run again, in a new transaction, because the server
// has given the old one up: what follows shows a later moment.
func (t *transaction) query(st statement, params map[string]string) (*cursor, error) {
	args := make([]any, len(st.params))
	for i, name := range st.params {
		if value, ok := params[name]; ok {
			args[i] = t.dialect.arg(value)
		}
	}
	c := &cursor{t: t}
	err := c.open(st.text, args)
	if err == nil || !t.dialect.outdated(err) {
		return c, err
	}
	c.close()
	t.rollback()
	c = &cursor{t: t}
	if err := t.start(); err != nil {
		return c, err
	}
	return c, c.open(st.text, slices.Concat(t.dialect.anew, args))
}

// cursor gives the rows of a query as neutral values.
type cursor struct {
	t       *transaction
	rows    *sql.Rows
	columns []string
	types   []string
	cells   []any
	into    []any
	values  []ukcore.Value // of the current row
}

// open runs a statement, which was read by parseStatement; values are bind
// parameters.
func (c *cursor) open(text string, args []any) error {
	return c.t.step(func() (err error) {
		if c.rows, err = c.t.tx.QueryContext(c.t.ctx, text, args...); err != nil {
			return err
		}
		return c.describe()
	})
}

func (c *cursor) describe() error {
	types, err := c.rows.ColumnTypes()
	if err != nil {
		return err
	}
	c.cells, c.into = make([]any, len(types)), make([]any, len(types))
	c.values = make([]ukcore.Value, len(types))
	for i, ct := range types {
		c.columns = append(c.columns, ct.Name())
		c.types = append(c.types, ct.DatabaseTypeName())
		c.into[i] = &c.cells[i]
	}
	return nil
}

// next moves to the next row and reports whether there is one.
func (c *cursor) next() (bool, error) {
	more := false
	err := c.t.step(func() error {
		if more = c.rows.Next(); !more {
			return c.rows.Err()
		}
		return c.rows.Scan(c.into...)
	})
	if !more || err != nil {
		return false, err
	}
	for i, v := range c.cells {
		c.values[i] = c.t.dialect.value(v, c.types[i])
	}
	return true, nil
}

// close ends the query. Errors of reading were seen by next.
func (c *cursor) close() {
	if c.rows != nil {
		_ = c.t.step(c.rows.Close)
	}
}
