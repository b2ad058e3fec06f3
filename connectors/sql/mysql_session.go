package sql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
)

// The server's errors that are answers: it does not have a variable, or a
// session that is to be killed.
const (
	unknownVariable = 1193
	unknownSession  = 1094
)

// killTime is how long ending a query at the server may take.
const killTime = time.Second

// connectorMySQL prepares every connection: all its transactions are
// read-only, statements have a time limit, and a query that was given up is
// ended at the server.
type connectorMySQL struct {
	driver.Connector
	settings *Settings
}

// Connect opens a prepared connection, or none.
func (m connectorMySQL) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	s := sessionMySQL{connMySQL: conn, connector: m}
	if err = m.prepare(ctx, conn); err == nil {
		s.id, err = sessionID(ctx, conn)
	}
	if err != nil {
		_ = conn.Close() // the first error is the one that counts
		return nil, err
	}
	return s, nil
}

// connMySQL is what the driver's connections can do, all of which the pool
// makes use of.
type connMySQL interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

func (m connectorMySQL) open(ctx context.Context) (connMySQL, error) {
	conn, err := m.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	full, ok := conn.(connMySQL)
	if !ok {
		_ = conn.Close()
		return nil, driver.ErrSkip
	}
	return full, nil
}

// prepare sends the settings of a session. MariaDB and MySQL have different
// variables for the time limit.
func (m connectorMySQL) prepare(ctx context.Context, conn driver.ExecerContext) error {
	if _, err := conn.ExecContext(ctx, "SET SESSION TRANSACTION READ ONLY", nil); err != nil {
		return err
	}
	wait := m.settings.StatementTimeout
	_, err := conn.ExecContext(ctx, fmt.Sprintf("SET SESSION max_statement_time=%.3f", wait.Seconds()), nil)
	if isMySQLError(err, unknownVariable) {
		_, err = conn.ExecContext(ctx, fmt.Sprintf("SET SESSION max_execution_time=%d", wait.Milliseconds()), nil)
	}
	return err
}

func isMySQLError(err error, number uint16) bool {
	e, ok := errors.AsType[*mysqldriver.MySQLError](err)
	return ok && e.Number == number
}

// sessionID asks for the server's number of a session.
func sessionID(ctx context.Context, conn driver.QueryerContext) (uint64, error) {
	rows, err := conn.QueryContext(ctx, "SELECT CONNECTION_ID()", nil)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	id := make([]driver.Value, 1)
	if err := rows.Next(id); err != nil {
		return 0, err
	}
	if err := rows.Next(make([]driver.Value, 1)); err != io.EOF {
		return 0, err
	}
	return strconv.ParseUint(fmt.Sprint(id[0]), 10, 64)
}

// sessionMySQL is one session. When a call is given up the driver does no more
// than hang up, which the server does not notice while it runs a query: it
// would go on until its time limit.
type sessionMySQL struct {
	connMySQL
	connector connectorMySQL
	id        uint64
}

// Close ends the session. One that is broken, as it is after a call was given
// up, is killed at the server over a connection of its own. Whoever cannot be
// reached within a second is left to its own time limit.
func (s sessionMySQL) Close() error {
	if s.IsValid() {
		return s.connMySQL.Close()
	}
	return errors.Join(s.connMySQL.Close(), s.connector.kill(s.id))
}

// kill ends a session of this login with whatever it runs. A login may always
// kill its own (MariaDB and MySQL, KILL).
func (m connectorMySQL) kill(id uint64) error {
	ctx, cancel := context.WithTimeout(context.Background(), killTime)
	defer cancel()
	conn, err := m.open(ctx)
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "KILL "+strconv.FormatUint(id, 10), nil)
	if isMySQLError(err, unknownSession) {
		err = nil
	}
	return errors.Join(err, conn.Close())
}
