package sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"log"
	"net"
	"strconv"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

var mySQL = dialect{
	product:  "MySQL or MariaDB",
	lexis:    lexis{backtick: true, bind: questionMark},
	version:  "SELECT VERSION()",
	connect:  connectMySQL,
	begin:    readOnlySnapshot,
	rights:   rightsMySQL,
	fault:    faultMySQL,
	outdated: neverOutdated,
	arg:      asText,
	value:    valueMySQL,
}

func connectMySQL(s *Settings, a access) (driver.Connector, error) {
	connector, err := mysqldriver.NewConnector(configMySQL(s, a))
	if err != nil {
		return nil, &care.Error{Kind: care.BadRequest, Op: Name, Reason: "SETTINGS", Err: err,
			Detail: "the driver refuses the settings of the connection"}
	}
	return connectorMySQL{connector, s}, nil
}

// configMySQL fills the driver's own configuration. The driver may use no
// local files, send no password in the clear, put no value into a statement
// and no two statements into one.
func configMySQL(s *Settings, a access) *mysqldriver.Config {
	c := mysqldriver.NewConfig()
	c.User, c.Passwd, c.DBName, c.TLS = s.User, a.password, s.Database, a.tls
	c.Net, c.Addr = "tcp", net.JoinHostPort(s.Host, strconv.Itoa(s.port(3306)))
	if isSocket(s.Host) {
		c.Net, c.Addr = "unix", s.Host
	}
	c.Timeout = s.StatementTimeout
	// The driver waits for the end of a transaction whatever becomes of the
	// request: a server that stands still then must not hold it up for ever.
	c.ReadTimeout, c.WriteTimeout = 2*s.StatementTimeout, 2*s.StatementTimeout
	c.MaxAllowedPacket = maxDocument + 1<<20
	c.Logger = log.New(io.Discard, "", 0) // it prints the server's words
	c.Params = map[string]string{"time_zone": "'+00:00'"}
	return c
}

func faultMySQL(err error) (fault, bool) {
	e, ok := errors.AsType[*mysqldriver.MySQLError](err)
	if !ok {
		return fault{}, false
	}
	code := errorNumber(e.Number)
	switch e.Number {
	case 1969, 3024, 1205, 1317: // time is up, lock wait, interrupted
		return fault{reasonTimeout, code}, true
	case 1044, 1045, 1049, 1698, 1820, 3118, 4151: // login, database, locked account
		return fault{reasonLogin, code}, true
	case 1040, 1053, 1129, 1130, 1203, 1927: // too many connections, shutdown, host blocked, killed
		return fault{reasonDown, code}, true
	}
	return fault{reasonQuery, code}, true
}

// valueMySQL reads the texts that the driver gives for times: TIMESTAMP is an
// instant, which the session shows in UTC; DATETIME has no zone.
func valueMySQL(v any, columnType string) ukcore.Value {
	b, ok := v.([]byte)
	switch {
	case ok && columnType == "TIMESTAMP":
		return ukcore.Text(string(b) + "Z")
	case ok && columnType == "BIT":
		return bits(b)
	}
	return valueOf(nil)(v, columnType)
}

// bits reads a BIT column of one bit as a truth value.
func bits(b []byte) ukcore.Value {
	if len(b) != 1 || b[0] > 1 {
		return unreadable
	}
	return ukcore.Bool(b[0] == 1)
}

// rightsMySQL reads SHOW GRANTS. What is not understood counts as writable.
func rightsMySQL(ctx context.Context, tx *sql.Tx, _ *Settings) ([]string, error) {
	lines, err := listed(ctx, tx, "SHOW GRANTS")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, line := range lines {
		if right := writableGrant(line); right != "" {
			found = append(found, right)
		}
	}
	if len(lines) == 0 {
		found = append(found, "rights that SHOW GRANTS does not show")
	}
	return found, nil
}
