//go:build oracle

package sql

import (
	"database/sql/driver"
	"errors"
	"net"
	"net/url"
	"strconv"

	goora "github.com/sijms/go-ora/v2"
	"github.com/sijms/go-ora/v2/network"
)

// oracleURL builds the driver's connection string with every part escaped; the
// driver has no other way in.
func oracleURL(s *Settings, a access) string {
	usual, options := 1521, url.Values{"CONNECTION TIMEOUT": {strconv.Itoa(int(s.StatementTimeout.Seconds()) + 1)}}
	if a.tls != nil {
		usual = 2484
		options.Set("SSL", "TRUE")
		options.Set("SSL VERIFY", "TRUE")
	}
	return (&url.URL{Scheme: "oracle", User: url.UserPassword(s.User, a.password),
		Host: net.JoinHostPort(s.Host, strconv.Itoa(s.port(usual))), Path: "/" + s.Database, RawQuery: options.Encode()}).String()
}

func connectOracle(s *Settings, a access) (driver.Connector, error) {
	c := goora.NewConnector(oracleURL(s, a))
	if o, ok := c.(*goora.OracleConnector); ok && a.tls != nil {
		o.WithTLSConfig(a.tls)
	}
	return c, nil
}

func faultOracle(err error) (fault, bool) {
	e, ok := errors.AsType[*network.OracleError](err)
	if !ok {
		return fault{}, false
	}
	code := "ORA-" + strconv.Itoa(e.ErrCode)
	switch n := e.ErrCode; {
	case n == 1013 || n == 54:
		return fault{reasonTimeout, code}, true
	case n == 1017 || n == 1045 || n == 12514 || n == 28000 || n == 28001:
		return fault{reasonLogin, code}, true
	case n == 28 || n == 1012 || n == 1033 || n == 1034 || n == 1089 || n == 3113 || n == 3114 || n == 3135 || n >= 12150 && n < 12700:
		return fault{reasonDown, code}, true
	}
	return fault{reasonQuery, code}, true
}
